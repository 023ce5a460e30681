// What the ring tells of itself in numbers.
#include "roles/ring/ring.hpp"

namespace skep::ring {

void Ring::report(Metrics& metrics) const {
  if (!core_ || !router_) return;
  const Router::Figures& routed = router_->figures();
  metrics.counter("skep_ring_requests_total", "Requests of this node's clients, by who answered.",
                  answered_here_, {{"answered", "here"}});
  metrics.counter("skep_ring_requests_total", "Requests of this node's clients, by who answered.",
                  forwarded_, {{"answered", "elsewhere"}});
  metrics.counter("skep_ring_location_hits_total", "Requests that went to the owner at once.",
                  routed.attempts - routed.moved);
  metrics.counter("skep_ring_moved_total", "Requests that were told of another owner.",
                  routed.moved);
  metrics.counter("skep_ring_ownerless_total",
                  "Times that a request found no owner, or could not reach it.", routed.homeless);
  metrics.gauge("skep_ring_requests_waiting", "Requests of this node's clients under way.",
                router_->jobs());

  const Status now = status();
  std::uint64_t unsettled = 0;
  Table::Size sizes;
  std::map<NodeId, std::uint64_t> lag;
  std::map<NodeId, std::uint64_t> copying;
  for (ArcId arc = 0; arc < options_.hive.arcs; ++arc)
    unsettled += router_->hint(arc).settled() ? 0 : 1;
  for (const Arc* arc : core_->arcs()) {
    const Table::Size& size = arc->table().sizes();
    sizes.entries += size.entries;
    sizes.live += size.live;
    sizes.values += size.values;
    sizes.value_bytes += size.value_bytes;
    sizes.bytes += size.bytes;
    for (NodeId peer : arc->peers()) {
      const auto behind = arc->unconfirmed(peer);
      lag[peer] += behind.value_or(0);
      copying[peer] += behind ? 0 : 1;
    }
  }
  metrics.gauge("skep_ring_arcs", "Arcs of the whole ring.", now.arcs);
  metrics.gauge("skep_ring_arcs_owned", "Arcs that this node owns.", now.owned);
  metrics.gauge("skep_ring_arcs_kept", "Arcs that this node has a copy of.", now.kept);
  metrics.gauge("skep_ring_arcs_unsettled", "Arcs whose members are changing.", unsettled);
  metrics.gauge("skep_ring_stable", "1: every arc is where it should be.",
                std::uint64_t{now.stable ? 1U : 0U});
  metrics.gauge("skep_ring_refused_bytes", "Writes that wait for the store to take writes again.",
                now.refused);
  metrics.gauge("skep_ring_entries", "Entries of the copies on this node.", sizes.live);
  metrics.gauge("skep_ring_entries_owned", "Entries of the arcs that this node owns.",
                now.keys_owned);
  metrics.gauge("skep_ring_tombstones", "Deleted entries that are still kept.",
                sizes.entries - sizes.live);
  metrics.gauge("skep_ring_values_in_memory", "Entries whose value is in memory.", sizes.values);
  metrics.gauge("skep_ring_value_bytes", "Bytes of the values in memory.", sizes.value_bytes);
  metrics.gauge("skep_ring_memory_bytes", "Memory that the copies take, all in all.", sizes.bytes);
  const Memory& memory = core_->host().memory;
  metrics.counter("skep_ring_evictions_total", "Values dropped from memory.", memory.evictions);
  metrics.counter("skep_ring_evicted_entries_total",
                  "Entries deleted for room, where they are in memory only.", memory.deletions);
  metrics.counter("skep_ring_read_backs_total", "Values read from the disk again.",
                  memory.read_backs);
  for (const auto& [peer, writes] : lag) {
    const auto member = membership_.members().find(peer);
    if (member == membership_.members().end()) continue;
    const Metrics::Labels labels{{"member", member->second.name}};
    metrics.gauge("skep_ring_replication_lag_writes",
                  "Writes to this node's arcs that a member has not confirmed.", writes, labels);
    metrics.gauge("skep_ring_copies_unfinished",
                  "Of this node's arcs, how many a member is still copying.", copying[peer],
                  labels);
  }
}

}  // namespace skep::ring
