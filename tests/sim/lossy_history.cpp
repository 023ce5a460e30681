#include "tests/sim/lossy_history.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace skep::sim {

namespace {

using Kind = RegisterModel::Kind;
using State = RegisterModel::State;
using States = std::set<State>;

bool writes(const Operation<RegisterModel>& operation) {
  return operation.op.kind != Kind::get &&
         !(operation.when.known() && RegisterModel::only_reads(operation.op, operation.reply));
}

std::int64_t number(const State& state) {
  std::int64_t value = 0;
  const std::string text = state.value.value_or("");
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// What was begun before the loss and not answered by then has no known end.
RegisterHistory piece_of(const RegisterHistory& history, std::int64_t from, std::int64_t to) {
  RegisterHistory piece;
  for (auto operation : history) {
    if (operation.when.invoked < from || operation.when.invoked >= to) continue;
    if (operation.when.returned >= to) operation.when.returned = Interval::kNever;
    if (operation.when.known() || operation.op.kind != Kind::get) piece.push_back(operation);
  }
  return piece;
}

// The key's values after this operation, if it was the last that was kept. An increment whose
// answer nobody heard may have made any number that the others allow.
void add_results(const Operation<RegisterModel>& operation, std::int64_t least, std::int64_t most,
                 States& states) {
  switch (operation.op.kind) {
    case Kind::get:
    case Kind::pexpire:
    case Kind::persist: return;
    case Kind::set:
    case Kind::setnx:
    case Kind::set_ifeq: states.insert({operation.op.value, {}}); return;
    case Kind::del:
    case Kind::delifeq: states.insert(State{}); return;
    case Kind::incr:
      if (operation.when.known()) {
        states.insert({std::to_string(operation.reply.number), {}});
      } else {
        for (std::int64_t n = least; n <= most; ++n) states.insert({std::to_string(n), {}});
      }
      return;
  }
}

// The values with which the key may come back: of each write that no other one, kept for sure, came
// after; `before` are those that the piece may have begun with.
States left_by(const RegisterHistory& piece, const States& before, std::int64_t safe) {
  std::int64_t last_kept = INT64_MIN;  // when the latest write that is kept for sure was invoked
  std::int64_t most = 0, unheard = 0;
  bool any_kept = false, deleted = false;
  std::int64_t least = INT64_MAX;  // of a counter that nobody deletes
  for (const State& state : before) {
    most = std::max(most, number(state));
    least = std::min(least, number(state) + 1);
  }
  for (const auto& operation : piece) {
    if (!writes(operation)) continue;
    const bool known = operation.when.known();
    deleted = deleted || operation.op.kind == Kind::del || operation.op.kind == Kind::delifeq;
    if (operation.op.kind == Kind::incr && known)
      most = std::max<std::int64_t>(most, operation.reply.number);
    if (operation.op.kind == Kind::incr && !known) ++unheard;
    if (!known || operation.when.returned > safe) continue;
    any_kept = true;
    last_kept = std::max(last_kept, operation.when.invoked);
    if (operation.op.kind == Kind::incr)
      least = std::max<std::int64_t>(least, operation.reply.number);
  }
  States left = any_kept ? States{} : before;
  for (const auto& operation : piece)
    if (writes(operation) && (!operation.when.known() || operation.when.returned >= last_kept))
      add_results(operation, deleted ? 1 : least, most + unheard, left);
  return left;
}

}  // namespace

Finding check_lossy_register(const RegisterHistory& history, std::span<const Loss> losses,
                             std::size_t max_configurations) {
  States begins{State{}};
  std::int64_t from = INT64_MIN;
  for (std::size_t i = 0; i <= losses.size(); ++i) {
    const bool last = i == losses.size();
    const RegisterHistory piece = piece_of(history, from, last ? INT64_MAX : losses[i].at);
    States possible;
    Finding finding;
    for (const State& begin : begins) {
      RegisterHistory begun = piece;
      if (begin.value)
        begun.insert(begun.begin(),
                     {{Kind::set, *begin.value, {}}, resp::Value::status("OK"), {from, from + 1}});
      finding = check_register(std::move(begun), max_configurations);
      if (finding.verdict == Verdict::not_linearizable) continue;
      possible.insert(begin);
      if (last) return finding;
    }
    if (possible.empty()) {
      if (i > 0) finding.explanation += "; from none of the values that the loss may have left";
      return finding;
    }
    if (last) return finding;
    begins = left_by(piece, possible, losses[i].safe);
    from = losses[i].at;
  }
  return {};
}

}  // namespace skep::sim
