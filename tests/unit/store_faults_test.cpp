// Disks that are full, fail or fail to sync; and a store that gets more than the disk takes.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/unit/power_loss_vfs.hpp"
#include "tests/unit/store_fixture.hpp"

namespace skep::store_test {
namespace {

using testing::HasSubstr;

class StoreFaults : public StoreTest {
 protected:
  StoreOptions options() {
    StoreOptions options = StoreTest::options();
    options.vfs = vfs_.name();
    options.disk = &vfs_;
    return options;
  }
  // Submits until a batch is refused, and returns its error; the others count as accepted.
  Error submit_until_refused(std::size_t size) {
    std::optional<Error> error;
    for (int i = 0; !error; ++i) {
      store_->submit(put("key" + std::to_string(i), std::string(size, 'x')), Durability::written,
                     [&](Result<> ok) {
                       if (ok)
                         ++reported_;
                       else
                         error = ok.error();
                     });
      ++submitted_;
      bool turned = false;
      loop_.poster()([&] { turned = true; });
      loop_.run_until([&] { return turned; });
    }
    --submitted_;
    return *error;
  }

  PowerLossVfs vfs_;
  int submitted_ = 0;
  int reported_ = 0;
};

class StoreWriteFaults : public StoreFaults, public testing::WithParamInterface<int> {};

TEST_P(StoreWriteFaults, AcceptedBatchesWaitAndNewOnesAreRefused) {
  open(options());
  ASSERT_TRUE(write(put("before", "1")));
  vfs_.fail_writes(GetParam());
  const Error error = submit_until_refused(100);
  EXPECT_EQ(error.code, GetParam() == SQLITE_FULL ? Code::full : Code::io);
  EXPECT_THAT(error.message, HasSubstr("journal/"));
  EXPECT_EQ(error.done(), Done::no);
  EXPECT_GT(submitted_, 0);
  EXPECT_EQ(reported_, 0);
  EXPECT_EQ(get("before"), "1");
  EXPECT_EQ(get("key0"), std::string(100, 'x')) << "accepted, so it is seen";

  vfs_.fail_writes(SQLITE_OK);
  loop_.run_until([&] { return reported_ == submitted_; });
  EXPECT_TRUE(write(put("after", "1")));
  const int accepted = submitted_;
  open(options());
  Contents expected{{"before", "1"}, {"after", "1"}};
  for (int i = 0; i < accepted; ++i) expected["key" + std::to_string(i)] = std::string(100, 'x');
  EXPECT_EQ(scan(), expected);
}

TEST_P(StoreWriteFaults, FoldIsTriedAgain) {
  StoreOptions small = options();
  small.max_unfolded = 50'000;
  open(small);
  vfs_.fail_writes(GetParam(), "state.db-wal");
  EXPECT_THAT(submit_until_refused(1000).message, HasSubstr("store.max_unfolded"));
  loop_.run_until([&] { return reported_ == submitted_; });
  vfs_.fail_writes(SQLITE_OK);
  while (!write(put("after", "1"))) continue;
  const auto all = static_cast<std::size_t>(submitted_) + 1;
  EXPECT_EQ(scan().size(), all);
  ASSERT_TRUE(store_->close());
  open(options());
  EXPECT_EQ(scan().size(), all);
}

TEST_P(StoreWriteFaults, CloseDoesNotWaitForRoom) {
  open(options());
  vfs_.fail_writes(GetParam());
  submit_until_refused(100);
  const Result<> closed = store_->close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, GetParam() == SQLITE_FULL ? Code::full : Code::io);
  vfs_.fail_writes(SQLITE_OK);
  open(options());
  EXPECT_EQ(scan().size(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Disk, StoreWriteFaults, testing::Values(SQLITE_FULL, SQLITE_IOERR_WRITE),
                         [](const auto& disk) {
                           return disk.param == SQLITE_FULL ? "Full" : "WriteError";
                         });

TEST_F(StoreFaults, FailedSyncClosesTheStoreAndLeavesAMark) {
  open(options());
  ASSERT_TRUE(write(put("a", "1")));
  std::optional<Error> why;
  store_->on_failure([&](const Error& error) { why = error; });
  vfs_.fail_syncs(SQLITE_IOERR_FSYNC);
  store_->submit(put("b", "1"), Durability::durable, [](Result<>) { FAIL() << "nobody knows"; });
  loop_.run_until([&] { return why.has_value(); });
  const std::uint64_t syncs = vfs_.syncs();
  EXPECT_EQ(write(put("c", "1")).error().code, Code::io);
  EXPECT_EQ(store_->get("ring", "a").error().code, Code::io);
  EXPECT_FALSE(store_->close());
  store_.reset();
  EXPECT_EQ(vfs_.syncs(), syncs) << "a failed sync is never tried again";

  vfs_.fail_syncs(SQLITE_OK);
  for (int opening = 0; opening < 2; ++opening) {
    open(options());
    EXPECT_TRUE(store_->opening().may_have_lost) << "until it was closed cleanly";
    EXPECT_EQ(get("a"), "1");
    EXPECT_EQ(get("c"), std::nullopt);
  }
  ASSERT_TRUE(store_->close());
  open(options());
  EXPECT_FALSE(store_->opening().may_have_lost);
}

TEST_F(StoreFaults, FailedSyncOfAWrittenBatchClosesToo) {
  StoreOptions quick = options();
  quick.flush_interval = std::chrono::milliseconds(1);
  open(quick);
  bool failed = false;
  store_->on_failure([&](const Error&) { failed = true; });
  vfs_.fail_syncs(SQLITE_IOERR_FSYNC);
  bool reported = false;
  store_->submit(put("a", "1"), Durability::written,
                 [&](Result<> ok) { reported = ok.has_value(); });
  loop_.run_until([&] { return failed; });
  EXPECT_TRUE(reported) << "it was written before it was to be synced";
}

TEST_F(StoreFaults, MoreThanTheDiskTakesIsRefused) {
  StoreOptions small = options();
  small.max_unfolded = 100'000;
  open(small);
  // With no disk behind it nothing is folded: one batch waits, then the writes are seen to fail.
  EXPECT_EQ(write(put("large", std::string(100'001, 'x'))).error().code, Code::full);
  int refused = 0;
  for (int i = 0; i < 2000; ++i)
    store_->submit(put("key" + std::to_string(i), std::string(100, 'x')), Durability::written,
                   [&](Result<> ok) {
                     if (ok) {
                       ++reported_;
                       return;
                     }
                     ++refused;
                     EXPECT_EQ(ok.error().code, Code::full);
                     EXPECT_THAT(ok.error().message, HasSubstr("store.max_unfolded"));
                   });
  loop_.run_until([&] { return reported_ + refused == 2000; });
  EXPECT_GT(reported_, 0);
  EXPECT_GT(refused, 0);
  // The backlog goes away by itself.
  while (!write(put("again", "1"))) continue;
  open(small);
  EXPECT_EQ(scan().size(), static_cast<std::size_t>(reported_) + 1);
}

TEST_F(StoreFaults, DamagedValueIsAnErrorAndNotAValue) {
  open(options());
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(write(put(key, std::string(50, *key))));
  fold_all(options());
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(directory_.file("data/state.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db,
                         "UPDATE \"space ring\" SET v = substr(v, 1, 20) || x'00' || substr(v, 22)"
                         " WHERE k = CAST('b' AS BLOB)",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  ASSERT_EQ(sqlite3_changes(db), 1);
  sqlite3_close(db);
  open(options());
  EXPECT_EQ(get("a"), std::string(50, 'a'));
  EXPECT_EQ(store_->get("ring", "b").error().code, Code::corrupt);
  EXPECT_EQ(store_->scan("ring", "", "", [](auto, auto) { return true; }).error().code,
            Code::corrupt);
}

}  // namespace
}  // namespace skep::store_test
