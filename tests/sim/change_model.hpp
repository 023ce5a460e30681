// One register as a sequential object: what each change does to a value and its version, and what
// it answers. Written from what roles/proposer/registers.hpp promises, not from what
// roles/proposer/change.cpp does, which it is there to check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "roles/proposer/registers.hpp"
#include "tests/sim/linearizability.hpp"

namespace skep::sim {

struct ChangeModel {
  // While a register is absent, and of one that was created by an operation without a reply, the
  // version is known by its lower bound only: erased, it may go on higher.
  struct State {
    std::uint64_t version = 0;
    bool exact = false;
    bool present = false;
    std::string value;
  };
  struct Op {
    proposer::Change change;
    // A value that was there once may be there again, under another version.
    bool returns = false;
  };
  // Done, mismatch or invalid. `created` is known of a change that was tried once.
  struct Reply {
    proposer::Outcome::How how = proposer::Outcome::How::done;
    bool present = false;
    std::uint64_t version = 0;
    std::optional<std::string> value{};
    std::optional<bool> created{};
  };

  static std::string key(const State& state);
  static std::optional<State> apply(const State& state, const Op& op, const Reply* reply);
  static bool only_reads(const Op& op, const Reply& reply);
  static std::string show(const State& state);
  static std::string show(const Op& op, const Reply* reply);
};

using ChangeHistory = std::vector<Operation<ChangeModel>>;

// Is this history of one register linearizable? Values that are set and that no reply shows and
// nothing expects cannot be told apart, so they are made one value first.
Finding check_changes(ChangeHistory history, std::size_t max_configurations = kMaxConfigurations);

}  // namespace skep::sim
