#include "store/memtable.hpp"

#include <algorithm>
#include <cstring>

#include "net/base/assert.hpp"
#include "net/wire.hpp"

namespace skep {

namespace {

// About what an entry takes besides its bytes: a hash node, a bucket, a place in a run.
constexpr std::size_t kEntryOverhead = 96;
constexpr std::size_t kBatchOverhead = 96;
// From so many keys of a space on there are many: its hash table is made as large at once as it
// gets until a fold, for to make it larger takes the longer the more there is in it.
constexpr std::size_t kManyKeys = 4096;
constexpr std::size_t kMostKeys = std::size_t{1} << 19;
// So many bytes after a read, others are expected.
constexpr std::size_t kFollowed = std::size_t{4} << 20;

bool key_less(const Memtable::Entry* a, const Memtable::Entry* b) { return a->first < b->first; }

}  // namespace

std::string_view Memtable::add(std::uint64_t sequence, std::string_view encoded) {
  char* kept = static_cast<char*>(arena_.allocate(encoded.size(), 1));
  std::memcpy(kept, encoded.data(), encoded.size());
  batches_.emplace_back(kept, encoded.size());
  last_ = sequence;
  bytes_ += encoded.size() + kBatchOverhead;
  if (bytes_ <= follow_until_) index_.follow(batches_);
  return batches_.back();
}

bool Memtable::is_batch(std::string_view encoded) {
  return wire::decode<std::vector<Batch::Op>>(encoded).has_value();
}

void Memtable::read() {
  follow_until_ = std::max(follow_until_, bytes_ + kFollowed);
  index_.follow(batches_);
}

void Memtable::Index::follow(const std::vector<std::string_view>& batches) {
  for (; taken < batches.size(); ++taken) take(batches[taken]);
}

void Memtable::Index::take(std::string_view batch) {
  const auto ops = wire::decode<std::vector<Batch::Op>>(batch);
  SKEP_ASSERT(ops);        // see add()
  auto at = spaces.end();  // neighbours are of one, mostly
  for (const Batch::Op& op : *ops) {
    if (at == spaces.end() || at->first != op.space) at = spaces.find(op.space);
    if (at == spaces.end()) at = spaces.try_emplace(std::string(op.space), &arena).first;
    Space& space = at->second;
    const Value value = op.put ? Value(op.value) : std::nullopt;
    const auto [entry, added] = space.newest.try_emplace(op.key, value);
    if (!added) {
      entry->second = value;
      continue;
    }
    space.fresh.push_back(&*entry);
    memory += kEntryOverhead;
    if (space.newest.size() != kManyKeys) continue;
    space.newest.reserve(kMostKeys);
    memory += kMostKeys * sizeof(void*);
  }
}

std::optional<Memtable::Value> Memtable::find(std::string_view space, std::string_view key) {
  read();
  const auto place = index_.spaces.find(space);
  if (place == index_.spaces.end()) return std::nullopt;
  const auto entry = place->second.newest.find(key);
  if (entry == place->second.newest.end()) return std::nullopt;
  return entry->second;
}

std::vector<Memtable::Run> Memtable::runs(std::string_view space) {
  read();
  const auto place = index_.spaces.find(space);
  if (place == index_.spaces.end()) return {};
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
