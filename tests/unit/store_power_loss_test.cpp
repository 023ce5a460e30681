// The power fails at every sync point of a store's life: while it is made, commits, folds, trims,
// checkpoints, is closed and recovers. What is left is always a prefix of the submissions and holds
// every batch that was reported durable. And the test can fail: disks that lie are caught.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/unit/power_loss_vfs.hpp"
#include "tests/unit/store_fixture.hpp"

namespace skep::store_test {
namespace {

using testing::HasSubstr;

constexpr int kBatches = 150;
constexpr const char* kCounter = "counter";  // put by each batch: its number

// What the disk may have held at some moment, and what had been promised by then.
struct Cut {
  Image image;
  int durable;  // the last batch that was reported durable; 0: none
};

class StorePowerLoss : public StoreTest {
 protected:
  StorePowerLoss() : states_(1) {}

  StoreOptions on(PowerLossVfs& vfs, const std::string& directory, const char* boot) {
    StoreOptions options = StoreTest::options();
    options.directory = directory;
    options.vfs = vfs.name();
    options.disk = &vfs;
    options.segment_bytes = 16'384;
    options.boot_id = boot;
    options.fold_above = 20'000;
    options.checkpoint_pages = 12;
    options.flush_interval = std::chrono::milliseconds(1);
    return options;
  }

  // The whole life of a store on `vfs`; returns the cuts at all its sync points.
  std::vector<Cut> live(PowerLossVfs& vfs, std::uint64_t seed) {
    std::vector<Cut> cuts;
    std::mutex mutex;
    vfs.at_sync([&] {
      // First what was promised: what is promised later is not owed.
      const int durable = durable_.load();
      // The mark is synced by itself, not through SQLite.
      const bool unfinished = std::filesystem::exists(directory_.file("data/store.creating"));
      const std::lock_guard lock(mutex);
      for (const std::uint64_t disk : {std::uint64_t{0}, seed * 1'000'003 + cuts.size()}) {
        cuts.push_back({vfs.power_cut(disk), durable});
        if (unfinished) cuts.back().image["store.creating"] = "";
        // Whether or not the note of the end has come to the disk, what it says is true.
        if (std::ifstream end(directory_.file("data/store.end")); end && cuts.size() % 3 == 0)
          cuts.back().image["store.end"].assign(std::istreambuf_iterator<char>(end), {});
      }
    });
    std::mt19937_64 random(seed);
    open(on(vfs, directory_.file("data"), "boot"));
    for (int number = 1; number <= kBatches; ++number) {
      submit(number, random);
      if (random() % 4 == 0) loop_.run_until([&] { return reported_ == number; });
      if (number % 30 != 0) continue;
      // Killed, or closed; after a kill what was not reported may be there or not.
      if (number % 60 == 0) {
        EXPECT_TRUE(store_->close());
      } else {
        loop_.run_until([&] { return reported_ == number; });
      }
      open(on(vfs, directory_.file("data"), "boot"));
    }
    EXPECT_TRUE(store_->close());
    store_.reset();
    vfs.at_sync(nullptr);
    return cuts;
  }

  void submit(int number, std::mt19937_64& random) {
    Batch batch;
    Contents& state = states_.emplace_back(states_.back());
    const auto put = [&](std::string key, std::string value) {
      batch.put("ring", key, value);
      state[std::move(key)] = std::move(value);
    };
    put(kCounter, std::to_string(number));
    for (auto ops = random() % 4; ops > 0; --ops) {
      const std::string key = "key" + std::to_string(random() % 40);
      if (random() % 4 == 0) {
        batch.erase("ring", key);
        state.erase(key);
      } else {
        put(key, std::string(random() % 3000, static_cast<char>('a' + random() % 26)));
      }
    }
    const bool durable = random() % 3 == 0;
    store_->submit(batch, durable ? Durability::durable : Durability::written,
                   [this, number, durable](Result<> ok) {
                     ASSERT_TRUE(ok);
                     reported_ = number;
                     if (durable) durable_ = number;
                   });
  }

  // Opens what a cut left. Returns what is wrong with it; empty: nothing.
  std::string judge(const Cut& cut) {
    const std::string directory = directory_.file("cut");
    restore(cut.image, directory);
    PowerLossVfs disk;
    int first = 0;
    for (const bool again : {false, true}) {
      auto store = SqliteStore::open(on(disk, directory, again ? "third boot" : "second boot"));
      if (!store) return "it cannot be opened: " + store.error().message;
      const bool is_new = (*store)->opening().created;
      if (is_new && cut.durable > 0) return "the store is gone";
      Contents found;
      const Result<> scanned = (*store)->scan("ring", "", "", [&](auto key, auto value) {
        found.emplace(key, value);
        return true;
      });
      if (!scanned) return "it cannot be read: " + scanned.error().message;
      const int number = found.count(kCounter) == 0 ? 0 : std::stoi(found[kCounter]);
      if (found != states_[static_cast<std::size_t>(number)])
        return "what is left is no prefix: not the first " + std::to_string(number);
      if (number < cut.durable)
        return "batch " + std::to_string(cut.durable) + " was durable, but only " +
               std::to_string(number) + " are left";
      if (again && number < first) return "what was read after the first recovery is gone";
      first = number;
      // The next cut comes at once: what was read must be on the disk by now.
      const Image image = disk.power_cut(0);
      store->reset();
      restore(image, directory);
    }
    return "";
  }

  // What is wrong with the first cut that something is wrong with.
  std::string judge(const std::vector<Cut>& cuts) {
    for (std::size_t i = 0; i < cuts.size(); ++i)
      if (const std::string said = judge(cuts[i]); !said.empty())
        return "cut " + std::to_string(i) + ": " + said;
    return "";
  }

  // Syncs of files whose names end so fail until one of what `submit` causes has closed the store.
  void fail_a_sync(const char* ending, const std::function<void()>& submit) {
    bool failed = false;
    store_->on_failure([&](const Error&) { failed = true; });
    vfs_.fail_syncs(SQLITE_IOERR_FSYNC, ending);
    submit();
    loop_.run_until([&] { return failed; });
    vfs_.fail_syncs(SQLITE_OK);
  }

  // What `key` is once the power has failed now.
  std::optional<std::string> left_by_a_cut(const std::string& key) {
    restore(vfs_.power_cut(0), directory_.file("cut"));
    PowerLossVfs disk;
    auto after = SqliteStore::open(on(disk, directory_.file("cut"), "next boot"));
    if (!after) return after.error().message;
    const auto value = (*after)->get("ring", key);
    return value ? *value : value.error().message;
  }

  PowerLossVfs vfs_;              // outlives the store, which is closed in it
  std::vector<Contents> states_;  // after so many batches
  int reported_ = 0;
  std::atomic<int> durable_ = 0;
};

TEST_F(StorePowerLoss, AtEverySyncPoint) {
  const std::vector<Cut> cuts = live(vfs_, 1);
  EXPECT_GT(cuts.size(), 250U) << "the life is too short to show much";
  EXPECT_EQ(judge(cuts), "");
}

// A written batch survives kill -9 in the page cache alone; once it is read again, it must be on
// disk.
TEST_F(StorePowerLoss, WhatIsRecoveredIsSyncedBeforeItIsRead) {
  StoreOptions lazy = on(vfs_, directory_.file("data"), "boot");
  lazy.flush_interval = std::chrono::hours(1);
  open(lazy);
  ASSERT_TRUE(write(put("a", "1"), Durability::written));
  const Image killed = vfs_.power_cut(0);
  open(lazy);
  ASSERT_EQ(get("a"), "1");
  const Image opened = vfs_.power_cut(0);
  store_.reset();
  const auto left = [&](const Image& image) {
    restore(image, directory_.file("cut"));
    open(on(vfs_, directory_.file("cut"), "next boot"));
    return get("a");
  };
  EXPECT_EQ(left(killed), std::nullopt) << "it was not even at risk";
  EXPECT_EQ(left(opened), "1");
}

// What a failed sync leaves is in the page cache, where it is read, and will never be written by
// another sync.
TEST_F(StorePowerLoss, WhatAFailedSyncLeftIsWrittenAgainBeforeItIsRead) {
  StoreOptions lazy = on(vfs_, directory_.file("data"), "boot");
  lazy.flush_interval = std::chrono::hours(1);
  lazy.fold_above = std::size_t{1} << 30;  // a fold syncs as well: the journal's sync is to fail
  open(lazy);
  ASSERT_TRUE(write(put("a", "1")));
  for (const char* key : {"b", "c", "d"}) {
    // Over several segments.
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(write(put(key, std::string(3000, 'x')), Durability::written));
    fail_a_sync("", [&] { store_->submit(put(key, "1"), Durability::durable, nullptr); });
    open(lazy);
    EXPECT_TRUE(store_->opening().may_have_lost);
    ASSERT_EQ(get(key), "1");
    EXPECT_EQ(left_by_a_cut(key), "1");
  }
}

// The same of a fold's sync. Once more was written, the next opening gives up what the fold has
// made needless in the journal: then the state alone has it.
TEST_F(StorePowerLoss, WhatAFailedSyncOfTheStateLeftIsWrittenAgainBeforeItIsRead) {
  StoreOptions lazy = on(vfs_, directory_.file("data"), "boot");
  lazy.flush_interval = std::chrono::hours(1);
  open(lazy);
  const std::string value(30'000, 'x');  // enough for a fold
  fail_a_sync("state.db-wal",
              [&] { store_->submit(put("a", value), Durability::durable, nullptr); });
  lazy.fold_above = std::size_t{1} << 30;
  open(lazy);
  EXPECT_TRUE(store_->opening().may_have_lost);
  EXPECT_EQ(left_by_a_cut("a"), value);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(write(put("later", std::string(3000, 'y'))));
  open(lazy);
  EXPECT_EQ(left_by_a_cut("a"), value);
}

TEST_F(StorePowerLoss, DiskThatLiesAboutTheJournalIsCaught) {
  open(on(vfs_, directory_.file("data"), "boot"));
  ASSERT_TRUE(store_->close());
  vfs_.lie_about(".segment");
  EXPECT_THAT(judge(live(vfs_, 2)),
              testing::AnyOf(HasSubstr("was durable"), HasSubstr("had been synced")));
}

TEST_F(StorePowerLoss, DiskThatLiesAboutTheStatesLogIsCaught) {
  vfs_.lie_about("state.db-wal");
  EXPECT_NE(judge(live(vfs_, 3)), "");
}

TEST_F(StorePowerLoss, DiskThatLiesAboutTheFilesIsCaught) {
  vfs_.lie_about(".db");
  EXPECT_NE(judge(live(vfs_, 4)), "");
}

}  // namespace
}  // namespace skep::store_test
