#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {

std::span<const Target> targets() {
  static constexpr Target kTargets[] = {
      {"requests", requests}, {"replies", replies}, {"frames", frames}, {"messages", messages},
      {"config", config},     {"http", http},       {"api", api}};
  return kTargets;
}

}  // namespace skep::fuzz
