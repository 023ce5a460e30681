// What store/store.hpp promises, of both stores: the one of the nodes and the simulator's. What
// holds of one and not of the other would make the simulations worthless.
#include <gtest/gtest.h>

#include "tests/sim/sim_store.hpp"
#include "tests/unit/store_fixture.hpp"

namespace skep {
namespace {

class SqliteStage {
 public:
  SqliteStage() { open(); }
  Store& store() { return *store_; }
  void wait(const std::function<bool()>& done) { loop_.run_until(done); }
  void kill_and_reopen() {
    store_.reset();
    open();
  }
  void close_and_reopen() {
    EXPECT_TRUE(store_->close());
    kill_and_reopen();
  }

 private:
  void open() {
    StoreOptions options;
    options.directory = directory_.path();
    options.cluster = "hive";
    options.node = "node1";
    options.post = loop_.poster();
    auto opened = SqliteStore::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  store_test::TempDirectory directory_;
  store_test::Loop loop_;
  std::unique_ptr<SqliteStore> store_;
};

class SimStage {
 public:
  SimStage() : store_(time_, process_, sim::Dice(1), {}) { process_.start(); }
  Store& store() { return store_; }
  void wait(const std::function<bool()>& done) {
    sim::Process* ran = nullptr;
    while (!done()) ASSERT_TRUE(time_.step(std::chrono::hours(1), ran));
  }
  void kill_and_reopen() {
    process_.die();
    store_.crash(sim::SimStore::Crash::kill);
    start();
  }
  void close_and_reopen() {
    process_.die();
    store_.close();
    start();
  }

 private:
  void start() {
    process_.start();
    store_.reopen();
  }

  sim::VirtualTime time_;
  sim::Process process_;
  sim::SimStore store_;
};

template <class Stage> class StoreConformance : public testing::Test {
 protected:
  // Submits the batch and waits for its report.
  void write(Batch batch, Durability durability = Durability::written) {
    bool reported = false;
    stage_.store().submit(batch, durability, [&](Result<> ok) {
      EXPECT_TRUE(ok);
      reported = true;
    });
    EXPECT_FALSE(reported) << "from within submit()";
    stage_.wait([&] { return reported; });
  }
  std::optional<std::string> get(std::string_view space, std::string_view key) {
    return stage_.store().get(space, key).value();
  }
  std::string keys(std::string_view space, std::string_view from, std::string_view to) {
    std::string keys;
    EXPECT_TRUE(stage_.store().scan(space, from, to, [&](std::string_view key, std::string_view) {
      keys += std::string(key) + " ";
      return true;
    }));
    return keys;
  }

  Stage stage_;
};

using Stages = testing::Types<SqliteStage, SimStage>;
TYPED_TEST_SUITE(StoreConformance, Stages);

TYPED_TEST(StoreConformance, ReadsSeeWhatWasSubmittedAtOnce) {
  Batch batch;
  batch.put("ring", "a", "1");
  batch.put("ring", "a", "2");
  batch.put("ring", "b", "3");
  batch.erase("ring", "b");
  std::size_t reported = 0;
  this->stage_.store().submit(batch, Durability::written, [&](Result<>) { ++reported; });
  EXPECT_EQ(this->get("ring", "a"), "2");
  EXPECT_EQ(this->get("ring", "b"), std::nullopt);
  EXPECT_EQ(this->get("other", "a"), std::nullopt);
  this->stage_.wait([&] { return reported == 1; });
}

TYPED_TEST(StoreConformance, ScansAreOrderedAndHalfOpen) {
  Batch batch;
  for (const char* key : {"b", "a", "d", "c", "\xff"}) batch.put("ring", key, "x");
  batch.put("rinh", "b", "x");
  this->write(std::move(batch));
  EXPECT_EQ(this->keys("ring", "b", "d"), "b c ");
  EXPECT_EQ(this->keys("ring", "", "b"), "a ");
  EXPECT_EQ(this->keys("ring", "c", ""), "c d \xff ");
  EXPECT_EQ(this->keys("none", "", ""), "");
  std::size_t seen = 0;
  EXPECT_TRUE(this->stage_.store().scan("ring", "", "", [&](auto, auto) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2U);
}

TYPED_TEST(StoreConformance, ReportsComeInTheOrderOfSubmission) {
  std::vector<int> order;
  for (int i = 0; i < 20; ++i) {
    Batch batch;
    batch.put("ring", std::to_string(i), "x");
    this->stage_.store().submit(batch, i % 3 == 0 ? Durability::durable : Durability::written,
                                [&order, i](Result<>) { order.push_back(i); });
  }
  this->stage_.wait([&] { return order.size() == 20; });
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TYPED_TEST(StoreConformance, WhatWasReportedSurvivesAKill) {
  const std::uint64_t identity = this->stage_.store().identity();
  EXPECT_NE(identity, 0U);
  EXPECT_TRUE(this->stage_.store().opening().created);
  this->write(store_test::put("a", "1"));
  this->write(store_test::put("b", "2"), Durability::durable);
  this->stage_.kill_and_reopen();
  EXPECT_EQ(this->stage_.store().identity(), identity);
  EXPECT_FALSE(this->stage_.store().opening().created);
  EXPECT_FALSE(this->stage_.store().opening().may_have_lost);
  EXPECT_EQ(this->stage_.store().opening().losses, 0U);
  EXPECT_EQ(this->get("ring", "a"), "1");
  EXPECT_EQ(this->get("ring", "b"), "2");
}

TYPED_TEST(StoreConformance, AKillLeavesAPrefixOfTheSubmissions) {
  for (int i = 0; i < 30; ++i) {
    Batch batch;
    batch.put("ring", "x" + std::to_string(i), "x");
    batch.put("ring", "y" + std::to_string(i), "y");
    this->stage_.store().submit(batch, Durability::written, [](Result<>) {});
  }
  this->stage_.kill_and_reopen();
  bool gone = false;
  for (int i = 0; i < 30; ++i) {
    const bool x = this->get("ring", "x" + std::to_string(i)).has_value();
    EXPECT_EQ(x, this->get("ring", "y" + std::to_string(i)).has_value()) << "half a batch";
    EXPECT_FALSE(gone && x) << "a later batch without an earlier one";
    gone = !x;
  }
}

TYPED_TEST(StoreConformance, ACleanEndKeepsEverything) {
  std::size_t reported = 0;
  this->stage_.store().submit(store_test::put("a", "1"), Durability::written,
                              [&](Result<>) { ++reported; });
  this->stage_.close_and_reopen();
  EXPECT_EQ(this->get("ring", "a"), "1");
  EXPECT_FALSE(this->stage_.store().opening().may_have_lost);
}

}  // namespace
}  // namespace skep
