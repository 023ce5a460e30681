#include "roles/ring/options.hpp"

namespace skep::ring {

std::string_view name(Durable durable) noexcept {
  switch (durable) {
    case Durable::interval: return "interval";
    case Durable::commit: return "commit";
    case Durable::none: return "none";
  }
  return "?";
}

}  // namespace skep::ring
