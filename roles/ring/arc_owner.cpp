// The owner's part: it orders the arc's writes, acknowledges them when a majority has them, answers
// reads inside its lease, and makes the arc's next record.
#include <charconv>

#include "net/base/assert.hpp"
#include "net/base/plant.hpp"
#include "roles/ring/arc.hpp"
#include "roles/ring/decide.hpp"

namespace skep::ring {

namespace {

Answer moved(const Record& record) {
  Answer answer;
  answer.outcome = Outcome::moved;
  answer.more.make().record = record;
  return answer;
}

void say(Answer& answer, resp::Value&& value) {
  answer.kind = static_cast<std::uint8_t>(value.kind);
  answer.text = std::move(value.text);
  answer.number = static_cast<std::uint64_t>(value.number);
}

Answer done(resp::Value&& value) {
  Answer answer;
  say(answer, std::move(value));
  return answer;
}

std::optional<Stored> stored(const std::optional<EntryView>& entry) {
  if (!entry || entry->tombstone) return std::nullopt;
  return Stored{entry->value, entry->expires};
}

}  // namespace

void Arc::found(Effects& effects) {
  SKEP_ASSERT(record().epoch == 0 && highest() == 0);
  standing_.record = {1, host_.self, {host_.self}, {}};
  standing_.promise = {1, host_.self};
  effects.changed.push_back(id_);
  save(standing_, {0, Completion::Kind::installed, 1, 0, 1, host_.self}, effects);
}

void Arc::begin_reign(Time now, Effects& effects) {
  SKEP_ASSERT(record().owner == host_.self);
  std::optional<Reign> before = std::move(reign_);
  claim_.reset();
  stream_.reset();
  given_ = {};
  reign_ = Reign{};
  reign_->epoch = record().epoch;
  reign_->lease_seen = now;
  reign_->wants_lease = true;
  for (NodeId node : record().everybody())
    if (node != host_.self) add_peer(now, node);
  if (before) {  // the same owner's next record: what it was asked before goes on
    reign_->waiting = std::move(before->waiting);
    for (Waiting& waiting : reign_->waiting) waiting.number = 0;
    reign_->parked = std::move(before->parked);
    reign_->held = std::move(before->held);
    reign_->reading = std::move(before->reading);
    reign_->behind_reads = before->behind_reads;
  }
  effects.log(Level::debug, "arc " + std::to_string(id_) + ": owner in epoch " +
                                std::to_string(reign_->epoch) + " with " +
                                std::to_string(record().members.size()) + " members");
  tick_peers(now, effects);
  check_in_force(now, effects);
}

void Arc::add_peer(Time now, NodeId node) {
  Peer& peer = reign_->peers[node];
  peer.heard = now;
  if (const auto known = host_.boots.find(node); known != host_.boots.end())
    peer.boot = known->second;
}

// What was begun may have been done; what was not begun certainly was not.
void Arc::step_down(Time now, Effects& effects, const char* why) {
  effects.log(Level::debug, "arc " + std::to_string(id_) + ": no longer owner: " + why);
  Reign ended = std::move(*reign_);
  reign_.reset();
  if (claim_ && claim_->stage != Claim::Stage::writing) claim_.reset();
  heard_ = now;
  for (const Waiting& waiting : ended.waiting)
    effects.replies.push_back(
        {waiting.token, waiting.write
                            ? failed(Outcome::unknown, "the arc's owner changed meanwhile")
                            : moved(record())});
  for (const Waiting& waiting : ended.parked)
    effects.replies.push_back({waiting.token, moved(record())});
  for (const Held& held : ended.held)
    effects.replies.push_back({held.asked.token, moved(record())});
  for (const auto& [slot, reading] : ended.reading)
    for (const Held& held : reading.held)
      effects.replies.push_back({held.asked.token, moved(record())});
}

bool Arc::lease_valid(Time now) const {
  if (SKEP_PLANT(read_after_lease)) return true;
  return record().majority([&](NodeId node) {
    if (node == host_.self) return true;
    const auto peer = reign_->peers.find(node);
    return peer != reign_->peers.end() && now < peer->second.lease_until;
  });
}

// I4. With the record on both majorities nobody can act on an older one; with the copy on a
// majority nothing acknowledged before is on fewer members than it was.
void Arc::check_in_force(Time now, Effects& effects) {
  if (reign_->serving || claim_) return;
  const auto& peers = reign_->peers;
  const auto has_record = [&](NodeId node) {
    return node == host_.self || peers.at(node).has_record;
  };
  const auto has_copy = [&](NodeId node) {
    return node == host_.self || (has_record(node) && peers.at(node).sync == Peer::Sync::done);
  };
  if (!record().majority(has_record) || !Record::most(record().members, has_copy)) return;
  reign_->serving = true;
  reign_->lease_seen = now;
  if (!record().settled()) settle(effects);
  advance(now, effects);
  serve_held(now, effects);
}

// A member that the record replaces may go for good once it hears that it is settled; whoever has
// forgotten that, or never knew, waits for its voice. So it hears of it when this is on the disks
// of a majority of the new members, and nobody does before it is on the owner's.
void Arc::settle(Effects& effects) {
  Standing settled = standing_;
  settled.record.replaces.clear();
  save(settled, {0, Completion::Kind::settled, record().epoch, 0, 0, 0}, effects);
}

void Arc::on_settled(Effects& effects) {
  const std::vector<NodeId> replaces = std::exchange(standing_.record.replaces, {});
  std::set_difference(replaces.begin(), replaces.end(), record().members.begin(),
                      record().members.end(), std::back_inserter(reign_->replaced));
  for (const auto& [node, peer] : reign_->peers)
    if (record().names(node)) effects.send(node, Install{id_, record()});
  effects.changed.push_back(id_);
  dismiss(effects);
}

void Arc::dismiss(Effects& effects) {
  const auto& peers = reign_->peers;
  const auto knows = [&](NodeId node) {
    return node == host_.self || (peers.contains(node) && peers.at(node).settled);
  };
  if (reign_->replaced.empty() || !Record::most(record().members, knows)) return;
  for (NodeId node : std::exchange(reign_->replaced, {})) {
    effects.send(node, Install{id_, record()});
    if (step() == nullptr || step()->newcomer != node) reign_->peers.erase(node);
  }
  effects.changed.push_back(id_);
}

// The highest number that a majority, and this node, has in its journal: of each set the largest
// acknowledgement that most of it have reached. Who has not the record yet would not know, after a
// restart, that its copy counts.
std::uint64_t Arc::on_majority() const {
  if (SKEP_PLANT(ack_before_majority)) return reign_->own;
  const auto acked = [&](NodeId node) {
    if (node == host_.self) return reign_->own;
    const auto peer = reign_->peers.find(node);
    const bool counts = peer != reign_->peers.end() && peer->second.has_record &&
                        peer->second.sync == Peer::Sync::done;
    return counts ? peer->second.acked : 0;
  };
  std::uint64_t number = reign_->own;
  for (const auto* set : {&record().members, &record().replaces}) {
    if (set->empty()) continue;
    std::uint64_t most = 0;
    for (NodeId node : *set) {
      const std::uint64_t least = acked(node);
      if (least > most && Record::most(*set, [&](NodeId other) { return acked(other) >= least; }))
        most = least;
    }
    number = std::min(number, most);
  }
  return number;
}

void Arc::advance(Time now, Effects& effects) {
  if (!reign_->serving) return;
  reign_->committed = std::max(reign_->committed, on_majority());
  release(now, effects);
}

void Arc::release(Time now, Effects& effects) {
  auto& waiting = reign_->waiting;
  auto next = waiting.begin();
  for (; next != waiting.end() && next->number <= reign_->committed; ++next) {
    if (next->needs_lease) {
      reign_->parked.push_back(std::move(*next));
    } else {
      effects.replies.push_back({next->token, std::move(next->answer)});
    }
  }
  waiting.erase(waiting.begin(), next);
  answer_parked(now, effects);
}

// I5. The lease is looked at now, after the value was: nobody else was the owner in between.
void Arc::answer_parked(Time now, Effects& effects) {
  if (reign_->parked.empty()) return;
  if (!reign_->serving || !lease_valid(now)) {
    reign_->wants_lease = true;
    return;
  }
  for (Waiting& waiting : reign_->parked)
    effects.replies.push_back({waiting.token, std::move(waiting.answer)});
  reign_->parked.clear();
}

void Arc::on_request(Time now, WallMs wall, const Asked& asked, Effects& effects) {
  wall_ = wall;  // what is held is served by this clock: not by one from before it came
  if (now >= asked.deadline)
    return effects.replies.push_back(
        {asked.token, failed(Outcome::refused, "it came after its deadline")});
  // Another epoch: the asker has not heard of this one, and what it sent before may still be on its
  // way through the node that it took for the owner.
  if (SKEP_PLANT(stale_location) && !reign_ && !asked.write && asked.op == Op::command)
    return effects.replies.push_back(
        {asked.token, done(decide(asked.args, stored(table_.use(asked.args[asked.key])), wall,
                                  host_.options.max_value)
                               .reply)});
  if (!reign_ || (asked.epoch != reign_->epoch && asked.epoch != record().epoch))
    return effects.replies.push_back({asked.token, moved(record())});
  if (turns_away(asked, effects)) return;
  if (reign_->waiting.size() + reign_->parked.size() >= host_.options.max_waiting)
    return effects.replies.push_back(
        {asked.token, failed(Outcome::refused, "too many requests wait for the arc's members")});
  if (!reign_->serving || !reign_->held.empty() || (reign_->change && reign_->change->draining))
    return hold(asked, effects);
  serve(now, wall, asked, effects);
}

// What is not begun while this node's store refuses writes is certainly not done; begun, it would
// wait for the disk, and nobody knew what becomes of it.
bool Arc::turns_away(const Asked& asked, Effects& effects) const {
  if (!asked.write || !host_.refusing || in_memory()) return false;
  effects.replies.push_back(
      {asked.token,
       failed(Outcome::refused, "the store of the key's owner takes no writes at present")});
  return true;
}

void Arc::hold(const Asked& asked, Effects& effects) {
  if (reign_->held.size() >= host_.options.max_waiting)
    return effects.replies.push_back(
        {asked.token, failed(Outcome::refused, "too many requests wait for the arc's owner")});
  Held held{asked, {asked.args.begin(), asked.args.end()}};
  held.asked.args = {};
  reign_->held.push_back(std::move(held));
}

void Arc::serve_held(Time now, Effects& effects) {
  while (!reign_->held.empty()) {
    Held held = std::move(reign_->held.front());
    reign_->held.pop_front();
    const std::vector<std::string_view> args(held.args.begin(), held.args.end());
    held.asked.args = args;
    serve(now, wall_, held.asked, effects);
  }
}

void Arc::serve(Time now, WallMs wall, const Asked& asked, Effects& effects) {
  if (!wait_for_values(wall, asked, effects)) serve_now(now, wall, asked, effects);
}

std::size_t Arc::most_answered(const Asked& asked) const {
  if (!reign_) return 0;
  if (asked.op == Op::walk) {
    const auto words = walk_words(asked);
    const Table::Size& size = table_.sizes();
    if (!words || size.entries == 0) return 0;
    return std::min(words->second, size.live) * ((size.bytes - size.value_bytes) / size.entries);
  }
  if (asked.op != Op::command || asked.key >= asked.args.size()) return 0;
  const Key key = asked.args[asked.key];
  const std::size_t value = holds(key) ? table_.value_size(key) : 0;
  return host_.owed.small(value) ? value : replied(asked.args, value);
}

// What the asker was promised when the request came may be too little: it may have waited, and the
// value have grown.
bool Arc::owes_too_much(const Asked& asked, Effects& effects) const {
  if (asked.from == 0 || host_.owed.make(asked.from, asked.token, most_answered(asked)))
    return false;
  effects.replies.push_back({asked.token, failed(Outcome::refused, kOwesTooMuch)});
  return true;
}

void Arc::serve_now(Time now, WallMs wall, const Asked& asked, Effects& effects) {
  if (turns_away(asked, effects) || owes_too_much(asked, effects)) return;
  switch (asked.op) {
    case Op::command: serve_command(now, wall, asked, effects); break;
    case Op::together: serve_together(now, wall, asked, effects); break;
    case Op::walk: serve_walk(now, wall, asked, effects); break;
    case Op::count: {
      Waiting reply;
      reply.needs_lease = true;
      reply.answer.number = table_.live();
      reply.answer.text = std::to_string(table_.expiring());
      answer_later(now, asked, std::move(reply), effects);
      break;
    }
    case Op::clear: serve_clear(now, wall, asked, effects); break;
  }
  // Here and not in append(): what one command writes goes to the members in one frame.
  if (reign_->tail_bytes >= host_.options.chunk_bytes) flush(effects);
}

// An entry that has expired is deleted first, and what is said of one that is on its way waits for
// it, as for a number of the stream.
Arc::Looked Arc::look(const Key& key, WallMs wall, Effects& effects) {
  const auto entry = table_.use(key);
  if (!entry) return {};
  if (!entry->tombstone && !entry->live(wall)) {
    expire(key, effects);
    return {false, reign_->last, std::nullopt};
  }
  const bool on_its_way =
      entry->version.epoch == reign_->epoch && entry->version.number > reign_->committed;
  return {false, on_its_way ? reign_->last : 0, stored(entry)};
}

void Arc::apply(const Key& key, Decision::Effect effect, std::string_view value, WallMs expires,
                Effects& effects) {
  switch (effect) {
    case Decision::Effect::none: return;
    case Decision::Effect::put: return append(key, {{}, expires, false, false, value}, effects);
    case Decision::Effect::erase: return remove(key, effects);
  }
}

void Arc::serve_command(Time now, WallMs wall, const Asked& asked, Effects& effects) {
  const Key key = asked.key < asked.args.size() ? asked.args[asked.key] : std::string_view();
  if (asked.key >= asked.args.size() || !holds(key))
    return effects.replies.push_back(
        {asked.token, failed(Outcome::refused, "the key is not of this arc")});
  const Looked looked = look(key, wall, effects);
  Decision decision = decide(asked.args, looked.stored, wall, host_.options.max_value);
  if (decision.effect == Decision::Effect::put)
    if (const char* full = no_room(looked.is_new)) decision = {resp::Value::error(full), {}, {}, 0};
  Waiting reply;
  reply.number = looked.number;
  say(reply.answer, std::move(decision.reply));
  reply.needs_lease = decision.effect == Decision::Effect::none;
  apply(key, decision.effect, decision.put(), decision.expires, effects);
  if (!reply.needs_lease) reply.number = reign_->last;
  answer_later(now, asked, std::move(reply), effects);
}

// All changes are one piece of the stream: they go into the journal in one batch and to each member
// in one frame, which it takes as a whole. Their keys are of one slot, so that a copy and a
// takeover, which go by buckets of slots, have all of them or none.
void Arc::serve_together(Time now, WallMs wall, const Asked& asked, Effects& effects) {
  const JointKeys found = joint_keys(asked.args);
  if (!found.error.empty())
    return effects.replies.push_back({asked.token, done(resp::Value::error(found.error))});
  const Slot slot = slot_of(asked.args[found.keys.front()]);
  for (std::size_t key : found.keys)
    if (slot_of(asked.args[key]) != slot || !holds(asked.args[key]))
      return effects.replies.push_back(
          {asked.token, failed(Outcome::refused, "the keys are not of one slot of this arc")});
  Waiting reply;
  std::vector<std::optional<Stored>> all;
  for (std::size_t key : found.keys) {
    const Looked looked = look(asked.args[key], wall, effects);
    reply.number = std::max(reply.number, looked.number);
    all.push_back(looked.stored);
  }
  JointDecision decision = decide_together(asked.args, all, wall, host_.options.max_value);
  if (const char* full = no_room(true); full != nullptr && !decision.changes.empty())
    decision = {resp::Value::error(full), {}};
  say(reply.answer, std::move(decision.reply));
  reply.needs_lease = decision.changes.empty();
  for (const auto& change : decision.changes)
    apply(asked.args[change.key], change.effect, change.value, change.expires, effects);
  if (!reply.needs_lease) reply.number = reign_->last;
  answer_later(now, asked, std::move(reply), effects);
}

// The words of a walk: a cursor and a count.
std::optional<std::pair<std::uint64_t, std::size_t>> Arc::walk_words(const Asked& asked) {
  std::uint64_t numbers[2] = {0, 0};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string_view word = i < asked.args.size() ? asked.args[i] : std::string_view();
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), numbers[i]);
    if (parsed.ec != std::errc() || parsed.ptr != word.data() + word.size()) return std::nullopt;
  }
  return std::pair{numbers[0], static_cast<std::size_t>(numbers[1])};
}

void Arc::serve_walk(Time now, WallMs wall, const Asked& asked, Effects& effects) {
  const auto words = walk_words(asked);
  if (!words)
    return effects.replies.push_back({asked.token, failed(Outcome::refused, "malformed walk")});
  Waiting reply;
  reply.needs_lease = true;
  std::tie(reply.answer.more.make().items, reply.answer.number) =
      table_.walk(words->first, words->second, wall);
  reply.number = reign_->last;
  answer_later(now, asked, std::move(reply), effects);
}

void Arc::serve_clear(Time now, WallMs wall, const Asked& asked, Effects& effects) {
  const auto words = walk_words(asked);
  if (!words)
    return effects.replies.push_back({asked.token, failed(Outcome::refused, "malformed walk")});
  Waiting reply;
  const auto [keys, next] = table_.walk(words->first, words->second, wall);
  for (const std::string& key : keys) remove(key, effects);
  reply.answer.number = next;
  reply.number = reign_->last;
  answer_later(now, asked, std::move(reply), effects);
}

void Arc::remove(const Key& key, Effects& effects) {
  append(key, {{}, 0, true, false, {}}, effects);
}

// A delete like any other: the next owner's clock may say that the entry has not expired.
void Arc::expire(const Key& key, Effects& effects) {
  if (SKEP_PLANT(expired_at_owner_only)) return erase_entry(key, effects);
  remove(key, effects);
}

void Arc::append(const Key& key, EntryView entry, Effects& effects) {
  entry.version = {reign_->epoch, ++reign_->last};
  reign_->tail_bytes += key.text.size() + entry.value.size();
  if (!reign_->peers.empty()) reign_->tail.push_back({std::string(key.text), entry.entry()});
  if (entry.tombstone) list_tombstone(key.text, entry.version);
  store_entry(key, entry, effects);
}

void Arc::answer_later(Time now, const Asked& asked, Waiting&& reply, Effects& effects) {
  reply.token = asked.token;
  reply.deadline = asked.deadline;
  reply.write = asked.write;
  if (reply.number > reign_->committed) {
    if (reply.write && !reply.needs_lease) effects.begun = reply.token;
    reign_->waiting.push_back(std::move(reply));
  } else if (reply.needs_lease && !lease_valid(now)) {
    reign_->parked.push_back(std::move(reply));
    reign_->wants_lease = true;
  } else {
    effects.replies.push_back({reply.token, std::move(reply.answer)});
  }
}

void Arc::expire_requests(Time now, Effects& effects) {
  const auto late = [&](const Waiting& waiting) {
    if (now < waiting.deadline) return false;
    const bool began = waiting.write && !waiting.needs_lease;
    effects.replies.push_back(
        {waiting.token,
         began ? failed(Outcome::unknown, "no majority of the arc has confirmed it in time")
               : failed(Outcome::refused, "no majority of the arc answered in time")});
    return true;
  };
  std::erase_if(reign_->waiting, late);
  std::erase_if(reign_->parked, late);
  expire_reading(now, effects);
  std::erase_if(reign_->held, [&](const Held& held) {
    if (now < held.asked.deadline) return false;
    effects.replies.push_back(
        {held.asked.token, failed(Outcome::refused, "the arc had no owner in force in time")});
    return true;
  });
}

void Arc::tick_owner(Time now, WallMs wall, Effects& effects) {
  constexpr int kExpiredAtOnce = 64;
  // Deletes that the disk does not take would only wait.
  const bool deletes = !host_.refusing || in_memory();
  if (reign_->serving && !changing() && deletes)
    for (int i = 0; i < kExpiredAtOnce; ++i) {
      const auto key = table_.expired(wall);
      if (!key) break;
      expire(*key, effects);
    }
  expire_requests(now, effects);
  answer_parked(now, effects);
  tick_peers(now, effects);
  check_in_force(now, effects);
  tick_upkeep(now, effects);
  if (claim_) return;
  progress_change(now, effects);
  if (!reign_) return;
  // Its record cannot come into force any more; a takeover writes one that can.
  const auto left = [&](NodeId node) { return !host_.forgotten.contains(node); };
  if (!reign_->serving && !record().majority(left))
    return step_down(now, effects, "a majority of its next members is written off");
  // Without a majority it can answer nothing: others may, and this node says so.
  bool progress = reign_->serving && lease_valid(now);
  for (const auto& [node, peer] : reign_->peers)
    if (!reign_->serving && peer.heard > reign_->lease_seen) reign_->lease_seen = peer.heard;
  if (progress) reign_->lease_seen = now;
  if (now >= reign_->lease_seen + 2 * host_.options.takeover_after)
    step_down(now, effects, "no majority of the members answers");
}

bool Arc::caught_up(NodeId node) const {
  if (!reign_) return false;
  if (node == host_.self) return true;
  const auto peer = reign_->peers.find(node);
  return peer != reign_->peers.end() && peer->second.sync == Peer::Sync::done;
}

std::optional<std::uint64_t> Arc::unconfirmed(NodeId node) const {
  if (node == host_.self || !caught_up(node)) return std::nullopt;
  return reign_->last - reign_->peers.at(node).acked;
}

std::vector<NodeId> Arc::peers() const {
  std::vector<NodeId> nodes;
  if (reign_)
    for (const auto& [node, peer] : reign_->peers) nodes.push_back(node);
  return nodes;
}

std::size_t Arc::waiting_requests() const {
  return reign_ ? reign_->waiting.size() + reign_->parked.size() + reign_->held.size() : 0;
}

Record Arc::next_record(const Step& step) const {
  Record next{0, step.owner, record().members, {}};
  std::erase(next.members, step.leaver);
  if (step.newcomer != 0)
    next.members.insert(std::lower_bound(next.members.begin(), next.members.end(), step.newcomer),
                        step.newcomer);
  if (next.members != record().members) next.replaces = record().members;
  return next;
}

bool Arc::begin(Time now, const Step& step, Effects& effects) {
  if (!serving() || !record().settled() || changing()) return false;
  const Record next = next_record(step);
  const bool sane = next.names(step.owner) && !next.members.empty() &&
                    (step.newcomer == 0 || !record().names(step.newcomer)) &&
                    (step.leaver == 0 || record().names(step.leaver));
  if (!sane) return false;
  reign_->change = Change{step, now, false};
  if (step.newcomer != 0) add_peer(now, step.newcomer);
  tick_peers(now, effects);
  progress_change(now, effects);
  return true;
}

void Arc::abandon() {
  if (!reign_ || !reign_->change || claim_) return;
  if (const NodeId newcomer = reign_->change->step.newcomer; newcomer != 0)
    reign_->peers.erase(newcomer);
  reign_->change.reset();
}

void Arc::withdraw(Time now, Effects& effects) {
  if (serving() && !claim_) step_down(now, effects, "this node's store takes no writes");
}

bool Arc::ready_for_change(Time now) const {
  const Step& step = reign_->change->step;
  const Record next = next_record(step);
  if (!lease_valid(now)) return false;
  if (step.newcomer != 0 && !caught_up(step.newcomer)) return false;
  if (SKEP_PLANT(pass_to_laggard)) return true;
  return Record::most(next.members, [&](NodeId node) { return caught_up(node); }) &&
         caught_up(step.owner);
}

void Arc::progress_change(Time now, Effects& effects) {
  if (!reign_->change || claim_) return;
  Change& change = *reign_->change;
  const NodeId owner = change.step.owner;
  const bool passes = owner != host_.self;
  if (change.draining && now >= change.started + host_.options.takeover_after) {
    abandon();
    return serve_held(now, effects);
  }
  if (!ready_for_change(now)) return;
  if (passes && !SKEP_PLANT(pass_to_laggard)) {
    // Ownership goes only to a node that has confirmed every write: none may be under way.
    if (!change.draining) change.started = now;
    change.draining = true;
    const bool drained = reign_->committed == reign_->last && reign_->waiting.empty() &&
                         reign_->peers[owner].acked == reign_->last;
    if (!drained) return;
  }
  flush(effects);
  claim_ = Claim{};
  claim_->epoch = next_epoch();
  claim_->base = record();
  claim_->next = next_record(change.step);
  claim_->next->epoch = claim_->epoch;
  reign_->serving = false;  // requests are held until the next record is in force
  start_promising(now, effects);
}

}  // namespace skep::ring
