// The index of one bucket: blocks by the hash of their keys, by open addressing and linear probing.
// Entries stand in the order of their hashes (Amble & Knuth, "Ordered hash tables", 1974): a place
// of the table is a multiple of the hash, so probing goes forward only, a walk in the order of the
// hashes is a walk over the array, and growing is a copy from one end to the other.
//
// A slot is eight bytes: the pointer, the upper bits of the hash, and whether the value is cold, so
// that neither probing nor the search for something to evict touches blocks in vain.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "net/base/checksum.hpp"
#include "roles/ring/block.hpp"

namespace skep::ring {

class Index {
 public:
  static constexpr unsigned kHashBits = 48;

  Index() = default;
  Index(Index&& other) noexcept { swap(other); }
  Index& operator=(Index&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Index() { clear(); }

  // The hash of a key, in [1, 2^kHashBits); from hash64(), if that is known already.
  static std::uint64_t hash_of(std::uint64_t hash) {
    return std::max<std::uint64_t>(hash & ((std::uint64_t{1} << kHashBits) - 1), 1);
  }
  static std::uint64_t hash_of(std::string_view key) { return hash_of(hash64(key)); }

  std::size_t size() const { return size_; }
  // Places of the array; a block stands at some of them.
  std::size_t places() const { return length_; }
  Block* at(std::size_t place) const { return block_of(slots_[place]); }
  // Holds a block with its value in memory.
  bool warm_at(std::size_t place) const {
    return slots_[place] != 0 && (slots_[place] & kColdBit) == 0;
  }
  // The first place at which a key of this hash or a greater one may stand.
  std::size_t from(std::uint64_t hash) const { return home(hash, homes_); }
  std::size_t memory() const { return length_ * sizeof(Slot); }

  std::optional<std::size_t> find(std::uint64_t hash, std::string_view key) const;
  // Takes the block, whose key is not there yet.
  void insert(std::uint64_t hash, Block* block);
  // Takes the block instead of the one that stands there, which is the caller's from now on.
  void replace(std::size_t place, Block* block);
  // Gives the block back.
  Block* take(std::size_t place);
  void clear();

 private:
  using Slot = std::uint64_t;
  static constexpr Slot kColdBit = Slot{1} << 63;
  static constexpr Slot kPointer = (Slot{1} << 48) - 1;
  static constexpr unsigned kTagBits = 15;

  static Slot slot_of(std::uint64_t hash, Block* block);
  static Block* block_of(Slot slot) { return reinterpret_cast<Block*>(slot & kPointer); }
  static std::uint64_t tag(Slot slot) { return (slot & ~kColdBit) >> 48; }
  static std::uint64_t tag_of(std::uint64_t hash) { return hash >> (kHashBits - kTagBits); }
  static std::uint64_t hash_at(Slot slot) { return hash_of(block_of(slot)->key()); }
  static std::size_t home(std::uint64_t hash, std::size_t homes) {
    return static_cast<std::size_t>((hash >> (kHashBits - 32)) * homes >> 32);
  }
  void resize(std::size_t homes);
  bool copy_to(Slot* slots, std::size_t homes, std::size_t length) const;
  void swap(Index& other) noexcept;

  std::unique_ptr<Slot[]> slots_;
  std::uint32_t homes_ = 0;   // a hash is mapped to [0, homes_)
  std::uint32_t length_ = 0;  // of slots_: room for those that were pushed beyond
  std::uint32_t size_ = 0;
};

}  // namespace skep::ring
