// The ring's core, step by step: founding, joining, takeover, leaving, restart, power cut.
#include "tests/unit/ring_hive.hpp"

namespace skep::ring {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string get(Hive& hive, NodeId at, const std::string& key) {
  const auto answer = hive.command(at, {"GET", key});
  if (!answer) return "(silence)";
  if (answer->outcome != Outcome::done) return "(" + answer->text + ")";
  return answer->kind == static_cast<std::uint8_t>(resp::Value::Kind::null) ? "(nil)"
                                                                            : answer->text;
}

bool set(Hive& hive, NodeId at, const std::string& key, const std::string& value) {
  const auto answer = hive.command(at, {"SET", key, value});
  return answer && answer->outcome == Outcome::done;
}

void fill(Hive& hive, NodeId at, int count) {
  for (int i = 0; i < count; ++i)
    ASSERT_TRUE(set(hive, at, "key" + std::to_string(i), "value" + std::to_string(i))) << i;
}

void expect_all(Hive& hive, NodeId at, int count) {
  for (int i = 0; i < count; ++i)
    EXPECT_EQ(get(hive, at, "key" + std::to_string(i)), "value" + std::to_string(i));
}

TEST(RingCore, OneNodeServesAtOnce) {
  Hive hive;
  hive.start(1);
  EXPECT_TRUE(set(hive, 1, "a", "1"));
  EXPECT_EQ(get(hive, 1, "a"), "1");
  EXPECT_EQ(get(hive, 1, "b"), "(nil)");
  EXPECT_TRUE(hive.settled());
}

TEST(RingCore, ThreeNodesShareTheArcs) {
  Hive hive(64);
  hive.start(1);
  fill(hive, 1, 200);
  hive.start(2);
  hive.run(seconds(2));
  EXPECT_TRUE(hive.settled());
  hive.start(3);
  hive.run(seconds(2));
  EXPECT_TRUE(hive.settled());
  for (NodeId id : {1, 2, 3}) EXPECT_GT(hive.core(id).owned(), 5U);
  for (NodeId id : {1, 2, 3}) expect_all(hive, id, 200);
}

TEST(RingCore, ADeadOwnersArcsAreTakenOver) {
  Hive hive;
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  fill(hive, 1, 100);
  hive.kill(2);
  hive.run(seconds(3));
  expect_all(hive, 1, 100);
  expect_all(hive, 3, 100);
  fill(hive, 3, 100);
  hive.start(2);
  hive.run(seconds(5));
  EXPECT_TRUE(hive.settled());
  expect_all(hive, 2, 100);
}

TEST(RingCore, AMinorityServesNothingAndSaysSo) {
  Hive hive;
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  for (NodeId id : {2, 3}) {
    hive.cut(1, id);
    hive.cut(id, 1);
  }
  hive.run(seconds(4));
  for (const auto& arc : hive.core(1).arcs()) EXPECT_FALSE(arc->may_read(hive.now()));
  std::size_t owned = hive.core(2).owned() + hive.core(3).owned();
  EXPECT_EQ(owned, 8U);
}

TEST(RingCore, RestartOfAllKeepsEverything) {
  Hive hive;
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  fill(hive, 2, 100);
  for (NodeId id : {1, 2, 3}) hive.kill(id);
  for (NodeId id : {3, 1, 2}) hive.start(id);
  hive.run(seconds(5));
  EXPECT_TRUE(hive.settled());
  expect_all(hive, 1, 100);
}

TEST(RingCore, PowerCutOfAllCountsAgainOnceAllWereHeard) {
  Hive hive;
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  fill(hive, 2, 100);
  for (NodeId id : {1, 2, 3}) hive.kill(id);
  hive.node(1).disk["ring"].clear();  // what one had not synced
  hive.start(1, true);
  hive.start(2, true);
  hive.run(seconds(5));
  EXPECT_EQ(hive.core(1).owned() + hive.core(2).owned(), 0U);
  hive.start(3, true);
  hive.run(seconds(5));
  EXPECT_TRUE(hive.settled());
  expect_all(hive, 1, 100);
}

TEST(RingCore, AFourthNodeJoinsAndTheFirstLeaves) {
  Hive hive(32);
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  fill(hive, 1, 200);
  hive.start(4);
  hive.run(seconds(3));
  EXPECT_TRUE(hive.settled());
  hive.set_gone(1);
  hive.run(seconds(5));
  EXPECT_TRUE(hive.settled());
  EXPECT_EQ(hive.core(1).kept(), 0U);
  expect_all(hive, 4, 200);
  expect_all(hive, 1, 200);  // it keeps nothing, and still knows whom to ask
}

TEST(RingCore, LeavingShrinksASmallRing) {
  Hive hive;
  for (NodeId id : {1, 2}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  fill(hive, 1, 50);
  hive.set_gone(1);
  hive.run(seconds(5));
  EXPECT_EQ(hive.core(1).kept(), 0U);
  hive.kill(1);
  expect_all(hive, 2, 50);
}

TEST(RingCore, StoppingPassesOwnershipWithoutAPause) {
  Hive hive(32);
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  fill(hive, 1, 50);
  hive.core(2).stop();
  hive.run(milliseconds(500));
  EXPECT_EQ(hive.core(2).owned(), 0U);
  hive.kill(2);
  for (int i = 0; i < 50; ++i) {
    const auto answer = hive.command(1, {"GET", "key" + std::to_string(i)}, milliseconds(50));
    EXPECT_TRUE(answer && answer->outcome == Outcome::done) << i;
  }
}

TEST(RingCore, IncrementsAreOrderedByTheOwner) {
  Hive hive;
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  int done = 0;
  for (int i = 0; i < 30; ++i)
    hive.submit(static_cast<NodeId>(i % 3 + 1), {"INCR", "n"},
                [&](Answer a) { done += a.outcome == Outcome::done; });
  hive.run(milliseconds(100));
  EXPECT_EQ(done, 30);
  EXPECT_EQ(get(hive, 1, "n"), "30");
}

}  // namespace
}  // namespace skep::ring
