// The candidate's part: how a node comes by an epoch. After an owner's silence a member asks around
// without promising (pre-vote; Ongaro's thesis, 9.6), then for promises, takes the newest version
// of every key that a majority has, and writes the epoch's record. An owner's own next record goes
// the same way, without the vote and with nothing to merge.
#include "net/base/assert.hpp"
#include "net/base/plant.hpp"
#include "roles/ring/arc.hpp"

namespace skep::ring {

// When this member may try for itself. In the placement's order, so that they do not try together.
Time Arc::attempt_at() const {
  const Time bound = SKEP_PLANT(forget_lease_on_restart)
                         ? Time::min()
                         : host_.earlier_ended + lease_at_member(host_.earlier_lease);
  if (record().owner == host_.self) return std::max(bound, next_attempt_);
  const auto place = std::find(desired_.begin(), desired_.end(), host_.self) - desired_.begin();
  const Time silent = heard_ + host_.options.takeover_after + place * host_.options.heartbeat / 2;
  return std::max({bound, silent, next_attempt_});
}

void Arc::tick_candidate(Time now, Effects& effects) {
  if (!claim_) {
    const bool member = Record::has(record().everybody(), host_.self);
    if (!member || now < attempt_at()) return;
    if (SKEP_PLANT(serve_old_record_on_restart) && record().owner == host_.self)
      return begin_reign(now, effects);
    return start_vote(now, effects);
  }
  const Duration patience = host_.options.takeover_after;
  switch (claim_->stage) {
    case Claim::Stage::voting:
      if (now >= claim_->started + 2 * host_.options.heartbeat) give_up_claim(now, effects);
      return;
    case Claim::Stage::promising:
      if (now >= claim_->started + patience) return give_up_claim(now, effects);
      check_promises(now, effects);
      if (!claim_ || claim_->stage != Claim::Stage::promising) return;
      if (now >= claim_->asked + host_.options.heartbeat) ask_promises(now, effects);
      return;
    case Claim::Stage::merging:
      if (now >= claim_->started + patience) return give_up_claim(now, effects);
      if (now >= claim_->asked + 2 * host_.options.heartbeat) fetch_next(now, effects);
      return;
    case Claim::Stage::writing: return;  // the disk answers, or the process ends
  }
}

void Arc::give_up_claim(Time now, Effects& effects) {
  claim_.reset();
  next_attempt_ = now + host_.options.heartbeat / 2 + host_.jitter(2 * host_.options.heartbeat);
  // It promised itself a higher epoch and cannot go back to the one it had.
  if (reign_) step_down(now, effects, "its next record found no majority");
}

void Arc::start_vote(Time now, Effects& effects) {
  const Epoch epoch = next_epoch();
  // Until it goes by what the others do it would only keep them from trying.
  if (!would_promise(now, host_.self, epoch) || host_.heard_version > host_.hive_version) return;
  claim_ = Claim{};
  claim_->epoch = epoch;
  claim_->started = now;
  claim_->base = record();
  claim_->yes.insert(host_.self);
  std::vector<NodeId> asked = record().without(host_.forgotten).everybody();
  if (may_be_behind(record())) asked.insert(asked.end(), host_.others.begin(), host_.others.end());
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  for (NodeId node : asked)
    if (node != host_.self) effects.send(node, PreVote{id_, epoch});
  check_votes(now, effects);
}

// So many of the record are written off that the rest is no majority: those may have made a newer
// one, of which nobody of the rest has heard. So everybody who may have is asked before.
bool Arc::may_be_behind(const Record& base) const {
  return !base.majority([&](NodeId node) { return !host_.forgotten.contains(node); });
}

bool Arc::all_answered() const {
  return std::all_of(host_.others.begin(), host_.others.end(), [&](NodeId node) {
    return claim_->answered.contains(node) || host_.forgotten.contains(node);
  });
}

void Arc::on(Time now, NodeId from, const PreVoteReply& m, Effects& effects) {
  seen_ = std::max(seen_, m.promised);
  if (!m.claims && standing_.promise == Promise{m.epoch, from}) void_ = m.epoch;
  if (recovery_ || reign_) return;
  const Time heard = heard_;
  learn(now, m.record, effects);  // drops a claim to more: its majorities may be others
  heard_ = heard;
  if (!claim_ || claim_->stage != Claim::Stage::voting || claim_->epoch != m.epoch) return;
  claim_->answered.insert(from);
  if (m.yes) claim_->yes.insert(from);
  check_votes(now, effects);
}

void Arc::check_votes(Time now, Effects& effects) {
  if (may_be_behind(claim_->base) && !all_answered()) return;
  const bool enough = claim_->base.majority(
      host_.forgotten, [&](NodeId node) { return claim_->yes.contains(node); });
  // One that is being replaced may learn that it was, but is no owner to be.
  if (enough && claim_->base.without(host_.forgotten).names(host_.self))
    start_promising(now, effects);
}

void Arc::start_promising(Time now, Effects& effects) {
  SKEP_ASSERT(claim_->epoch > highest());
  claim_->stage = Claim::Stage::promising;
  claim_->started = now;
  standing_.promise = {claim_->epoch, host_.self};
  save(standing_, {0, Completion::Kind::promised, claim_->epoch, 0, 0, host_.self}, effects);
  ask_promises(now, effects);
}

void Arc::ask_promises(Time now, Effects& effects) {
  claim_->asked = now;
  const Record& counted = claim_->next ? *claim_->next : claim_->base;
  for (NodeId node : counted.without(host_.forgotten).everybody())
    if (node != host_.self && !claim_->promised.contains(node))
      effects.send(node, Prepare{id_, claim_->epoch});
}

void Arc::on(Time now, NodeId from, Promised m, Effects& effects) {
  if (!claim_ || claim_->stage != Claim::Stage::promising || claim_->epoch != m.epoch) return;
  if (m.digests.size() != table_.buckets() || m.record.epoch >= m.epoch) return;
  claim_->promised[from] = std::move(m.digests);
  host_.heard_version = std::max(host_.heard_version, m.options);
  const bool newer = m.record.epoch > claim_->base.epoch ||
                     (m.record.epoch == claim_->base.epoch && m.record.settled());
  if (newer && well_formed(m.record)) {
    claim_->base = m.record;
    ask_promises(now, effects);
  }
  check_promises(now, effects);
}

void Arc::check_promises(Time now, Effects& effects) {
  if (claim_->stage != Claim::Stage::promising) return;
  const auto promised = [&](NodeId node) { return claim_->promised.contains(node); };
  const Record& counted = claim_->next ? *claim_->next : claim_->base;
  // This node's own promise, too: a later life of it must not take the epoch for a free one.
  if (!promised(host_.self) || !counted.majority(host_.forgotten, promised)) return;
  if (claim_->next) {
    // A newcomer agrees to be named, on its disk: one that has not may leave for good meanwhile.
    for (NodeId node : counted.members)
      if (!record().names(node) && !promised(node)) return;
    return write_record(now, effects);
  }
  if (!claim_->base.without(host_.forgotten).names(host_.self)) return give_up_claim(now, effects);
  if (may_be_behind(claim_->base) && !all_answered()) return give_up_claim(now, effects);
  // What a majority goes by, its owners go by: this node is about to hear of it.
  if (host_.heard_version > host_.hive_version) return;

  claim_->stage = Claim::Stage::merging;
  claim_->started = now;
  const Table::Digests own = table_.digests();
  std::set<std::pair<std::size_t, std::uint64_t>> listed;
  // One that the newest record does not name may have missed deletes whose tombstones are gone.
  const std::vector<NodeId> counted_on = claim_->base.everybody();
  for (const auto& [node, digests] : claim_->promised) {
    if (!Record::has(counted_on, node)) continue;
    for (std::size_t bucket = 0; bucket < own.size(); ++bucket)
      if (digests[bucket] != own[bucket] && listed.emplace(bucket, digests[bucket]).second)
        claim_->sources.push_back({node, static_cast<std::uint8_t>(bucket)});
  }
  if (SKEP_PLANT(serve_before_reconcile)) claim_->sources.clear();
  fetch_next(now, effects);
}

void Arc::fetch_next(Time now, Effects& effects) {
  if (claim_->sources.empty()) return write_record(now, effects);
  const auto& source = claim_->sources.back();
  claim_->asked = now;
  effects.send(source.node, Fetch{id_, claim_->epoch, host_.boot, source.bucket, claim_->from});
}

void Arc::on(Time now, NodeId from, const Fetched& m, Effects& effects) {
  if (m.boot != host_.boot) return;
  if (m.epoch == 0) return pull_on(now, from, m, effects);
  if (!claim_ || claim_->stage != Claim::Stage::merging || claim_->epoch != m.epoch) return;
  const auto& source = claim_->sources.back();
  if (source.node != from || source.bucket != m.bucket || claim_->from != m.from) return;
  claim_->started = now;  // it goes on
  claim_->from = m.next;
  claim_->fetched.insert(claim_->fetched.end(), m.items.begin(), m.items.end());
  if (!m.more) {
    // In one batch: keys of one slot may have been written together.
    merge(claim_->fetched, effects);
    claim_->fetched.clear();
    claim_->sources.pop_back();
    claim_->from.clear();
  }
  fetch_next(now, effects);
}

// The newest version of every key. It may be one that was never acknowledged: then its client does
// not know its outcome, and it takes effect now.
void Arc::merge(const std::vector<Item>& items, Effects& effects) {
  for (const Item& item : items) {
    if (arc_of(slot_of(item.key), host_.hive.arcs) != id_) continue;
    const auto had = table_.find(item.key);
    if (!had || had->version < item.entry.version)
      store_entry(item.key, item.entry.view(), effects);
  }
}

void Arc::write_record(Time now, Effects& effects) {
  SKEP_ASSERT(claim_->epoch == highest() && standing_.promise.to == host_.self);
  claim_->stage = Claim::Stage::writing;
  const Record base = claim_->base.without(host_.forgotten);
  Record next =
      claim_->next.value_or(Record{claim_->epoch, host_.self, base.members, base.replaces});
  standing_.record = std::move(next);
  effects.changed.push_back(id_);
  save(standing_, {0, Completion::Kind::installed, claim_->epoch, 0, 1, host_.self}, effects);
  if (record().owner == host_.self) return;
  // Ownership is passed: from here on this node answers nothing, whatever becomes of the record.
  step_down(now, effects, "ownership is passed on");
  heard_ = now;
}

}  // namespace skep::ring
