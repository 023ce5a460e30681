#include "roles/ring/index.hpp"

#include <algorithm>
#include <cstring>

#include "net/base/assert.hpp"

namespace skep::ring {

namespace {

constexpr std::size_t kTail = 12;
constexpr std::size_t kFewest = 8;

}  // namespace

Index::Slot Index::slot_of(std::uint64_t hash, Block* block) {
  const auto pointer = reinterpret_cast<std::uintptr_t>(block);
  SKEP_ASSERT((pointer & ~kPointer) == 0);
  return tag_of(hash) << 48 | pointer | (block->cold() ? kColdBit : 0);
}

std::optional<std::size_t> Index::find(std::uint64_t hash, std::string_view key) const {
  if (size_ == 0) return std::nullopt;
  const std::uint64_t wanted = tag_of(hash);
  for (std::size_t place = home(hash, homes_); place < length_; ++place) {
    const Slot slot = slots_[place];
    if (slot == 0 || tag(slot) > wanted) return std::nullopt;
    if (tag(slot) == wanted && block_of(slot)->key() == key) return place;
  }
  return std::nullopt;
}

void Index::insert(std::uint64_t hash, Block* block) {
  // Seven eighths at most; and grown by a quarter, so that little stands empty.
  if ((size_ + 1) * std::size_t{8} > homes_ * std::size_t{7})
    resize(std::max<std::size_t>(kFewest, homes_ + homes_ / 4 + 2));
  for (;; resize(homes_ + homes_ / 4 + 2)) {
    std::size_t place = home(hash, homes_);
    const std::uint64_t wanted = tag_of(hash);
    for (; place < length_ && slots_[place] != 0; ++place) {
      const std::uint64_t there = tag(slots_[place]);
      if (there > wanted || (there == wanted && hash_at(slots_[place]) > hash)) break;
    }
    std::size_t empty = place;
    while (empty < length_ && slots_[empty] != 0) ++empty;
    if (empty >= length_) continue;  // pushed beyond the end
    std::memmove(&slots_[place + 1], &slots_[place], (empty - place) * sizeof(Slot));
    slots_[place] = slot_of(hash, block);
    ++size_;
    return;
  }
}

void Index::replace(std::size_t place, Block* block) {
  const Slot kept = slots_[place] & ~(kPointer | kColdBit);
  slots_[place] = kept | reinterpret_cast<std::uintptr_t>(block) | (block->cold() ? kColdBit : 0);
}

Block* Index::take(std::size_t place) {
  Block* taken = at(place);
  std::size_t next = place + 1;
  for (; next < length_ && slots_[next] != 0 && home(hash_at(slots_[next]), homes_) < next; ++next)
    slots_[next - 1] = slots_[next];
  slots_[next - 1] = 0;
  --size_;
  if (homes_ > 4 * kFewest && size_ * std::size_t{4} < homes_) resize(homes_ / 2);
  return taken;
}

void Index::resize(std::size_t homes) {
  for (;; homes += homes / 4) {
    SKEP_ASSERT(homes + kTail < UINT32_MAX);
    const std::size_t length = homes + kTail;
    auto slots = std::make_unique<Slot[]>(length);
    if (!copy_to(slots.get(), homes, length)) continue;  // pushed beyond the end
    slots_ = std::move(slots);
    homes_ = static_cast<std::uint32_t>(homes);
    length_ = static_cast<std::uint32_t>(length);
    return;
  }
}

bool Index::copy_to(Slot* slots, std::size_t homes, std::size_t length) const {
  std::size_t next = 0;
  for (std::size_t place = 0; place < length_; ++place) {
    if (slots_[place] == 0) continue;
    next = std::max(next, home(hash_at(slots_[place]), homes));
    if (next >= length) return false;
    slots[next++] = slots_[place];
  }
  return true;
}

void Index::clear() {
  for (std::size_t place = 0; place < length_; ++place)
    if (slots_[place] != 0) Block::destroy(at(place));
  slots_.reset();
  homes_ = length_ = size_ = 0;
}

void Index::swap(Index& other) noexcept {
  std::swap(slots_, other.slots_);
  std::swap(homes_, other.homes_);
  std::swap(length_, other.length_);
  std::swap(size_, other.size_);
}

}  // namespace skep::ring
