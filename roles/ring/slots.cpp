#include "roles/ring/slots.hpp"

#include <array>

namespace skep::ring {

namespace {

constexpr std::array<std::uint16_t, 256> crc16_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

std::uint16_t crc16(std::string_view bytes) {
  static constexpr auto kTable = crc16_table();
  std::uint16_t crc = 0;
  for (char c : bytes)
    crc = static_cast<std::uint16_t>(crc << 8 ^
                                     kTable[(crc >> 8 ^ static_cast<std::uint8_t>(c)) & 0xff]);
  return crc;
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
