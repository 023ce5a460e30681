#include "store/folder.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace skep {

namespace {

// Whoever waits for an answer goes first; a fold has time until the backlog is at half its bound.
constexpr int kNice = 5;

}  // namespace

Folder::Folder(StateWriter state, Committer& committer, Limits limits, Events events)
    : state_(std::move(state)),
      committer_(committer),
      limits_(limits),
      events_(std::move(events)),
      thread_([this] { run(); }) {}

Folder::~Folder() { stop(); }

void Folder::fold(Table table) {
  const std::lock_guard lock(mutex_);
  table_ = std::move(table);
  wake_.notify_one();
}

void Folder::retire(Table table) {
  const std::lock_guard lock(mutex_);
  retired_.push_back(std::move(table));
  wake_.notify_one();
}

void Folder::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Folder::run() {
  // Of this thread only. Where the system refuses, a fold is as urgent as the rest.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice));
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait(lock, [this] { return stopping_ || table_ || !retired_.empty(); });
    if (stopping_) return;
    std::vector<Table> retired = std::exchange(retired_, {});
    const bool fold = table_ != nullptr;
    lock.unlock();
    retired.clear();
    Result<> done;
    if (fold) done = fold_one();
    if (!done && fatal(done.error())) return events_.failed(done.error());
    lock.lock();
    // A full disk may get room: the table is still there.
    if (!done) wake_.wait_for(lock, limits_.retry_interval, [this] { return stopping_.load(); });
  }
}

Result<> Folder::fold_one() {
  // The state must never be ahead of the journal's synced part: after a power cut the journal would
  // end before what the state has.
  if (!committer_.wait_durable(table_->last())) return fail(Code::unavailable, "the store stops");
  if (Result<> folded = state_.fold(*table_, stopping_); !folded) return folded;
  if (Result<> synced = state_.sync(); !synced) return synced;
  committer_.trim(table_->last());
  {
    const std::lock_guard lock(mutex_);
    table_.reset();
  }
  events_.folded();
  if (state_.log_pages() < limits_.checkpoint_pages) return {};
  const Result<> done = state_.checkpoint(false);
  if (done) events_.checkpointed();
  return done;
}

}  // namespace skep
