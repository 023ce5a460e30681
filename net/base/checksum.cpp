#include "net/base/checksum.hpp"

#include <xxhash.h>

namespace skep {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace skep
