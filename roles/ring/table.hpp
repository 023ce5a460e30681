// One node's copy of an arc, in memory: entries and tombstones, in buckets of neighbouring slots,
// with a digest of each bucket so that two copies can be compared without sending them.
//
// An entry is a block of memory and a place in its bucket's index. It may be cold: then its value
// is on disk only, and all that copies, digests, walks and expiry need of it is still here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "roles/ring/entry.hpp"
#include "roles/ring/expiries.hpp"
#include "roles/ring/index.hpp"
#include "roles/ring/slots.hpp"

namespace skep::ring {

class Table {
 public:
  static constexpr std::uint32_t kMaxBuckets = 64;
  using Digests = std::vector<std::uint64_t>;

  // The arc's slots are [first, first + count).
  Table(Slot first, std::uint32_t count);

  // Views live until the key is put, erased, cooled or warmed.
  std::optional<EntryView> find(const Key& key) const;
  // Bytes of the key's value, cold or not; 0: it has none.
  std::size_t value_size(const Key& key) const;
  // As find() for a client's use of it, which keeps the value in memory longer.
  std::optional<EntryView> use(const Key& key);
  // Replaces what the key had. `mark` is kept with it.
  void put(const Key& key, const Entry& entry, std::uint8_t mark = 0) {
    put_view(key, entry.view(), mark);
  }
  void put_view(const Key& key, const EntryView& entry, std::uint8_t mark = 0);
  // An entry whose value is on disk and stays there for now.
  void put_cold(const Key& key, EntryView entry) {
    entry.cold = !entry.tombstone;
    put_view(key, entry, 0);
  }
  // Forgets the key, without a tombstone.
  void erase(const Key& key);
  void clear();

  std::uint32_t buckets() const { return static_cast<std::uint32_t>(buckets_.size()); }
  std::uint32_t bucket_of(const Key& key) const { return bucket_of_slot(key.slot); }
  // XOR over the bucket's entries of a hash of key, version and kind.
  Digests digests() const;

  // What is here.
  struct Size {
    std::size_t entries = 0;          // tombstones included
    std::size_t live = 0;             // entries that are no tombstones
    std::size_t values = 0;           // of these, with their value in memory
    std::size_t value_bytes = 0;      // of those values
    std::size_t bytes = 0;            // of memory, all in all
    std::size_t tombstone_bytes = 0;  // of these, for tombstones
  };
  const Size& sizes() const { return size_; }
  std::size_t size() const { return size_.entries; }
  std::size_t live() const { return size_.live; }
  // Of the live ones, those that will expire.
  std::size_t expiring() const { return expiries_.size(); }

  // Entries of a bucket in the order of their hashes, tombstones included: at least one and about
  // `bytes` of them. `from` and `next` are places in that order, the first one is empty; no `next`:
  // that was the last. What is cold comes without its value, and is named by `cold`.
  struct Part {
    std::vector<std::pair<std::string, Entry>> entries;
    std::vector<std::size_t> cold;
    std::optional<std::string> next;
  };
  Part part(std::uint32_t bucket, std::string_view from, std::size_t bytes) const;
  // Calls visit(key, view); nothing may be changed meanwhile.
  template <class Visit> void each(std::uint32_t bucket, Visit&& visit) const {
    const Index& index = buckets_[bucket].index;
    for (std::size_t place = 0; place < index.places(); ++place)
      if (const Block* block = index.at(place)) visit(block->key(), block->view());
  }

  // Live keys from `from` on in the order in which SCAN walks (bucket, then a hash of the key), at
  // least `count` of them if there are as many; the second is where to go on, 0 if this arc has no
  // more. A place in that order is below Keyspace::kCursorEnd, its slot in its upper 16 bits.
  std::pair<std::vector<std::string>, std::uint64_t> walk(std::uint64_t from, std::size_t count,
                                                          WallMs now) const;

  // The key whose entry has expired first, if one has by `now`. It stays until it is put or erased.
  std::optional<std::string> expired(WallMs now) const;

  // Of a few entries from a random place on, whose value is in memory and for whose mark
  // may_evict(mark) holds, the one that was used least; the others cool down a little. None: there
  // is none near.
  template <class MayEvict>
  std::optional<std::string> coldest(std::uint64_t random, MayEvict&& may_evict) {
    const std::size_t bucket = random % buckets_.size();
    const std::size_t places = std::max<std::size_t>(buckets_[bucket].index.places(), 1);
    return coldest_from(bucket, (random >> 32) % places, may_evict);
  }
  // The same with as little favour for entries in sparse buckets as in full ones: where what is
  // taken is gone, a key that is alone in its slot should not be looked at most.
  std::optional<std::string> coldest_evenly(std::uint64_t random);
  // How much an entry is used, by the same measure; 0 if it is not there.
  std::uint8_t heat(const Key& key) const;
  // Drops the value of a live entry from memory.
  void cool(const Key& key);
  // Has it back, if the entry is cold and still of that version.
  void warm(const Key& key, const Entry& entry);

 private:
  static constexpr std::uint8_t kHottest = 15;
  static constexpr std::size_t kSample = 5;
  static constexpr std::size_t kLookedAt = 512;  // places of indexes, at most, for a sample

  struct Bucket {
    Index index;
    std::uint64_t digest = 0;
  };
  template <class MayEvict>
  std::optional<std::string> coldest_from(std::size_t bucket, std::size_t place,
                                          MayEvict&& may_evict);
  std::uint32_t bucket_of_slot(Slot slot) const;
  Slot first_slot(std::uint32_t bucket) const;
  static std::optional<std::size_t> place_of(const Bucket& bucket, const Key& key) {
    return bucket.index.find(Index::hash_of(key.hash), key.text);
  }
  void replace(Bucket& bucket, std::size_t place, const Key& key, const EntryView& entry);
  void count_in(Bucket& bucket, const Key& key, Block* block);
  void count_out(Bucket& bucket, const Key& key, const Block* block);

  Slot first_;
  std::uint32_t count_;
  std::vector<Bucket> buckets_;
  Expiries expiries_;
  Size size_;
};

template <class MayEvict>
std::optional<std::string> Table::coldest_from(std::size_t bucket, std::size_t place,
                                               MayEvict&& may_evict) {
  Block* coldest = nullptr;
  std::size_t found = 0;
  std::size_t looked_at = 0;
  // Once around, with the places before the first one at the end.
  for (std::size_t turns = 0; turns <= buckets_.size() && found < kSample; ++turns, place = 0) {
    const Index& index = buckets_[(bucket + turns) % buckets_.size()].index;
    for (; place < index.places() && found < kSample && looked_at < kLookedAt; ++place) {
      ++looked_at;
      if (!index.warm_at(place)) continue;
      Block* block = index.at(place);
      if (block->tombstone() || !may_evict(block->mark())) continue;
      ++found;
      if (coldest == nullptr || block->heat() < coldest->heat()) coldest = block;
      if (block->heat() > 0) block->set_heat(static_cast<std::uint8_t>(block->heat() - 1));
    }
  }
  if (coldest == nullptr) return std::nullopt;
  return std::string(coldest->key());
}

}  // namespace skep::ring
