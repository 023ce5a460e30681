// The circle: 16,384 slots, exactly Redis Cluster's (its specification, "Key distribution model"
// and "Hash tags"), cut into equal arcs.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "net/base/checksum.hpp"

namespace skep::ring {

inline constexpr std::uint32_t kSlots = 16384;

using Slot = std::uint16_t;
using ArcId = std::uint16_t;

// CRC16 (XMODEM: polynomial 0x1021, initial 0) of the key, or of its hash tag: what is between the
// first '{' and the first '}' after it, if that is not empty.
Slot slot_of(std::string_view key);

// A key with what is computed from it, once. Made from anything that is a key; a view of it.
struct Key {
  template <class Text>
  requires std::convertible_to<const Text&, std::string_view> Key(const Text& key)
      : text(key), hash(hash64(text)), slot(slot_of(text)) {}

  std::string_view text;
  std::uint64_t hash;
  Slot slot;
};

// `arcs` is a power of two, at most kSlots.
constexpr ArcId arc_of(Slot slot, std::uint32_t arcs) {
  return static_cast<ArcId>(slot / (kSlots / arcs));
}
constexpr Slot first_slot(ArcId arc, std::uint32_t arcs) {
  return static_cast<Slot>(arc * (kSlots / arcs));
}

}  // namespace skep::ring
