#include "store/memtable.hpp"

#include <algorithm>
#include <cstring>

#include "net/wire.hpp"

namespace skep {

namespace {

struct LoggedOp {
  std::string_view space;
  std::string_view key;
  bool put = false;
  std::string_view value;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("space", m.space);
    v("key", m.key);
    v("put", m.put);
    v("value", m.value);
  }
};

// About what an entry takes besides its bytes: a hash node, a bucket, a place in a run.
constexpr std::size_t kEntryOverhead = 96;
constexpr std::size_t kBatchOverhead = 96;

bool key_less(const Memtable::Entry* a, const Memtable::Entry* b) { return a->first < b->first; }

}  // namespace

void encode_batch(std::string& out, const Batch& batch) {
  // On the loop's hot path: the vector is kept for its memory.
  thread_local std::vector<LoggedOp> logged;
  logged.clear();
  for (const Batch::Op& op : batch.ops())
    logged.push_back({op.space, op.key, op.value.has_value(),
                      op.value ? std::string_view(*op.value) : std::string_view()});
  wire::encode(out, logged);
}

std::optional<std::string_view> Memtable::add(std::uint64_t sequence, std::string_view encoded) {
  char* kept = static_cast<char*>(arena_.allocate(encoded.size(), 1));
  std::memcpy(kept, encoded.data(), encoded.size());
  const std::string_view bytes(kept, encoded.size());
  const auto ops = wire::decode<std::vector<LoggedOp>>(bytes);
  if (!ops) return std::nullopt;
  for (const LoggedOp& op : *ops) {
    auto space = spaces_.find(op.space);
    if (space == spaces_.end()) space = spaces_.try_emplace(std::string(op.space), &arena_).first;
    Space& place = space->second;
    const Value value = op.put ? Value(op.value) : std::nullopt;
    const auto [entry, added] = place.newest.try_emplace(op.key, value);
    if (added)
      place.fresh.push_back(&*entry);
    else
      entry->second = value;
  }
  last_ = sequence;
  bytes_ += bytes.size() + kBatchOverhead + ops->size() * kEntryOverhead;
  return bytes;
}

std::optional<Memtable::Value> Memtable::find(std::string_view space, std::string_view key) const {
  const auto place = spaces_.find(space);
  if (place == spaces_.end()) return std::nullopt;
  const auto entry = place->second.newest.find(key);
  if (entry == place->second.newest.end()) return std::nullopt;
  return entry->second;
}

std::vector<Memtable::Run> Memtable::runs(std::string_view space) {
  const auto place = spaces_.find(space);
  if (place == spaces_.end()) return {};
  auto& fresh = place->second.fresh;
  auto& runs = place->second.runs;
  if (!fresh.empty()) {
    std::sort(fresh.begin(), fresh.end(), key_less);
    runs.push_back(std::move(fresh));
    fresh.clear();
  }
  // As in a log-structured tree: few runs, and a key is merged a logarithmic number of times.
  while (runs.size() > 1 && runs[runs.size() - 2].size() < 2 * runs.back().size()) {
    const std::vector<const Entry*> newer = std::move(runs.back());
    runs.pop_back();
    std::vector<const Entry*> merged;
    merged.reserve(runs.back().size() + newer.size());
    std::merge(runs.back().begin(), runs.back().end(), newer.begin(), newer.end(),
               std::back_inserter(merged), key_less);
    runs.back() = std::move(merged);
  }
  return {runs.begin(), runs.end()};
}

}  // namespace skep
