// A message between nodes as a line of a trace.
#pragma once

#include <string>

#include "net/env.hpp"

namespace skep::sim {

// "appends {arcs=[…]}"; what is neither of the ring nor of registers: its
// part and type only.
std::string show_message(const Message& message);

}  // namespace skep::sim
