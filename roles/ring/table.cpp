#include "roles/ring/table.hpp"

#include <algorithm>

#include "net/base/assert.hpp"
#include "net/base/checksum.hpp"
#include "net/wire.hpp"

namespace skep::ring {

namespace {

struct Row {
  Entry entry;
  std::uint32_t checksum = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("entry", m.entry);
    v("checksum", m.checksum);
  }
};

constexpr std::size_t kSlotBytes = 2;

// Digests are XORed, so those of neighbouring keys and versions must have nothing in common. XXH3
// does not promise that of short inputs and seeds that are alike: "key0" and "key4" collide under
// seeds that differ in one bit. So the version is input, not seed, and the input is long enough for
// its lanes to be multiplied.
std::uint64_t digest_of(std::string_view key, const Entry& entry) {
  const std::uint64_t words[] = {hash64(key), entry.version.epoch,
                                 entry.version.number << 1 | (entry.tombstone ? 1 : 0)};
  char bytes[sizeof words];
  for (std::size_t i = 0; i < sizeof bytes; ++i)
    bytes[i] = static_cast<char>(words[i / 8] >> (i % 8 * 8));
  return hash64({bytes, sizeof bytes});
}

}  // namespace

std::string row_key(std::string_view key) {
  const Slot slot = slot_of(key);
  std::string row;
  row.reserve(kSlotBytes + key.size());
  row.push_back(static_cast<char>(slot >> 8));
  row.push_back(static_cast<char>(slot & 0xff));
  row.append(key);
  return row;
}

std::string_view key_of_row(std::string_view row_key) {
  return row_key.size() < kSlotBytes ? std::string_view{} : row_key.substr(kSlotBytes);
}

std::string encode_row(const Entry& entry) {
  std::string row = wire::encode(entry);
  const std::uint32_t checksum = checksum32(row);
  wire::encode(row, checksum);
  return row;
}

Result<Entry> decode_entry(std::string_view row) {
  auto decoded = wire::decode<Row>(row);
  if (!decoded ||
      checksum32(row.substr(0, row.size() - sizeof(std::uint32_t))) != decoded->checksum)
    return fail(Code::corrupt, "an entry is damaged");
  return std::move(decoded->entry);
}

Table::Table(Slot first, std::uint32_t count)
    : first_(first), count_(count), buckets_(std::min(count, kMaxBuckets)) {
  SKEP_ASSERT(count > 0 && first + count <= kSlots);
}

std::size_t Table::Hash::operator()(std::string_view key) const { return hash64(key); }

std::uint32_t Table::bucket_of_slot(Slot slot) const {
  SKEP_ASSERT(slot >= first_ && slot < first_ + count_);
  return (slot - first_) * buckets() / count_;
}

std::uint32_t Table::bucket_of(std::string_view key) const { return bucket_of_slot(slot_of(key)); }

const Entry* Table::find(std::string_view key) const {
  const auto& entries = buckets_[bucket_of(key)].entries;
  const auto found = entries.find(key);
  return found == entries.end() ? nullptr : &found->second;
}

void Table::put(std::string_view key, Entry entry) {
  Bucket& bucket = buckets_[bucket_of(key)];
  bucket.digest ^= digest_of(key, entry);
  if (!entry.tombstone) ++live_;
  if (entry.expires != 0 && !entry.tombstone) expiries_.push({entry.expires, std::string(key)});
  auto found = bucket.entries.find(key);
  if (found == bucket.entries.end()) {
    bucket.entries.emplace(std::string(key), std::move(entry));
    return;
  }
  bucket.digest ^= digest_of(key, found->second);
  if (!found->second.tombstone) --live_;
  found->second = std::move(entry);
}

void Table::erase(std::string_view key) {
  Bucket& bucket = buckets_[bucket_of(key)];
  const auto found = bucket.entries.find(key);
  if (found == bucket.entries.end()) return;
  bucket.digest ^= digest_of(key, found->second);
  if (!found->second.tombstone) --live_;
  bucket.entries.erase(found);
}

void Table::clear() {
  for (Bucket& bucket : buckets_) bucket = {};
  live_ = 0;
  expiries_ = {};
}

Table::Digests Table::digests() const {
  Digests all;
  all.reserve(buckets_.size());
  for (const Bucket& bucket : buckets_) all.push_back(bucket.digest);
  return all;
}

std::size_t Table::size() const {
  std::size_t sum = 0;
  for (const Bucket& bucket : buckets_) sum += bucket.entries.size();
  return sum;
}

Table::Part Table::part(std::uint32_t bucket, std::string_view from, std::size_t bytes) const {
  SKEP_ASSERT(bucket < buckets());
  std::vector<std::pair<std::string_view, const Entry*>> found;
  for (const auto& [key, entry] : buckets_[bucket].entries)
    if (key >= from) found.emplace_back(key, &entry);
  std::sort(found.begin(), found.end());
  Part part;
  std::size_t size = 0;
  for (const auto& [key, entry] : found) {
    if (size >= bytes) {
      part.next = std::string(key);
      break;
    }
    size += key.size() + entry->value.size() + sizeof(Entry);
    part.entries.emplace_back(key, *entry);
  }
  return part;
}

std::uint64_t Table::place(std::string_view key) {
  constexpr std::uint64_t kHash = (1ULL << 48) - 1;
  return static_cast<std::uint64_t>(slot_of(key)) << 48 |
         std::max<std::uint64_t>(hash64(key) & kHash, 1);
}

std::pair<std::vector<std::string>, std::uint64_t> Table::walk(std::uint64_t from,
                                                               std::size_t count,
                                                               WallMs now) const {
  const auto slot = std::max<std::uint64_t>(from >> 48, first_);
  std::vector<std::string> keys;
  if (slot >= first_ + count_) return {keys, 0};
  for (std::uint32_t b = bucket_of_slot(static_cast<Slot>(slot)); b < buckets(); ++b) {
    std::vector<std::pair<std::uint64_t, const std::string*>> found;
    for (const auto& [key, entry] : buckets_[b].entries)
      if (const std::uint64_t at = place(key); at >= from && entry.live(now))
        found.emplace_back(at, &key);
    std::sort(found.begin(), found.end(),
              [](const auto& x, const auto& y) { return x.first < y.first; });
    for (std::size_t i = 0; i < found.size(); ++i) {
      // Keys of one place stay together, so that a place is enough to go on from.
      if (keys.size() >= count && (i == 0 || found[i].first != found[i - 1].first))
        return {keys, found[i].first};
      keys.push_back(*found[i].second);
    }
  }
  return {keys, 0};
}

std::optional<std::string> Table::expired(WallMs now) {
  while (!expiries_.empty() && expiries_.top().at <= now) {
    std::string key = expiries_.top().key;
    const WallMs at = expiries_.top().at;
    expiries_.pop();
    const Entry* entry = find(key);
    if (entry != nullptr && !entry->tombstone && entry->expires == at) return key;
  }
  return std::nullopt;
}

}  // namespace skep::ring
