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

// Entries that are nowhere else are not dropped: there is room for no more.
TEST(RingMemory, InMemoryOnlyNothingIsDropped) {
  Hive hive;
  hive.options().hive.durability = Durable::none;
  hive.options().max_entries = 10;
  hive.start(1);
  int taken = 0;
  while (taken < 100 && run(hive, 1, {"SET", key(taken), value(taken)}) == "OK") ++taken;
  EXPECT_EQ(taken, 11);
  for (int i = 0; i < taken; ++i) EXPECT_EQ(run(hive, 1, {"GET", key(i)}), value(i));
  EXPECT_EQ(hive.core(1).host().memory.evictions, 0U);
}

}  // namespace
}  // namespace skep::ring
