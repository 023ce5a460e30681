// What the store's tests share: a directory of their own, a loop that runs what other threads post,
// and a store on both.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "store/sqlite_store.hpp"
#include "tests/unit/temp_directory.hpp"

namespace skep::store_test {

// In memory if there is such a place: a real sync shows nothing here and takes its time.
class TempDirectory : public unit::TempDirectory {
 public:
  TempDirectory() : unit::TempDirectory(in_memory()) {}

 private:
  static std::filesystem::path in_memory() {
    const bool there = access("/dev/shm", W_OK) == 0 && getenv("TMPDIR") == nullptr;
    return there ? "/dev/shm" : std::filesystem::temp_directory_path();
  }
};

// The loop thread's queue; the test's own thread is the loop thread.
class Loop {
 public:
  std::function<void(std::function<void()>)> poster() {
    return [this](std::function<void()> what) {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(what));
      wake_.notify_one();
    };
  }
  // Runs what is posted until `done` is true.
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !posted_.empty(); });
      std::function<void()> what = std::move(posted_.front());
      posted_.pop_front();
      lock.unlock();
      what();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> posted_;
};

using Contents = std::map<std::string, std::string>;

inline Batch put(std::string_view key, std::string_view value, std::string_view space = "ring") {
  Batch batch;
  batch.put(space, key, value);
  return batch;
}

class StoreTest : public testing::Test {
 protected:
  StoreOptions options() {
    StoreOptions options;
    options.directory = directory_.file("data");
    options.cluster = "skep";
    options.node = "node1";
    options.post = loop_.poster();
    options.retry_interval = std::chrono::milliseconds(1);
    options.segment_bytes = std::size_t{64} << 10;
    return options;
  }
  void TearDown() override { store_.reset(); }  // before what a test's own class has
  void open() { open(options()); }
  void open(StoreOptions options) {
    store_.reset();
    auto opened = SqliteStore::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  // Leaves everything in the state and nothing in memory, and closes.
  void fold_all(StoreOptions options) {
    options.fold_above = 0;
    open(std::move(options));
    loop_.run_until([&] { return store_->unfolded() == 0; });
    ASSERT_TRUE(store_->close());
    store_.reset();
  }
  // The error with which an opening is refused.
  Error refused(StoreOptions options) {
    store_.reset();
    auto opened = SqliteStore::open(std::move(options));
    if (opened) {
      ADD_FAILURE() << "was opened";
      return {};
    }
    return opened.error();
  }
  // Submits, and waits for the report.
  Result<> write(Batch batch, Durability durability = Durability::durable) {
    std::optional<Result<>> result;
    store_->submit(batch, durability, [&](Result<> ok) { result = std::move(ok); });
    loop_.run_until([&] { return result.has_value(); });
    return *result;
  }
  std::optional<std::string> get(std::string_view key, std::string_view space = "ring") {
    auto value = store_->get(space, key);
    if (!value) {
      ADD_FAILURE() << value.error().message;
      return std::nullopt;
    }
    return *value;
  }
  Contents scan(std::string_view from = "", std::string_view to = "",
                std::string_view space = "ring") {
    Contents found;
    std::string last;
    const Result<> scanned =
        store_->scan(space, from, to, [&](std::string_view key, std::string_view value) {
          EXPECT_TRUE(found.empty() || last < key) << "out of order: " << key;
          last = key;
          found.emplace(key, value);
          return true;
        });
    EXPECT_TRUE(scanned) << scanned.error().message;
    return found;
  }

  TempDirectory directory_;
  Loop loop_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace skep::store_test
