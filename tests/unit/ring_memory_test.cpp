// Bounds of a node's memory and disk, in the core: what is dropped is read back, by whoever needs
// it, and what cannot be is told.
#include <algorithm>

#include "tests/unit/ring_hive.hpp"

namespace skep::ring {
namespace {

using std::chrono::seconds;

std::string run(Hive& hive, NodeId at, std::vector<std::string> words) {
  const auto answer = hive.command(at, std::move(words));
  if (!answer) return "(silence)";
  if (answer->outcome != Outcome::done) return "(" + answer->text + ")";
  switch (static_cast<resp::Value::Kind>(answer->kind)) {
    case resp::Value::Kind::null: return "(nil)";
    case resp::Value::Kind::integer: return std::to_string(answer->number);
    default: return answer->text;
  }
}

std::string key(int i) { return "key" + std::to_string(i); }
std::string value(int i) { return "value" + std::to_string(i); }

void fill(Hive& hive, NodeId at, int count) {
  for (int i = 0; i < count; ++i) ASSERT_EQ(run(hive, at, {"SET", key(i), value(i)}), "OK");
}

std::size_t values_at(Hive& hive, NodeId id) {
  std::size_t values = 0;
  for (const Arc* arc : hive.core(id).arcs()) values += arc->table().sizes().values;
  return values;
}

TEST(RingMemory, ValuesBeyondTheBoundAreDroppedAndReadBack) {
  Hive hive;
  hive.options().max_entries = 10;
  hive.start(1);
  fill(hive, 1, 200);
  EXPECT_LE(values_at(hive, 1), 10U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(run(hive, 1, {"GET", key(i)}), value(i));
  EXPECT_LE(values_at(hive, 1), 10U);
  const Memory& memory = hive.core(1).host().memory;
  EXPECT_GE(memory.evictions, 380U);
  EXPECT_GE(memory.read_backs, 190U);
  EXPECT_EQ(memory.unreadable, 0U);
}

TEST(RingMemory, BytesAreBoundedAsWell) {
  Hive hive;
  hive.options().max_memory = 100'000;
  hive.start(1);
  const std::string big(5000, 'x');
  for (int i = 0; i < 100; ++i) ASSERT_EQ(run(hive, 1, {"SET", key(i), big}), "OK");
  EXPECT_LE(hive.core(1).host().memory.bytes, 100'000U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(run(hive, 1, {"GET", key(i)}), big);
}

// Whatever is decided is decided on the value, wherever it was.
TEST(RingMemory, CommandsSeeWhatWasDropped) {
  Hive hive;
  hive.options().max_entries = 1;
  hive.start(1);
  fill(hive, 1, 20);
  ASSERT_EQ(run(hive, 1, {"SET", "n", "41"}), "OK");
  fill(hive, 1, 20);
  EXPECT_EQ(run(hive, 1, {"INCR", "n"}), "42");
  EXPECT_EQ(run(hive, 1, {"APPEND", key(3), "!"}), "7");
  EXPECT_EQ(run(hive, 1, {"GET", key(3)}), "value3!");
  EXPECT_EQ(run(hive, 1, {"SET", key(4), "new", "IFEQ", "other"}), "(nil)");
  EXPECT_EQ(run(hive, 1, {"SET", key(4), "new", "IFEQ", "value4"}), "OK");
  EXPECT_EQ(run(hive, 1, {"SETNX", key(5), "new"}), "0");
  EXPECT_EQ(run(hive, 1, {"DEL", key(6)}), "1");
  EXPECT_EQ(run(hive, 1, {"GET", key(6)}), "(nil)");
  EXPECT_EQ(run(hive, 1, {"GET", key(7)}), "value7");
}

TEST(RingMemory, ANewcomerGetsWhatIsOnDiskOnly) {
  Hive hive;
  hive.options().max_entries = 10;
  hive.start(1);
  fill(hive, 1, 200);
  for (NodeId id : {2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  ASSERT_TRUE(hive.settled());
  EXPECT_LE(values_at(hive, 2), 10U);
  hive.kill(1);
  hive.run(seconds(3));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(run(hive, 2, {"GET", key(i)}), value(i));
}

// Keys are never dropped: when they alone are too much, no new ones are taken.
TEST(RingMemory, NewKeysAreRefusedWhenKeysAloneAreTooMuch) {
  Hive hive;
  hive.options().max_memory = 20'000;
  hive.start(1);
  int taken = 0;
  std::string said;
  while (taken < 1000 && (said = run(hive, 1, {"SET", key(taken), value(taken)})) == "OK") ++taken;
  ASSERT_LT(taken, 1000);
  EXPECT_TRUE(said.starts_with("OOM ")) << said;
  EXPECT_EQ(run(hive, 1, {"SET", key(0), "again"}), "OK");
  EXPECT_EQ(run(hive, 1, {"GET", key(0)}), "again");
  EXPECT_EQ(run(hive, 1, {"DEL", key(1)}), "1");
}

TEST(RingMemory, AFullDiskTakesDeletesAndReadsOnly) {
  Hive hive;
  hive.start(1);
  fill(hive, 1, 3);
  hive.core(1).set_disk_full(true);
  EXPECT_TRUE(run(hive, 1, {"SET", key(0), "new"}).starts_with("OOM "));
  EXPECT_TRUE(run(hive, 1, {"INCR", "n"}).starts_with("OOM "));
  EXPECT_TRUE(run(hive, 1, {"MSETNX", "{k}a", "1", "{k}b", "2"}).starts_with("OOM "));
  EXPECT_EQ(run(hive, 1, {"GET", key(0)}), value(0));
  EXPECT_EQ(run(hive, 1, {"DEL", key(1)}), "1");
  hive.core(1).set_disk_full(false);
  EXPECT_EQ(run(hive, 1, {"SET", key(0), "new"}), "OK");
}

TEST(RingMemory, AValueThatTheDiskLostIsTold) {
  Hive hive;
  hive.options().max_entries = 1;
  hive.start(1);
  fill(hive, 1, 50);
  hive.node(1).disk["ring"].clear();
  int told = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string said = run(hive, 1, {"GET", key(i)});
    if (said == value(i)) continue;
    EXPECT_EQ(said, "(the key's value cannot be read from the disk)");
    ++told;
  }
  EXPECT_GE(told, 45);
  EXPECT_EQ(run(hive, 1, {"SET", key(1), "new"}), "OK");
}

// Entries that are nowhere else make room for others, on all nodes at once.
TEST(RingMemory, InMemoryOnlyOwnersDeleteForRoom) {
  Hive hive;
  hive.options().hive.durability = Durable::none;
  hive.options().max_entries = 10;
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  ASSERT_TRUE(hive.settled());
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(run(hive, 1, {"SET", key(i), value(i)}), "OK");
    for (NodeId id : {1, 2, 3}) ASSERT_LE(values_at(hive, id), 10U) << i;
  }
  const std::size_t left = values_at(hive, 1);
  EXPECT_GE(left, 7U);
  std::uint64_t deletions = 0;
  for (NodeId id : {1, 2, 3}) deletions += hive.core(id).host().memory.deletions;
  EXPECT_EQ(deletions + left, 200U);
  std::size_t there = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string said = run(hive, 2, {"GET", key(i)});
    if (said != "(nil)") {
      EXPECT_EQ(said, value(i));
      ++there;
    }
  }
  EXPECT_EQ(there, left);
  hive.run(seconds(5));  // the tombstones go
  ASSERT_TRUE(hive.settled());
  for (NodeId id : {1, 2, 3})
    for (const Arc* arc : hive.core(id).arcs()) EXPECT_EQ(arc->table().size(), arc->table().live());
}

// Also where it is the only one of its arc.
TEST(RingMemory, InMemoryOnlyWhatIsUsedStays) {
  Hive hive;
  hive.options().hive.durability = Durable::none;
  hive.options().max_memory = 60'000;
  hive.start(1);
  const std::string big(500, 'x');
  ASSERT_EQ(run(hive, 1, {"SET", "used", big}), "OK");
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(run(hive, 1, {"SET", "{other}" + key(i), big}), "OK");
    ASSERT_EQ(run(hive, 1, {"GET", "used"}), big) << i;
    const Memory& memory = hive.core(1).host().memory;
    ASSERT_LE(memory.bytes - memory.tombstone_bytes, 60'000U);
  }
  EXPECT_GE(hive.core(1).host().memory.deletions, 350U);
}

// What another node owns is its to delete.
TEST(RingMemory, InMemoryOnlyNewKeysAreRefusedWhereNothingMayGo) {
  Hive hive;
  hive.options().hive.durability = Durable::none;
  hive.start(1);
  fill(hive, 1, 50);
  hive.options().max_memory = 1;
  hive.start(2);
  hive.run(seconds(2));
  ASSERT_TRUE(hive.settled());
  std::size_t refused = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string said = run(hive, 1, {"SET", "new" + key(i), value(i)});
    if (said.starts_with("OOM ")) {
      ++refused;
    } else {
      EXPECT_EQ(said, "OK");
    }
  }
  EXPECT_GT(refused, 5U);
  EXPECT_LT(refused, 45U);
}

// Tombstones come on top of what is bounded, and are bounded in turn: while a member is away, none
// goes.
TEST(RingMemory, InMemoryOnlyTombstonesAreBoundedAsWell) {
  Hive hive(1);
  hive.options().hive.durability = Durable::none;
  hive.options().max_memory = 20'000;
  for (NodeId id : {1, 2, 3}) {
    hive.start(id);
    hive.run(seconds(2));
  }
  hive.kill(3);
  hive.run(seconds(3));
  std::string said = "OK";
  int taken = 0;
  for (; taken < 2000 && said == "OK"; ++taken) said = run(hive, 1, {"SET", key(taken), value(1)});
  ASSERT_TRUE(said.starts_with("OOM ")) << said << " after " << taken;
  EXPECT_LE(hive.core(1).host().memory.bytes, 42'000U);
  hive.start(3, true);
  hive.run(seconds(10));
  ASSERT_TRUE(hive.settled());
  EXPECT_EQ(run(hive, 1, {"SET", "again", "x"}), "OK");
}

}  // namespace
}  // namespace skep::ring
