// The history of one key whose nodes have all lost power in one instant, once or more: what was
// acknowledged shortly before may be gone then, in one piece from the end, and nothing else.
#pragma once

#include <cstdint>
#include <span>

#include "tests/sim/register_model.hpp"

namespace skep::sim {

struct Loss {
  std::int64_t at = 0;    // when the power went
  std::int64_t safe = 0;  // what was acknowledged by then is kept
};

// Is each piece of the history, from one loss to the next, linearizable from a value that the key
// may have had between `safe` and the loss? `losses` are in order; no operation is invoked within
// two nanoseconds after one. If there are any, nothing in the history expires.
Finding check_lossy_register(const RegisterHistory& history, std::span<const Loss> losses,
                             std::size_t max_configurations = kMaxConfigurations);

}  // namespace skep::sim
