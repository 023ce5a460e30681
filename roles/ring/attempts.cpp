#include "roles/ring/attempts.hpp"

#include <utility>

namespace skep::ring {

std::size_t Attempts::at(std::uint64_t number) const {
  std::size_t slot = home(number);
  while (slots_[slot].number != 0 && slots_[slot].number != number) slot = after(slot);
  return slot;
}

void Attempts::insert(std::uint64_t number, std::uint32_t place) {
  if (2 * ++size_ > slots_.size()) {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
    displaced_ = 0;
    for (const Slot& slot : old)
      if (slot.number != 0) put(slot);
  }
  put({number, place});
}

void Attempts::put(const Slot& slot) {
  const std::size_t found = at(slot.number);
  slots_[found] = slot;
  displaced_ += found == home(slot.number) ? 0 : 1;
}

std::optional<std::uint32_t> Attempts::find(std::uint64_t number) const {
  const Slot& slot = slots_[at(number)];
  if (slot.number == 0) return std::nullopt;
  return slot.place;
}

// What stands behind the gap moves into it, unless it would come before its home. Where all are at
// home, as almost always, nothing does, and the run behind it, which may be long, is not looked at.
void Attempts::erase(std::uint64_t number) {
  std::size_t gap = at(number);
  if (slots_[gap].number == 0) return;
  --size_;
  displaced_ -= gap == home(number) ? 0 : 1;
  for (std::size_t next = after(gap); displaced_ > 0 && slots_[next].number != 0;
       next = after(next)) {
    const std::size_t from_home = (next - home(slots_[next].number)) & (slots_.size() - 1);
    const std::size_t from_gap = (next - gap) & (slots_.size() - 1);
    if (from_home < from_gap) continue;
    slots_[gap] = slots_[next];
    displaced_ -= gap == home(slots_[gap].number) ? 1 : 0;
    gap = next;
  }
  slots_[gap] = {};
}

}  // namespace skep::ring
