#include "store/committer.hpp"

#include <sys/prctl.h>

#include <algorithm>

namespace skep {

namespace {

// A record's size: large enough that its own cost vanishes, small enough to fit into a segment.
constexpr std::size_t kGroupBytes = std::size_t{1} << 20;
// How long a commit is held back when the backlog is at its bound.
constexpr std::chrono::microseconds kSlowest = std::chrono::milliseconds(20);
// A commit costs as much as some dozen small writes do otherwise. When others came while it was
// under way, more are close behind them, and are waited for: so long for each that came, at most so
// long in all. Who writes alone, one after the other, waits for nobody.
constexpr std::chrono::microseconds kGather{40};
constexpr std::chrono::microseconds kLongestGather{200};
// Nor does who waits for a sync: while one is under way, enough come. Above so many bytes the bytes
// are what costs.
constexpr std::size_t kGathered = 16 * 1024;

}  // namespace

Committer::Committer(Journal journal, std::uint64_t end, Limits limits, Events events)
    : journal_(std::move(journal)),
      limits_(limits),
      events_(std::move(events)),
      added_(end),
      written_(end),
      durable_(end),
      journal_bytes_(journal_.bytes()),
      thread_([this] { run(); }) {}

Committer::~Committer() { stop(); }

void Committer::add(std::uint64_t sequence, std::string_view batch, bool durable) {
  const std::lock_guard lock(mutex_);
  pending_.push_back({sequence, batch, durable});
  added_ = sequence;
  if (idle_) wake_.notify_one();
}

std::optional<Error> Committer::stuck() const {
  if (!is_stuck_.load(std::memory_order_relaxed)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return stuck_;
}

bool Committer::wait_durable(std::uint64_t sequence) {
  std::unique_lock lock(mutex_);
  sync_wanted_ = std::max(sync_wanted_, sequence);
  wake_.notify_one();
  progress_.wait(lock, [&] { return durable() >= sequence || stopping_ || ended_; });
  return durable() >= sequence;
}

Result<> Committer::drain() {
  std::unique_lock lock(mutex_);
  sync_wanted_ = added_;
  wake_.notify_one();
  progress_.wait(lock, [&] { return durable() >= added_ || stuck_ || ended_; });
  if (durable() >= added_) return {};
  return stuck_ ? Result<>(tl::unexpected(*stuck_)) : fail(Code::unknown, "the store has failed");
}

void Committer::trim(std::uint64_t folded) {
  const std::lock_guard lock(mutex_);
  trim_to_ = folded;
  wake_.notify_one();
}

void Committer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
    progress_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool Committer::has_work() const {
  return !pending_.empty() || next_ < taken_.size() || !group_.empty() || trim_to_ ||
         (sync_wanted_ > durable() && written() > durable());
}

void Committer::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto ready = [this] { return stopping_ || has_work(); };
  idle_ = true;
  if (unsynced_since_)
    wake_.wait_until(lock, *unsynced_since_ + limits_.flush_interval, ready);
  else if (!quiet() && !wake_.wait_for(lock, limits_.flush_interval, ready))
    become_quiet(lock);
  else
    wake_.wait(lock, ready);
  idle_ = false;
}

// All is synced, and for a flush interval nothing has come.
void Committer::become_quiet(std::unique_lock<std::mutex>& lock) {
  quiet_.store(true, std::memory_order_release);
  lock.unlock();
  events_.progress();
  lock.lock();
}

void Committer::run() {
  // Pauses are short: the kernel may not stretch them by the fifty microseconds that are usual.
  static_cast<void>(prctl(PR_SET_TIMERSLACK, 1000));
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wait_for_work(lock);
    if (stopping_) break;
    take_group();
    if (!group_.empty()) quiet_.store(false, std::memory_order_release);
    lock.unlock();
    const Result<> done = turn();
    journal_bytes_.store(journal_.bytes(), std::memory_order_relaxed);
    lock.lock();
    if (!settle(done, lock)) break;
    if (const auto pause = std::max(slowness(), gathering()); pause.count() > 0)
      wake_.wait_for(lock, pause, [this] { return stopping_; });
  }
}

// One step fails without the others: a full disk keeps nobody from syncing what is written, and
// trimming may be what makes room.
Result<> Committer::turn() {
  Result<> done;
  for (Result<> (Committer::*step)() :
       {&Committer::commit, &Committer::flush, &Committer::upkeep}) {
    const Result<> stepped = (this->*step)();
    if (!stepped && (done || fatal(stepped.error()))) done = stepped;
    if (!done && fatal(done.error())) break;
  }
  return done;
}

void Committer::take_group() {
  if (!group_.empty()) return;  // it is tried again
  if (next_ == taken_.size()) {
    taken_.clear();
    next_ = 0;
    taken_.swap(pending_);
  }
  group_durable_ = group_written_ = false;
  for (std::size_t bytes = 0; next_ < taken_.size() && bytes < kGroupBytes; ++next_) {
    const Item& item = taken_[next_];
    group_.push_back(item.batch);
    group_last_ = item.sequence;
    group_durable_ = group_durable_ || item.durable;
    group_written_ = group_written_ || !item.durable;
    bytes += item.batch.size();
  }
}

Result<> Committer::commit() {
  if (group_.empty()) return {};
  const Steady::time_point began = Steady::now();
  if (Result<> appended = journal_.append(group_last_, group_); !appended) return appended;
  measure(figures_.appends, began);
  group_.clear();
  written_.store(group_last_, std::memory_order_release);
  if (!unsynced_since_) unsynced_since_ = Steady::now();
  // Where nobody waits for less than the sync, it is all there is to tell of.
  if (group_written_) publish();
  return {};
}

Result<> Committer::flush() {
  if (!unsynced_since_) return {};
  bool due = group_durable_ || Steady::now() >= *unsynced_since_ + limits_.flush_interval;
  if (!due) {
    const std::lock_guard lock(mutex_);
    due = sync_wanted_ > durable();
  }
  if (!due) return {};
  const Steady::time_point began = Steady::now();
  if (Result<> synced = journal_.sync(); !synced) return synced;
  measure(figures_.syncs, began);
  unsynced_since_.reset();
  durable_.store(written(), std::memory_order_release);
  publish();
  return {};
}

void Committer::measure(Histogram& figure, Steady::time_point since) {
  const auto took = std::chrono::duration_cast<Duration>(Steady::now() - since);
  const std::lock_guard lock(mutex_);
  figure.add(took);
}

Committer::Figures Committer::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

void Committer::publish() {
  {
    // Whoever waits has looked under the lock. And nobody who hears of a success shall still be
    // told that writing fails.
    const std::lock_guard lock(mutex_);
    note_stuck(std::nullopt);
    progress_.notify_all();
  }
  events_.progress();
}

Result<> Committer::upkeep() {
  std::optional<std::uint64_t> trim_to;
  {
    const std::lock_guard lock(mutex_);
    trim_to.swap(trim_to_);
  }
  if (!trim_to) return {};
  // What could not be removed is with the next fold.
  return journal_.trim(*trim_to);
}

void Committer::note_stuck(std::optional<Error> error) {
  stuck_ = std::move(error);
  is_stuck_.store(stuck_.has_value(), std::memory_order_relaxed);
}

// Notes how a turn went. False: it was the last.
bool Committer::settle(const Result<>& done, std::unique_lock<std::mutex>& lock) {
  note_stuck(done ? std::nullopt : std::optional(done.error()));
  if (done) return true;
  ended_ = fatal(done.error());
  progress_.notify_all();
  if (ended_) {
    lock.unlock();
    events_.failed(done.error());
    lock.lock();
    return false;
  }
  wake_.wait_for(lock, limits_.retry_interval, [this] { return stopping_; });
  return true;
}

// How long the next commit is held back: for the backlog,
std::chrono::microseconds Committer::slowness() const {
  const std::size_t backlog = std::min(backlog_.load(std::memory_order_relaxed), limits_.most);
  if (backlog <= limits_.slow_above) return {};
  const auto share = static_cast<double>(backlog - limits_.slow_above) /
                     static_cast<double>(limits_.most - limits_.slow_above);
  return std::chrono::duration_cast<std::chrono::microseconds>(kSlowest * share);
}

// and for what else may come.
std::chrono::microseconds Committer::gathering() const {
  std::size_t bytes = 0;
  for (const Item& item : pending_) {
    bytes += item.batch.size();
    if (item.durable || bytes > kGathered) return {};
  }
  return std::min<std::chrono::microseconds>(kGather * pending_.size(), kLongestGather);
}

}  // namespace skep
