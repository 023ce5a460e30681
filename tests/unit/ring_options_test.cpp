// The hive's options, changed while it runs.
#include "roles/ring/service_options.hpp"
#include "tests/unit/ring_hive.hpp"

namespace skep::ring {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Result<HiveOptions> change(const std::string& name, const std::string& value,
                           HiveOptions hive = {}) {
  return changed(hive, {{name, value}}, milliseconds(150));
}

std::string refusal(const std::string& name, const std::string& value, HiveOptions hive = {}) {
  const auto next = change(name, value, hive);
  return next ? "is taken" : next.error().message;
}

TEST(RingSettings, TakesWhatAConfigurationTakes) {
  EXPECT_EQ(change("durability", "commit")->durability, Durable::commit);
  EXPECT_EQ(change("replication", "5")->replication, 5);
  EXPECT_EQ(change("lease", "2s")->lease(), seconds(2));
  EXPECT_EQ(change("takeover_empty_after", "1m")->takeover_empty(), std::chrono::minutes(1));
  EXPECT_EQ(change("takeover_empty_after", "never")->takeover_empty_us, 0u);
  const auto both = changed({}, {{"replication", "1"}, {"lease", "1s"}}, milliseconds(150));
  EXPECT_EQ(both->replication, 1);
  EXPECT_EQ(both->lease(), seconds(1));
}

TEST(RingSettings, SaysWhatIsAccepted) {
  const std::tuple<const char*, const char*, const char*> all[] = {
      {"durability", "often", "\"interval\", \"commit\""},
      {"durability", "none", "fixed when it is founded"},
      {"replication", "0", "1 to 9"},
      {"replication", "3x", "1 to 9"},
      {"replication", "", "1 to 9"},
      {"lease", "1h", "\"50ms\" to \"1m\""},
      {"lease", "5", "\"50ms\" to \"1m\""},
      {"lease", "200ms", "twice ring.heartbeat"},
      {"takeover_empty_after", "0s", "\"never\""},
      {"arcs", "512", "for ever, into 256"},
      {"listen", "127.0.0.1:1", "there are: durability"}};
  for (const auto& [name, value, why] : all)
    EXPECT_NE(refusal(name, value).find(why), std::string::npos) << refusal(name, value);
  HiveOptions in_memory;
  in_memory.durability = Durable::none;
  EXPECT_NE(refusal("durability", "commit", in_memory), "is taken");
  EXPECT_EQ(refusal("durability", "none", in_memory), "is taken");
  EXPECT_FALSE(changed({}, {}, milliseconds(150)));
}

class RingOptions : public ::testing::Test {
 protected:
  void start(std::initializer_list<NodeId> nodes) {
    for (NodeId id : nodes) {
      hive.start(id);
      hive.run(seconds(2));
    }
  }
  void set(std::initializer_list<NodeId> nodes, const HiveOptions& next, std::uint64_t version) {
    for (NodeId id : nodes)
      hive.core(id).change_hive(hive.now(), next, version, hive.node(id).effects);
  }
  HiveOptions with_lease(Duration lease) {
    HiveOptions next = hive.options().hive;
    next.lease_us = static_cast<std::uint64_t>(lease.count());
    return next;
  }
  bool reads(NodeId id) {
    const auto arcs = hive.core(id).arcs();
    return std::any_of(arcs.begin(), arcs.end(),
                       [&](const Arc* arc) { return arc->may_read(hive.now()); });
  }
  Hive hive;
};

TEST_F(RingOptions, CopiesBecomeFewerAndMore) {
  start({1, 2, 3});
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(hive.command(1, {"SET", "key" + std::to_string(i), "value"}));
  HiveOptions next = hive.options().hive;
  std::uint64_t version = 1;
  for (const unsigned copies : {1U, 2U, 3U}) {
    next.replication = static_cast<std::uint8_t>(copies);
    set({1, 2, 3}, next, ++version);
    hive.run(seconds(5));
    EXPECT_TRUE(hive.settled());
    std::size_t kept = 0;
    for (NodeId id : {1, 2, 3}) kept += hive.core(id).kept();
    EXPECT_EQ(kept, 8U * copies);
    for (int i = 0; i < 50; ++i)
      EXPECT_EQ(hive.command(2, {"GET", "key" + std::to_string(i)})->text, "value");
  }
}

TEST_F(RingOptions, AnOwnerCountsOnNoLongerLeaseThanItsMembersGive) {
  start({1, 2, 3});
  ASSERT_TRUE(reads(1));
  set({1}, with_lease(seconds(20)), 2);
  hive.run(seconds(1));
  ASSERT_TRUE(reads(1));
  for (NodeId other : {2, 3}) {
    hive.cut(1, other);
    hive.cut(other, 1);
  }
  hive.run(milliseconds(700));
  EXPECT_FALSE(reads(1)) << "the others are bound for 600 ms";
}

TEST_F(RingOptions, AShorterLeaseTakesNothingBack) {
  hive.options().hive.lease_us = 2'000'000;
  start({1, 2, 3});
  std::map<ArcId, Time> bound;
  for (const Arc* arc : hive.core(2).arcs())
    if (const auto [to, until] = arc->lease_given(); to == 1) bound[arc->id()] = until;
  ASSERT_FALSE(bound.empty());
  set({1, 2, 3}, with_lease(milliseconds(400)), 2);
  hive.run(milliseconds(300));
  for (const auto& [arc, until] : bound)
    EXPECT_GE(hive.core(2).find(arc)->lease_given().second, until);
}

TEST_F(RingOptions, StreamsBeginAnewWithADurabilityAndLoseNothing) {
  start({1, 2, 3});
  HiveOptions next = hive.options().hive;
  std::uint64_t version = 1;
  int written = 0;
  for (const Durable each : {Durable::commit, Durable::interval, Durable::commit}) {
    next.durability = each;
    ++version;
    for (NodeId id : {2, 1, 3}) {
      set({id}, next, version);
      const auto answer = hive.command(id, {"SET", "key" + std::to_string(written++), "value"});
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->outcome, Outcome::done);
    }
  }
  hive.run(seconds(1));
  EXPECT_TRUE(hive.settled());
  for (int i = 0; i < written; ++i)
    EXPECT_EQ(hive.command(3, {"GET", "key" + std::to_string(i)})->text, "value");
}

TEST_F(RingOptions, WhoHasNotHeardOfThemBecomesNoOwner) {
  start({1, 2, 3});
  set({3}, with_lease(milliseconds(700)), 2);
  const std::size_t before = hive.core(2).owned();
  hive.kill(1);
  hive.run(seconds(5));
  EXPECT_EQ(hive.core(2).owned() + hive.core(3).owned(), 8u);
  EXPECT_LE(hive.core(2).owned(), before);
  set({2}, with_lease(milliseconds(700)), 2);
  hive.run(seconds(5));
  EXPECT_GT(hive.core(2).owned(), 0u);
}

}  // namespace
}  // namespace skep::ring
