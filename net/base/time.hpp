// Time as values. Cores never read a clock: every event brings its time along.
#pragma once

#include <chrono>
#include <cstdint>

namespace skep {

using Duration = std::chrono::microseconds;

// Names the time line of one node's monotonic clock (CLOCK_BOOTTIME: it counts while the machine
// sleeps). It has no now(): only an environment can read it. Never compared between nodes.
struct MonoClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoClock>;
  static constexpr bool is_steady = true;
};
using Time = MonoClock::time_point;

// Milliseconds since 1970 by a node's wall clock. May jump. For expiry and for logs only.
using WallMs = std::int64_t;

}  // namespace skep
