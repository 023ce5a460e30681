#include "tests/sim/sim_store.hpp"

#include "net/base/assert.hpp"

namespace skep::sim {

SimStore::SimStore(VirtualTime& time, Process& process, Dice dice, DiskOptions options)
    : time_(time), process_(process), dice_(dice), options_(options), identity_(dice_.next() | 1) {}

void SimStore::apply(Spaces& spaces, const Batch& batch) {
  for (const Batch::Op& op : batch.ops()) {
    Space& space = spaces[std::string(op.space)];
    if (op.put) {
      space.insert_or_assign(std::string(op.key), op.value);
    } else {
      space.erase(std::string(op.key));
    }
  }
}

void SimStore::keep(const Batch& batch) {
  apply(durable_, batch);
  if (on_durable) on_durable(batch);
}

void SimStore::submit(const Batch& batch, Durability durability, Reported reported) {
  if (full_ || refusals_ > 0 || bytes_ > options_.max_unfolded) {
    ++refusals_;
    time_.after(Duration(0), &process_, [this, reported = std::move(reported)] {
      --refusals_;
      reported(fail(Code::full, "the simulated disk is full"));
    });
    return;
  }
  apply(current_, batch);
  std::size_t bytes = 0;
  for (const Batch::Op& op : batch.ops()) bytes += op.key.size() + op.value.size();
  bytes_ += bytes;
  pending_.push_back({batch, durability, std::move(reported), bytes});
  pump();
}

Result<std::optional<std::string>> SimStore::get(std::string_view space, std::string_view key) {
  const auto in = current_.find(space);
  if (in == current_.end()) return std::nullopt;
  const auto found = in->second.find(key);
  if (found == in->second.end()) return std::nullopt;
  return found->second;
}

Result<> SimStore::scan(std::string_view space, std::string_view from, std::string_view to,
                        const Visit& visit) {
  const auto in = current_.find(space);
  if (in == current_.end()) return {};
  for (auto it = in->second.lower_bound(from); it != in->second.end(); ++it) {
    if (!to.empty() && it->first >= to) break;
    if (!visit(it->first, it->second)) break;
  }
  return {};
}

// As if some had been erased and written again.
Result<> SimStore::replay(std::string_view space, const Replayed& visit) {
  const auto in = current_.find(space);
  if (in == current_.end()) return {};
  for (const auto& [key, value] : in->second) visit(key, value);
  std::size_t number = 0;
  for (const auto& [key, value] : in->second) {
    if (++number % 3 != 0) continue;
    visit(key, std::nullopt);
    visit(key, value);
  }
  return {};
}

Duration SimStore::latency(Duration from, Duration to) {
  return std::max(stalled_until_ - time_.now(), Duration(0)) + dice_.between(from, to);
}

bool SimStore::sync_due() const {
  if (written_ == 0) return false;
  if (time_.now() - last_sync_ >= options_.flush_interval) return true;
  for (std::size_t i = reported_; i < written_; ++i)
    if (pending_[i].durability == Durability::durable) return true;
  return false;
}

// One thread: it writes all that waits as one group, and syncs when a batch or the time asks for
// it.
void SimStore::pump() {
  if (busy_ || full_) return;
  if (sync_due()) {
    busy_ = true;
    time_.after(latency(options_.sync_min, options_.sync_max), &process_,
                [this, count = written_] { synced(count); });
  } else if (written_ < pending_.size()) {
    busy_ = true;
    time_.after(latency(options_.write_min, options_.write_max), &process_,
                [this, count = pending_.size()] { wrote(count); });
  } else if (written_ > 0 && flush_ == 0) {
    flush_ = time_.at(last_sync_ + options_.flush_interval, &process_, [this] {
      flush_ = 0;
      pump();
    });
  }
}

void SimStore::wrote(std::size_t count) {
  busy_ = false;
  written_ = count;
  report();
  pump();
}

void SimStore::synced(std::size_t count) {
  busy_ = false;
  last_sync_ = time_.now();
  for (std::size_t i = 0; i < count; ++i) {
    keep(pending_[i].batch);
    bytes_ -= pending_[i].bytes;
  }
  std::vector<Reported> due;
  for (std::size_t i = reported_; i < count; ++i) due.push_back(std::move(pending_[i].reported));
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
  written_ -= count;
  reported_ -= std::min(reported_, count);
  for (Reported& reported : due) reported({});
  report();
  pump();
}

// In order: a written batch behind one that is to be durable waits for that one.
void SimStore::report() {
  while (reported_ < written_ && pending_[reported_].durability == Durability::written) {
    const Reported reported = std::move(pending_[reported_++].reported);
    reported({});
  }
}

void SimStore::crash(Crash how) {
  SKEP_ASSERT(!process_.running());  // or its events would still come
  std::size_t kept = how == Crash::kill ? written_ : 0;
  kept += dice_.below(pending_.size() - kept + 1);
  // A power cut is noticed whether or not it took something along.
  const bool cut = how == Crash::powercut;
  opening_ = {false, cut || opening_.may_have_lost, opening_.losses + (cut ? 1 : 0)};
  for (std::size_t i = 0; i < kept; ++i) keep(pending_[i].batch);
  current_ = durable_;
  forget_pending();
}

void SimStore::close() {
  SKEP_ASSERT(!process_.running());
  for (const Pending& pending : pending_) keep(pending.batch);
  forget_pending();
  opening_ = {false, false, opening_.losses};
}

void SimStore::forget_pending() {
  pending_.clear();
  written_ = reported_ = bytes_ = 0;
  busy_ = full_ = false;
  refusals_ = 0;
  flush_ = 0;
  stalled_until_ = Duration(0);
}

void SimStore::preset(std::string_view space, std::string key, std::string value) {
  for (Spaces* spaces : {&current_, &durable_})
    (*spaces)[std::string(space)].insert_or_assign(key, value);
}

Result<std::uint64_t> SimStore::used() {
  std::uint64_t bytes = 0;
  for (const auto& [name, space] : current_)
    for (const auto& [key, value] : space) bytes += key.size() + value.size();
  return bytes;
}

void SimStore::reopen() { last_sync_ = time_.now(); }

void SimStore::fill(bool full) {
  full_ = full;
  if (!full) pump();
}

bool SimStore::damage(std::string_view space, std::string_view key) {
  for (const Pending& pending : pending_)
    for (const Batch::Op& op : pending.batch.ops())
      if (op.key == key && op.space == space) return false;
  const Space* rows = durable(space);
  const auto row = rows == nullptr ? Space::const_iterator() : rows->find(key);
  if (rows == nullptr || row == rows->end() || row->second.empty()) return false;
  const std::size_t at = dice_.below(row->second.size());
  const int bit = 1 << dice_.below(8);
  for (Spaces* spaces : {&current_, &durable_}) {
    char& byte = spaces->find(space)->second.find(key)->second[at];
    byte = static_cast<char>(byte ^ bit);
  }
  return true;
}

const SimStore::Space* SimStore::durable(std::string_view space) const {
  const auto found = durable_.find(space);
  return found == durable_.end() ? nullptr : &found->second;
}

std::optional<std::string> SimStore::survivor(Durability durability, std::string_view space,
                                              std::string_view key) const {
  if (durability == Durability::written) {
    for (std::size_t i = written_; i-- > 0;) {
      const auto ops = pending_[i].batch.ops();
      for (auto op = ops.rbegin(); op != ops.rend(); ++op)
        if (op->key == key && op->space == space)
          return op->put ? std::optional(std::string(op->value)) : std::nullopt;
    }
  }
  const auto in = durable_.find(space);
  if (in == durable_.end()) return std::nullopt;
  const auto found = in->second.find(key);
  if (found == in->second.end()) return std::nullopt;
  return found->second;
}

}  // namespace skep::sim
