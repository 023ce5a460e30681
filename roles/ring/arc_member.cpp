// The member's part: promises, records, leases, and the copy that follows the owner's stream.
#include "net/base/assert.hpp"
#include "net/base/plant.hpp"
#include "roles/ring/arc.hpp"

namespace skep::ring {

Duration Host::jitter(Duration below) {
  // splitmix64 (Steele et al., 2014).
  random += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = random;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  z ^= z >> 31;
  return below.count() <= 0
             ? Duration(0)
             : Duration(static_cast<std::int64_t>(z % static_cast<std::uint64_t>(below.count())));
}

Arc::Arc(Host& host, ArcId id, Standing standing, Table table, bool may_have_lost)
    : host_(host),
      id_(id),
      standing_(std::move(standing)),
      table_(std::move(table)),
      heard_(SKEP_PLANT(forget_lease_on_restart) ? Time::min() : host.booted),
      durable_(standing_.record.epoch) {
  const auto everybody = record().everybody();
  const bool member = Record::has(everybody, host_.self);
  if (may_have_lost && member && everybody.size() > 1 && !SKEP_PLANT(count_after_power_cut)) {
    recovery_ = std::make_unique<Recovery>();
    recovery_->record = record();
  }
}

// A promise without the record that it was for may still bring this node into one.
bool Arc::idle(Time now) const {
  return !recovery_ && !reign_ && !claim_ && !stream_ && table_.size() == 0 &&
         standing_.promise.epoch <= record().epoch && durable_ == record().epoch &&
         !Record::has(record().everybody(), host_.self) && now >= given_.until;
}

Epoch Arc::highest() const { return std::max(standing_.record.epoch, standing_.promise.epoch); }

void Arc::save(Standing standing, Completion completion, Effects& effects) {
  if (!recovery_) standing_.losses = host_.losses;  // or its repair is done: see check_recovery()
  standing.losses = standing_.losses;
  auto& write = effects.write(Durability::durable);
  const char key[2] = {static_cast<char>(id_ >> 8), static_cast<char>(id_ & 0xff)};
  write.batch.put(kArcSpace, {key, sizeof key}, encode_row(standing));
  completion.arc = id_;
  write.completions.push_back(completion);
}

// Where entries are written, and what comes in turn with them.
Effects::Write& Arc::write_entries(Effects& effects) const {
  if (in_memory()) return effects.memory;
  const bool synced = host_.hive.durability == Durable::commit || (stream_ && stream_->synced);
  return effects.write(synced && !SKEP_PLANT(commit_not_synced) ? Durability::durable
                                                                : Durability::written);
}

void Arc::refuse(NodeId to, Epoch epoch, Effects& effects) {
  effects.send(to, Refused{id_, epoch, highest(), record()});
}

// Leases bind a member for longer than their owner counts on them, and a life that has just begun
// does not know what the one before it gave.
bool Arc::bound_to_another(Time now, NodeId candidate) const {
  if (now < host_.earlier_ended + lease_at_member(host_.earlier_lease) &&
      !SKEP_PLANT(forget_lease_on_restart))
    return true;
  return given_.to != 0 && given_.to != candidate && now < given_.until;
}

bool Arc::would_promise(Time now, NodeId candidate, Epoch epoch) const {
  if (recovery_ || epoch <= highest() || bound_to_another(now, candidate)) return false;
  if (host_.refusing) return false;  // it would not get onto the disk
  if (candidate == host_.self) return true;
  if (reign_ && lease_valid(now)) return false;
  const bool silent = now >= heard_ + host_.options.takeover_after;
  return silent || candidate == record().owner || record().owner == host_.self;
}

void Arc::on(Time now, NodeId from, const PreVote& m, Effects& effects) {
  const bool claims = (claim_ && claim_->epoch == m.epoch) || record().epoch == m.epoch;
  effects.send(from, PreVoteReply{id_, m.epoch, would_promise(now, from, m.epoch), claims,
                                  highest(), record()});
}

bool Arc::may_be_named(const Record& heard) const {
  const Record& newest = heard.epoch > record().epoch ? heard : record();
  if (Record::has(newest.everybody(), host_.self)) return true;
  const Promise& promise = standing_.promise;
  const bool own = promise.to == host_.self && !claim_;  // an attempt that was given up
  const bool forgotten = host_.forgotten.contains(promise.to);
  return promise.epoch > newest.epoch && promise.epoch != void_ && !own && !forgotten;
}

// A promise that came to nothing would keep a node that leaves for ever.
void Arc::tick_leaving(Time now, Effects& effects) {
  const Promise& promise = standing_.promise;
  if (promise.epoch <= record().epoch || promise.to == host_.self || promise.epoch == void_) return;
  if (Record::has(record().everybody(), host_.self) || now < next_attempt_) return;
  next_attempt_ = now + host_.options.heartbeat;
  effects.send(promise.to, PreVote{id_, promise.epoch});
}

// A node that leaves takes no part in making it a member: its voice would be needed after it is
// gone. But where it has promised its part already, a record may name it, and it stays for that.
bool Arc::declines() const {
  return host_.leaving && standing_.promise.epoch <= record().epoch &&
         !Record::has(record().everybody(), host_.self);
}

void Arc::on(Time now, NodeId from, const Prepare& m, Effects& effects) {
  if (recovery_ || declines() || bypassed(m.epoch)) return;
  const bool again = standing_.promise == Promise{m.epoch, from} && record().epoch < m.epoch;
  if (!again) {
    if (m.epoch <= highest()) return refuse(from, m.epoch, effects);
    // The owner's own next epoch needs no silence: nobody else may serve before it gives up.
    if (bound_to_another(now, from) || (reign_ && lease_valid(now))) return;
    if (reign_) step_down(now, effects, "another node was promised a higher epoch");
    if (claim_) claim_.reset();
    standing_.promise = {m.epoch, from};
    // Gives the candidate time to finish; also from one who takes itself for the owner and would
    // not wait for silence: two of those topple each other for ever.
    heard_ = now;
    next_attempt_ = now + host_.options.takeover_after + host_.jitter(host_.options.takeover_after);
  }
  if (SKEP_PLANT(promise_not_durable)) {
    const Promise kept = std::exchange(standing_.promise, Promise{});
    effects.send(from, Promised{id_, m.epoch, record(), table_.digests(), host_.hive_version});
    standing_.promise = kept;
    return;
  }
  save(standing_, {0, Completion::Kind::promised, m.epoch, 0, 0, from}, effects);
}

void Arc::on(Time now, NodeId from, const Install& m, Effects& effects) {
  if (!well_formed(m.record)) return;
  if (recovery_) return recover_under(now, m.record, effects);
  if (m.record.epoch < highest()) return refuse(from, m.record.epoch, effects);
  install(now, m.record, from, effects);
}

// A settled record was in force. A member that it replaced may have nobody left to hear that from:
// those it knows may be gone as well.
void Arc::on_rumor(Time now, const Record& heard, Effects& effects) {
  if (!heard.settled() || !well_formed(heard) || heard.epoch <= record().epoch) return;
  if (recovery_) return recover_under(now, heard, effects);
  const bool replaced = Record::has(record().everybody(), host_.self) && !heard.names(host_.self);
  if (replaced) learn(now, heard, effects);
}

// Takes note of a record that somebody else has. That is knowledge, not consent: who has promised a
// higher epoch goes on refusing this one's owner. Without it a node that was replaced, and knows no
// better than to ask for votes, would topple the owners to come.
void Arc::learn(Time now, const Record& heard, Effects& effects) {
  const bool settles = heard.epoch == record().epoch && heard.settled() && !record().settled();
  const bool claims = claim_ && claim_->stage != Claim::Stage::voting;
  if (!well_formed(heard) || (heard.epoch <= record().epoch && !settles)) return;
  if (claims && heard.epoch < highest()) return;  // its promises say what counts
  install(now, heard, 0, effects);
}

// Takes a record over that somebody else wrote. `teller` is answered when it is durable; 0: nobody.
void Arc::install(Time now, const Record& next, NodeId teller, Effects& effects) {
  const bool news = next.epoch > record().epoch;
  const bool settles = !news && next.settled() && !record().settled();
  if (news) {
    if (reign_) step_down(now, effects, "a higher epoch is in place");
    claim_.reset();
    if (next.owner != host_.self) heard_ = std::max(heard_, now);
  }
  if (news || settles) {
    if (apart(record().epoch, next.epoch)) set_aside(effects);
    standing_.record = next;
    effects.changed.push_back(id_);
    if (next.settled() && !next.names(host_.self)) drop_copy(effects);
  }
  const Completion done{
      id_,   Completion::Kind::installed, next.epoch, record().settled() ? 1U : 0U, news ? 1U : 0U,
      teller};
  if (news || settles) return save(standing_, done, effects);
  // In its turn: after the row.
  (in_memory() ? effects.write(Durability::durable) : write_entries(effects))
      .completions.push_back(done);
}

// Nobody counts on a copy that the settled record does not name.
void Arc::drop_copy(Effects& effects) {
  stream_.reset();
  if (in_memory()) return table_.clear();
  auto& batch = write_entries(effects).batch;
  for (std::uint32_t bucket = 0; bucket < table_.buckets(); ++bucket)
    table_.each(bucket, [&](std::string_view key, const EntryView&) {
      batch.erase(kEntrySpace, row_key(key));
    });
  table_.clear();
}

bool Arc::on_heartbeat(Time now, NodeId from, const Heartbeat::Arc& m, Effects& effects) {
  if (recovery_) return false;
  seen_ = std::max(seen_, m.epoch);
  // A lease says that the record is on this disk: the owner counts on it.
  const bool holds = m.epoch == record().epoch && from == record().owner && durable_ == m.epoch;
  const bool promised_away = standing_.promise.epoch > m.epoch && standing_.promise.to != from;
  if (SKEP_PLANT(accept_old_epoch) && !holds) return false;
  if (promised_away || m.epoch < record().epoch) {
    refuse(from, m.epoch, effects);
    return false;
  }
  if (!holds) return false;
  if (m.settled && !record().settled()) {
    Record settled = record();
    settled.replaces.clear();
    if (settled.epoch >= highest()) install(now, settled, 0, effects);
  }
  heard_ = now;
  if (claim_ && claim_->stage == Claim::Stage::voting) claim_.reset();
  // A shorter one does not take back what was given before.
  const Time until = now + lease_at_member(host_.hive.lease());
  given_ = {from, given_.to == from ? std::max(given_.until, until) : until};
  return true;
}

bool Arc::accepts_stream(NodeId from, Epoch epoch) const {
  if (SKEP_PLANT(accept_old_epoch)) return from != host_.self;
  return epoch >= highest() && from != host_.self &&
         !(epoch == record().epoch && from != record().owner);
}

// Whether this member is in that round of that owner's stream.
bool Arc::follows(NodeId from, Epoch epoch, std::uint32_t round) const {
  return stream_ && stream_->epoch == epoch && stream_->from == from && stream_->round == round;
}

void Arc::lose_stream(NodeId owner, Epoch epoch, std::uint32_t round, Effects& effects) {
  effects.send(owner, StreamLost{id_, epoch, round, host_.boot});
}

void Arc::on(Time, NodeId from, const SyncBegin& m, Effects& effects) {
  if (recovery_ || m.boot != host_.boot || m.digests.size() != table_.buckets()) return;
  if (declines() || bypassed(m.epoch)) return;
  if (!accepts_stream(from, m.epoch)) return refuse(from, m.epoch, effects);
  const bool same = stream_ && stream_->epoch == m.epoch && stream_->from == from;
  if (same && m.round <= stream_->round) return;
  stream_ = Stream{m.epoch, from, m.round, m.synced, m.number, 0, {}};
  SyncWant want{id_, m.epoch, m.round, {}};
  const Table::Digests own = table_.digests();
  for (std::uint32_t bucket = 0; bucket < table_.buckets(); ++bucket)
    if (own[bucket] != m.digests[bucket]) want.buckets.push_back(static_cast<std::uint8_t>(bucket));
  if (!want.buckets.empty()) return effects.send(from, want);
  // Equal in memory: it is so on disk when all that was submitted before this is.
  write_entries(effects).completions.push_back(
      {id_, Completion::Kind::synced, m.epoch, m.round, UINT64_MAX, from});
}

void Arc::on(Time, NodeId from, SyncPart m, Effects& effects) {
  if (recovery_) return;
  if (!accepts_stream(from, m.epoch)) return refuse(from, m.epoch, effects);
  if (!follows(from, m.epoch, m.round)) return;
  if (m.part < stream_->part || m.bucket >= table_.buckets()) return;
  if (m.part != stream_->part || m.number != stream_->number)
    return lose_stream(from, m.epoch, m.round, effects);
  ++stream_->part;
  if (m.first) stream_->staging[m.bucket].clear();
  auto& staged = stream_->staging[m.bucket];
  for (Item& item : m.items)
    if (arc_of(slot_of(item.key), host_.hive.arcs) == id_ && table_.bucket_of(item.key) == m.bucket)
      staged[std::move(item.key)] = std::move(item.entry);
  if (!m.last) return effects.send(from, SyncAck{id_, m.epoch, m.round, m.part});
  finish_bucket(m.bucket, effects);
  write_entries(effects).completions.push_back(
      {id_, Completion::Kind::synced, m.epoch, m.round, m.part, from});
}

// The bucket becomes the owner's. What is here and not there was never acknowledged: the owner's
// copy has every acknowledged write, from its takeover on.
void Arc::finish_bucket(std::uint8_t bucket, Effects& effects) {
  const auto staged = stream_->staging.extract(bucket);
  std::vector<std::string> gone;
  table_.each(bucket, [&](std::string_view key, const EntryView&) {
    if (!staged.mapped().contains(key)) gone.emplace_back(key);
  });
  for (const std::string& key : gone) erase_entry(key, effects);
  for (const auto& [key, entry] : staged.mapped()) {
    // One version is one write, so its value need not be looked at.
    const auto had = table_.find(key);
    if (!had || had->version != entry.version || had->tombstone != entry.tombstone)
      store_entry(key, entry.view(), effects);
  }
}

void Arc::store_entry(const Key& key, const EntryView& entry, Effects& effects) {
  if (!in_memory())
    write_entries(effects).batch.put(kEntrySpace, {slot_prefix(key.slot), key.text},
                                     row_size(entry),
                                     [&](std::string& row) { append_row(row, entry); });
  table_.put_view(key, entry, host_.memory.mark());
  host_.memory.dirty = true;
}

void Arc::erase_entry(const Key& key, Effects& effects) {
  if (!in_memory()) write_entries(effects).batch.erase(kEntrySpace, row_key(key));
  table_.erase(key);
}

void Arc::on(Time, NodeId from, const AppendsView::Arc& m, Effects& effects) {
  if (recovery_) return;
  if (!accepts_stream(from, m.epoch)) return refuse(from, m.epoch, effects);
  if (!follows(from, m.epoch, m.round)) return lose_stream(from, m.epoch, m.round, effects);
  const std::uint64_t last = m.previous + m.items.size();
  if (m.previous > stream_->number || (m.previous < stream_->number && last > stream_->number))
    return lose_stream(from, m.epoch, m.round, effects);
  if (m.previous == stream_->number) {
    for (const ItemView& item : m.items) {
      const Key key(item.key);
      if (!holds(key)) continue;
      const auto had = table_.find(key);
      if (!had || had->version < item.entry.version) store_entry(key, item.entry, effects);
      if (stream_->staging.empty()) continue;
      const auto staged = stream_->staging.find(static_cast<std::uint8_t>(table_.bucket_of(key)));
      if (staged != stream_->staging.end() && !SKEP_PLANT(newcomer_misses_writes))
        staged->second[std::string(item.key)] = item.entry.entry();
    }
    stream_->number = last;
  }
  write_entries(effects).completions.push_back(
      {id_, Completion::Kind::appended, m.epoch, m.round, last, from});
}

void Arc::on(Time, NodeId from, const Fetch& m, Effects& effects) {
  if (m.bucket >= table_.buckets()) return;
  // What was promised to a candidate is what it may read; a puller (epoch 0) takes what there is.
  if (m.epoch != 0 && standing_.promise != Promise{m.epoch, from}) return;
  Table::Part part = table_.part(m.bucket, m.from, host_.options.chunk_bytes);
  Fetched reply{id_, m.epoch, m.boot, m.bucket, m.from, part.next.has_value(), {}, {}};
  if (part.next) reply.next = std::move(*part.next);
  for (auto& [key, entry] : part.entries) reply.items.push_back({std::move(key), std::move(entry)});
  effects.send_copy(from, std::move(reply), std::move(part.cold));
}

void Arc::on_completed(Time now, const Completion& done, Effects& effects) {
  switch (done.kind) {
    case Completion::Kind::promised:
      if (standing_.promise != Promise{done.epoch, done.node} || record().epoch >= done.epoch)
        return;
      if (done.node == host_.self) {
        if (claim_ && claim_->epoch == done.epoch) {
          claim_->promised[host_.self] = table_.digests();
          check_promises(now, effects);
        }
        return;
      }
      return effects.send(
          done.node, Promised{id_, done.epoch, record(), table_.digests(), host_.hive_version});
    case Completion::Kind::installed:
      durable_ = std::max(durable_, done.epoch);
      if (done.epoch != record().epoch) return;
      if (done.node != 0 && done.node != host_.self)
        effects.send(done.node, Installed{id_, done.epoch, host_.boot, done.round != 0});
      // Only a record that came in this life makes an owner: an earlier life may have ordered
      // writes in its epoch that this one does not know.
      if (record().owner == host_.self && done.number == 1 && done.epoch == highest()) {
        // Taken over alone: told only now, as nobody else has the record if this disk has not.
        if (record().settled()) effects.changed.push_back(id_);
        return begin_reign(now, effects);
      }
      if (done.node == host_.self && done.number == 1) {  // written here, for another owner
        claim_.reset();
        for (NodeId node : record().everybody())
          if (node != host_.self) effects.send(node, Install{id_, record()});
      }
      return;
    case Completion::Kind::settled:
      if (!reign_ || record().epoch != done.epoch || record().settled()) return;
      on_settled(effects);
      return advance(now, effects);  // those that are replaced are waited for no longer
    case Completion::Kind::appended:
      if (follows(done.node, done.epoch, done.round))
        effects.acks[done.node].arcs.push_back({id_, done.epoch, done.round, done.number});
      return;
    case Completion::Kind::synced:
      if (!follows(done.node, done.epoch, done.round)) return;
      if (done.number == UINT64_MAX)
        return effects.send(done.node, SyncWant{id_, done.epoch, done.round, {}});
      return effects.send(
          done.node, SyncAck{id_, done.epoch, done.round, static_cast<std::uint32_t>(done.number)});
    case Completion::Kind::own:
      if (!reign_ || reign_->epoch != done.epoch || reign_->own_round != done.round) return;
      reign_->own = std::max(reign_->own, done.number);
      return advance(now, effects);
    case Completion::Kind::lap: return;  // the node's
    case Completion::Kind::recovered:
      recovery_.reset();
      heard_ = now;
      return;
    case Completion::Kind::flushed:
      if (done.node != host_.self) {
        if (follows(done.node, done.epoch, done.round))
          effects.send(done.node, Flushed{id_, done.epoch, done.round, done.number});
      } else if (reign_ && reign_->epoch == done.epoch) {
        reign_->synced = done.number;
      }
      return;
  }
}

void Arc::on_tick(Time now, WallMs wall, Effects& effects) {
  wall_ = wall;
  if (recovery_) return tick_recovery(now, effects);
  if (host_.leaving && !reign_ && !claim_) tick_leaving(now, effects);
  if (reign_) tick_owner(now, wall, effects);
  if (claim_ || !reign_) tick_candidate(now, effects);
}

}  // namespace skep::ring
