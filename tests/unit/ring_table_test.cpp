// The ring's table against a plain map: what it says is what was done to it, whatever the order.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "roles/ring/table.hpp"

namespace skep::ring {
namespace {

// A table of a few slots, and what it should have. Values of cold entries stay in the model.
class TableAgainstMap : public ::testing::TestWithParam<unsigned> {
 protected:
  static constexpr Slot kFirst = 4096;
  static constexpr std::uint32_t kCount = 4096;

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  std::string key() {
    for (;;) {
      std::string key = "k" + std::to_string(below(keys_));
      if (below(50) == 0) key.append(70'000, 'l');
      if (below(3) == 0) key = "{1}" + key;  // many of one slot
      if (const Slot slot = slot_of(key); slot >= kFirst && slot < kFirst + kCount) return key;
    }
  }
  Entry entry() {
    Entry entry;
    entry.version = {below(5) == 0 ? random_() : below(9), below(5) == 0 ? random_() : ++number_};
    entry.tombstone = below(4) == 0;
    if (!entry.tombstone && below(3) == 0) entry.expires = 1 + static_cast<WallMs>(below(1000));
    if (!entry.tombstone) entry.value.assign(below(20) == 0 ? 5000 : below(40), 'v');
    return entry;
  }

  void step() {
    const std::string k = key();
    switch (below(8)) {
      case 0:
        table_.erase(k);
        model_.erase(k);
        cold_.erase(k);
        return;
      case 1:
        table_.cool(k);
        if (model_.contains(k) && !model_[k].tombstone) cold_.insert(k);
        return;
      case 2:
        if (model_.contains(k)) table_.warm(k, model_[k]);
        cold_.erase(k);
        return;
      case 3:
        if (const auto victim = table_.coldest(random_(), [](std::uint8_t) { return true; })) {
          ASSERT_TRUE(model_.contains(*victim) && !cold_.contains(*victim));
          table_.cool(*victim);
          cold_.insert(*victim);
        }
        return;
      default:
        model_[k] = entry();
        table_.put(k, model_[k], static_cast<std::uint8_t>(number_));
        cold_.erase(k);
    }
  }

  void expect_entry(std::string_view key, const EntryView& there) {
    const Entry& wanted = model_.at(std::string(key));
    EXPECT_EQ(there.cold, cold_.contains(std::string(key)));
    EXPECT_EQ(there.version, wanted.version);
    EXPECT_EQ(there.expires, wanted.expires);
    EXPECT_EQ(there.tombstone, wanted.tombstone);
    EXPECT_EQ(there.value, there.cold ? "" : wanted.value);
  }

  void expect_equal() {
    std::size_t seen = 0;
    Table fresh(kFirst, kCount);
    for (std::uint32_t bucket = 0; bucket < table_.buckets(); ++bucket)
      table_.each(bucket, [&](std::string_view key, const EntryView& view) {
        ++seen;
        expect_entry(key, view);
      });
    EXPECT_EQ(seen, model_.size());
    std::size_t live = 0, bytes = 0;
    for (const auto& [key, entry] : model_) {
      const auto found = table_.find(key);
      ASSERT_TRUE(found) << key;
      expect_entry(key, *found);
      fresh.put(key, entry);
      if (!entry.tombstone) ++live;
      if (!entry.tombstone && !cold_.contains(key)) bytes += entry.value.size();
    }
    EXPECT_EQ(table_.digests(), fresh.digests());
    EXPECT_EQ(table_.sizes().live, live);
    EXPECT_EQ(table_.sizes().values, live - cold_.size());
    EXPECT_EQ(table_.sizes().value_bytes, bytes);
    EXPECT_GE(table_.sizes().bytes, bytes);
    expect_walk();
    expect_parts();
  }

  void expect_walk() {
    std::multiset<std::string> wanted, seen;
    const WallMs now = static_cast<WallMs>(below(1200));
    for (const auto& [key, entry] : model_)
      if (entry.live(now)) wanted.insert(key);
    std::uint64_t from = 0, before = 0;
    do {
      auto [keys, next] = table_.walk(from, 1 + below(20), now);
      seen.insert(keys.begin(), keys.end());
      from = next;
      ASSERT_TRUE(from == 0 || from > before);
      before = from;
    } while (from != 0);
    EXPECT_EQ(seen, wanted);
  }

  void expect_parts() {
    std::size_t seen = 0;
    for (std::uint32_t bucket = 0; bucket < table_.buckets(); ++bucket)
      for (std::optional<std::string> from = ""; from;) {
        auto part = table_.part(bucket, *from, 1 + below(300));
        for (std::size_t i = 0; i < part.entries.size(); ++i) {
          const auto& [key, entry] = part.entries[i];
          const bool cold = std::count(part.cold.begin(), part.cold.end(), i) > 0;
          EXPECT_EQ(cold, cold_.contains(key));
          EXPECT_EQ(entry.value, cold ? "" : model_.at(key).value);
          EXPECT_EQ(entry.version, model_.at(key).version);
        }
        seen += part.entries.size();
        from = std::move(part.next);
      }
    EXPECT_EQ(seen, model_.size());
  }

  std::mt19937_64 random_{GetParam()};
  std::uint64_t keys_ = GetParam() % 2 == 0 ? 40 : 2000;
  std::uint64_t number_ = 0;
  Table table_{kFirst, kCount};
  std::map<std::string, Entry> model_;
  std::set<std::string> cold_;
};

TEST_P(TableAgainstMap, HasWhatWasPut) {
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 100; ++i) step();
    expect_equal();
  }
  for (const auto& [key, entry] : std::map(model_)) table_.erase(key);
  EXPECT_EQ(table_.sizes().entries, 0U);
  EXPECT_EQ(table_.digests(), Table(kFirst, kCount).digests());
  table_.clear();
  EXPECT_EQ(table_.sizes().bytes, 0U);
}

TEST_P(TableAgainstMap, ExpiresInOrder) {
  for (int i = 0; i < 3000; ++i) step();
  std::multimap<WallMs, std::string> wanted;
  for (const auto& [key, entry] : model_)
    if (entry.expires != 0) wanted.emplace(entry.expires, key);
  WallMs before = 0;
  while (const auto due = table_.expired(1000)) {
    const auto range = wanted.equal_range(model_.at(*due).expires);
    const auto found =
        std::find_if(range.first, range.second, [&](const auto& w) { return w.second == *due; });
    ASSERT_NE(found, range.second) << *due;
    EXPECT_GE(found->first, before);
    EXPECT_EQ(table_.expired(found->first - 1), std::nullopt);
    before = found->first;
    wanted.erase(found);
    table_.erase(*due);
  }
  EXPECT_TRUE(wanted.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, TableAgainstMap, ::testing::Range(1U, 9U));

TEST(TableEviction, TakesWhatIsUsedLeast) {
  Table table(0, kSlots);
  for (int i = 0; i < 1000; ++i) table.put("k" + std::to_string(i), {{1, 1}, 0, false, "value"});
  for (int round = 0; round < 10; ++round)
    for (int i = 0; i < 100; ++i) table.use("k" + std::to_string(i));
  std::mt19937_64 random(1);
  std::size_t hot = 0;
  for (int i = 0; i < 500; ++i) {
    const auto victim = table.coldest(random(), [](std::uint8_t) { return true; });
    ASSERT_TRUE(victim);
    if (victim->size() <= 3) ++hot;
    table.cool(*victim);
  }
  EXPECT_LT(hot, 10U);
  EXPECT_EQ(table.sizes().values, 500U);
}

TEST(TableEviction, SparesWhatMayNotGo) {
  Table table(0, kSlots);
  for (int i = 0; i < 100; ++i)
    table.put("k" + std::to_string(i), {{1, 1}, 0, false, "value"}, i == 42 ? 1 : 2);
  std::mt19937_64 random(1);
  std::optional<std::string> victim;
  for (int i = 0; i < 100 && !victim; ++i)
    victim = table.coldest(random(), [](std::uint8_t mark) { return mark == 1; });
  EXPECT_EQ(victim, "k42");
  EXPECT_EQ(table.coldest(random(), [](std::uint8_t) { return false; }), std::nullopt);
}

// The version decides: what came meanwhile stays.
TEST(TableEviction, WarmsOnlyTheVersionThatWentCold) {
  Table table(0, kSlots);
  table.put("k", {{1, 1}, 0, false, "old"});
  table.cool("k");
  EXPECT_TRUE(table.find("k")->cold);
  table.warm("k", {{1, 2}, 0, false, "other"});
  EXPECT_TRUE(table.find("k")->cold);
  table.warm("k", {{1, 1}, 0, false, "old"});
  EXPECT_EQ(table.find("k")->value, "old");
  table.cool("k");
  table.put("k", {{1, 3}, 0, false, "new"});
  table.warm("k", {{1, 1}, 0, false, "old"});
  EXPECT_EQ(table.find("k")->value, "new");
}

}  // namespace
}  // namespace skep::ring
