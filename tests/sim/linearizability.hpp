// Decides whether a history of operations on one object is linearizable: whether there is an order
// of them, each between its invocation and its response, in which a sequential model gives exactly
// the replies that were seen.
//
// The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993) with Lowe's
// memory of the configurations it has been to ("Testing for linearizability", 2017, section 3). An
// object made of independent keys is linearizable when each key is (Herlihy and Wing's locality),
// so callers split a history by key first. What keeps it fast on long histories with many unknown
// outcomes is the order in which it goes, and rules of ours:
//  - breadth first, by how many operations with a reply are in the order, then by how many without:
//    only one generation of configurations need be remembered;
//  - an operation whose reply says that it changed nothing (a read, a refused condition) is taken
//    as soon as it fits: whatever order takes it later is as good when it takes it now;
//  - of two configurations that differ only in which operations of unknown outcome have been used,
//    the one that used fewer can do all that the other can, so a superset is not followed;
//  - of such operations that do the same, the oldest is used first, and none is used unless it
//    makes a difference to the next operation that has a reply.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace skep::sim {

// When an operation ran, on one common time line. Operations that touch (one returns at the very
// time at which the other is invoked) count as concurrent.
struct Interval {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t invoked = 0;
  // kNever: no reply came; the operation may take effect at any time after its invocation, or
  // never.
  std::int64_t returned = kNever;

  bool known() const { return returned != kNever; }
};

enum class Verdict : std::uint8_t {
  linearizable,
  not_linearizable,
  undecided,  // the search was given up at its bound
};

struct Finding {
  Verdict verdict = Verdict::linearizable;
  std::string explanation;  // of a history that is not linearizable, for a person, many lines
  std::size_t configurations = 0;  // how many the search went through
};

// The sequential model, as the search sees it: states are numbers, 0 is the initial one.
class Steps {
 public:
  virtual ~Steps() = default;
  // The state after operation `op` in `state`; none: its reply cannot have come from there.
  virtual std::optional<std::uint32_t> apply(std::uint32_t state, std::size_t op) = 0;
  // True if the operation, with the reply that it had, changes no state whatever.
  virtual bool only_reads(std::size_t op) const = 0;
  // The state that `state` may have turned into by itself until `horizon`, at any time until then
  // or not; none: it stays what it is. Allowed once, it stays allowed.
  virtual std::optional<std::uint32_t> lapse(std::uint32_t state, std::int64_t horizon) = 0;
  virtual std::string show_state(std::uint32_t state) const = 0;
  virtual std::string show(std::size_t op) const = 0;
};

inline constexpr std::size_t kMaxConfigurations = 20'000'000;

Finding search(const std::vector<Interval>& history, Steps& steps,
               std::size_t max_configurations = kMaxConfigurations);

// An operation of a Model. `reply` is what was answered; it means nothing while when.known() is
// false.
template <class Model> struct Operation {
  typename Model::Op op;
  typename Model::Reply reply;
  Interval when;
};

// A Model has
//   State    the initial one default-constructed
//   Op, Reply
//   static std::string key(const State&): equal for equal ones
//   static std::optional<State> apply(const State&, const Op&, const Reply* reply): the next state;
//            none if this reply cannot be (a null reply fits anything)
//   static bool only_reads(const Op&, const Reply&): with this reply it changed nothing
//   static std::optional<State> lapse(const State&, std::int64_t horizon): see Steps; only if any
//            state ever changes by itself
//   static std::string show(const State&), show(const Op&, const Reply* reply)
// Operations that certainly were not done do not belong into the history.
template <class Model>
Finding check_linearizable(const std::vector<Operation<Model>>& history,
                           std::size_t max_configurations = kMaxConfigurations) {
  using State = typename Model::State;
  class ModelSteps final : public Steps {
   public:
    explicit ModelSteps(const std::vector<Operation<Model>>& history) : history_(history) {
      intern(State{});
    }
    std::optional<std::uint32_t> apply(std::uint32_t state, std::size_t op) override {
      std::optional<State> next = Model::apply(states_[state], history_[op].op, reply(op));
      if (!next) return std::nullopt;
      return intern(*std::move(next));
    }
    bool only_reads(std::size_t op) const override {
      return reply(op) != nullptr && Model::only_reads(history_[op].op, *reply(op));
    }
    std::optional<std::uint32_t> lapse(std::uint32_t state, std::int64_t horizon) override {
      if constexpr (requires { Model::lapse(states_[state], horizon); }) {
        if (std::optional<State> next = Model::lapse(states_[state], horizon))
          return intern(*std::move(next));
      }
      return std::nullopt;
    }
    std::string show_state(std::uint32_t state) const override {
      return Model::show(states_[state]);
    }
    std::string show(std::size_t op) const override {
      return Model::show(history_[op].op, reply(op));
    }

   private:
    const typename Model::Reply* reply(std::size_t op) const {
      return history_[op].when.known() ? &history_[op].reply : nullptr;
    }
    std::uint32_t intern(State state) {
      auto [it, added] =
          ids_.try_emplace(Model::key(state), static_cast<std::uint32_t>(states_.size()));
      if (added) states_.push_back(std::move(state));
      return it->second;
    }

    const std::vector<Operation<Model>>& history_;
    std::vector<State> states_;
    std::unordered_map<std::string, std::uint32_t> ids_;
  };

  std::vector<Interval> intervals;
  intervals.reserve(history.size());
  for (const auto& operation : history) intervals.push_back(operation.when);
  ModelSteps steps(history);
  return search(intervals, steps, max_configurations);
}

}  // namespace skep::sim
