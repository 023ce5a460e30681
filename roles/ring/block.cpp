#include "roles/ring/block.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#include "net/base/assert.hpp"

namespace skep::ring {

Block::Wide Block::wide_of(std::size_t key, const EntryView& entry) {
  return {static_cast<std::uint32_t>(entry.version.epoch >> 32),
          static_cast<std::uint16_t>(entry.version.number >> 48),
          static_cast<std::uint16_t>(key >> 16)};
}

Block::Head Block::head_of(std::size_t key, const EntryView& entry) {
  SKEP_ASSERT(key <= UINT32_MAX && entry.value.size() <= UINT32_MAX);
  Head head;
  head.number = static_cast<std::uint32_t>(entry.version.number);
  head.number_high = static_cast<std::uint16_t>(entry.version.number >> 32);
  head.epoch = static_cast<std::uint32_t>(entry.version.epoch);
  head.value = static_cast<std::uint32_t>(entry.value.size());
  head.key = static_cast<std::uint16_t>(key);
  head.flags = static_cast<std::uint8_t>(
      (entry.tombstone ? kTombstone : 0) | (entry.cold ? kCold : 0) |
      (entry.expires != 0 ? kExpires : 0) | (wide_of(key, entry).needed() ? kWide : 0));
  return head;
}

Block* Block::make(std::string_view key, const EntryView& entry) {
  const Block draft(head_of(key.size(), entry));
  const std::size_t value = entry.cold ? 0 : entry.value.size();
  void* memory = std::malloc(sizeof(Block) + draft.extra() + key.size() + value);
  if (memory == nullptr) throw std::bad_alloc();
  Block* block = new (memory) Block(draft.head_);
  if (!key.empty()) std::memcpy(block->bytes() + block->extra(), key.data(), key.size());
  if (draft.extra() >= sizeof(Wide) && (draft.head_.flags & kWide) != 0) {
    const Wide wide = wide_of(key.size(), entry);
    std::memcpy(block->bytes(), &wide, sizeof wide);
  }
  block->fill(entry);
  return block;
}

void Block::destroy(Block* block) { std::free(block); }

bool Block::assign(const EntryView& entry) {
  const Head head = head_of(key_size(), entry);
  constexpr std::uint8_t kShape = kCold | kExpires | kWide;
  const bool same_shape = ((head.flags ^ head_.flags) & kShape) == 0;
  if (!same_shape || (head.flags & (kCold | kWide)) != 0 || head.value != head_.value) return false;
  const std::uint8_t heat = head_.heat;
  head_ = head;
  head_.heat = heat;
  fill(entry);
  return true;
}

void Block::fill(const EntryView& entry) {
  if ((head_.flags & kExpires) != 0) {
    Expiry expiry;
    std::memcpy(expiry.at, &entry.expires, sizeof expiry.at);
    std::memcpy(bytes() + expiry_at(), &expiry, sizeof expiry);
  }
  if (!entry.cold && !entry.value.empty())
    std::memcpy(bytes() + extra() + key_size(), entry.value.data(), entry.value.size());
}

Block::Wide Block::wide() const {
  Wide wide;
  if ((head_.flags & kWide) != 0) std::memcpy(&wide, bytes(), sizeof wide);
  return wide;
}

std::size_t Block::key_size() const {
  return static_cast<std::size_t>(wide().key) << 16 | head_.key;
}

Version Block::version() const {
  const Wide more = wide();
  return {static_cast<std::uint64_t>(more.epoch) << 32 | head_.epoch,
          static_cast<std::uint64_t>(more.number) << 48 |
              static_cast<std::uint64_t>(head_.number_high) << 32 | head_.number};
}

WallMs Block::expires() const {
  WallMs at = 0;
  if ((head_.flags & kExpires) != 0)
    std::memcpy(&at, bytes() + expiry_at() + offsetof(Expiry, at), sizeof at);
  return at;
}

std::uint32_t Block::place() const {
  std::uint32_t place = kNowhere;
  if ((head_.flags & kExpires) != 0)
    std::memcpy(&place, bytes() + expiry_at() + offsetof(Expiry, place), sizeof place);
  return place;
}

void Block::set_place(std::uint32_t place) {
  SKEP_ASSERT((head_.flags & kExpires) != 0);
  std::memcpy(bytes() + expiry_at() + offsetof(Expiry, place), &place, sizeof place);
}

EntryView Block::view() const {
  EntryView view{version(), expires(), tombstone(), cold(), {}};
  if (!view.cold) view.value = {bytes() + extra() + key_size(), head_.value};
  return view;
}

// As jemalloc rounds up: in steps of 16, and of a quarter of the power of two below. What other
// allocators add is about as much.
std::size_t Block::footprint() const {
  const std::size_t size =
      sizeof(Block) + extra() + key_size() + (cold() ? 0 : std::size_t{head_.value});
  const std::size_t step = std::max<std::size_t>(std::bit_floor(size - 1) / 4, 16);
  return (size + step - 1) / step * step;
}

}  // namespace skep::ring
