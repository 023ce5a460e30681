// The checker itself: histories by hand, random ones against a search that tries every order, and
// histories as long as the simulator's.
#include "tests/sim/linearizability.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/sim/lossy_history.hpp"
#include "tests/sim/register_model.hpp"

namespace skep::sim {
namespace {

using Kind = RegisterModel::Kind;
using Op = RegisterModel::Op;
using resp::Value;

constexpr std::int64_t kNever = Interval::kNever;

Value ok() { return Value::status("OK"); }
Operation<RegisterModel> set(std::int64_t from, std::int64_t to, std::string value) {
  return {{Kind::set, std::move(value), {}}, ok(), {from, to}};
}
Operation<RegisterModel> get(std::int64_t from, std::int64_t to, const char* seen) {
  return {{Kind::get, {}, {}}, seen ? Value::bulk(seen) : Value::null(), {from, to}};
}
Verdict verdict(const RegisterHistory& history) { return check_register(history).verdict; }

TEST(Linearizability, AcceptsTheEmptyHistory) { EXPECT_EQ(verdict({}), Verdict::linearizable); }

TEST(Linearizability, AReadSeesTheLastWrite) {
  EXPECT_EQ(verdict({set(0, 1, "a"), get(2, 3, "a")}), Verdict::linearizable);
  EXPECT_EQ(verdict({set(0, 1, "a"), get(2, 3, nullptr)}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({set(0, 1, "a"), set(2, 3, "b"), get(4, 5, "a")}), Verdict::not_linearizable);
}

TEST(Linearizability, ConcurrentOperationsMayComeInAnyOrder) {
  EXPECT_EQ(verdict({set(0, 9, "a"), get(1, 2, nullptr), get(3, 4, "a")}), Verdict::linearizable);
  // Once seen, a value cannot be unseen.
  EXPECT_EQ(verdict({set(0, 9, "a"), get(1, 2, "a"), get(3, 4, nullptr)}),
            Verdict::not_linearizable);
  EXPECT_EQ(verdict({set(0, 9, "a"), set(0, 9, "b"), get(1, 2, "a"), get(3, 4, "b")}),
            Verdict::linearizable);
  EXPECT_EQ(verdict({set(0, 3, "a"), set(0, 3, "b"), get(4, 5, "a"), get(6, 7, "b")}),
            Verdict::not_linearizable);
}

TEST(Linearizability, TouchingIntervalsAreConcurrent) {
  EXPECT_EQ(verdict({set(0, 5, "a"), get(5, 6, nullptr)}), Verdict::linearizable);
}

TEST(Linearizability, AnUnknownOutcomeHappensLaterOrNever) {
  EXPECT_EQ(verdict({set(0, kNever, "a"), get(1, 2, nullptr), get(3, 4, "a")}),
            Verdict::linearizable);
  EXPECT_EQ(verdict({set(0, kNever, "a"), get(5, 6, nullptr)}), Verdict::linearizable);
  // But not before it was invoked, and not twice.
  EXPECT_EQ(verdict({get(0, 1, "a"), set(2, kNever, "a")}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({set(0, kNever, "a"), get(1, 2, "a"), set(3, 4, "b"), get(5, 6, "a")}),
            Verdict::not_linearizable);
}

TEST(Linearizability, ConditionsTakePartInTheOrder) {
  const auto setnx = [](std::int64_t from, std::int64_t to, std::int64_t won) {
    return Operation<RegisterModel>{{Kind::setnx, "x", {}}, Value::integer(won), {from, to}};
  };
  EXPECT_EQ(verdict({setnx(0, 5, 1), setnx(1, 6, 0)}), Verdict::linearizable);
  EXPECT_EQ(verdict({setnx(0, 5, 1), setnx(1, 6, 1)}), Verdict::not_linearizable);
  const Operation<RegisterModel> cas{{Kind::set_ifeq, "b", "a"}, ok(), {2, 3}};
  EXPECT_EQ(verdict({set(0, 1, "a"), cas, get(4, 5, "b")}), Verdict::linearizable);
  EXPECT_EQ(verdict({set(0, 1, "c"), cas}), Verdict::not_linearizable);
  const Operation<RegisterModel> del_if{{Kind::delifeq, {}, "a"}, Value::integer(1), {4, 5}};
  EXPECT_EQ(verdict({set(0, 1, "a"), del_if, get(6, 7, nullptr)}), Verdict::linearizable);
  EXPECT_EQ(verdict({set(0, 1, "a"), cas, del_if}), Verdict::not_linearizable);
}

TEST(Linearizability, CountersCountEachIncrementOnce) {
  const auto incr = [](std::int64_t from, std::int64_t to, std::int64_t seen) {
    return Operation<RegisterModel>{{Kind::incr, {}, {}}, Value::integer(seen), {from, to}};
  };
  EXPECT_EQ(verdict({incr(0, 5, 2), incr(1, 6, 1), incr(7, 8, 3)}), Verdict::linearizable);
  EXPECT_EQ(verdict({incr(0, 5, 1), incr(1, 6, 1)}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({incr(0, kNever, 0), incr(1, 2, 2)}), Verdict::linearizable);
  EXPECT_EQ(verdict({incr(0, kNever, 0), incr(1, 2, 3)}), Verdict::not_linearizable);
}

TEST(Linearizability, AnEntryExpiresInItsTime) {
  const auto set_px = [](RegisterModel::Expiry expiry) {
    Operation<RegisterModel> operation = set(0, 1, "a");
    operation.op.expiry = expiry;
    return operation;
  };
  const Operation<RegisterModel> persist{{Kind::persist, {}, {}}, Value::integer(1), {2, 3}};
  EXPECT_EQ(verdict({set_px({10, 20}), get(5, 6, nullptr)}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({set_px({10, 20}), get(5, 10, nullptr)}), Verdict::linearizable);
  EXPECT_EQ(verdict({set_px({10, 20}), get(20, 30, "a")}), Verdict::linearizable);
  EXPECT_EQ(verdict({set_px({10, 20}), get(21, 30, "a")}), Verdict::not_linearizable);
  EXPECT_EQ(verdict({set_px({10, 20}), persist, get(21, 30, "a")}), Verdict::linearizable);
  EXPECT_EQ(verdict({set_px({10, 20}), persist, get(21, 30, nullptr)}), Verdict::not_linearizable);
  // Nobody knows when; but once gone, it is.
  const auto any_time = set_px({RegisterModel::kAlways, kNever});
  EXPECT_EQ(verdict({any_time, get(2, 3, nullptr)}), Verdict::linearizable);
  EXPECT_EQ(verdict({any_time, get(2, 3, "a"), get(4, 5, nullptr)}), Verdict::linearizable);
  EXPECT_EQ(verdict({any_time, get(2, 3, nullptr), get(4, 5, "a")}), Verdict::not_linearizable);
}

TEST(Linearizability, ExplainsWhereItIsStuck) {
  const Finding finding =
      check_linearizable<RegisterModel>({set(0, 1, "a"), set(2, 3, "b"), get(4, 5, "a")});
  EXPECT_NE(finding.explanation.find("no place for [4, 5] GET -> 'a'"), std::string::npos)
      << finding.explanation;
  EXPECT_NE(finding.explanation.find("when it is its turn: 'b'\n"), std::string::npos)
      << finding.explanation;
}

TEST(Linearizability, GivesUpAtItsBound) {
  const RegisterHistory history{set(0, 9, "a"), set(0, 9, "b"), get(10, 11, "c")};
  EXPECT_EQ(check_linearizable(history, 2).verdict, Verdict::undecided);
  EXPECT_EQ(check_linearizable(history, 2000).verdict, Verdict::not_linearizable);
}

// Every order, one after the other.
bool brute_force(const RegisterHistory& history, const RegisterModel::State& state,
                 std::vector<bool>& taken) {
  std::int64_t horizon = kNever;
  for (std::size_t i = 0; i < history.size(); ++i)
    if (!taken[i]) horizon = std::min(horizon, history[i].when.returned);
  if (horizon == kNever) return true;
  if (const auto lapsed = RegisterModel::lapse(state, horizon))
    if (brute_force(history, *lapsed, taken)) return true;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (taken[i] || history[i].when.invoked > horizon) continue;
    const Value* reply = history[i].when.known() ? &history[i].reply : nullptr;
    const auto next = RegisterModel::apply(state, history[i].op, reply);
    if (!next) continue;
    taken[i] = true;
    if (brute_force(history, *next, taken)) return true;
    taken[i] = false;
  }
  return false;
}

Op random_op(std::mt19937_64& random, int values) {
  const auto value = [&] { return std::to_string(random() % static_cast<unsigned>(values)); };
  Op op;
  op.kind = static_cast<Kind>(random() % 9);
  op.value = value();
  op.expected = value();
  return op;
}

const Value kReplies[] = {ok(),
                          Value::null(),
                          Value::integer(0),
                          Value::integer(1),
                          Value::integer(2),
                          Value::bulk("0"),
                          Value::bulk("1")};

// The reply that the operation gives in `state`, found by asking the model about each.
Value reply_in(RegisterModel::State& state, const Op& op) {
  for (const Value& reply : kReplies) {
    if (const auto next = RegisterModel::apply(state, op, &reply)) {
      state = *next;
      return reply;
    }
  }
  return Value::error("ERR out of the small world of this test");
}

TEST(Linearizability, AgreesWithTryingEveryOrder) {
  std::mt19937_64 random(1);
  int good = 0, bad = 0;
  for (int round = 0; round < 20'000; ++round) {
    RegisterHistory history;
    RegisterModel::State state;
    const std::size_t size = 1 + random() % 8;
    for (std::size_t i = 0; i < size; ++i) {
      Op op = random_op(random, 2);
      const auto at = static_cast<std::int64_t>(10 * i);
      if (op.kind == Kind::pexpire || (op.kind == Kind::set && random() % 2 == 0))
        op.expiry.from = random() % 4 == 0 ? RegisterModel::kAlways
                                           : at + static_cast<std::int64_t>(random() % 30);
      if (op.expiry.from >= 0 && op.expiry.from != kNever && random() % 2 == 0)
        op.expiry.to = op.expiry.from + static_cast<std::int64_t>(random() % 30);
      if (random() % 2 == 0) state = RegisterModel::lapse(state, at).value_or(state);
      Interval when{at - static_cast<std::int64_t>(random() % 25),
                    at + static_cast<std::int64_t>(random() % 25)};
      Value reply = reply_in(state, op);
      if (random() % 8 == 0) reply = kReplies[random() % std::size(kReplies)];
      if (random() % 5 == 0) when.returned = kNever;
      if (when.known()) op.asked = when.invoked;
      history.push_back({op, reply, when});
    }
    std::vector<bool> taken(history.size());
    const bool expected = brute_force(history, {}, taken);
    ASSERT_EQ(verdict(history), expected ? Verdict::linearizable : Verdict::not_linearizable)
        << "round " << round;
    ++(expected ? good : bad);
  }
  EXPECT_GT(good, 2'000);
  EXPECT_GT(bad, 2'000);
}

Value incremented(const RegisterModel::State& state) {
  if (!state.value) return Value::integer(1);
  if (state.value->front() == 'v')
    return Value::error("ERR value is not an integer or out of range");
  return Value::integer(std::stoll(*state.value) + 1);
}

// What `clients` processes see of one register that takes each operation at a point inside it.
RegisterHistory long_history(std::uint64_t seed, std::size_t operations, std::size_t clients,
                             unsigned unknown_in) {
  std::mt19937_64 random(seed);
  std::vector<std::int64_t> free_at(clients, 0);
  RegisterHistory history;
  for (std::size_t i = 0; i < operations; ++i) {
    Op op = random_op(random, 1'000'000);
    op.value.insert(0, "v");
    const auto client = static_cast<std::size_t>(random() % clients);
    Interval when;
    when.invoked = free_at[client] + static_cast<std::int64_t>(random() % 20);
    when.returned = when.invoked + 1 + static_cast<std::int64_t>(random() % 100);
    free_at[client] = when.returned + 1;
    history.push_back({op, {}, when});
  }
  struct Point {
    std::int64_t at;
    std::size_t op;
  };
  std::vector<Point> points;
  for (std::size_t i = 0; i < operations; ++i) {
    const Interval& when = history[i].when;
    points.push_back(
        {when.invoked + static_cast<std::int64_t>(
                            random() % static_cast<std::uint64_t>(when.returned - when.invoked)),
         i});
  }
  std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) {
    return std::pair(a.at, a.op) < std::pair(b.at, b.op);
  });
  RegisterModel::State state;
  for (const Point& point : points) {
    Operation<RegisterModel>& operation = history[point.op];
    if (state.value &&
        (operation.op.kind == Kind::set_ifeq || operation.op.kind == Kind::delifeq) &&
        random() % 2 == 0)
      operation.op.expected = *state.value;
    const bool lost = unknown_in != 0 && random() % unknown_in == 0;
    if (lost) operation.when.returned = kNever;
    if (lost && random() % 2 == 0) continue;
    for (std::int64_t n = 0;; ++n) {  // the reply that fits
      Value reply = n < 3 ? kReplies[n] : Value::integer(1);
      if (operation.op.kind == Kind::get && state.value) reply = Value::bulk(*state.value);
      if (operation.op.kind == Kind::incr) reply = incremented(state);
      if (const auto next = RegisterModel::apply(state, operation.op, &reply)) {
        operation.reply = reply;
        state = *next;
        break;
      }
    }
  }
  return history;
}

// A value that nobody wrote, in the last read.
void spoil(RegisterHistory& history) {
  for (std::size_t i = history.size(); i-- > 0;) {
    if (history[i].op.kind != Kind::get || !history[i].when.known()) continue;
    history[i].reply = Value::bulk("never written");
    return;
  }
}

void expect_decided(RegisterHistory history) {
  EXPECT_EQ(verdict(history), Verdict::linearizable);
  spoil(history);
  EXPECT_EQ(verdict(history), Verdict::not_linearizable);
}

TEST(Linearizability, DecidesTenThousandOperationsOnOneKey) {
  expect_decided(long_history(1, 10'000, 8, 0));
  expect_decided(long_history(2, 10'000, 4, 100));
}

TEST(Linearizability, DecidesHistoriesFullOfUnknownOutcomes) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) expect_decided(long_history(seed, 500, 8, 10));
}

// The power goes at 100, and what was acknowledged by 50 is kept.
Verdict after_loss(const RegisterHistory& history) {
  const Loss losses[] = {{100, 50}};
  return check_lossy_register(history, losses).verdict;
}

Operation<RegisterModel> incr(std::int64_t from, std::int64_t to, std::int64_t seen) {
  return {{Kind::incr, {}, {}}, Value::integer(seen), {from, to}};
}

TEST(LossyHistory, WhatWasWrittenLastMayBeGone) {
  const RegisterHistory before{set(0, 10, "a"), set(60, 70, "b"), set(80, 90, "c")};
  for (const char* left : {"a", "b", "c"}) {
    RegisterHistory history = before;
    history.push_back(get(110, 120, left));
    EXPECT_EQ(after_loss(history), Verdict::linearizable) << left;
    history.push_back(get(130, 140, left));
    EXPECT_EQ(after_loss(history), Verdict::linearizable) << left;
    history.push_back(get(150, 160, "x"));
    EXPECT_EQ(after_loss(history), Verdict::not_linearizable) << left;
  }
}

TEST(LossyHistory, WhatWasAcknowledgedInTimeIsKept) {
  EXPECT_EQ(after_loss({set(0, 10, "a"), set(20, 30, "b"), get(110, 120, "a")}),
            Verdict::not_linearizable);
  EXPECT_EQ(after_loss({set(0, 10, "a"), get(110, 120, nullptr)}), Verdict::not_linearizable);
  EXPECT_EQ(after_loss({set(60, 70, "a"), get(110, 120, nullptr)}), Verdict::linearizable);
  EXPECT_EQ(after_loss({incr(0, 10, 1), incr(20, 30, 2), incr(110, 120, 2)}),
            Verdict::not_linearizable);
  EXPECT_EQ(after_loss({incr(0, 10, 1), incr(60, 70, 2), incr(110, 120, 2)}),
            Verdict::linearizable);
}

// Increments whose answers nobody heard may be there or not.
TEST(LossyHistory, WhatNobodyHeardMayHaveBeenDone) {
  for (std::int64_t next : {2, 3, 4}) {
    EXPECT_EQ(after_loss(
                  {incr(0, kNever, 0), incr(20, 30, 1), incr(40, kNever, 0), incr(110, 120, next)}),
              Verdict::linearizable)
        << next;
  }
  EXPECT_EQ(
      after_loss({incr(0, kNever, 0), incr(20, 30, 1), incr(40, kNever, 0), incr(110, 120, 5)}),
      Verdict::not_linearizable);
}

TEST(LossyHistory, WhatIsGoneDoesNotComeBack) {
  EXPECT_EQ(after_loss({set(0, 10, "a"), set(60, 70, "b"), get(110, 120, "a"), get(130, 140, "b")}),
            Verdict::not_linearizable);
  // Nor does what was never answered, once it was not there.
  EXPECT_EQ(
      after_loss({set(0, 10, "a"), set(60, kNever, "b"), get(110, 120, "a"), get(130, 140, "b")}),
      Verdict::not_linearizable);
}

TEST(LossyHistory, ASecondLossTakesNothingThatTheFirstLeft) {
  const Loss losses[] = {{100, 50}, {200, 95}};
  EXPECT_EQ(check_lossy_register(
                {set(0, 10, "a"), set(60, 70, "b"), get(110, 120, "b"), get(210, 220, "a")}, losses)
                .verdict,
            Verdict::not_linearizable);
}

}  // namespace
}  // namespace skep::sim
