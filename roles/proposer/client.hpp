// The command lines of the proposers' clients, on the standard streams. Each returns the process's
// exit code; Code::invalid: the words are wrong.
#pragma once

#include "conf/arguments.hpp"

namespace skep::proposer {

// `server kv WORDS` (roles/proposer/shell.hpp).
Result<int> run_kv(const conf::Words& words);
// `server acceptors WORDS` (roles/proposer/shell_acceptors.hpp).
Result<int> run_acceptors(const conf::Words& words);

// `server load WORDS` (roles/proposer/client_load.hpp).
Result<int> run_load(const conf::Words& words);

}  // namespace skep::proposer
