// Planted bugs. A checker is worth what it catches, so the simulator is also built with bugs that
// one can switch on; each stands at the place in a core where a person could have made it. Only the
// build that defines SKEP_PLANTED has them; everywhere else SKEP_PLANT(x) is the constant false.
#pragma once

#ifdef SKEP_PLANTED
#include <string>

namespace skep {
// The name of the bug that is switched on; empty: none.
inline std::string& planted_bug() {
  static std::string name;
  return name;
}
}  // namespace skep
#define SKEP_PLANT(name) (::skep::planted_bug() == #name)
#else
#define SKEP_PLANT(name) (false)
#endif
