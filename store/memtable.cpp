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

// The first bytes of a key, so that numbers are in the order of the keys.
std::uint64_t beginning_of(std::string_view key) {
  unsigned char bytes[sizeof(std::uint64_t)] = {};
  if (!key.empty()) std::memcpy(bytes, key.data(), std::min(key.size(), sizeof bytes));
  std::uint64_t number = 0;
  for (const unsigned char byte : bytes) number = number << 8 | byte;
  return number;
}

}  // namespace

// Most comparisons are of keys that have little in common, and need not look at the keys
// themselves, which lie all over the memory.
void Memtable::sort(std::vector<const Entry*>& entries) {
  std::vector<std::pair<std::uint64_t, const Entry*>> order;
  order.reserve(entries.size());
  for (const Entry* entry : entries) order.emplace_back(beginning_of(entry->first), entry);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : key_less(a.second, b.second);
  });
  std::transform(order.begin(), order.end(), entries.begin(),
                 [](const auto& place) { return place.second; });
}

std::string_view Memtable::add(std::uint64_t sequence, std::string_view head,
                               std::string_view rest) {
  const std::size_t size = head.size() + rest.size();
  char* kept = static_cast<char*>(arena_.allocate(size, 1));
  std::copy(rest.begin(), rest.end(), std::copy(head.begin(), head.end(), kept));
  batches_.emplace_back(kept, size);
  last_ = sequence;
  bytes_ += size + kBatchOverhead;
  if (bytes_ <= follow_until_) index_.follow(batches_, bytes_);
  return batches_.back();
}

bool Memtable::is_batch(std::string_view encoded) {
  return wire::decode<std::vector<Batch::Op>>(encoded).has_value();
}

Memtable::Space* Memtable::read(std::string_view name) {
  index_.follow(batches_, bytes_);
  Space* space = index_.read(name);
  if (space == nullptr) return nullptr;
  space->follow_until = std::max(space->follow_until, bytes_ + kFollowed);
  follow_until_ = std::max(follow_until_, space->follow_until);
  return space;
}

Memtable::Space& Memtable::Index::space(std::string_view name) {
  const auto at = spaces_.find(name);
  if (at != spaces_.end()) return at->second;
  return spaces_.try_emplace(std::string(name), &arena_, follow_).first->second;
}

void Memtable::Index::follow(const std::vector<std::string_view>& batches, std::size_t bytes) {
  for (; seen_ < batches.size(); ++seen_) {
    const std::string_view batch = batches[seen_];
    std::string_view name;  // neighbours are of one, mostly
    Space* space = nullptr;
    bool takes = false;
    each_op(batch, [&](const Batch::Op& op) {
      if (space == nullptr || name != op.space) {
        name = op.space;
        space = &this->space(name);
        auto& of_it = space->batches;
        if (of_it.empty() || of_it.back().data() != batch.data()) {
          takes = space->taken == of_it.size() && bytes <= space->follow_until;
          of_it.push_back(batch);
          if (takes) space->taken = of_it.size();
        } else {
          takes = space->taken == of_it.size();
        }
      }
      if (takes) take(*space, op);
    });
  }
}

Memtable::Space* Memtable::Index::read(std::string_view name) {
  const auto at = spaces_.find(name);
  if (at == spaces_.end()) return nullptr;
  Space& space = at->second;
  for (; space.taken < space.batches.size(); ++space.taken)
    each_op(space.batches[space.taken], [&](const Batch::Op& op) {
      if (op.space == name) take(space, op);
    });
  return &space;
}

void Memtable::Index::take(Space& space, const Batch::Op& op) {
  const Value value = value_of(op);
  const auto [entry, added] = space.newest.try_emplace(op.key, value);
  if (!added) {
    entry->second = value;
    return;
  }
  space.fresh.push_back(&*entry);
  memory_ += kEntryOverhead;
  if (space.newest.size() != kManyKeys) return;
  space.newest.reserve(kMostKeys);
  memory_ += kMostKeys * sizeof(void*);
}

std::optional<Memtable::Value> Memtable::find(std::string_view space, std::string_view key) {
  const Space* in = read(space);
  if (in == nullptr) return std::nullopt;
  const auto entry = in->newest.find(key);
  if (entry == in->newest.end()) return std::nullopt;
  return entry->second;
}

std::vector<Memtable::Run> Memtable::runs(std::string_view space) {
  Space* in = read(space);
  if (in == nullptr) return {};
  auto& fresh = in->fresh;
  auto& runs = in->runs;
  if (!fresh.empty()) {
    sort(fresh);
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
