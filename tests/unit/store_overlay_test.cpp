// Reads while data is in three places at once: in memory, being folded, and in the state.
#include <random>

#include "store/memtable.hpp"
#include "tests/unit/store_fixture.hpp"

namespace skep::store_test {
namespace {

class StoreOverlay : public StoreTest {
 protected:
  StoreOptions folding(std::size_t above) {
    StoreOptions options = StoreTest::options();
    options.fold_above = above;
    options.checkpoint_pages = 8;
    return options;
  }
  // What who takes in all of replay() ends with.
  Contents replayed() {
    Contents contents;
    const auto done =
        store_->replay("ring", [&](std::string_view key, std::optional<std::string_view> value) {
          if (value)
            contents[std::string(key)] = *value;
          else
            contents.erase(std::string(key));
        });
    EXPECT_TRUE(done);
    return contents;
  }
};

TEST_F(StoreOverlay, MemoryHidesTheState) {
  open();
  for (const char* key : {"a", "b", "c", "d"}) ASSERT_TRUE(write(put(key, "old")));
  fold_all(options());
  open();
  Batch batch;
  batch.put("ring", "b", "new");
  batch.erase("ring", "c");
  batch.put("ring", "bb", "new");
  batch.erase("ring", "never");
  ASSERT_TRUE(write(std::move(batch)));
  EXPECT_EQ(get("a"), "old");
  EXPECT_EQ(get("b"), "new");
  EXPECT_EQ(get("c"), std::nullopt);
  EXPECT_EQ(scan(), (Contents{{"a", "old"}, {"b", "new"}, {"bb", "new"}, {"d", "old"}}));
}

TEST_F(StoreOverlay, BoundsOfAScan) {
  open();
  for (const char* key : {"a", "b", "ba", "c"}) ASSERT_TRUE(write(put(key, key)));
  for (const bool in_state : {false, true}) {
    if (in_state) fold_all(options());
    open();
    EXPECT_EQ(scan("b", "c"), (Contents{{"b", "b"}, {"ba", "ba"}}));
    EXPECT_EQ(scan("b", ""), (Contents{{"b", "b"}, {"ba", "ba"}, {"c", "c"}}));
    EXPECT_EQ(scan("", "b"), (Contents{{"a", "a"}}));
    EXPECT_EQ(scan("c", "b"), Contents());
    EXPECT_EQ(scan("d", ""), Contents());
    std::vector<std::string> seen;
    ASSERT_TRUE(store_->scan("ring", "", "", [&](std::string_view key, std::string_view) {
      seen.emplace_back(key);
      return seen.size() < 2;
    }));
    EXPECT_EQ(seen, (std::vector<std::string>{"a", "b"}));
  }
}

TEST_F(StoreOverlay, SpacesAreApart) {
  open(folding(0));
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(write(put("key", "of one", "one")));
    ASSERT_TRUE(write(put("key", "of two", "two")));
  }
  EXPECT_EQ(scan("", "", "one"), (Contents{{"key", "of one"}}));
  EXPECT_EQ(get("key", "two"), "of two");
  EXPECT_EQ(scan("", "", "three"), Contents());
}

// Every read is compared with a map, while folds come and go underneath.
TEST_F(StoreOverlay, AgreesWithAMap) {
  Contents model;
  std::mt19937 random(7);
  open(folding(4000));
  const auto key = [&] { return "key" + std::to_string(random() % 300); };
  int reported = 0;
  for (int number = 1; number <= 4000; ++number) {
    Batch batch;
    for (auto ops = random() % 3; ops > 0; --ops) {
      const std::string where = key();
      if (random() % 3 == 0) {
        batch.erase("ring", where);
        model.erase(where);
      } else {
        model[where] = std::to_string(number);
        batch.put("ring", where, model[where]);
      }
    }
    store_->submit(batch, Durability::written, [&](Result<> ok) {
      EXPECT_TRUE(ok);
      ++reported;
    });
    if (random() % 8 == 0) loop_.run_until([&] { return reported == number; });
    const std::string where = key();
    const auto expected = model.find(where);
    EXPECT_EQ(get(where), expected == model.end() ? std::nullopt : std::optional(expected->second));
    if (number % 50 == 0) {
      const std::string from = key(), to = key();
      const auto end = to < from ? model.lower_bound(from) : model.lower_bound(to);
      EXPECT_EQ(scan(from, to), Contents(model.lower_bound(from), end));
      EXPECT_EQ(replayed(), model);
      EXPECT_EQ(scan(), model);
    }
    if (number % 1000 == 0) {
      loop_.run_until([&] { return reported == number; });
      open(folding(4000));
      EXPECT_EQ(replayed(), model);
      EXPECT_EQ(scan(), model);
    }
  }
}

TEST_F(StoreOverlay, VisitorMayRead) {
  open(folding(0));
  for (const char* key : {"a", "b"}) ASSERT_TRUE(write(put(key, key)));
  ASSERT_TRUE(store_->scan("ring", "", "", [&](std::string_view key, std::string_view value) {
    EXPECT_EQ(get(key), value);
    return true;
  }));
}

TEST(Memtable, KnowsABatch) {
  const Batch batch = put("key", "value");
  const std::string good = batch.head().append(batch.bytes());
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(Memtable::is_batch(std::string_view(good).substr(0, size))) << size;
  EXPECT_TRUE(Memtable::is_batch(good));
}

// What is written before the first read, soon after one and long after one.
TEST(Memtable, ReadsSeeEveryBatch) {
  Memtable table;
  const std::string large(1 << 20, 'v');
  for (std::uint64_t number = 1; number <= 20; ++number) {
    const Batch batch = put("key", std::to_string(number) + large);
    EXPECT_EQ(table.add(number, batch), batch.head().append(batch.bytes()));
    if (number % 10 > 2) continue;
    const auto found = table.find("ring", "key");
    ASSERT_TRUE(found && *found);
    EXPECT_TRUE((*found)->starts_with(std::to_string(number) + "v"));
  }
  std::size_t entries = 0;
  table.each_space([&](std::string_view space, const Memtable::Newest& newest) {
    EXPECT_EQ(space, "ring");
    entries += newest.size();
    EXPECT_TRUE(newest.at("key")->starts_with("20v"));
  });
  EXPECT_EQ(entries, 1U);
}

// Of two spaces that take turns in a batch one is read long before the other.
TEST(Memtable, SpacesAreIndexedApart) {
  Memtable table;
  for (std::uint64_t number = 1; number <= 20; ++number) {
    Batch batch;
    batch.put("one", "key", "passing");
    batch.put("two", "of two " + std::to_string(number), "v");
    batch.put("one", "key", std::to_string(number));
    table.add(number, batch);
    if (number % 5 == 0) {
      EXPECT_EQ(table.find("one", "key"), Memtable::Value(std::to_string(number)));
    }
  }
  EXPECT_EQ(table.find("three", "key"), std::nullopt);
  const auto runs = table.runs("two");
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].size(), 20U);
}

TEST(Memtable, RunsStayFewAndSorted) {
  Memtable table;
  std::mt19937 random(3);
  for (std::uint64_t number = 1; number <= 1000; ++number) {
    table.add(number, put(std::to_string(random() % 5000), "v"));
    std::size_t keys = 0;
    const std::vector<Memtable::Run> runs = table.runs("ring");
    for (const Memtable::Run& run : runs) {
      keys += run.size();
      for (std::size_t i = 1; i < run.size(); ++i) ASSERT_LT(run[i - 1]->first, run[i]->first);
    }
    EXPECT_LE(runs.size(), 11U);
    EXPECT_LE(keys, number);
  }
}

}  // namespace
}  // namespace skep::store_test
