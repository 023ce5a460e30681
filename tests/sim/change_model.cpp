#include "tests/sim/change_model.hpp"

#include <charconv>

namespace skep::sim {

using proposer::Change;
using proposer::Condition;
using proposer::Function;
using State = ChangeModel::State;
using How = proposer::Outcome::How;

namespace {

// The state, if its version can be this one.
std::optional<State> with_version(State state, std::uint64_t version) {
  if (state.exact ? state.version != version : state.version > version) return std::nullopt;
  state.version = version;
  state.exact = true;
  return state;
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Whether the condition holds; one on the version has been looked at before.
bool holds(const Change& change, const State& state) {
  switch (change.condition) {
    case Condition::none: return true;
    case Condition::version: return state.present && state.version == change.version;
    case Condition::present: return state.present;
    case Condition::absent: return !state.present;
  }
  return false;
}

struct Step {
  How how = How::done;
  bool changed = false;
  bool present = false;
  std::string value{};
};

Step written(std::string value) { return {How::done, true, true, std::move(value)}; }

Step step(const Change& change, const State& state) {
  const Step unchanged{How::done, false, state.present, state.value};
  if (!holds(change, state)) return {How::mismatch, false, state.present, state.value};
  switch (change.function) {
    case Function::read: return unchanged;
    case Function::set: return written(change.value);
    case Function::init: return state.present ? unchanged : written(change.value);
    case Function::cas_value:
      if (state.present && state.value == change.expected) return written(change.value);
      return {How::mismatch, false, state.present, state.value};
    case Function::append: return written((state.present ? state.value : "") + change.value);
    case Function::remove:
      if (!state.present) return unchanged;
      return {How::done, true, false, {}};
    case Function::add: break;
  }
  const auto now = state.present ? number(state.value) : 0;
  std::int64_t sum = 0;
  if (!now || __builtin_add_overflow(*now, change.by, &sum))
    return {How::invalid, false, state.present, state.value};
  return written(std::to_string(sum));
}

// The reply shows what is there.
bool shows(const ChangeModel::Reply& reply, bool present, const std::string& value) {
  return reply.present == present && (!present || reply.value == value);
}

// After a change. It makes the next version, but that a register which was absent may go on
// higher.
std::optional<State> changed(const State& before, const Step& step,
                             const ChangeModel::Reply* reply) {
  State after{before.version + 1, before.exact && before.present, step.present, step.value};
  if (reply == nullptr) {
    after.exact = after.exact && after.present;
    return after;
  }
  if (reply->value && !shows(*reply, step.present, step.value)) return std::nullopt;
  if (reply->created && *reply->created != (step.present && !before.present)) return std::nullopt;
  auto told = with_version(std::move(after), reply->version);
  if (told && !told->present) told->exact = false;
  return told;
}

}  // namespace

std::string ChangeModel::key(const State& state) {
  return std::to_string(state.version) + (state.exact ? "=" : "+") +
         (state.present ? state.value : "\n");
}

std::optional<State> ChangeModel::apply(const State& state, const Op& op, const Reply* reply) {
  const bool refused = reply != nullptr && reply->how != How::done;
  State before = state;
  if (refused && before.present) {
    auto told = with_version(std::move(before), reply->version);
    if (!told) return std::nullopt;
    before = std::move(*told);
  } else if (op.change.condition == Condition::version && before.present) {
    auto told = with_version(before, op.change.version);
    if (told) before = std::move(*told);  // else it is refused, whatever the version is
  }
  const Step result = step(op.change, before);
  if (reply == nullptr)
    return result.changed ? changed(before, result, nullptr) : std::optional(state);
  if (result.how != reply->how) return std::nullopt;
  if (result.changed) return changed(before, result, reply);
  if (!shows(*reply, before.present, before.value)) return std::nullopt;
  if (reply->created.value_or(false)) return std::nullopt;
  if (!before.present) return before;
  return with_version(std::move(before), reply->version);
}

// Where a value returns, it matters under which version it was seen.
bool ChangeModel::only_reads(const Op& op, const Reply& reply) {
  return !op.returns && (reply.how != How::done || op.change.function == Function::read);
}

std::string ChangeModel::show(const State& state) {
  return (state.present ? "'" + state.value + "'" : std::string("nothing")) +
         (state.exact ? " v" : " v>=") + std::to_string(state.version);
}

std::string ChangeModel::show(const Op& op, const Reply* reply) {
  const Change& change = op.change;
  std::string out(proposer::name(change.function));
  if (change.function == Function::cas_value) out += " '" + change.expected + "' ->";
  if (!change.value.empty()) out += " '" + change.value + "'";
  if (change.function == Function::add) out += " " + std::to_string(change.by);
  if (change.condition == Condition::version) out += " if v" + std::to_string(change.version);
  if (change.condition == Condition::present) out += " if present";
  if (change.condition == Condition::absent) out += " if absent";
  out += " -> ";
  if (reply == nullptr) return out + "?";
  if (reply->how == How::mismatch) out += "mismatch: ";
  if (reply->how == How::invalid) out += "invalid: ";
  if (!reply->value) {
    out += "done long ago";
  } else {
    out += reply->present ? "'" + *reply->value + "'" : "nothing";
  }
  return out + " v" + std::to_string(reply->version);
}

Finding check_changes(ChangeHistory history, std::size_t max_configurations) {
  std::string seen;
  for (const auto& operation : history) {
    seen += operation.op.change.expected + "\n";
    if (operation.when.known()) seen += operation.reply.value.value_or("") + "\n";
  }
  for (auto& operation : history) {
    Change& change = operation.op.change;
    const bool whole = change.function == Function::set || change.function == Function::init ||
                       change.function == Function::cas_value;
    if (whole && !number(change.value) && seen.find(change.value) == std::string::npos)
      change.value = "(unseen)";
  }
  return check_linearizable(history, max_configurations);
}

}  // namespace skep::sim
