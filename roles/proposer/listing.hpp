// Which registers there are, put together from what several acceptors have.
#pragma once

#include <string>
#include <vector>

#include "net/base/error.hpp"
#include "roles/proposer/core.hpp"

namespace skep::proposer {

struct Listed {
  std::string key;
  Ballot accepted;
  std::uint64_t version = 0;
  bool present = false;  // by the highest ballot
};
struct Merged {
  std::vector<Listed> registers;  // in the order of their keys
  bool more = false;
};

// True when a quorum to prepare has answered: every register that was accepted by then is in one of
// the answers, or behind the last key of one.
bool enough_lists(const Quorums& prepare, const Core::Answers& answers);
// At most `limit`. Code::unavailable: too few have answered.
Result<Merged> merge_lists(const Quorums& prepare, const Core::Answers& answers,
                           std::uint32_t limit);

}  // namespace skep::proposer
