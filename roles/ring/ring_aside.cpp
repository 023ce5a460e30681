// The ring role where a node holds something apart from its hive: with one copy of each key, what a
// node had of arcs that were taken over without it; and the hive that a node had before it joined.
#include "roles/ring/ring.hpp"

namespace skep::ring {

// The records of arcs that this node takes no part in are known to the router only.
void Ring::take_over_lost(Time now) {
  if (ending_ || options_.hive.replication > 1 || !core_->knows_lost()) return;
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
  std::uint64_t rows = 0;
  std::size_t bytes = 0;
  const auto scanned = store_.scan(
      kEntrySpace, bound(first), bound(end), [&](std::string_view key, std::string_view row) {
        const auto entry = decode_entry(row);
        if (!entry || entry->tombstone) return true;
        write.batch.put(kAsideSpace, key, row);
        bytes += key.size() + row.size();
        ++rows;
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
  if (rows > 0) bringing_.more(rows);
}

void Ring::bring(Store& former, std::function<void()> done) {
  importing_ = std::make_unique<Importing>(former, store_, bringing_, env_.log,
                                           [this, done = std::move(done)] {
                                             const auto finished = std::move(importing_);
                                             done();
                                           });
}

Result<std::uint64_t> Ring::own_entries() const {
  if (!core_ || !router_)
    return fail(Code::unavailable, "this node's ring has not begun; try again");
  if (written_off_) return fail(Code::conflict, std::string(kWrittenOff));
  if (ending_) return fail(Code::unavailable, "this node is stopping or leaving");
  if (importing_ || !bringing_.done())
    return fail(Code::unavailable,
                "this node still brings entries into its present hive; try again when it has");
  const std::vector<NodeId> alone{core_->host().self};
  for (ArcId id = 0; id < options_.hive.arcs; ++id) {
    const Arc* arc = core_->find(id);
    const bool whole = arc != nullptr && arc->serving() && arc->record().settled() &&
                       arc->record().members == alone;
    if (!whole)
      return fail(Code::unavailable,
                  "some of this node's hive is not, or not only, on this node; try again when "
                  "`server admin ring` shows no other member");
  }
  const std::uint64_t entries = status().keys_owned;
  if (entries > 0 && options_.hive.durability == Durable::none)
    return fail(Code::conflict, "this node's hive has ring.durability = \"none\": its " +
                                    std::to_string(entries) +
                                    " entries are in memory only, and would be lost");
  return entries;
}

}  // namespace skep::ring
