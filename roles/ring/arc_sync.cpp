// The owner's streams to its peers. A copy is brought in line by comparing digests, bucket by
// bucket; what differs is sent as it is at a place of the stream, and the stream goes on around it.
// Nothing is kept for being sent again: where a peer is not at the place that it should be, the
// copy begins anew.
#include "net/base/assert.hpp"
#include "roles/ring/arc.hpp"

namespace skep::ring {

void Arc::tick_peers(Time now, Effects& effects) {
  const auto everybody = record().everybody();
  const Duration patience = 3 * host_.options.heartbeat;
  for (auto& [node, peer] : reign_->peers) {
    const bool named = Record::has(everybody, node);
    const bool knows = peer.has_record && (peer.settled || !record().settled());
    if (named && !knows && record().epoch == reign_->epoch &&
        now >= peer.installed_sent + host_.options.heartbeat) {
      peer.installed_sent = now;
      effects.send(node, Install{id_, record()});
    }
    if (record().epoch != reign_->epoch || peer.boot == 0) continue;
    const bool stalled = now >= peer.heard + patience;
    const bool behind = peer.sync != Peer::Sync::done || peer.acked < peer.sent;
    if (peer.sync == Peer::Sync::none || (behind && stalled)) begin_sync(now, node, peer, effects);
    if (!behind) peer.heard = now;
  }
}

// A peer that answers, in the life that it says. In another one its place in the stream is lost.
void Arc::meet(Time now, NodeId node, Peer& peer, std::uint64_t boot, Effects& effects) {
  if (boot < peer.boot) return;  // it was long on its way
  host_.boots[node] = boot;
  if (peer.boot != boot) {
    peer.boot = boot;
    peer.sync = Peer::Sync::none;
    peer.acked = 0;
    peer.synced.reset();
  }
  if (peer.sync == Peer::Sync::none && record().epoch == reign_->epoch)
    begin_sync(now, node, peer, effects);
}

void Arc::begin_sync(Time now, NodeId node, Peer& peer, Effects& effects) {
  peer.sync = Peer::Sync::asked;
  peer.heard = now;
  peer.begun = peer.sent = reign_->last;
  peer.acked = 0;
  peer.synced.reset();
  peer.part = 0;
  peer.at = 0;
  peer.from.clear();
  peer.first = true;
  effects.send(node, SyncBegin{id_, reign_->epoch, peer.boot, ++peer.round, reign_->last,
                               host_.hive.durability == Durable::commit, table_.digests()});
}

void Arc::change_durability(Time now, Effects& effects) {
  if (!reign_) return;
  flush(effects);
  ++reign_->own_round;
  reign_->own = 0;
  write_entries(effects).completions.push_back(
      {id_, Completion::Kind::own, reign_->epoch, reign_->own_round, reign_->last, host_.self});
  // Under an epoch to come they begin with it.
  if (record().epoch != reign_->epoch) return;
  for (auto& [node, peer] : reign_->peers)
    if (peer.sync != Peer::Sync::none) begin_sync(now, node, peer, effects);
}

void Arc::on_lease(Time now, NodeId from, Time sent, std::uint64_t boot, Duration lease,
                   const HeartbeatReply::Arc& m, Effects& effects) {
  if (!reign_ || m.epoch != reign_->epoch) return;
  const auto found = reign_->peers.find(from);
  if (found == reign_->peers.end()) return;
  Peer& peer = found->second;
  meet(now, from, peer, boot, effects);
  const bool news = m.granted && !peer.has_record;
  if (m.granted) {
    peer.has_record = true;
    peer.lease_until = std::max(peer.lease_until, sent + lease_at_owner(lease));
    if (lease_valid(now)) reign_->wants_lease = false;
  }
  answer_parked(now, effects);
  check_in_force(now, effects);
  if (news) advance(now, effects);
}

void Arc::on(Time now, NodeId from, const Installed& m, Effects& effects) {
  if (!reign_ || m.epoch != reign_->epoch) return;
  const auto found = reign_->peers.find(from);
  if (found == reign_->peers.end()) return;
  found->second.has_record = true;
  found->second.settled = found->second.settled || m.settled;
  dismiss(effects);
  if (!reign_->peers.contains(from)) return;
  meet(now, from, found->second, m.boot, effects);
  check_in_force(now, effects);
  advance(now, effects);
}

void Arc::on(Time now, NodeId, const Refused& m, Effects& effects) {
  seen_ = std::max(seen_, m.promised);
  learn(now, m.record, effects);
  if (claim_ && claim_->epoch == m.epoch && m.promised >= m.epoch &&
      claim_->stage == Claim::Stage::promising)
    return give_up_claim(now, effects);
  // Its own next epoch may have been promised already; any other higher one ends it.
  const bool own_next = claim_ && m.promised <= claim_->epoch;
  if (reign_ && m.epoch == reign_->epoch && m.promised > reign_->epoch && !own_next &&
      record().epoch == reign_->epoch)
    step_down(now, effects, "a member has promised a higher epoch");
}

void Arc::on(Time now, NodeId from, const SyncWant& m, Effects& effects) {
  if (!reign_ || m.epoch != reign_->epoch) return;
  const auto found = reign_->peers.find(from);
  if (found == reign_->peers.end()) return;
  Peer& peer = found->second;
  if (peer.round != m.round || peer.sync != Peer::Sync::asked) return;
  for (std::uint8_t bucket : m.buckets)
    if (bucket >= table_.buckets()) return;
  peer.heard = now;
  if (m.buckets.empty()) {
    peer.sync = Peer::Sync::done;
    peer.acked = std::max(peer.acked, peer.begun);
    check_in_force(now, effects);
    return advance(now, effects);
  }
  peer.sync = Peer::Sync::copying;
  peer.want = m.buckets;
  send_part(now, from, peer, effects);
}

void Arc::send_part(Time now, NodeId node, Peer& peer, Effects& effects) {
  // The piece shows the table as it is now: what is still to be flushed goes before it.
  Appends& before = effects.appends[node];
  flush_peer(peer, false, before);
  if (!before.arcs.empty()) effects.send(node, before);
  before.arcs.clear();
  const std::uint8_t bucket = peer.want[peer.at];
  Table::Part part = table_.part(bucket, peer.from, host_.options.chunk_bytes);
  SyncPart m{id_,        reign_->epoch,          peer.round, peer.part, reign_->last, bucket,
             peer.first, !part.next.has_value(), {}};
  for (auto& [key, entry] : part.entries) m.items.push_back({std::move(key), std::move(entry)});
  peer.first = m.last;  // the next piece begins a bucket if this one ends one
  peer.more = !m.last;
  peer.from = part.next.value_or("");
  peer.heard = now;
  effects.send_copy(node, std::move(m), std::move(part.cold));
}

void Arc::on(Time now, NodeId from, const SyncAck& m, Effects& effects) {
  if (!reign_ || m.epoch != reign_->epoch) return;
  const auto found = reign_->peers.find(from);
  if (found == reign_->peers.end()) return;
  Peer& peer = found->second;
  if (peer.round != m.round || peer.sync != Peer::Sync::copying || peer.part != m.part) return;
  peer.heard = now;
  ++peer.part;
  if (!peer.more) ++peer.at;
  if (peer.at < peer.want.size()) return send_part(now, from, peer, effects);
  peer.sync = Peer::Sync::done;
  peer.acked = std::max(peer.acked, peer.begun);
  check_in_force(now, effects);
  advance(now, effects);
  if (reign_) progress_change(now, effects);
}

void Arc::on(Time now, NodeId from, const Acks::Arc& m, Effects& effects) {
  if (!reign_ || m.epoch != reign_->epoch) return;
  const auto found = reign_->peers.find(from);
  if (found == reign_->peers.end()) return;
  Peer& peer = found->second;
  if (peer.round != m.round || m.number > peer.sent) return;
  peer.acked = std::max(peer.acked, m.number);
  // Writes that get through say nothing about a piece of the copy that was lost.
  if (peer.sync == Peer::Sync::done) peer.heard = now;
  advance(now, effects);
  if (reign_->change && reign_->change->draining) progress_change(now, effects);
}

void Arc::on(Time now, NodeId from, const StreamLost& m, Effects& effects) {
  if (!reign_ || m.epoch != reign_->epoch || record().epoch != reign_->epoch) return;
  const auto found = reign_->peers.find(from);
  if (found == reign_->peers.end() || found->second.round != m.round) return;
  if (m.boot < found->second.boot) return;
  host_.boots[from] = found->second.boot = m.boot;
  begin_sync(now, from, found->second, effects);
}

// The last one that is told of the tail may have it.
void Arc::flush_peer(Peer& peer, bool last, Appends& into) {
  if (peer.sync == Peer::Sync::none || peer.sent == reign_->last) return;
  const auto missing = static_cast<std::ptrdiff_t>(reign_->last - peer.sent);
  SKEP_ASSERT(missing <= std::ssize(reign_->tail));
  const auto begin = reign_->tail.end() - missing;
  into.arcs.push_back({id_, reign_->epoch, peer.round, peer.sent, {}});
  auto& items = into.arcs.back().items;
  if (last) {
    items.assign(std::make_move_iterator(begin), std::make_move_iterator(reign_->tail.end()));
  } else {
    items.assign(begin, reign_->tail.end());
  }
  peer.sent = reign_->last;
}

void Arc::flush(Effects& effects) {
  if (!reign_ || reign_->flushed == reign_->last) return;
  for (auto& [node, peer] : reign_->peers) {
    if (peer.sync == Peer::Sync::none || peer.sent == reign_->last) continue;
    Appends& frame = effects.appends[node];
    flush_peer(peer, node == reign_->peers.rbegin()->first, frame);
    if (reign_->tail_bytes < host_.options.chunk_bytes) continue;
    effects.send(node, frame);  // it is long enough
    frame.arcs.clear();
  }
  reign_->flushed = reign_->last;
  reign_->tail.clear();
  reign_->tail_bytes = 0;
  write_entries(effects).completions.push_back(
      {id_, Completion::Kind::own, reign_->epoch, reign_->own_round, reign_->last, host_.self});
}

}  // namespace skep::ring
