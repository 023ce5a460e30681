// One register as a sequential object, as HTTP shows it: a value with a version that rises by one
// with every change and never comes again. Written from the API's description, not from
// roles/proposer/change.hpp, which it is there to check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/sim/linearizability.hpp"

namespace skep::sim {

struct VersionedModel {
  // A register that is created starts somewhere above all versions that it had. Where nobody was
  // told the version, only the least that it can be is known.
  struct State {
    bool present = false;
    bool exact = false;         // `version` is the version of what is present; else a least one
    std::uint64_t version = 0;  // absent: the last one it had, at the least
    std::string value{};
  };

  enum class Kind : std::uint8_t { get, put, create, cas, add, del, cut };
  struct Op {
    Kind kind = Kind::get;
    std::string value{};        // put, create, cas
    std::uint64_t version = 0;  // cas, cut: the one expected
    std::int64_t by = 0;        // add
    std::uint64_t made = 0;     // the version that it makes, if that is known from elsewhere
  };

  struct Reply {
    enum class Kind : std::uint8_t {
      value,     // what is there (a read), or was made (add)
      changed,   // there was something before
      created,   // there was nothing before
      absent,    // nothing is there, or any more
      mismatch,  // refused; `version` is there, 0: nothing is
    };
    Kind kind = Kind::absent;
    std::uint64_t version = 0;
    std::string value{};
  };

  static std::string key(const State& state);
  static std::optional<State> apply(const State& state, const Op& op, const Reply* reply);
  static bool only_reads(const Op& op, const Reply& reply);
  static std::string show(const State& state);
  static std::string show(const Op& op, const Reply* reply);
};

using VersionedHistory = std::vector<Operation<VersionedModel>>;

// Is this history of one key linearizable? Values that are set have to differ from each other:
// where a reply shows one, it tells the version that was made by whoever set it.
Finding check_versioned(VersionedHistory history,
                        std::size_t max_configurations = kMaxConfigurations);

}  // namespace skep::sim
