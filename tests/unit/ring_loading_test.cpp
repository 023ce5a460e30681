// What a starting node makes of the rows that its store has and had.
#include <gtest/gtest.h>

#include "roles/ring/loading.hpp"

namespace skep::ring {
namespace {

constexpr NodeId kSelf = 7;

class RingLoading : public testing::Test {
 protected:
  RingLoading() {
    options_.hive.arcs = 1;
    add(kSelf);
  }
  void add(NodeId member) {
    Standing standing;
    standing.record = {1, member, {member}, {}};
    arcs_.clear();
    arcs_.try_emplace(
        0, Core::Stored{std::move(standing), Core::empty_table(0, options_.hive), false});
  }
  static std::string row(std::uint64_t number, const std::string& value) {
    return encode_row({{1, number}, 0, false, value});
  }
  const Core::Stored& arc() const { return arcs_.at(0); }

  Options options_;
  std::map<ArcId, Core::Stored> arcs_;
};

TEST_F(RingLoading, WhatCameLastCounts) {
  Loading loading(options_, kSelf, arcs_);
  loading.take(row_key("a"), row(1, "old"));
  loading.take(row_key("b"), row(2, "old"));
  loading.take(row_key("c"), row(3, "old"));
  loading.take(row_key("a"), row(4, "new"));
  loading.take(row_key("b"), std::nullopt);
  loading.take(row_key("never"), std::nullopt);
  EXPECT_EQ(loading.damaged(), 0U);
  EXPECT_TRUE(loading.worthless().empty());
  EXPECT_EQ(arc().table.find("a")->value, "new");
  EXPECT_EQ(arc().table.find("c")->value, "old");
  EXPECT_EQ(arc().table.size(), 2U);
  EXPECT_FALSE(arc().may_have_lost);
}

TEST_F(RingLoading, DamageCountsUntilItIsWrittenOver) {
  std::string bad = row(2, "value");
  bad.back() ^= 1;
  {
    Loading loading(options_, kSelf, arcs_);
    loading.take(row_key("a"), bad);
    loading.take(row_key("a"), row(3, "good"));
    loading.take(row_key("b"), bad);
    loading.take(row_key("b"), std::nullopt);
    EXPECT_EQ(loading.damaged(), 0U);
    EXPECT_FALSE(arc().may_have_lost);
    EXPECT_EQ(arc().table.find("a")->value, "good");
  }
  Loading loading(options_, kSelf, arcs_);
  loading.take(row_key("a"), row(1, "old"));
  loading.take(row_key("a"), bad);
  EXPECT_EQ(loading.damaged(), 1U);
  EXPECT_TRUE(arc().may_have_lost);
  EXPECT_FALSE(arc().table.find("a"));
}

TEST_F(RingLoading, CopiesOfOthersAreWorthless) {
  add(kSelf + 1);
  Loading loading(options_, kSelf, arcs_);
  loading.take(row_key("a"), row(1, "v"));
  EXPECT_EQ(loading.worthless(), std::vector{row_key("a")});
  EXPECT_EQ(arc().table.size(), 0U);
}

TEST_F(RingLoading, ABoundIsOfWhatIsThere) {
  options_.max_entries = 2;
  Loading loading(options_, kSelf, arcs_);
  for (std::uint64_t number = 1; number <= 5; ++number)
    loading.take(row_key("a"), row(number, "v"));
  loading.take(row_key("b"), row(6, "v"));
  loading.take(row_key("b"), std::nullopt);
  loading.take(row_key("c"), row(7, "v"));
  EXPECT_EQ(arc().table.sizes().values, 2U);
  loading.take(row_key("d"), row(8, "v"));
  EXPECT_EQ(arc().table.sizes().values, 2U);
  EXPECT_TRUE(arc().table.find("d")->cold);
}

}  // namespace
}  // namespace skep::ring
