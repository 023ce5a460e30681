#include "roles/ring/slots.hpp"

#include <array>

namespace skep::ring {

namespace {

// What a byte does to the sum when `after` more bytes follow it: so that four bytes are looked up
// at once (Kounavis & Berry, "Novel table lookup-based algorithms for high-performance CRC
// generation", 2008).
using Crc16Tables = std::array<std::array<std::uint16_t, 256>, 4>;
constexpr Crc16Tables crc16_tables() {
  Crc16Tables tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (std::size_t after = 0; after < tables.size(); ++after) {
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1;
      crc &= 0xffff;
      tables[after][byte] = static_cast<std::uint16_t>(crc);
    }
  }
  return tables;
}

std::uint16_t crc16(std::string_view bytes) {
  static constexpr Crc16Tables kTables = crc16_tables();
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  unsigned crc = 0;
  for (; bytes.size() >= 4; bytes.remove_prefix(4))
    crc = kTables[3][crc >> 8 ^ byte(0)] ^ kTables[2][(crc & 0xff) ^ byte(1)] ^
          kTables[1][byte(2)] ^ kTables[0][byte(3)];
  for (std::size_t i = 0; i < bytes.size(); ++i)
    crc = (crc << 8 & 0xff00) ^ kTables[0][crc >> 8 ^ byte(i)];
  return static_cast<std::uint16_t>(crc);
}

}  // namespace

Slot slot_of(std::string_view key) {
  if (const auto open = key.find('{'); open != key.npos) {
    const auto close = key.find('}', open + 1);
    if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % kSlots;
}

}  // namespace skep::ring
