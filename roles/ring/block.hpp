// An entry of a table in one piece of memory: a head of 20 bytes, what only some entries have, the
// key, the value. A million entries are a million blocks, so each byte of the head counts.
#pragma once

#include <cstdint>
#include <string_view>

#include "roles/ring/entry.hpp"

namespace skep::ring {

class Block {
 public:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;

  // Key and value are shorter than 4 GiB each. `cold`: without the value, which is on disk.
  static Block* make(std::string_view key, const EntryView& entry);
  static void destroy(Block* block);
  // Makes it `entry` in place if that takes exactly as many bytes, for the same key.
  bool assign(const EntryView& entry);

  std::string_view key() const { return {bytes() + extra(), key_size()}; }
  EntryView view() const;
  Version version() const;
  bool tombstone() const { return (head_.flags & kTombstone) != 0; }
  bool cold() const { return (head_.flags & kCold) != 0; }
  WallMs expires() const;
  // Bytes of the value, cold or not.
  std::size_t value_size() const { return head_.value; }
  // What it takes in memory, the allocator's share included.
  std::size_t footprint() const;

  // Its place in the order of expiry; kNowhere: it has none.
  std::uint32_t place() const;
  void set_place(std::uint32_t place);

  // Goes up with each use, down with each look for something to evict.
  std::uint8_t heat() const { return head_.heat; }
  void set_heat(std::uint8_t heat) { head_.heat = heat; }
  // Whoever counts the writes says which of them this is.
  std::uint8_t mark() const { return head_.mark; }
  void set_mark(std::uint8_t mark) { head_.mark = mark; }

 private:
  enum Flag : std::uint8_t {
    kTombstone = 1,
    kCold = 2,
    kExpires = 4,  // has an Expiry
    kWide = 8,     // has a Wide: what does not fit the head's fields goes on there
  };
  struct Head {
    std::uint32_t number = 0;
    std::uint32_t epoch = 0;
    std::uint32_t value = 0;
    std::uint16_t number_high = 0;
    std::uint16_t key = 0;
    std::uint8_t flags = 0;
    std::uint8_t heat = 0;
    std::uint8_t mark = 0;
    std::uint8_t unused = 0;
  };
  struct Wide {
    std::uint32_t epoch = 0;
    std::uint16_t number = 0;
    std::uint16_t key = 0;
    bool needed() const { return epoch != 0 || number != 0 || key != 0; }
  };
  struct Expiry {
    std::uint32_t at[2] = {0, 0};
    std::uint32_t place = kNowhere;
  };
  static_assert(sizeof(Head) == 20 && sizeof(Wide) == 8 && sizeof(Expiry) == 12);

  explicit Block(const Head& head) : head_(head) {}
  static Head head_of(std::size_t key, const EntryView& entry);
  static Wide wide_of(std::size_t key, const EntryView& entry);
  void fill(const EntryView& entry);  // all but the key

  Wide wide() const;
  std::size_t expiry_at() const { return (head_.flags & kWide) != 0 ? sizeof(Wide) : 0; }
  std::size_t extra() const {
    return expiry_at() + ((head_.flags & kExpires) != 0 ? sizeof(Expiry) : 0);
  }
  std::size_t key_size() const;
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }

  Head head_;
};

}  // namespace skep::ring
