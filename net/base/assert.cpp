#include "net/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace skep {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, condition);
  std::abort();
}

}  // namespace skep
