// The ring role where a hive keeps one copy of each key: arcs whose members do not come back, and
// what becomes of what they held.
#include "roles/ring/ring.hpp"

namespace skep::ring {

// The records of arcs that this node takes no part in are known to the router only.
void Ring::take_over_lost(Time now) {
  if (ending_ || !core_->knows_lost()) return;
  std::size_t taken = 0;
  for (ArcId arc = 0; arc < options_.hive.arcs; ++arc)
    if (core_->take_over_lost(now, arc, router_->hint(arc), effects_)) ++taken;
  if (taken > 0)
    env_.log.write(Level::warn, "ring",
                   "takes over " + std::to_string(taken) +
                       " arcs whose nodes did not come back within ring.takeover_empty_after; what "
                       "these hold is put where nothing is when they do");
}

// A copy of the arc's rows, in the space where entries wait to be brought, before the batches that
// erase them.
void Ring::set_aside(ArcId arc) {
  constexpr std::size_t kBatch = 1 << 20;
  const std::uint32_t first = first_slot(arc, options_.hive.arcs);
  const std::uint32_t end = first + kSlots / options_.hive.arcs;
  const auto bound = [](std::uint32_t slot) {
    return slot == kSlots ? std::string() : slot_prefix(static_cast<Slot>(slot));
  };
  Effects::Write write{Durability::durable, {}, {}};
  std::vector<Effects::Write> writes;
  std::size_t bytes = 0;
  const auto scanned = store_.scan(
      kEntrySpace, bound(first), bound(end), [&](std::string_view key, std::string_view row) {
        const auto entry = decode_entry(row);
        if (!entry || entry->tombstone) return true;
        write.batch.put(kAsideSpace, key, row);
        bytes += key.size() + row.size();
        if (bytes < kBatch) return true;
        writes.push_back(std::exchange(write, {Durability::durable, {}, {}}));
        bytes = 0;
        return true;
      });
  if (!scanned)
    env_.log.write(Level::error, "ring",
                   "cannot read what this node held of arc " + std::to_string(arc) + ": " +
                       scanned.error().message);
  if (bytes > 0) writes.push_back(std::move(write));
  for (auto& each : writes) submit(std::move(each));
  if (!writes.empty()) bringing_.more();
}

}  // namespace skep::ring
