// One key of the ring as a sequential object: what each command does to a value and answers.
// Written from Redis's and Valkey's documents, not from roles/ring/decide.hpp, which it is there to
// check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/resp.hpp"
#include "tests/sim/linearizability.hpp"

namespace skep::sim {

struct RegisterModel {
  using State = std::optional<std::string>;  // none: there is no such key
  using Reply = resp::Value;

  enum class Kind : std::uint8_t { get, set, setnx, set_ifeq, incr, del, delifeq };
  struct Op {
    Kind kind = Kind::get;
    std::string value;     // set, setnx, set_ifeq
    std::string expected;  // set_ifeq, delifeq
  };

  static std::string key(const State& state) { return state ? "=" + *state : std::string(); }
  static std::optional<State> apply(const State& state, const Op& op, const Reply* reply);
  static bool only_reads(const Op& op, const Reply& reply);
  static std::string show(const State& state) { return state ? "'" + *state + "'" : "nothing"; }
  static std::string show(const Op& op, const Reply* reply);
};

using RegisterHistory = std::vector<Operation<RegisterModel>>;

// Is this history of one key linearizable? Values that no reply shows and no condition names cannot
// be told apart, so they are made one value first: that leaves the search far fewer states.
Finding check_register(RegisterHistory history,
                       std::size_t max_configurations = kMaxConfigurations);

}  // namespace skep::sim
