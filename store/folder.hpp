// The fold thread: brings memtables into the state, has the journal trimmed once that is synced,
// and checkpoints the state's log.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "net/base/time.hpp"
#include "store/committer.hpp"
#include "store/memtable.hpp"
#include "store/state.hpp"

namespace skep {

class Folder {
 public:
  using Table = std::shared_ptr<const Memtable>;
  struct Limits {
    Duration retry_interval;  // after an error that may pass
    int checkpoint_pages;     // the length of the state's log at which it is checkpointed
  };
  // Called on the fold thread.
  struct Events {
    std::function<void()> folded;  // the table is in the state, synced
    std::function<void()> checkpointed;
    std::function<void(const Error&)> failed;  // and this thread does nothing any more
  };
  Folder(StateWriter state, Committer& committer, Limits limits, Events events);
  ~Folder();  // stops, in the middle of a fold too

  // One at a time: the next one after folded(). Nobody adds to the table any more.
  void fold(Table table);
  // Frees a table here rather than on the caller's thread.
  void retire(Table table);
  void stop();
  // After stop(): the state is the caller's again.
  StateWriter& state() { return state_; }

 private:
  void run();
  Result<> fold_one();

  StateWriter state_;
  Committer& committer_;
  const Limits limits_;
  const Events events_;

  std::mutex mutex_;
  std::condition_variable wake_;
  Table table_;
  std::vector<Table> retired_;
  std::atomic<bool> stopping_ = false;

  std::thread thread_;
};

}  // namespace skep
