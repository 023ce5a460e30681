// How a simulated run ended.
#pragma once

#include <cstdint>
#include <string>

#include "net/base/time.hpp"

namespace skep::sim {

enum class Outcome : std::uint8_t { passed, unsafe, stuck };

struct Report {
  Outcome outcome = Outcome::passed;
  std::string what;  // of a failure
  std::uint64_t events = 0, messages = 0, operations = 0, answered = 0;
  Duration lasted{};
};

}  // namespace skep::sim
