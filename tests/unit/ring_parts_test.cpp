// The ring's pure parts: slots, placement, records, tables, rows, and the bytes of its messages.
#include <gtest/gtest.h>

#include <random>

#include "net/resp.hpp"
#include "roles/ring/messages.hpp"
#include "roles/ring/placement.hpp"

namespace skep::ring {
namespace {

// The values are Redis Cluster's (CLUSTER KEYSLOT of redis-server 7.0).
TEST(Slots, AreRedisClusters) {
  EXPECT_EQ(slot_of("123456789"), 0x31c3 % kSlots);
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of("foo{hash_tag}"), 2515);
  EXPECT_EQ(slot_of("bar{hash_tag}"), 2515);
  EXPECT_EQ(slot_of(""), 0);
}

TEST(Slots, OnlyTheFirstNonEmptyTagCounts) {
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
  EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar"));
  EXPECT_NE(slot_of("foo{bar"), slot_of("bar"));
}

std::vector<Node> nodes(std::size_t count) {
  std::vector<Node> nodes;
  for (std::size_t i = 1; i <= count; ++i) {
    Node node;
    node.id = i * 7919;
    node.alive = node.eligible = true;
    nodes.push_back(node);
  }
  return nodes;
}

TEST(Placement, ANewNodeMovesOnlyItsOwnShare) {
  constexpr ArcId kArcs = 2048;
  const auto before = nodes(9);
  const auto after = nodes(10);
  std::size_t moved = 0;
  for (ArcId arc = 0; arc < kArcs; ++arc) {
    const auto was = desired_members(arc, before, 3);
    const auto is = desired_members(arc, after, 3);
    for (NodeId id : is)
      if (std::find(was.begin(), was.end(), id) == was.end()) {
        EXPECT_EQ(id, after.back().id);
        ++moved;
      }
  }
  EXPECT_GT(moved, kArcs * 3 / 10 * 8 / 10);
  EXPECT_LT(moved, kArcs * 3 / 10 * 12 / 10);
}

// Nodes come, go, die, come back and get other weights; the wish is always the plain function's.
TEST(Placement, AWishThatFollowsChangesIsTheDesiredMembers) {
  std::mt19937_64 random(7);
  std::vector<Node> now;
  std::vector<Wish> wishes;
  constexpr ArcId kArcs = 64;
  for (ArcId arc = 0; arc < kArcs; ++arc) wishes.emplace_back(arc, 3, now);
  for (int step = 0; step < 400; ++step) {
    const std::vector<Node> before = now;
    for (std::uint64_t changes = random() % 4; changes > 0; --changes) {
      const NodeId id = 1 + random() % 12;
      const auto at = std::lower_bound(now.begin(), now.end(), id,
                                       [](const Node& node, NodeId to) { return node.id < to; });
      if (at == now.end() || at->id != id) {
        now.insert(at, {.id = id, .alive = true, .eligible = random() % 4 != 0});
      } else if (random() % 3 == 0) {
        now.erase(at);
      } else {
        at->eligible = random() % 2 == 0;
        at->weight = random() % 3 == 0 ? 200 : 100;
      }
    }
    const std::vector<Node> changed = changed_candidates(before, now);
    for (ArcId arc = 0; arc < kArcs; ++arc) {
      const std::vector<NodeId> was = wishes[arc].members();
      const bool other = wishes[arc].follow(changed, now);
      ASSERT_EQ(wishes[arc].members(), desired_members(arc, now, 3)) << step;
      EXPECT_EQ(other, wishes[arc].members() != was) << step;
    }
  }
}

TEST(Placement, WeightIsAShare) {
  auto weighted = nodes(4);
  weighted[0].weight = 200;
  std::size_t first = 0;
  for (ArcId arc = 0; arc < 4096; ++arc)
    first += desired_members(arc, weighted, 1)[0] == weighted[0].id ? 1U : 0U;
  EXPECT_GT(first, 4096U * 2 / 5 * 9 / 10);
  EXPECT_LT(first, 4096U * 2 / 5 * 11 / 10);
}

TEST(Placement, WhoIsNotEligibleIsNotDesired) {
  auto three = nodes(3);
  three[1].eligible = false;
  for (ArcId arc = 0; arc < 64; ++arc) {
    const auto desired = desired_members(arc, three, 3);
    EXPECT_EQ(desired.size(), 2U);
    EXPECT_EQ(std::find(desired.begin(), desired.end(), three[1].id), desired.end());
  }
}

// Three copies, and the desired members as nodes come and go.
TEST(Placement, InPlaceIsWhatNothingCanBeDoneAbout) {
  constexpr ArcId kArc = 3;
  auto all = nodes(4);
  const std::vector<NodeId> best = desired_members(kArc, all, 4);
  const auto node = [&](std::size_t place) -> Node& {
    return *std::find_if(all.begin(), all.end(), [&](Node& n) { return n.id == best[place]; });
  };
  Record record{1, best[0], {best[0], best[1], best[2]}, {}};
  std::sort(record.members.begin(), record.members.end());
  const auto is = [&] { return in_place(record, desired_members(kArc, all, 3), all, 3); };
  EXPECT_TRUE(is());
  record.owner = best[1];
  EXPECT_FALSE(is());
  node(0).stopping = true;  // and cannot own it
  EXPECT_TRUE(is());
  node(0).stopping = false;
  node(0).alive = false;  // nor can the dead
  EXPECT_TRUE(is());
  node(0).eligible = false;  // the fourth is to take its place
  EXPECT_FALSE(is());
  node(3).alive = node(3).eligible = false;  // there is none
  EXPECT_TRUE(is());
  node(0).gone = true;  // it left: its place is given up
  EXPECT_FALSE(is());
  std::erase(record.members, best[0]);
  EXPECT_TRUE(is());
  record.replaces = record.members;
  EXPECT_FALSE(is());
}

TEST(Records, MajoritiesOfBothSetsCountUntilSettled) {
  const Record record{5, 1, {1, 2, 4}, {1, 2, 3}};
  const auto of = [](std::vector<NodeId> nodes) {
    return [nodes](NodeId id) { return std::find(nodes.begin(), nodes.end(), id) != nodes.end(); };
  };
  EXPECT_TRUE(record.majority(of({1, 2})));
  EXPECT_FALSE(record.majority(of({1, 4})));
  EXPECT_FALSE(record.majority(of({1, 3})));
  EXPECT_TRUE(record.majority(of({1, 3, 4})));
  EXPECT_EQ(record.everybody(), (std::vector<NodeId>{1, 2, 3, 4}));
  EXPECT_FALSE((Record{5, 1, {1, 2}, {}}).majority(of({1})));
}

TEST(Records, FromOutsideAreChecked) {
  EXPECT_TRUE(well_formed({5, 1, {1, 2}, {}}));
  EXPECT_FALSE(well_formed({0, 1, {1, 2}, {}}));
  EXPECT_FALSE(well_formed({5, 3, {1, 2}, {}}));
  EXPECT_FALSE(well_formed({5, 1, {2, 1}, {}}));
  EXPECT_FALSE(well_formed({5, 1, {1, 1}, {}}));
}

TEST(Rows, EveryFlippedBitIsNoticed) {
  const std::string entry = encode_row(Entry{{3, 9}, 1234, false, "value"});
  EXPECT_EQ(decode_entry(entry).value(), (Entry{{3, 9}, 1234, false, "value"}));
  const std::string standing = encode_row(Standing{{5, 1, {1, 2}, {}}, {6, 2}});
  for (std::size_t bit = 0; bit < entry.size() * 8; ++bit) {
    std::string bad = entry;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode_entry(bad)) << bit;
  }
  for (std::size_t bit = 0; bit < standing.size() * 8; ++bit) {
    std::string bad = standing;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode_standing(bad)) << bit;
  }
  EXPECT_FALSE(decode_entry(""));
}

TEST(Tables, DigestsTellCopiesApartAndForgetOrder) {
  Table one(0, kSlots);
  Table two(0, kSlots);
  for (int i = 0; i < 100; ++i)
    one.put("k" + std::to_string(i), {{1, 1U + static_cast<unsigned>(i)}, 0, false, "v"});
  for (int i = 99; i >= 0; --i)
    two.put("k" + std::to_string(i), {{1, 1U + static_cast<unsigned>(i)}, 0, false, "v"});
  EXPECT_EQ(one.digests(), two.digests());
  two.put("k7", {{1, 8}, 0, true, ""});  // a tombstone of the same version
  EXPECT_NE(one.digests(), two.digests());
  two.put("k7", {{1, 8}, 0, false, "v"});
  EXPECT_EQ(one.digests(), two.digests());
  one.erase("k7");
  two.erase("k7");
  EXPECT_EQ(one.digests(), two.digests());
  EXPECT_EQ(one.live(), 99U);
}

TEST(Tables, DigestsOfNeighbouringKeysAndVersionsDoNotCancel) {
  std::set<std::uint64_t> seen;
  for (char digit = '0'; digit <= '9'; ++digit)
    for (std::uint64_t epoch = 1; epoch <= 8; ++epoch)
      for (std::uint64_t number = 1; number <= 64; ++number) {
        const std::string key = std::string("key") + digit + "{0}";
        Table table(0, kSlots);
        table.put(key, {{epoch, number}, 0, false, {}});
        EXPECT_TRUE(seen.insert(table.digests()[table.bucket_of(key)]).second)
            << key << " " << epoch << " " << number;
      }
}

TEST(Tables, AWalkInPagesSeesEveryLiveKeyOnce) {
  Table table(0, kSlots);
  for (int i = 0; i < 500; ++i) table.put("k" + std::to_string(i), {{1, 1}, 0, i % 5 == 0, ""});
  std::set<std::string> seen;
  std::uint64_t from = 0;
  do {
    const auto [keys, next] = table.walk(from, 7, 0);
    for (const auto& key : keys) EXPECT_TRUE(seen.insert(key).second) << key;
    EXPECT_TRUE(next == 0 || keys.size() >= 7);
    from = next;
  } while (from != 0);
  EXPECT_EQ(seen.size(), 400U);
}

TEST(Tables, PartsOfABucketCoverIt) {
  Table table(0, kSlots);
  for (int i = 0; i < 50; ++i)
    table.put("{t}" + std::to_string(i), {{1, 1}, 0, false, std::string(100, 'x')});
  const std::uint32_t bucket = table.bucket_of("{t}");
  std::size_t count = 0;
  std::optional<std::string> from = "";
  while (from) {
    const auto part = table.part(bucket, *from, 1000);
    EXPECT_FALSE(part.entries.empty());
    count += part.entries.size();
    from = part.next;
  }
  EXPECT_EQ(count, 50U);
}

TEST(Tables, ExpiredKeysComeWhenDueUntilTheyAreGone) {
  Table table(0, kSlots);
  table.put("a", {{1, 1}, 100, false, ""});
  table.put("b", {{1, 2}, 200, false, ""});
  table.put("a", {{1, 3}, 300, false, ""});
  EXPECT_EQ(table.expired(99), std::nullopt);
  EXPECT_EQ(table.expired(250), "b");
  EXPECT_EQ(table.expired(250), "b");
  table.put("b", {{1, 4}, 0, true, ""});
  EXPECT_EQ(table.expired(250), std::nullopt);
  EXPECT_EQ(table.expired(300), "a");
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    out += kDigits[static_cast<std::uint8_t>(c) >> 4];
    out += kDigits[static_cast<std::uint8_t>(c) & 15];
  }
  return out;
}

// The bytes of every message, so that the format cannot drift unnoticed.
TEST(Messages, GoldenBytes) {
  const Record record{5, 1, {1, 2}, {}};
  const std::string record_hex = hex(wire::encode(record));
  EXPECT_EQ(record_hex, "05000000000000000100000000000000020100000000000000020000000000000000");
  EXPECT_EQ(hex(wire::encode(Heartbeat{7, {{1, 2, true}}})),
            "0700000000000000010100020000000000000001");
  EXPECT_EQ(hex(wire::encode(HeartbeatReply{7, 3, false, 8, {{1, 2, true}}})),
            "07000000000000000300000000000000000800000000000000010100020000000000000001");
  EXPECT_EQ(hex(wire::encode(PreVote{1, 2})), "01000200000000000000");
  EXPECT_EQ(hex(wire::encode(PreVoteReply{1, 2, true, false, 3, record})),
            "0100020000000000000001000300000000000000" + record_hex);
  EXPECT_EQ(hex(wire::encode(Prepare{1, 2})), "01000200000000000000");
  EXPECT_EQ(hex(wire::encode(Promised{1, 2, record, {9}, 4})),
            "01000200000000000000" + record_hex + "0109000000000000000400000000000000");
  EXPECT_EQ(hex(wire::encode(Install{1, record})), "0100" + record_hex);
  EXPECT_EQ(hex(wire::encode(Installed{1, 2, 3, true})), "01000200000000000000030000000000000001");
  EXPECT_EQ(hex(wire::encode(Refused{1, 2, 3, record})),
            "010002000000000000000300000000000000" + record_hex);
  EXPECT_EQ(hex(wire::encode(SyncBegin{1, 2, 3, 4, 5, true, {6}})),
            "01000200000000000000030000000000000004000000050000000000000001010600000000000000");
  EXPECT_EQ(hex(wire::encode(SyncWant{1, 2, 3, {4, 5}})), "0100020000000000000003000000020405");
  const Item item{"k", {{5, 6}, 7, false, "v"}};
  const std::string item_hex =
      "016b0500000000000000060000000000000007000000000000000001"
      "76";
  EXPECT_EQ(hex(wire::encode(item)), item_hex);
  EXPECT_EQ(hex(wire::encode(SyncPart{1, 2, 3, 4, 5, 6, true, false, {item}})),
            "01000200000000000000030000000400000005000000000000000601"
            "0001" +
                item_hex);
  EXPECT_EQ(hex(wire::encode(SyncAck{1, 2, 3, 4})), "010002000000000000000300000004000000");
  EXPECT_EQ(hex(wire::encode(Appends{{{1, 2, 3, 4, {item}}}})),
            "010100020000000000000003000000040000000000000001" + item_hex);
  EXPECT_EQ(hex(wire::encode(Acks{{{1, 2, 3, 4}}})),
            "01010002000000000000000300000004"
            "00000000000000");
  EXPECT_EQ(hex(wire::encode(StreamLost{1, 2, 3, 4})),
            "01000200000000000000030000000400000000000000");
  EXPECT_EQ(hex(wire::encode(Fetch{1, 2, 3, 4, "k"})),
            "01000200000000000000030000000000000004016b");
  EXPECT_EQ(hex(wire::encode(Fetched{1, 2, 3, 4, "k", true, "n", {item}})),
            "01000200000000000000030000000000000004016b01016e01" + item_hex);
  EXPECT_EQ(hex(wire::encode(Pull{1, 2})), "01000200000000000000");
  EXPECT_EQ(hex(wire::encode(Pulled{1, 2, true, record, {9}})),
            "0100020000000000000001" + record_hex + "010900000000000000");
  EXPECT_EQ(hex(wire::encode(Request{1, 2, Op::walk, true, 3, 4, {"GET", "k"}})),
            "0100020000000000000001010300040000000000000002034745"
            "54016b");
  EXPECT_EQ(
      hex(wire::encode(Answer{1, Outcome::moved, 2, "t", 3, Rare(Answer::More{{"i"}, record})})),
      "0100010201740300000000000000010169" + record_hex);
}

}  // namespace
}  // namespace skep::ring
