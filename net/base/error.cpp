#include "net/base/error.hpp"

namespace skep {

std::string_view name(Code code) noexcept {
  switch (code) {
    case Code::invalid: return "invalid";
    case Code::unsupported: return "unsupported";
    case Code::not_found: return "not_found";
    case Code::conflict: return "conflict";
    case Code::unavailable: return "unavailable";
    case Code::unknown: return "unknown";
    case Code::io: return "io";
    case Code::full: return "full";
    case Code::corrupt: return "corrupt";
    case Code::permission: return "permission";
  }
  return "invalid";
}

}  // namespace skep
