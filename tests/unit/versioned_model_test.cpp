// Histories of one register with versions, by hand.
#include "tests/sim/versioned_model.hpp"

#include <gtest/gtest.h>

namespace skep::sim {
namespace {

using Kind = VersionedModel::Kind;
using Reply = VersionedModel::Reply;
using Operation = Operation<VersionedModel>;

Operation get(std::int64_t at, std::uint64_t version, std::string value) {
  return {{.kind = Kind::get}, {Reply::Kind::value, version, std::move(value)}, {at, at + 1}};
}
Operation nothing(std::int64_t at) {
  return {{.kind = Kind::get}, {Reply::Kind::absent}, {at, at + 1}};
}
Operation put(std::int64_t at, std::string value, Reply::Kind how, std::uint64_t version) {
  return {{.kind = Kind::put, .value = std::move(value)}, {how, version}, {at, at + 1}};
}
Operation created(std::int64_t at, std::string value, std::uint64_t version) {
  return put(at, std::move(value), Reply::Kind::created, version);
}
Operation changed(std::int64_t at, std::string value, std::uint64_t version) {
  return put(at, std::move(value), Reply::Kind::changed, version);
}
Operation cas(std::int64_t at, std::uint64_t expected, std::string value, Reply::Kind how,
              std::uint64_t version) {
  return {{.kind = Kind::cas, .value = std::move(value), .version = expected},
          {how, version},
          {at, at + 1}};
}
Operation add(std::int64_t at, std::uint64_t version, std::string sum) {
  return {
      {.kind = Kind::add, .by = 1}, {Reply::Kind::value, version, std::move(sum)}, {at, at + 1}};
}
Operation del(std::int64_t at) {
  return {{.kind = Kind::del}, {Reply::Kind::absent}, {at, at + 1}};
}
Operation unknown(Operation operation) {
  operation.when.returned = Interval::kNever;
  return operation;
}
bool holds(const VersionedHistory& history) {
  return check_versioned(history).verdict == Verdict::linearizable;
}

TEST(VersionedModel, AVersionRisesByOne) {
  EXPECT_TRUE(holds({created(0, "a", 1), changed(2, "b", 2), get(4, 2, "b")}));
  EXPECT_FALSE(holds({created(0, "a", 1), changed(2, "b", 3)}));
  EXPECT_FALSE(holds({created(0, "a", 1), changed(2, "b", 1)}));
  EXPECT_FALSE(holds({created(0, "a", 1), get(2, 2, "a")}));
}

TEST(VersionedModel, CreatedIsWhatWasNotThere) {
  EXPECT_FALSE(holds({created(0, "a", 1), created(2, "b", 2)}));
  EXPECT_FALSE(holds({changed(0, "a", 1)}));
}

TEST(VersionedModel, NoVersionComesAgain) {
  EXPECT_TRUE(holds({created(0, "a", 1), del(2), nothing(4), created(6, "b", 40)}));
  EXPECT_FALSE(holds({created(0, "a", 3), del(2), created(4, "b", 3)}));
  EXPECT_FALSE(holds({created(0, "a", 3), del(2), get(4, 3, "a")}));
}

TEST(VersionedModel, ComparesVersions) {
  const auto done = Reply::Kind::changed, refused = Reply::Kind::mismatch;
  EXPECT_TRUE(holds({created(0, "a", 1), cas(2, 1, "b", done, 2), cas(4, 1, "c", refused, 2)}));
  EXPECT_FALSE(holds({created(0, "a", 1), cas(2, 1, "b", refused, 1)}));
  EXPECT_FALSE(holds({created(0, "a", 1), cas(2, 2, "b", done, 3)}));
  EXPECT_TRUE(holds({cas(0, 7, "a", refused, 0)}));
  EXPECT_FALSE(holds({created(0, "a", 1), cas(2, 7, "b", refused, 0)}));
}

TEST(VersionedModel, EachIncrementCountsOnce) {
  EXPECT_TRUE(holds({add(0, 1, "1"), add(2, 2, "2")}));
  EXPECT_FALSE(holds({add(0, 1, "1"), add(2, 2, "3")}));
  EXPECT_FALSE(holds({add(0, 1, "1"), add(2, 2, "1")}));
  EXPECT_TRUE(holds({add(0, 1, "1"), unknown(add(2, 0, "")), add(4, 3, "3")}));
}

TEST(VersionedModel, AnUnknownOutcomeMakesAVersionOrNone) {
  const Operation lost = unknown(changed(2, "b", 0));
  EXPECT_TRUE(holds({created(0, "a", 1), lost, get(4, 1, "a"), get(6, 2, "b")}));
  EXPECT_FALSE(holds({created(0, "a", 1), lost, get(4, 2, "b"), get(6, 1, "a")}));
  EXPECT_FALSE(holds({created(0, "a", 1), lost, get(4, 3, "b")}));
  // Who created it is not told the version, but whoever reads it is, and it stays.
  const Operation begun = unknown(created(0, "a", 0));
  EXPECT_TRUE(holds({begun, get(2, 9, "a"), changed(4, "b", 10)}));
  EXPECT_FALSE(holds({begun, get(2, 9, "a"), changed(4, "b", 11)}));
  EXPECT_FALSE(holds({begun, get(2, 9, "a"), get(4, 10, "a")}));
  EXPECT_TRUE(holds({begun, changed(4, "b", 11)}));
}

}  // namespace
}  // namespace skep::sim
