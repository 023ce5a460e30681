#include "roles/ring/table.hpp"

#include <algorithm>

#include "net/base/assert.hpp"
#include "net/base/checksum.hpp"
#include "net/base/little.hpp"
#include "net/base/plant.hpp"

namespace skep::ring {

namespace {

// Digests are XORed, so those of neighbouring keys and versions must have nothing in common. XXH3
// does not promise that of short inputs and seeds that are alike: "key0" and "key4" collide under
// seeds that differ in one bit. So the version is input, not seed, and the input is long enough for
// its lanes to be multiplied.
std::uint64_t digest_of(const Key& key, const Block& block) {
  if (SKEP_PLANT(digest_without_tombstones) && block.tombstone()) return 0;
  const Version version = block.version();
  char bytes[3 * sizeof(std::uint64_t)];
  store_little(bytes, key.hash);
  store_little(bytes + 8, version.epoch);
  store_little(bytes + 16, version.number << 1 | (block.tombstone() ? 1U : 0U));
  return hash64({bytes, sizeof bytes});
}

// Where a part goes on: a hash, big-endian. What is none, from another node, is the beginning.
std::string show_hash(std::uint64_t hash) {
  std::string text;
  for (int shift = 56; shift >= 0; shift -= 8) text.push_back(static_cast<char>(hash >> shift));
  return text;
}

std::uint64_t parse_hash(std::string_view text) {
  std::uint64_t hash = 0;
  if (text.size() == sizeof hash)
    for (const char byte : text) hash = hash << 8 | static_cast<std::uint8_t>(byte);
  return hash >> Index::kHashBits == 0 ? hash : 0;
}

// The most values of a part that have to be read from the disk: it is done in one go.
constexpr std::size_t kMostReads = 256;

}  // namespace

Table::Table(Slot first, std::uint32_t count)
    : first_(first), count_(count), buckets_(std::min(count, kMaxBuckets)) {
  SKEP_ASSERT(count > 0 && first + count <= kSlots);
}

std::uint32_t Table::bucket_of_slot(Slot slot) const {
  SKEP_ASSERT(slot >= first_ && slot < first_ + count_);
  return (slot - first_) * buckets() / count_;
}

Slot Table::first_slot(std::uint32_t bucket) const {
  return static_cast<Slot>(first_ + (bucket * count_ + buckets() - 1) / buckets());
}

std::optional<EntryView> Table::find(const Key& key) const {
  const Bucket& bucket = buckets_[bucket_of(key)];
  const auto place = place_of(bucket, key);
  if (!place) return std::nullopt;
  return bucket.index.at(*place)->view();
}

std::size_t Table::value_size(const Key& key) const {
  const Bucket& bucket = buckets_[bucket_of(key)];
  const auto place = place_of(bucket, key);
  return place ? bucket.index.at(*place)->value_size() : 0;
}

std::optional<EntryView> Table::use(const Key& key) {
  const Bucket& bucket = buckets_[bucket_of(key)];
  const auto place = place_of(bucket, key);
  if (!place) return std::nullopt;
  Block* block = bucket.index.at(*place);
  if (block->heat() < kHottest) block->set_heat(static_cast<std::uint8_t>(block->heat() + 1));
  return block->view();
}

void Table::put_view(const Key& key, const EntryView& entry, std::uint8_t mark) {
  Bucket& bucket = buckets_[bucket_of(key)];
  if (const auto place = place_of(bucket, key)) {
    replace(bucket, *place, key, entry);
    return bucket.index.at(*place)->set_mark(mark);
  }
  Block* block = Block::make(key.text, entry);
  block->set_mark(mark);
  size_.bytes -= bucket.index.memory();
  bucket.index.insert(Index::hash_of(key.hash), block);
  size_.bytes += bucket.index.memory();
  count_in(bucket, key, block);
}

void Table::replace(Bucket& bucket, std::size_t place, const Key& key, const EntryView& entry) {
  Block* old = bucket.index.at(place);
  count_out(bucket, key, old);
  if (old->assign(entry)) return count_in(bucket, key, old);
  Block* block = Block::make(old->key(), entry);
  block->set_heat(old->heat());
  block->set_mark(old->mark());
  bucket.index.replace(place, block);
  Block::destroy(old);
  count_in(bucket, key, block);
}

void Table::count_in(Bucket& bucket, const Key& key, Block* block) {
  bucket.digest ^= digest_of(key, *block);
  ++size_.entries;
  size_.bytes += block->footprint() - expiries_.memory();
  expiries_.add(block);
  size_.bytes += expiries_.memory();
  if (block->tombstone()) {
    size_.tombstone_bytes += block->footprint();
    return;
  }
  ++size_.live;
  if (block->cold()) return;
  ++size_.values;
  size_.value_bytes += block->value_size();
}

void Table::count_out(Bucket& bucket, const Key& key, const Block* block) {
  bucket.digest ^= digest_of(key, *block);
  --size_.entries;
  size_.bytes -= block->footprint();
  expiries_.remove(block);
  if (block->tombstone()) {
    size_.tombstone_bytes -= block->footprint();
    return;
  }
  --size_.live;
  if (block->cold()) return;
  --size_.values;
  size_.value_bytes -= block->value_size();
}

void Table::erase(const Key& key) {
  Bucket& bucket = buckets_[bucket_of(key)];
  const auto place = place_of(bucket, key);
  if (!place) return;
  size_.bytes -= bucket.index.memory();
  Block* block = bucket.index.take(*place);
  size_.bytes += bucket.index.memory();
  count_out(bucket, key, block);
  Block::destroy(block);
}

void Table::clear() {
  for (Bucket& bucket : buckets_) {
    bucket.index.clear();
    bucket.digest = 0;
  }
  expiries_ = {};
  size_ = {};
}

Table::Digests Table::digests() const {
  Digests all;
  all.reserve(buckets_.size());
  for (const Bucket& bucket : buckets_) all.push_back(bucket.digest);
  return all;
}

Table::Part Table::part(std::uint32_t bucket, std::string_view from, std::size_t bytes) const {
  SKEP_ASSERT(bucket < buckets());
  const Index& index = buckets_[bucket].index;
  const std::uint64_t first = parse_hash(from);
  Part part;
  std::size_t size = 0;
  std::uint64_t last = 0;
  for (std::size_t place = index.from(first); place < index.places(); ++place) {
    const Block* block = index.at(place);
    if (block == nullptr) continue;
    const std::uint64_t hash = Index::hash_of(block->key());
    if (hash < first) continue;
    const bool full = size >= bytes || part.cold.size() >= kMostReads;
    if (full && hash != last) {  // entries of one hash stay together
      part.next = show_hash(hash);
      break;
    }
    if (block->cold()) part.cold.push_back(part.entries.size());
    part.entries.emplace_back(block->key(), block->view().entry());
    size += block->key().size() + block->value_size();
    last = hash;
  }
  return part;
}

std::pair<std::vector<std::string>, std::uint64_t> Table::walk(std::uint64_t from,
                                                               std::size_t count,
                                                               WallMs now) const {
  constexpr std::uint64_t kHash = (std::uint64_t{1} << Index::kHashBits) - 1;
  std::vector<std::string> keys;
  const std::uint64_t slot = from >> Index::kHashBits;
  if (slot >= first_ + count_) return {keys, 0};
  std::uint64_t first = slot < first_ ? 0 : from & kHash;
  std::uint64_t last = 0;
  for (auto b = bucket_of_slot(std::max(static_cast<Slot>(slot), first_)); b < buckets(); ++b) {
    const Index& index = buckets_[b].index;
    for (std::size_t place = index.from(first); place < index.places(); ++place) {
      const Block* block = index.at(place);
      if (block == nullptr || !block->view().live(now)) continue;
      const std::uint64_t hash = Index::hash_of(block->key());
      if (hash < first) continue;
      // Keys of one place stay together, so that a place is enough to go on from.
      if (keys.size() >= count && hash != last)
        return {keys, std::uint64_t{first_slot(b)} << Index::kHashBits | hash};
      keys.emplace_back(block->key());
      last = hash;
    }
    first = 0;
    last = 0;
  }
  return {keys, 0};
}

std::optional<std::string> Table::expired(WallMs now) const {
  const Block* due = expiries_.due(now);
  if (due == nullptr) return std::nullopt;
  return std::string(due->key());
}

std::optional<std::string> Table::coldest_evenly(std::uint64_t random) {
  std::size_t places = 0;
  for (const Bucket& bucket : buckets_) places += bucket.index.places();
  if (places == 0) return std::nullopt;
  std::size_t place = random % places;
  std::size_t bucket = 0;
  while (place >= buckets_[bucket].index.places()) place -= buckets_[bucket++].index.places();
  return coldest_from(bucket, place, [](std::uint8_t) { return true; });
}

std::uint8_t Table::heat(const Key& key) const {
  const Bucket& bucket = buckets_[bucket_of(key)];
  const auto place = place_of(bucket, key);
  return place ? bucket.index.at(*place)->heat() : std::uint8_t{0};
}

void Table::cool(const Key& key) {
  Bucket& bucket = buckets_[bucket_of(key)];
  const auto place = place_of(bucket, key);
  if (!place) return;
  EntryView entry = bucket.index.at(*place)->view();
  if (entry.cold || entry.tombstone) return;
  entry.cold = true;
  replace(bucket, *place, key, entry);
}

void Table::warm(const Key& key, const Entry& entry) {
  Bucket& bucket = buckets_[bucket_of(key)];
  const auto place = place_of(bucket, key);
  if (!place) return;
  EntryView there = bucket.index.at(*place)->view();
  if (!there.cold || there.version != entry.version) return;
  there.cold = false;
  there.value = entry.value;
  replace(bucket, *place, key, there);
}

}  // namespace skep::ring
