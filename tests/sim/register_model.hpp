// One key of the ring as a sequential object: what each command does to a value and answers.
// Written from Redis's and Valkey's documents, not from roles/ring/decide.hpp, which it is there to
// check.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "net/resp.hpp"
#include "tests/sim/linearizability.hpp"

namespace skep::sim {

struct RegisterModel {
  using Reply = resp::Value;
  static constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::min();

  // When an entry with an expiry goes by itself: at some time from `from` on, and what is asked
  // after `to` does not see it any more. Where clocks jump, nobody knows: kAlways to kNever.
  struct Expiry {
    std::int64_t from = Interval::kNever;  // kNever: it does not expire
    std::int64_t to = Interval::kNever;
    auto operator<=>(const Expiry&) const = default;
  };
  struct State {
    std::optional<std::string> value;  // none: there is no such key
    Expiry expiry = {};
    std::int64_t evicted = Interval::kNever;  // from then on it may go for room
    auto operator<=>(const State&) const = default;
  };

  enum class Kind : std::uint8_t {
    get,
    set,
    setnx,
    set_ifeq,
    incr,
    del,
    delifeq,
    pexpire,
    persist,
  };
  struct Op {
    Kind kind = Kind::get;
    std::string value;                        // set, setnx, set_ifeq
    std::string expected;                     // set_ifeq, delifeq
    std::int64_t ttl = 0;                     // set (0: none), pexpire; in milliseconds
    Expiry expiry = {};                       // what that makes of it
    std::int64_t asked = kAlways;             // check_register() notes when a known one was invoked
    std::int64_t evicted = Interval::kNever;  // from then on a value that this left may go for room
  };

  static std::string key(const State& state);
  static std::optional<State> apply(const State& state, const Op& op, const Reply* reply);
  static bool only_reads(const Op& op, const Reply& reply);
  static std::optional<State> lapse(const State& state, std::int64_t horizon) {
    const std::int64_t from = std::min(state.expiry.from, state.evicted);
    if (from == Interval::kNever || from > horizon) return std::nullopt;
    return State{};
  }
  static std::string show(const State& state);
  static std::string show(const Op& op, const Reply* reply);
};

using RegisterHistory = std::vector<Operation<RegisterModel>>;

// Is this history of one key linearizable? Values that no reply shows and no condition names cannot
// be told apart, so they are made one value first: that leaves the search far fewer states.
Finding check_register(RegisterHistory history,
                       std::size_t max_configurations = kMaxConfigurations);

}  // namespace skep::sim
