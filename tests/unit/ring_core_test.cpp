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

// One after the other, so that each finds a settled ring.
void start_three(Hive& hive) {
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
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
  start_three(hive);
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
  start_three(hive);
  for (NodeId id : {2, 3}) {
    hive.cut(1, id);
    hive.cut(id, 1);
  }
  hive.run(seconds(4));
  for (const Arc* arc : hive.core(1).arcs()) EXPECT_FALSE(arc->may_read(hive.now()));
  std::size_t owned = hive.core(2).owned() + hive.core(3).owned();
  EXPECT_EQ(owned, 8U);
}

TEST(RingCore, RestartOfAllKeepsEverything) {
  Hive hive;
  start_three(hive);
  fill(hive, 2, 100);
  for (NodeId id : {1, 2, 3}) hive.kill(id);
  for (NodeId id : {3, 1, 2}) hive.start(id);
  hive.run(seconds(5));
  EXPECT_TRUE(hive.settled());
  expect_all(hive, 1, 100);
}

TEST(RingCore, PowerCutOfAllCountsAgainOnceAllWereHeard) {
  Hive hive;
  start_three(hive);
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

TEST(RingCore, EntriesInMemoryOutliveEachOwnerButNotAll) {
  Hive hive;
  hive.options().hive.durability = Durable::none;
  start_three(hive);
  fill(hive, 2, 100);
  for (NodeId id : {1, 2, 3}) {
    EXPECT_TRUE(hive.node(id).disk["ring"].empty());
    hive.kill(id);
    hive.start(id, true);
    hive.run(seconds(5));
    EXPECT_TRUE(hive.settled());
    expect_all(hive, id, 100);
  }
  for (NodeId id : {1, 2, 3}) hive.kill(id);
  for (NodeId id : {1, 2, 3}) hive.start(id, true);
  hive.run(seconds(5));
  EXPECT_TRUE(hive.settled());
  for (const auto& arc : hive.core(1).arcs()) EXPECT_EQ(arc->table().size(), 0U);
}

TEST(RingCore, AnArcWithOneCopyIsTakenOverByOneOfTheOthers) {
  Hive hive;
  hive.options().hive.replication = 1;
  start_three(hive);
  ASSERT_TRUE(hive.settled());
  const std::size_t lost = hive.core(3).owned();
  hive.kill(3);
  hive.run(seconds(5));
  EXPECT_EQ(hive.core(1).owned() + hive.core(2).owned(), 8 - lost);

  hive.set_lost(3);
  std::size_t taken = 0;
  for (NodeId id : {1, 2})
    for (ArcId arc = 0; arc < 8; ++arc) {
      const Record heard = hive.node(id).router->hint(arc);
      if (!hive.core(id).take_over_lost(hive.now(), arc, heard, hive.node(id).effects)) continue;
      ++taken;
      const Record& record = hive.core(id).standing(arc).record;
      EXPECT_EQ(record, (Record{record.epoch, id, {id}, {}}));
      EXPECT_TRUE(heard.names(3) && apart(heard.epoch, record.epoch));
    }
  EXPECT_EQ(taken, lost);
  hive.run(seconds(1));
  EXPECT_EQ(hive.core(1).owned() + hive.core(2).owned(), 8U);
}

TEST(RingCore, AFourthNodeJoinsAndTheFirstLeaves) {
  Hive hive(32);
  start_three(hive);
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
  start_three(hive);
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
  start_three(hive);
  int done = 0;
  for (int i = 0; i < 30; ++i)
    hive.submit(static_cast<NodeId>(i % 3 + 1), {"INCR", "n"},
                [&](Answer a) { done += a.outcome == Outcome::done; });
  hive.run(milliseconds(100));
  EXPECT_EQ(done, 30);
  EXPECT_EQ(get(hive, 1, "n"), "30");
}

std::string say(Hive& hive, NodeId at, std::vector<std::string> words) {
  const auto answer = hive.command(at, std::move(words));
  if (!answer || answer->outcome != Outcome::done) return "(" + (answer ? answer->text : "") + ")";
  return answer->text.empty() ? std::to_string(answer->number) : answer->text;
}

TEST(RingCore, KeysOfOneSlotAreWrittenTogether) {
  Hive hive;
  start_three(hive);
  EXPECT_EQ(say(hive, 1, {"MSETNX", "{t}a", "1", "{t}b", "2"}), "1");
  EXPECT_EQ(say(hive, 2, {"MSETNX", "{t}c", "1", "{t}b", "3"}), "0");
  EXPECT_EQ(get(hive, 3, "{t}c"), "(nil)");
  EXPECT_EQ(say(hive, 3, {"RENAME", "{t}a", "{t}b"}), "OK");
  EXPECT_EQ(say(hive, 3, {"COPY", "{t}b", "{t}c"}), "1");
  EXPECT_EQ(say(hive, 1, {"MSETNX", "a", "1", "b", "2"}),
            "(the keys are not of one slot of this arc)");
  EXPECT_EQ(get(hive, 1, "{t}a") + get(hive, 2, "{t}b") + get(hive, 3, "{t}c"), "(nil)11");
  EXPECT_TRUE(hive.settled());
}

// The members may die between any two messages of the owner's: all of a write, or nothing of it.
TEST(RingCore, NoDeathLeavesHalfOfWhatIsWrittenTogether) {
  for (std::uint64_t delivered = 0; delivered < 12; ++delivered) {
    Hive hive(2);
    hive.options().chunk_bytes = 16;  // of a copy, or a frame: less than the write
    start_three(hive);
    NodeId owner = 0;
    const ArcId arc = arc_of(slot_of("{t}"), 2);
    for (NodeId id : {1, 2, 3})
      if (hive.core(id).find(arc) && hive.core(id).find(arc)->owns()) owner = id;
    std::vector<std::string> words{"MSETNX"};
    for (char c = 'a'; c <= 'f'; ++c)
      words.insert(words.end(), {std::string("{t}") + c, std::string(30, c)});
    hive.lose_after(delivered);
    hive.submit(owner, words, [](const Answer&) {});
    hive.run(milliseconds(10));
    hive.kill(owner);
    hive.lose_after(UINT64_MAX);
    hive.run(seconds(5));
    const NodeId other = owner % 3 + 1;
    const bool there = get(hive, other, "{t}a") != "(nil)";
    for (char c = 'b'; c <= 'f'; ++c)
      EXPECT_EQ(get(hive, other, std::string("{t}") + c) != "(nil)", there) << delivered << c;
  }
}

std::size_t tombstones(Hive& hive, NodeId at) {
  std::size_t count = 0;
  for (const Arc* arc : hive.core(at).arcs()) count += arc->table().size() - arc->table().live();
  return count;
}

TEST(RingCore, TombstonesGoWhenEveryMemberHasThem) {
  Hive hive;
  start_three(hive);
  fill(hive, 1, 100);
  hive.kill(3);
  hive.run(seconds(3));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(hive.command(1, {"DEL", "key" + std::to_string(i)}));
  hive.run(seconds(10));
  // What node 3 missed must not come back with it.
  EXPECT_EQ(tombstones(hive, 1), 100U);
  EXPECT_EQ(tombstones(hive, 2), 100U);
  hive.start(3);
  hive.run(seconds(10));
  for (NodeId id : {1, 2, 3}) {
    EXPECT_EQ(tombstones(hive, id), 0U) << id;
    EXPECT_EQ(get(hive, id, "key7"), "(nil)") << id;
    EXPECT_TRUE(hive.disk(id)["ring"].empty()) << id;
  }
}

TEST(RingCore, WhatIsLeftServesWhenTheDeadAreWrittenOff) {
  Hive hive;
  start_three(hive);
  fill(hive, 1, 100);
  hive.kill(2);
  hive.kill(3);
  hive.run(seconds(10));
  EXPECT_NE(get(hive, 1, "key1"), "value1");
  hive.core(1).forget(2);
  hive.run(seconds(5));
  EXPECT_NE(get(hive, 1, "key1"), "value1");  // node 3 may have what this one has not
  hive.core(1).forget(3);
  hive.run(seconds(5));
  expect_all(hive, 1, 100);
  fill(hive, 1, 100);
  // One that was written off is not listened to, and topples nobody.
  hive.start(2);
  hive.run(seconds(10));
  expect_all(hive, 1, 100);
  EXPECT_EQ(hive.core(1).owned(), hive.core(1).arcs().size());
}

TEST(RingCore, AFullStoreRefusesWritesOfItsOwnArcsAndNoOthers) {
  Hive hive;
  for (NodeId id : {1, 2, 3}) hive.start(id);
  hive.run(std::chrono::seconds(5));
  ASSERT_TRUE(hive.settled());
  const auto key_of = [&](NodeId owner) {
    for (int i = 0;; ++i)
      if (const std::string key = "k" + std::to_string(i);
          hive.core(1).desired(arc_of(slot_of(key), hive.options().hive.arcs)).front() == owner)
        return key;
  };
  const std::string own = key_of(2), other = key_of(1);
  ASSERT_EQ(hive.command(1, {"SET", own, "old"})->outcome, Outcome::done);
  hive.core(2).set_refusing(hive.now(), true);
  const auto refused = hive.command(1, {"SET", own, "new"}, Duration(0));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->outcome, Outcome::refused);
  EXPECT_EQ(hive.command(1, {"GET", own})->text, "old");
  EXPECT_EQ(hive.command(2, {"SET", other, "new"})->outcome, Outcome::done);
  hive.core(2).set_refusing(hive.now(), false);
  EXPECT_EQ(hive.command(1, {"SET", own, "new"})->outcome, Outcome::done);
}

TEST(RingCore, WhoseStoreIsFullLeavesItsArcsToOthersAndOwnsThemAgainLater) {
  Hive hive;
  for (NodeId id : {1, 2, 3}) hive.start(id);
  hive.run(std::chrono::seconds(5));
  ASSERT_TRUE(hive.settled());
  const std::size_t owned = hive.core(2).owned();
  ASSERT_GT(owned, 0u);
  const auto say = [&](bool full) {
    hive.core(2).set_refusing(hive.now(), full);
    for (NodeId id : {1, 3}) hive.core(id).set_withdrawn(2, full);
  };
  say(true);
  hive.run(2 * hive.options().takeover_after);
  EXPECT_EQ(hive.core(2).owned(), owned) << "at once";
  hive.run(std::chrono::seconds(5));
  EXPECT_EQ(hive.core(2).owned(), 0u);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(hive.command(1, {"SET", "k" + std::to_string(i), "v"})->outcome, Outcome::done);
  say(false);
  hive.run(std::chrono::seconds(10));
  EXPECT_EQ(hive.core(2).owned(), owned);
  EXPECT_TRUE(hive.settled());
}

TEST(RingCore, WhoseStoreIsFullStaysTheOwnerWhereTheOthersAreNoMajority) {
  for (NodeId nodes : {2, 3}) {
    Hive hive;
    for (NodeId id = 1; id <= nodes; ++id) hive.start(id);
    hive.run(std::chrono::seconds(5));
    const std::size_t owned = hive.core(2).owned();
    ASSERT_GT(owned, 0u);
    hive.core(2).set_refusing(hive.now(), true);
    hive.core(2).set_withdrawn(3, true);
    hive.run(std::chrono::seconds(10));
    EXPECT_EQ(hive.core(2).owned(), owned) << "of " << nodes;
    EXPECT_TRUE(hive.settled());
  }
}

}  // namespace
}  // namespace skep::ring
