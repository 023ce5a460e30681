#include "roles/ring/expiries.hpp"

#include "net/base/assert.hpp"

namespace skep::ring {

void Expiries::add(Block* block) {
  const WallMs at = block->expires();
  if (at == 0 || block->tombstone()) return;
  SKEP_ASSERT(heap_.size() < Block::kNowhere);
  heap_.emplace_back();
  rise(heap_.size() - 1, {at, block});
}

void Expiries::remove(const Block* block) {
  const std::size_t place = block->place();
  if (place == Block::kNowhere) return;
  SKEP_ASSERT(place < heap_.size() && heap_[place].block == block);
  const Item last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  if (place > 0 && last.at < heap_[(place - 1) / 2].at) return rise(place, last);
  sink(place, last);
}

void Expiries::put(std::size_t place, const Item& item) {
  heap_[place] = item;
  item.block->set_place(static_cast<std::uint32_t>(place));
}

void Expiries::rise(std::size_t place, const Item& item) {
  for (; place > 0 && item.at < heap_[(place - 1) / 2].at; place = (place - 1) / 2)
    put(place, heap_[(place - 1) / 2]);
  put(place, item);
}

void Expiries::sink(std::size_t place, const Item& item) {
  for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
    if (heap_[child].at >= item.at) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, item);
}

}  // namespace skep::ring
