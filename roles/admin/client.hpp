// `server admin WORDS`: the command line of the admin client (roles/admin/shell.hpp).
#pragma once

#include "conf/arguments.hpp"

namespace skep::admin {

// On the standard streams. Returns the process's exit code; Code::invalid: the words are wrong.
Result<int> run_client(const conf::Words& words);

}  // namespace skep::admin
