// `server load registers`: clients that count in registers, each in a loop: pick a proposer and a
// key at random, read it, and write what was read, plus one, if it is still there. What they were
// told is counted, and in the end every counter has to be what that makes it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "net/base/error.hpp"
#include "net/base/time.hpp"
#include "net/env.hpp"
#include "net/tls.hpp"

namespace skep::proposer {

struct LoadOptions {
  std::vector<Address> proposers{};
  std::string token{};
  std::shared_ptr<const tls::Context> tls{};
  std::size_t clients = 3;
  std::size_t keys = 9;
  std::optional<Duration> lasts{};  // none: until SIGINT or SIGTERM
  bool own_keys = false;            // each client keeps to a key and a proposer of its own
  bool json = false;                // one JSON object at the end, and nothing else
};

// Takes the options of the load (--clients N, --keys N, --seconds N, --own-keys) out of `words`,
// and leaves the others. Code::invalid says what is accepted.
Result<LoadOptions> take_load_options(std::vector<std::string>& words);

// The process's exit code: 0 when every counter is right.
int run_load(const LoadOptions& options, std::ostream& out, std::ostream& diagnostics);

}  // namespace skep::proposer
