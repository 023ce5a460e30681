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

std::string HiveOptions::show() const {
  const auto ms = [](std::uint64_t us) { return std::to_string(us / 1000) + " ms"; };
  return "arcs " + std::to_string(arcs) + ", replication " + std::to_string(replication) +
         ", durability " + std::string(name(durability)) + ", lease " + ms(lease_us) +
         ", takeover_empty_after " + (takeover_empty_us == 0 ? "never" : ms(takeover_empty_us));
}

}  // namespace skep::ring
