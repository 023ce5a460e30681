// The owner's upkeep: it drops tombstones that nobody can need any more, and compares its members'
// copies with its own.
//
// A tombstone keeps an older entry of its key, on the disk of a member that missed the delete, from
// coming back with a takeover. When every member of the settled record has it for good, there is
// no such disk: whoever is not named copies the arc before it counts, and a takeover asks nobody
// else. So the owner asks for a sync of the stream, waits for all of them, and tells them.
#include "net/base/plant.hpp"
#include "roles/ring/arc.hpp"

namespace skep::ring {

namespace {

std::uint64_t whole_digest(const Table& table) {
  std::uint64_t whole = 0;
  for (std::uint64_t bucket : table.digests()) whole ^= bucket;
  return whole;
}

}  // namespace

void Arc::tick_upkeep(Time now, Effects& effects) {
  if (!serving() || changing() || !record().settled() || !reign_->replaced.empty()) return;
  search_tombstones();
  if (!reign_->tombstones.empty()) {
    const bool due = now >= reign_->swept + host_.options.sweep_every;
    if (due && !host_.refusing) ask_synced(now, effects);
    drop_tombstones(effects);
  }
  if (now < reign_->compared + host_.options.compare_every) return;
  reign_->compared = now;
  compare(effects);
}

// What is not listed as it comes, of earlier epochs or because the list is full, is found in the
// table, a bucket at a time. What is found twice does no harm.
void Arc::list_tombstone(std::string_view key, Version version) {
  constexpr std::size_t kListed = 1024;
  if (reign_->tombstones.size() < kListed) {
    reign_->tombstones.push_back({std::string(key), version});
  } else {
    reign_->searched = 0;
  }
}

void Arc::search_tombstones() {
  if (table_.size() == table_.live()) {
    reign_->searched = table_.buckets();
    reign_->tombstones.clear();
  }
  if (reign_->searched == table_.buckets() || !reign_->tombstones.empty()) return;
  table_.each(reign_->searched++, [&](std::string_view key, const EntryView& entry) {
    if (entry.tombstone) reign_->tombstones.push_back({std::string(key), entry.version});
  });
}

// The members are in the streams that all earlier writes went to; where one of them is not, its
// answer does not come.
void Arc::ask_synced(Time now, Effects& effects) {
  flush(effects);
  reign_->swept = now;
  for (const auto& [node, peer] : reign_->peers)
    if (peer.sync == Peer::Sync::done && peer.sent == reign_->last)
      effects.send(node, Flush{id_, reign_->epoch, peer.round, reign_->last});
  effects.write(Durability::durable)
      .completions.push_back(
          {id_, Completion::Kind::flushed, reign_->epoch, 0, reign_->last, host_.self});
}

void Arc::on(Time, NodeId from, const Flush& m, Effects& effects) {
  if (recovery_ || !accepts_stream(from, m.epoch) || !follows(from, m.epoch, m.round)) return;
  if (m.number > stream_->number) return;  // what it asks for is still on its way
  effects.write(Durability::durable)
      .completions.push_back({id_, Completion::Kind::flushed, m.epoch, m.round, m.number, from});
}

void Arc::on(Time, NodeId from, const Flushed& m, Effects& effects) {
  if (!reign_ || m.epoch != reign_->epoch) return;
  const auto found = reign_->peers.find(from);
  if (found == reign_->peers.end() || found->second.round != m.round) return;
  Peer& peer = found->second;
  if (peer.sync == Peer::Sync::done && m.number <= peer.acked) peer.synced = m.number;
  if (!reign_->tombstones.empty() && !changing()) drop_tombstones(effects);
}

// Up to where the stream is synced on every member's disk; none: on some not at all.
std::optional<std::uint64_t> Arc::all_synced() const {
  std::optional<std::uint64_t> all = reign_->synced;
  for (NodeId node : record().members) {
    if (node == host_.self || !all) continue;
    const auto peer = reign_->peers.find(node);
    const bool knows = peer != reign_->peers.end() && peer->second.settled;
    all = knows ? std::min(all, peer->second.synced) : std::nullopt;  // none is the least
  }
  return all;
}

void Arc::drop_tombstones(Effects& effects) {
  constexpr int kAtOnce = 64;
  if (!serving() || !record().settled() || !reign_->replaced.empty()) return;
  auto synced = all_synced();
  if (SKEP_PLANT(drop_before_synced)) synced = reign_->committed;
  if (!synced) return;
  std::vector<Tombstone> dropped;
  auto& tombstones = reign_->tombstones;
  for (int i = 0; i < kAtOnce && !tombstones.empty(); ++i) {
    const Version version = tombstones.front().version;
    if (version.epoch == reign_->epoch && version.number > *synced) break;
    if (drop(tombstones.front(), effects)) dropped.push_back(std::move(tombstones.front()));
    tombstones.pop_front();
  }
  if (dropped.empty()) return;
  for (const auto& [node, peer] : reign_->peers)
    if (record().names(node)) effects.send(node, Drop{id_, reign_->epoch, peer.round, dropped});
}

// Whether that delete is still the newest of its key.
bool Arc::drop(const Tombstone& tombstone, Effects& effects) {
  const Key key(tombstone.key);
  const auto entry = table_.find(key);
  if (!entry || !entry->tombstone || entry->version != tombstone.version) return false;
  erase_entry(key, effects);
  return true;
}

void Arc::on(Time, NodeId from, const Drop& m, Effects& effects) {
  if (recovery_ || !accepts_stream(from, m.epoch) || !follows(from, m.epoch, m.round)) return;
  if (SKEP_PLANT(copies_left_unequal)) return;
  for (const Tombstone& tombstone : m.tombstones)
    if (holds(tombstone.key)) drop(tombstone, effects);
}

// At a place in the stream at which nothing is on its way.
void Arc::compare(Effects& effects) {
  if (reign_->flushed != reign_->last || SKEP_PLANT(copies_left_unequal)) return;
  for (const auto& [node, peer] : reign_->peers)
    if (peer.sync == Peer::Sync::done && peer.sent == reign_->last)
      effects.send(node,
                   Compare{id_, reign_->epoch, peer.round, reign_->last, whole_digest(table_)});
}

void Arc::on(Time, NodeId from, const Compare& m, Effects& effects) {
  if (recovery_ || !accepts_stream(from, m.epoch) || !follows(from, m.epoch, m.round)) return;
  if (m.number != stream_->number || !stream_->staging.empty()) return;
  if (m.digest == whole_digest(table_)) return;
  effects.log(Level::warn, "arc " + std::to_string(id_) +
                               ": this copy differs from its owner's and is brought in line");
  lose_stream(from, m.epoch, m.round, effects);
}

}  // namespace skep::ring
