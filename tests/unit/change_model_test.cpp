// The model that the registers' histories are checked against: versions, what is not known of them,
// and what was refused or told late.
#include "tests/sim/change_model.hpp"

#include <gtest/gtest.h>

namespace skep::sim {
namespace {

using proposer::Condition;
using proposer::Function;
using How = proposer::Outcome::How;
using One = Operation<ChangeModel>;

constexpr std::int64_t kNever = Interval::kNever;

ChangeModel::Op op(Function function, std::string value = {}) {
  ChangeModel::Op op;
  op.change.function = function;
  op.change.value = std::move(value);
  return op;
}
One set(std::int64_t from, std::int64_t to, const std::string& value, std::uint64_t version) {
  return {op(Function::set, value), {How::done, true, version, value, {}}, {from, to}};
}
One lost(std::int64_t from, const std::string& value) {
  return {op(Function::set, value), {}, {from, kNever}};
}
One remove(std::int64_t from, std::int64_t to, std::uint64_t version) {
  return {op(Function::remove), {How::done, false, version, "", {}}, {from, to}};
}
One read(std::int64_t from, std::int64_t to, const char* value, std::uint64_t version) {
  return {op(Function::read),
          {How::done, value != nullptr, version, value != nullptr ? value : "", {}},
          {from, to}};
}
One set_if(std::int64_t from, std::int64_t to, std::uint64_t version, ChangeModel::Reply reply) {
  ChangeModel::Op change = op(Function::set, "c");
  change.change.condition = Condition::version;
  change.change.version = version;
  return {change, std::move(reply), {from, to}};
}
bool good(const ChangeHistory& history) {
  return check_changes(history).verdict == Verdict::linearizable;
}

TEST(ChangeModel, EachChangeRaisesTheVersionByOne) {
  EXPECT_TRUE(good({set(0, 1, "a", 1), set(2, 3, "b", 2), read(4, 5, "b", 2)}));
  EXPECT_FALSE(good({set(0, 1, "a", 1), set(2, 3, "b", 3)}));
  EXPECT_FALSE(good({set(0, 1, "a", 1), set(2, 3, "b", 1)}));
  EXPECT_FALSE(good({set(0, 1, "a", 1), read(2, 3, "a", 2)}));
}

TEST(ChangeModel, WhatWasErasedComesBackAboveEveryEarlierVersion) {
  EXPECT_TRUE(good({set(0, 1, "a", 1), remove(2, 3, 2), set(4, 5, "b", 3)}));
  EXPECT_TRUE(good({set(0, 1, "a", 1), remove(2, 3, 2), set(4, 5, "b", 30)}));
  EXPECT_FALSE(good({set(0, 1, "a", 1), remove(2, 3, 2), set(4, 5, "b", 2)}));
  EXPECT_FALSE(good({set(0, 1, "a", 1), remove(2, 3, 2), read(4, 5, "a", 1)}));
}

TEST(ChangeModel, AChangeOfUnknownOutcomeIsMadeOnceOrNever) {
  EXPECT_TRUE(good({set(0, 1, "a", 1), lost(2, "b"), read(3, 4, "a", 1), read(5, 6, "b", 2)}));
  EXPECT_TRUE(good({set(0, 1, "a", 1), lost(2, "b"), set(3, 4, "c", 3)}));
  EXPECT_FALSE(good({set(0, 1, "a", 1), lost(2, "b"), set(3, 4, "c", 4)}));
  // One that creates the register may give it any version above.
  EXPECT_TRUE(good({lost(0, "b"), read(1, 2, "b", 7), set(3, 4, "c", 8)}));
  EXPECT_FALSE(good({lost(0, "b"), read(1, 2, "b", 7), set(3, 4, "c", 9)}));
}

TEST(ChangeModel, ARefusalShowsWhatIsThere) {
  const One first = set(0, 1, "a", 1);
  EXPECT_TRUE(good({first, set_if(2, 3, 1, {How::done, true, 2, "c", {}})}));
  EXPECT_TRUE(good({first, set_if(2, 3, 5, {How::mismatch, true, 1, "a", {}})}));
  EXPECT_FALSE(good({first, set_if(2, 3, 1, {How::mismatch, true, 1, "a", {}})}));
  EXPECT_FALSE(good({first, set_if(2, 3, 5, {How::mismatch, true, 2, "a", {}})}));
  EXPECT_FALSE(good({first, set_if(2, 3, 5, {How::done, true, 2, "c", {}})}));
}

TEST(ChangeModel, DoneLongAgoNamesItsVersionOnly) {
  const One late{op(Function::set, "b"), {How::done, true, 2, {}, {}}, {2, 9}};
  EXPECT_TRUE(good({set(0, 1, "a", 1), late, set(4, 5, "c", 3)}));
  EXPECT_FALSE(good({set(0, 1, "a", 1), late, set(4, 5, "c", 2)}));
  EXPECT_FALSE(good({set(0, 1, "a", 1), late, read(10, 11, "a", 1)}));
}

TEST(ChangeModel, KnowsWhetherTheRegisterWasCreated) {
  One created = set(0, 1, "a", 1);
  created.reply.created = true;
  EXPECT_TRUE(good({created}));
  created.reply.created = false;
  EXPECT_FALSE(good({created}));
  One changed = set(2, 3, "b", 2);
  changed.reply.created = true;
  EXPECT_FALSE(good({set(0, 1, "a", 1), changed}));
}

}  // namespace
}  // namespace skep::sim
