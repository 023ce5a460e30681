// Which entry of a table expires next: a heap of blocks that each know their place in it, so that
// one that is written again leaves nothing behind.
#pragma once

#include <vector>

#include "roles/ring/block.hpp"

namespace skep::ring {

class Expiries {
 public:
  // Takes note of a block that has an expiry and is no tombstone; does nothing with another.
  void add(Block* block);
  // Forgets a block, if it is there. Has to be called before the block changes or goes.
  void remove(const Block* block);

  // The block with the earliest expiry, if that is not after `now`.
  const Block* due(WallMs now) const {
    return heap_.empty() || heap_.front().at > now ? nullptr : heap_.front().block;
  }
  std::size_t size() const { return heap_.size(); }
  std::size_t memory() const { return heap_.capacity() * sizeof(Item); }

 private:
  struct Item {
    WallMs at = 0;
    Block* block = nullptr;
  };
  void put(std::size_t place, const Item& item);
  void rise(std::size_t place, const Item& item);
  void sink(std::size_t place, const Item& item);

  std::vector<Item> heap_;
};

}  // namespace skep::ring
