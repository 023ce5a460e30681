// After a power cut what this member acknowledged may be gone. Until it has pulled from as many
// others that count that no acknowledged write can have escaped it (n - m + 1 of n members,
// majority m: a write was on m - 1 others at least), or from all others, waiting ones included, it
// counts in no majority.
#include "roles/ring/arc.hpp"

namespace skep::ring {

void Arc::tick_recovery(Time now, Effects& effects) {
  if (recovery_->writing || now < recovery_->asked + host_.options.heartbeat) return;
  recovery_->asked = now;
  for (NodeId node : recovery_->record.everybody()) {
    if (node == host_.self) continue;
    auto& other = recovery_->others[node];
    if (!other.answered || (other.done && !other.counts)) {
      effects.send(node, Pull{id_, host_.boot});
    } else if (!other.done) {
      pull_next(node, effects);
    }
  }
  check_recovery(effects);  // under a newer record fewer may do
}

void Arc::on(Time, NodeId from, const Pull& m, Effects& effects) {
  effects.send(from, Pulled{id_, m.boot, recovery_ == nullptr, record(), table_.digests()});
}

void Arc::on(Time now, NodeId from, const Pulled& m, Effects& effects) {
  if (!recovery_ || recovery_->writing || m.boot != host_.boot) return;
  if (m.digests.size() != table_.buckets()) return;
  if (well_formed(m.record)) recover_under(now, m.record, effects);
  if (!recovery_) return;
  auto& other = recovery_->others[from];
  if (other.answered && !other.done) return;  // its buckets are being fetched
  if (other.done && other.counts == m.counts) return;
  other = {};
  other.answered = true;
  other.counts = m.counts;
  const Table::Digests own = table_.digests();
  for (std::size_t bucket = 0; bucket < own.size(); ++bucket)
    if (own[bucket] != m.digests[bucket])
      other.buckets.push_back(static_cast<std::uint8_t>(bucket));
  pull_next(from, effects);
}

// The members to pull from are those of the newest record; the ones that were may be gone for good.
void Arc::recover_under(Time now, const Record& newer, Effects& effects) {
  const Record& known = recovery_->record;
  const bool settles = newer.epoch == known.epoch && newer.settled() && !known.settled();
  if (recovery_->writing || (newer.epoch <= known.epoch && !settles)) return;
  recovery_->record = newer;
  if (Record::has(newer.everybody(), host_.self)) return;
  // Replaced meanwhile: nobody counts on this copy.
  if (apart(record().epoch, newer.epoch)) set_aside(effects);
  drop_copy(effects);
  recovery_.reset();
  learn(now, newer, effects);
}

void Arc::pull_next(NodeId from, Effects& effects) {
  auto& other = recovery_->others[from];
  if (!other.buckets.empty())
    return effects.send(from, Fetch{id_, 0, host_.boot, other.buckets.back(), other.from});
  other.done = true;
  check_recovery(effects);
}

void Arc::pull_on(Time, NodeId from, const Fetched& m, Effects& effects) {
  if (!recovery_ || recovery_->writing) return;
  const auto found = recovery_->others.find(from);
  if (found == recovery_->others.end()) return;
  auto& other = found->second;
  if (other.buckets.empty() || other.buckets.back() != m.bucket || other.from != m.from) return;
  merge(m.items, effects);
  other.from = m.next;
  if (!m.more) {
    other.buckets.pop_back();
    other.from.clear();
  }
  pull_next(from, effects);
}

void Arc::check_recovery(Effects& effects) {
  if (recovery_->writing) return;
  const auto enough = [&](const std::vector<NodeId>& nodes) {
    if (!Record::has(nodes, host_.self)) return true;
    std::size_t counting = 0;
    std::size_t all = 0;
    std::size_t others = nodes.size() - 1;
    for (NodeId node : nodes) {
      if (host_.forgotten.contains(node)) --others;
      const auto found = recovery_->others.find(node);
      if (found == recovery_->others.end() || !found->second.done) continue;
      ++all;
      if (found->second.counts) ++counting;
    }
    const std::size_t majority = nodes.size() / 2 + 1;
    return counting >= nodes.size() - majority + 1 || all >= others;
  };
  if (!enough(recovery_->record.members) || !enough(recovery_->record.replaces)) return;
  recovery_->writing = true;
  const std::string arc = "arc " + std::to_string(id_);
  if (in_memory()) {
    effects.log(Level::debug, arc + ": counts again, with what the others have in memory");
  } else {
    effects.log(Level::info, arc + ": counts again after the power cut");
  }
  standing_.losses = host_.losses;
  save(standing_, {id_, Completion::Kind::recovered, record().epoch, 0, 0, host_.self}, effects);
}

}  // namespace skep::ring
