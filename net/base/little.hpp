// Unsigned integers as little-endian bytes, the form in which they are stored, sent and hashed.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace skep {

// Writes sizeof(T) bytes.
template <std::unsigned_integral T> void store_little(char* to, T value) {
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &value, sizeof value);
  } else {
    for (std::size_t i = 0; i < sizeof value; ++i) to[i] = static_cast<char>(value >> (8 * i));
  }
}

// Reads them.
template <std::unsigned_integral T> T load_little(const char* from) {
  T value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, from, sizeof value);
  } else {
    for (std::size_t i = sizeof value; i-- > 0;)
      value = static_cast<T>(value << 8 | static_cast<unsigned char>(from[i]));
  }
  return value;
}

}  // namespace skep
