// Checksums and hashes: XXH3-64 everywhere, so that a stored value means the same on every node.
#pragma once

#include <cstdint>
#include <string_view>

namespace skep {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) noexcept;

// The checksum of frames and rows: the low half of XXH3-64.
inline std::uint32_t checksum32(std::string_view bytes) noexcept {
  return static_cast<std::uint32_t>(hash64(bytes));
}

}  // namespace skep
