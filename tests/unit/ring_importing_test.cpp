// What a node held before it joined, on its way into the hive.
#include <gtest/gtest.h>

#include "roles/ring/importing.hpp"
#include "tests/sim/sim_store.hpp"
#include "tests/unit/loopback.hpp"
#include "tests/unit/memory_keyspace.hpp"

namespace skep::ring {
namespace {

using namespace std::chrono_literals;

class ImportingTest : public ::testing::Test {
 protected:
  ImportingTest() {
    process_.start();
    keyspace_.wall = [] { return kWall; };
    begin();
  }

  static constexpr WallMs kWall = 1'000'000;

  void hold(const std::string& key, const std::string& value, WallMs expires = 0,
            bool tombstone = false) {
    former_.preset(kEntrySpace, row_key(key), encode_row(Entry{{1, 1}, expires, tombstone, value}));
  }
  void begin() {
    bringing_ = std::make_unique<Bringing>(store_, keyspace_, log_);
    importing_ = std::make_unique<Importing>(former_, store_, *bringing_, log_, [this] {
      ++done_;
      over_ = true;
    });
    EXPECT_TRUE(bringing_->start());
    EXPECT_TRUE(importing_->start());
  }
  void kill() {
    bringing_.reset();
    importing_.reset();
    process_.die();
    store_.crash(sim::SimStore::Crash::kill);
    process_.start();
    store_.reopen();
    begin();
  }
  void tick() {
    now_ += 2s;
    if (importing_) importing_->tick(now_, kWall);
    if (std::exchange(over_, false)) importing_.reset();
    bringing_->tick(now_, kWall);
    settle();
    if (std::exchange(over_, false)) importing_.reset();
  }
  void settle() {
    sim::Process* ran = nullptr;
    while (time_.step(time_.now() + 10s, ran)) {
    }
  }
  void finish() {
    for (int i = 0; i < 1000 && (importing_ || !bringing_->done()); ++i) tick();
    EXPECT_TRUE(bringing_->done());
    EXPECT_EQ(bringing_->left(), 0u);
  }
  std::string at(const std::string& key) { return keyspace_.entries[key].value; }

  sim::VirtualTime time_;
  sim::Process process_;
  sim::SimStore former_{time_, process_, sim::Dice(1), {}};
  sim::SimStore store_{time_, process_, sim::Dice(2), {}};
  MemoryKeyspace keyspace_;
  skep::testing::LinesLog log_;
  std::unique_ptr<Bringing> bringing_;
  std::unique_ptr<Importing> importing_;
  Time now_{};
  bool over_ = false;
  int done_ = 0;
};

TEST_F(ImportingTest, BringsWhatLivesWhereNothingIs) {
  hold("absent", "former");
  hold("present", "former");
  hold("lasting", "former", kWall + 5000);
  hold("expired", "former", kWall);
  hold("deleted", "", 0, true);
  keyspace_.entries["present"] = {"there", 0};
  finish();
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(keyspace_.entries.size(), 3u);
  EXPECT_EQ(at("absent"), "former");
  EXPECT_EQ(at("present"), "there");
  EXPECT_EQ(keyspace_.entries["lasting"].expires, kWall + 5000);
  EXPECT_EQ(bringing_->figures(), (Bringing::Figures{2, 1, 0}));
  EXPECT_EQ(log_.count("2 entries put, 1 were there"), 1u);
}

TEST_F(ImportingTest, AnEmptyOneIsDoneAtOnce) {
  finish();
  EXPECT_EQ(done_, 1);
  EXPECT_TRUE(keyspace_.entries.empty());
}

TEST_F(ImportingTest, WhatHasComeAndIsDeletedDoesNotComeAgain) {
  for (int i = 0; i < 2500; ++i) hold("key" + std::to_string(i), "former");
  std::size_t deleted = 0;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 3; ++i) tick();
    deleted += keyspace_.entries.size();
    keyspace_.entries.clear();
    kill();
  }
  finish();
  EXPECT_GT(deleted, 1000u);
  EXPECT_EQ(deleted + keyspace_.entries.size(), 2500u) << "each came once";
}

TEST_F(ImportingTest, SaysThatItIsDoneInEachLifeUntilTheOldStoreIsGone) {
  hold("key", "former");
  finish();
  keyspace_.entries.clear();
  kill();
  finish();
  EXPECT_EQ(done_, 2);
  EXPECT_TRUE(keyspace_.entries.empty());
}

TEST_F(ImportingTest, WaitsForADiskThatIsFull) {
  hold("key", "former");
  store_.fill(true);
  for (int i = 0; i < 5; ++i) tick();
  EXPECT_EQ(done_, 0);
  store_.fill(false);
  finish();
  EXPECT_EQ(at("key"), "former");
}

TEST_F(ImportingTest, RefusesDamagedProgress) {
  importing_.reset();
  store_.preset(kHiveSpace, "imported", "x");
  Importing again(former_, store_, *bringing_, log_, [] {});
  const Result<> started = again.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::corrupt);
}

}  // namespace
}  // namespace skep::ring
