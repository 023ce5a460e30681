#include "store/memtable.hpp"

#include <algorithm>
#include <cstring>

#include "net/wire.hpp"

namespace skep {

namespace {

// About what an entry takes besides its bytes: a hash node, a bucket, a place in a run.
constexpr std::size_t kEntryOverhead = 96;
constexpr std::size_t kBatchOverhead = 96;

bool key_less(const Memtable::Entry* a, const Memtable::Entry* b) { return a->first < b->first; }

}  // namespace

std::optional<std::string_view> Memtable::add(std::uint64_t sequence, std::string_view encoded) {
  char* kept = static_cast<char*>(arena_.allocate(encoded.size(), 1));
  std::memcpy(kept, encoded.data(), encoded.size());
  const std::string_view bytes(kept, encoded.size());
  const auto ops = wire::decode<std::vector<Batch::Op>>(bytes);
  if (!ops) return std::nullopt;
  auto space = spaces_.end();  // neighbours are of one, mostly
  for (const Batch::Op& op : *ops) {
    if (space == spaces_.end() || space->first != op.space) space = spaces_.find(op.space);
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
