// One node's copy of an arc, in memory: entries and tombstones, in buckets of neighbouring slots,
// with a digest of each bucket so that two copies can be compared without sending them.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/base/error.hpp"
#include "net/base/time.hpp"
#include "roles/ring/record.hpp"
#include "roles/ring/slots.hpp"

namespace skep::ring {

struct Entry {
  Version version;
  WallMs expires = 0;      // 0: never
  bool tombstone = false;  // deleted; the value is empty
  std::string value;

  bool live(WallMs now) const { return !tombstone && (expires == 0 || expires > now); }
  template <class M, class V> static void fields(M& m, V&& v) {
    v("version", m.version);
    v("expires", m.expires);
    v("tombstone", m.tombstone);
    v("value", m.value);
  }
  bool operator==(const Entry&) const = default;
};

// A row of the space "ring": key = slot (big-endian) + key, so that an arc is one range. The value
// carries a checksum; Code::corrupt when it does not match.
std::string row_key(std::string_view key);
std::string_view key_of_row(std::string_view row_key);
std::string encode_row(const Entry& entry);
Result<Entry> decode_entry(std::string_view row);

class Table {
 public:
  static constexpr std::uint32_t kMaxBuckets = 64;
  using Digests = std::vector<std::uint64_t>;

  // The arc's slots are [first, first + count).
  Table(Slot first, std::uint32_t count);

  const Entry* find(std::string_view key) const;
  // Replaces what the key had.
  void put(std::string_view key, Entry entry);
  // Forgets the key, without a tombstone.
  void erase(std::string_view key);
  void clear();

  std::uint32_t buckets() const { return static_cast<std::uint32_t>(buckets_.size()); }
  std::uint32_t bucket_of(std::string_view key) const;
  // XOR over the bucket's entries of a hash of key, version and kind.
  Digests digests() const;
  std::size_t size() const;
  std::size_t live() const { return live_; }  // entries that are no tombstones

  // Entries of a bucket from key `from` on, in order of their keys, tombstones included: at least
  // one and about `bytes` of them. `next` is where to go on; none: that was the last.
  struct Part {
    std::vector<std::pair<std::string, Entry>> entries;
    std::optional<std::string> next;
  };
  Part part(std::uint32_t bucket, std::string_view from, std::size_t bytes) const;
  template <class Visit> void each(std::uint32_t bucket, Visit&& visit) const {
    for (const auto& [key, entry] : buckets_[bucket].entries) visit(key, entry);
  }

  // A place in the order in which SCAN walks: slot, then a hash of the key. Never 0.
  static std::uint64_t place(std::string_view key);
  // Live keys from `from` on in that order, at least `count` of them if there are as many; the
  // second is where to go on, 0 if this arc has no more.
  std::pair<std::vector<std::string>, std::uint64_t> walk(std::uint64_t from, std::size_t count,
                                                          WallMs now) const;

  // The next key whose entry has expired by `now`, if any.
  std::optional<std::string> expired(WallMs now);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const;
  };
  struct Bucket {
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries;
    std::uint64_t digest = 0;
  };
  struct Expiry {
    WallMs at = 0;
    std::string key;
    bool operator>(const Expiry& other) const { return at > other.at; }
  };
  std::uint32_t bucket_of_slot(Slot slot) const;

  Slot first_;
  std::uint32_t count_;
  std::vector<Bucket> buckets_;
  std::size_t live_ = 0;
  // May hold expiries that no longer are: expired() looks.
  std::priority_queue<Expiry, std::vector<Expiry>, std::greater<>> expiries_;
};

}  // namespace skep::ring
