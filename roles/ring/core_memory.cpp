// The node's bounds, kept at the ends of turns.
#include <algorithm>

#include "roles/ring/core.hpp"

namespace skep::ring {

std::uint64_t Core::draw() {
  return static_cast<std::uint64_t>(host_.jitter(Duration::max()).count());
}

void Core::count_memory() {
  for (ArcId arc : dirty_)
    if (arcs_[arc]) arcs_[arc]->count_memory();
}

// Where entries are on disk: drops values until the bounds are kept, a bounded number in a turn;
// what was written since the last mark may not go yet.
void Core::keep_in_bounds(Effects& effects) {
  constexpr std::size_t kAtOnce = 2048;
  Memory& memory = host_.memory;
  if (!memory.bounded()) return;
  count_memory();
  if (!memory.on_disk) return;
  if (memory.dirty && memory.lap == memory.stored + 1) {
    effects.write(Durability::written)
        .completions.push_back({0, Completion::Kind::lap, 0, 0, memory.lap, host_.self});
    ++memory.lap;
    memory.dirty = false;
  }
  std::size_t in_vain = 0;
  for (std::size_t i = 0; i < kAtOnce && in_vain < awake_.size() && memory.over(); ++i) {
    Arc& arc = *awake_[evict_next_++ % awake_.size()];
    in_vain = arc.evict(draw()) ? 0 : in_vain + 1;
  }
}

namespace {

// Arcs that this node may delete from, to be drawn as often as they have entries.
struct Shares {
  std::vector<Arc*> arcs;
  std::vector<std::uint64_t> up_to;  // by arc: its entries, and those of the ones before

  explicit Shares(const std::vector<Arc*>& all) {
    std::uint64_t entries = 0;
    for (Arc* arc : all) {
      if (!arc->may_delete_for_room()) continue;
      arcs.push_back(arc);
      up_to.push_back(entries += arc->table().live());
    }
  }
  Arc& of(std::uint64_t random) const {
    const auto found = std::upper_bound(up_to.begin(), up_to.end(), random % up_to.back());
    return *arcs[static_cast<std::size_t>(found - up_to.begin())];
  }
};

}  // namespace

// Where entries are in memory only: deletes some of this node's own arcs', which leave with this
// turn's writes. The other nodes that hold them are about to make the same room; what is deleted
// too much thereby, by all of them, is a turn's writes.
void Core::make_room(Effects& effects) {
  constexpr std::size_t kAtOnce = 2048;
  constexpr std::size_t kBetween = 64;  // deletions, until it is counted anew what arcs have
  Memory& memory = host_.memory;
  if (!memory.bounded() || memory.on_disk) return;
  count_memory();
  memory.stuck = false;
  for (std::size_t i = 0; i < kAtOnce && memory.over(); i += kBetween) {
    const Shares shares(awake_);
    memory.stuck = shares.arcs.empty();
    if (memory.stuck) return;
    for (std::size_t j = 0; j < kBetween && memory.over(); ++j) {
      Arc* from = nullptr;
      std::pair<std::string, std::uint8_t> coldest;
      for (int compared = 0; compared < 3; ++compared) {
        Arc& arc = shares.of(draw());
        auto found = arc.coldest(draw());
        if (!found || (from != nullptr && coldest.second <= found->second)) continue;
        from = &arc;
        coldest = *std::move(found);
      }
      if (from == nullptr) continue;
      from->delete_for_room(coldest.first, effects);
      mark(from->id());
    }
  }
}

}  // namespace skep::ring
