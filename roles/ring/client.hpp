// `server ring WORDS`: the command line of the ring's client (roles/ring/shell.hpp).
#pragma once

#include "conf/arguments.hpp"

namespace skep::ring {

// On the standard streams. Returns the process's exit code; Code::invalid: the words are wrong.
Result<int> run_client(const conf::Words& words);

}  // namespace skep::ring
