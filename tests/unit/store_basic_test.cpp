// What a role sees of the store on a day without accidents: order, reads, reopening, refusals.
#include "tests/unit/store_fixture.hpp"

namespace skep::store_test {
namespace {

class StoreBasic : public StoreTest {};

TEST_F(StoreBasic, NewStoreSaysSoAndKeepsItsIdentity) {
  open();
  const std::uint64_t identity = store_->identity();
  EXPECT_NE(identity, 0U);
  EXPECT_TRUE(store_->opening().created);
  EXPECT_FALSE(store_->opening().may_have_lost);
  ASSERT_TRUE(store_->close());
  open();
  EXPECT_EQ(store_->identity(), identity);
  EXPECT_FALSE(store_->opening().created);
  EXPECT_FALSE(store_->opening().may_have_lost);
}

TEST_F(StoreBasic, ReadsSeeABatchAtOnce) {
  open();
  std::optional<Result<>> result;
  store_->submit(put("a", "1"), Durability::durable, [&](Result<> ok) { result = ok; });
  EXPECT_FALSE(result) << "reported from within submit()";
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get("b"), std::nullopt);
  EXPECT_EQ(get("a", "other"), std::nullopt);
  loop_.run_until([&] { return result.has_value(); });
  EXPECT_TRUE(*result);
}

TEST_F(StoreBasic, OperationsOfABatchApplyInOrder) {
  open();
  Batch batch;
  batch.put("ring", "a", "1");
  batch.erase("ring", "a");
  batch.put("ring", "b", "1");
  batch.put("ring", "b", "2");
  batch.erase("ring", "c");
  batch.put("ring", "c", "");
  ASSERT_TRUE(write(std::move(batch)));
  for (int opening = 0; opening < 2; ++opening, open())
    EXPECT_EQ(scan(), (Contents{{"b", "2"}, {"c", ""}}));
}

TEST_F(StoreBasic, ReportsComeInTheOrderOfTheSubmissions) {
  open();
  std::vector<int> reported;
  for (int i = 0; i < 1000; ++i)
    store_->submit(put("key" + std::to_string(i), "v"),
                   i % 7 == 0 ? Durability::durable : Durability::written, [&, i](Result<> ok) {
                     EXPECT_TRUE(ok);
                     reported.push_back(i);
                   });
  loop_.run_until([&] { return reported.size() == 1000; });
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(reported[static_cast<std::size_t>(i)], i);
}

TEST_F(StoreBasic, EmptyBatchIsABarrier) {
  open();
  bool written = false;
  store_->submit(put("a", "1"), Durability::written, [&](Result<>) { written = true; });
  EXPECT_TRUE(write({}, Durability::durable));
  EXPECT_TRUE(written);
}

TEST_F(StoreBasic, AnyBytesAreKeysAndValues) {
  open();
  const std::string all = [] {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return bytes;
  }();
  Batch batch;
  batch.put("ring", all, all);
  batch.put("ring", "", "of the empty key");
  batch.put("ring", std::string("\0", 1), std::string("\0\xff", 2));
  ASSERT_TRUE(write(std::move(batch)));
  const Contents expected{
      {all, all}, {"", "of the empty key"}, {std::string("\0", 1), std::string("\0\xff", 2)}};
  EXPECT_EQ(scan(), expected);
  fold_all(options());
  open();
  EXPECT_EQ(scan(), expected);
  EXPECT_EQ(get(all), all);
  EXPECT_EQ(get(""), "of the empty key");
}

TEST_F(StoreBasic, WrittenBatchSurvivesAStopWithoutClose) {
  open();
  ASSERT_TRUE(write(put("a", "1"), Durability::written));
  open();
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreBasic, CloseReportsEverythingThatWasAccepted) {
  open();
  int reported = 0;
  for (int i = 0; i < 100; ++i)
    store_->submit(put(std::to_string(i), "v"), Durability::written, [&](Result<> ok) {
      EXPECT_TRUE(ok);
      ++reported;
    });
  ASSERT_TRUE(store_->close());
  EXPECT_EQ(reported, 100);
  EXPECT_EQ(store_->get("ring", "1").error().code, Code::io);
  open();
  EXPECT_EQ(scan().size(), 100U);
}

TEST_F(StoreBasic, NamesOfSpacesAreChecked) {
  open();
  for (const char* name : {"", ".store", "Ring", "ring\"", "a b", "ring;"})
    EXPECT_EQ(write(put("a", "1", name)).error().code, Code::invalid) << name;
  EXPECT_TRUE(write(put("a", "1", "ring/17.records_0-9:x")));
  EXPECT_EQ(get("a", "x\" WHERE 1; --"), std::nullopt);
}

TEST_F(StoreBasic, ClusterIdIsBoundForGood) {
  open();
  EXPECT_EQ(store_->cluster_id(), 0U);
  const auto bind = [&](std::uint64_t id) {
    std::optional<Result<>> result;
    store_->bind(id, [&](Result<> ok) { result = ok; });
    loop_.run_until([&] { return result.has_value(); });
    return *result;
  };
  EXPECT_TRUE(bind(0xfedcba9876543210U));
  EXPECT_TRUE(bind(0xfedcba9876543210U));
  EXPECT_EQ(bind(7).error().code, Code::conflict);
  open();
  EXPECT_EQ(store_->cluster_id(), 0xfedcba9876543210U);
}

TEST_F(StoreBasic, StoppedStoreReportsNothingAnyMore) {
  open();
  store_->submit(put("a", "1"), Durability::durable, [](Result<>) { FAIL(); });
  store_->submit(put("a", "1", "No"), Durability::durable, [](Result<>) { FAIL(); });
  store_.reset();
  bool last = false;
  loop_.poster()([&] { last = true; });
  loop_.run_until([&] { return last; });
}

}  // namespace
}  // namespace skep::store_test
