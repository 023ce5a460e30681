// The commit thread: appends everything that waits as one record (group commit), syncs when a batch
// asks for it or the flush interval is over, and trims the journal behind the fold. It tries again
// after a full disk or an I/O error, and ends for good after a failed sync.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "net/base/histogram.hpp"
#include "net/base/time.hpp"
#include "store/journal.hpp"

namespace skep {

// After these errors a store may not go on: what is on disk is not known any more.
inline bool fatal(const Error& error) {
  return error.code == Code::unknown || error.code == Code::corrupt;
}

class Committer {
 public:
  struct Limits {
    Duration flush_interval;
    Duration retry_interval;  // after an error that may pass
    std::size_t slow_above;   // bytes not folded, above which commits are slowed
    std::size_t most;         // the bytes at which they are slowest
  };
  // Called on the commit thread.
  struct Events {
    std::function<void()> progress;            // written(), durable() or quiet() has moved
    std::function<void(const Error&)> failed;  // and this thread does nothing any more
  };
  // `end`: the number of the last batch in the journal, all of which is synced.
  Committer(Journal journal, std::uint64_t end, Limits limits, Events events);
  ~Committer();  // stops; what was not written is dropped

  // The loop thread's side. `batch` must live until it is written.
  void add(std::uint64_t sequence, std::string_view batch, bool durable);
  void set_backlog(std::size_t bytes) { backlog_.store(bytes, std::memory_order_relaxed); }
  std::uint64_t written() const { return written_.load(std::memory_order_acquire); }
  std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  // Everything is synced, and nothing has come for a flush interval.
  bool quiet() const { return quiet_.load(std::memory_order_acquire); }
  // The error that is being retried.
  std::optional<Error> stuck() const;
  // How long appending groups to the journal took, and syncing it.
  struct Figures {
    Histogram appends;
    Histogram syncs;
  };
  Figures figures() const;
  // The size of the journal's files.
  std::uint64_t journal_bytes() const { return journal_bytes_.load(std::memory_order_relaxed); }
  // Waits until everything is durable; or an error that may pass, or the end, is in the way.
  Result<> drain();
  void stop();

  // The fold thread's side.
  // Waits until batch `sequence` is durable, which it hastens; false: it will not be.
  bool wait_durable(std::uint64_t sequence);
  void trim(std::uint64_t folded);

 private:
  using Steady = std::chrono::steady_clock;
  struct Item {
    std::uint64_t sequence;
    std::string_view batch;
    bool durable;
  };

  void run();
  bool has_work() const;
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  void become_quiet(std::unique_lock<std::mutex>& lock);
  Result<> turn();
  void take_group();
  Result<> commit();
  Result<> flush();
  Result<> upkeep();
  bool settle(const Result<>& done, std::unique_lock<std::mutex>& lock);
  std::chrono::microseconds slowness() const;
  std::chrono::microseconds gathering() const;
  void publish();
  void measure(Histogram& figure, Steady::time_point since);
  void note_stuck(std::optional<Error> error);  // under the lock

  Journal journal_;
  const Limits limits_;
  const Events events_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;      // the commit thread waits
  std::condition_variable progress_;  // others wait for it
  std::vector<Item> pending_;
  std::uint64_t sync_wanted_ = 0;
  std::optional<std::uint64_t> trim_to_;
  std::uint64_t added_;
  bool idle_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  std::optional<Error> stuck_;
  Figures figures_;

  std::atomic<std::uint64_t> written_;
  std::atomic<std::uint64_t> durable_;
  std::atomic<std::uint64_t> journal_bytes_;
  std::atomic<std::size_t> backlog_ = 0;
  std::atomic<bool> quiet_ = false;
  std::atomic<bool> is_stuck_ = false;

  // The commit thread's own.
  std::vector<Item> taken_;
  std::size_t next_ = 0;  // of taken_
  std::vector<std::string_view> group_;
  std::uint64_t group_last_ = 0;
  bool group_durable_ = false;  // of its batches some are to be durable,
  bool group_written_ = false;  // some only written
  std::optional<Steady::time_point> unsynced_since_;

  std::thread thread_;
};

}  // namespace skep
