#include "roles/ring/core.hpp"

#include "net/base/assert.hpp"

namespace skep::ring {

Core::Core(Host host, std::map<ArcId, Stored> arcs)
    : host_(std::move(host)), arcs_(host_.hive.arcs), is_dirty_(host_.hive.arcs) {
  host_.earlier_lease = std::max(host_.earlier_lease, host_.hive.lease());
  heartbeat_ = host_.options.heartbeat;
  host_.options.heartbeat = std::min(heartbeat_, host_.hive.lease() / 2);
  for (auto& [id, stored] : arcs) {
    SKEP_ASSERT(id < arcs_.size());
    arcs_[id] = std::make_unique<Arc>(host_, id, std::move(stored.standing),
                                      std::move(stored.table), stored.may_have_lost);
    awake_.push_back(arcs_[id].get());
  }
  host_.owed = Owed(host_.options.max_owed);
  host_.memory.max_bytes = host_.options.max_memory;
  host_.memory.max_values = host_.options.max_entries;
  host_.memory.on_disk = host_.hive.durability != Durable::none;
  if (host_.memory.bounded())
    for (Arc* arc : awake_) arc->count_memory();
}

Table Core::empty_table(ArcId arc, const HiveOptions& hive) {
  return {first_slot(arc, hive.arcs), kSlots / hive.arcs};
}

Arc& Core::wake(ArcId id) {
  if (arcs_[id]) return *arcs_[id];
  const auto asleep = asleep_.extract(id);
  arcs_[id] = std::make_unique<Arc>(host_, id, asleep ? asleep.mapped() : Standing{},
                                    empty_table(id, host_.hive), false);
  const auto after = std::upper_bound(awake_.begin(), awake_.end(), id,
                                      [](ArcId one, const Arc* arc) { return one < arc->id(); });
  awake_.insert(after, arcs_[id].get());
  arcs_[id]->want(desired(id));
  return *arcs_[id];
}

void Core::drop_idle(Time now) {
  std::erase_if(awake_, [&](Arc* arc) {
    const ArcId id = arc->id();
    if (is_dirty_[id] || !arc->idle(now)) return false;
    arc->count_memory();
    if (arc->record().epoch > 0) asleep_.emplace(id, arc->standing());
    arcs_[id].reset();
    return true;
  });
}

const Standing& Core::standing(ArcId arc) const {
  static const Standing kNothing;
  if (arcs_[arc]) return arcs_[arc]->standing();
  const auto asleep = asleep_.find(arc);
  return asleep == asleep_.end() ? kNothing : asleep->second;
}

void Core::change_hive(Time now, const HiveOptions& hive, std::uint64_t version, Effects& effects) {
  SKEP_ASSERT(host_.hive.may_become(hive) && version >= host_.hive_version);
  const HiveOptions before = std::exchange(host_.hive, hive);
  host_.hive_version = version;
  host_.options.heartbeat = std::min(heartbeat_, hive.lease() / 2);
  if (before.replication != hive.replication) {
    wishes_.clear();
    for (Arc* arc : awake_) arc->want(desired(arc->id()));
  }
  if (before.durability == hive.durability) return;
  for (Arc* arc : awake_) {
    arc->change_durability(now, effects);
    mark(arc->id());
  }
}

void Core::found(Effects& effects) {
  for (ArcId arc = 0; arc < arcs_.size(); ++arc)
    if (standing(arc).record.epoch == 0 && standing(arc).promise.epoch == 0)
      wake(arc).found(effects);
}

template <class M>
void Core::deliver(Time now, NodeId from, std::string_view payload, Effects& effects) {
  auto message = wire::decode<M>(payload);
  if (!message || message->arc >= arcs_.size())
    return effects.log(Level::warn, "malformed message of type " +
                                        std::to_string(static_cast<unsigned>(M::kType)));
  mark(message->arc);
  Arc& arc = wake(message->arc);
  arc.on(now, from, std::move(*message), effects);
}

// What makes this node write is not taken while too much waits for its store: at the door, for out
// of the middle of what waits nothing can be dropped. To everybody it is as if the message had been
// lost; whoever sent it gets no answer before the disk has what it says anyway.
bool Core::turns_away(Type type) const {
  switch (type) {
    case Type::prepare:
    case Type::install:
    case Type::flush: return true;
    case Type::sync_begin:
    case Type::sync_part:
    case Type::appends:
    case Type::fetched:
    case Type::drop: return host_.hive.durability != Durable::none;
    default: return false;
  }
}

void Core::on_message(Time now, WallMs wall, NodeId from, Type type, std::uint64_t request,
                      std::string_view payload, Effects& effects) {
  if (host_.forgotten.contains(from) || (clogged_ && turns_away(type))) return;
  switch (type) {
    case Type::pre_vote: return deliver<PreVote>(now, from, payload, effects);
    case Type::pre_vote_reply: return deliver<PreVoteReply>(now, from, payload, effects);
    case Type::prepare: return deliver<Prepare>(now, from, payload, effects);
    case Type::promised: return deliver<Promised>(now, from, payload, effects);
    case Type::install: return deliver<Install>(now, from, payload, effects);
    case Type::installed: return deliver<Installed>(now, from, payload, effects);
    case Type::refused: return deliver<Refused>(now, from, payload, effects);
    case Type::sync_begin: return deliver<SyncBegin>(now, from, payload, effects);
    case Type::sync_want: return deliver<SyncWant>(now, from, payload, effects);
    case Type::sync_part: return deliver<SyncPart>(now, from, payload, effects);
    case Type::sync_ack: return deliver<SyncAck>(now, from, payload, effects);
    case Type::stream_lost: return deliver<StreamLost>(now, from, payload, effects);
    case Type::fetch: return deliver<Fetch>(now, from, payload, effects);
    case Type::fetched: return deliver<Fetched>(now, from, payload, effects);
    case Type::pull: return deliver<Pull>(now, from, payload, effects);
    case Type::pulled: return deliver<Pulled>(now, from, payload, effects);
    case Type::flush: return deliver<Flush>(now, from, payload, effects);
    case Type::flushed: return deliver<Flushed>(now, from, payload, effects);
    case Type::drop: return deliver<Drop>(now, from, payload, effects);
    case Type::compare: return deliver<Compare>(now, from, payload, effects);
    case Type::appends:
      if (const auto m = wire::decode<AppendsView>(payload))
        for (const auto& arc : m->arcs)
          if (arc.arc < arcs_.size()) {
            mark(arc.arc);
            wake(arc.arc).on(now, from, arc, effects);
          }
      return;
    case Type::acks:
      if (const auto m = wire::decode<Acks>(payload))
        for (const auto& arc : m->arcs)
          if (arc.arc < arcs_.size() && arcs_[arc.arc]) {
            mark(arc.arc);
            arcs_[arc.arc]->on(now, from, arc, effects);
          }
      return;
    case Type::heartbeat:
      if (const auto m = wire::decode<Heartbeat>(payload)) on_heartbeat(now, from, *m, effects);
      return;
    case Type::heartbeat_reply:
      if (const auto m = wire::decode<HeartbeatReply>(payload))
        on_heartbeat_reply(now, from, *m, effects);
      return;
    case Type::request:
      if (const auto m = wire::decode<Request>(payload))
        on_remote(now, wall, from, request, *m, effects);
      return;
    case Type::answer: return;  // the router's
  }
}

void Core::on_heartbeat(Time now, NodeId from, const Heartbeat& m, Effects& effects) {
  HeartbeatReply reply{m.sent_us, host_.boot, host_.stopping, host_.hive.lease_us, {}};
  for (const auto& arc : m.arcs)
    if (arc.arc < arcs_.size())
      reply.arcs.push_back(
          {arc.arc, arc.epoch, wake(arc.arc).on_heartbeat(now, from, arc, effects)});
  effects.send(from, reply);
}

void Core::on_heartbeat_reply(Time now, NodeId from, const HeartbeatReply& m, Effects& effects) {
  if (m.stopping ? stopping_.insert(from).second : stopping_.erase(from) > 0)
    for (Node& node : nodes_)
      if (node.id == from) node.stopping = !may_own(from);
  // The echo is this node's own reading; one from the future is of an earlier life of it.
  const Time sent{Duration(static_cast<std::int64_t>(m.sent_us))};
  if (sent > now || sent < host_.booted) return;
  const Duration lease(static_cast<std::int64_t>(std::min(m.lease_us, HiveOptions::kLongestLease)));
  for (const auto& arc : m.arcs)
    if (arc.arc < arcs_.size() && arcs_[arc.arc]) {
      mark(arc.arc);
      arcs_[arc.arc]->on_lease(now, from, sent, m.boot, lease, arc, effects);
    }
}

void Core::mark(ArcId arc) {
  if (is_dirty_[arc]) return;
  is_dirty_[arc] = true;
  dirty_.push_back(arc);
}

bool Core::first_time(NodeId from, std::uint64_t request) {
  constexpr std::size_t kRemembered = 65'536;
  Seen& seen = seen_[from];
  if (request <= seen.floor || !seen.ids.insert(request).second) return false;
  if (seen.ids.size() > kRemembered) {
    seen.floor = *seen.ids.begin();
    seen.ids.erase(seen.ids.begin());
  }
  return true;
}

void Core::on_remote(Time now, WallMs wall, NodeId from, std::uint64_t request, const Request& m,
                     Effects& effects) {
  if (m.arc >= arcs_.size() || !first_time(from, request)) return;
  constexpr std::uint64_t kLongest = 3'600'000'000;  // an hour
  const std::uint64_t token = next_remote_++;
  remote_[token] = {from, request, m.arc};
  const Duration timeout(static_cast<std::int64_t>(std::min(m.timeout_us, kLongest)));
  take_remote(now, wall, m.arc, {token, m.epoch, m.op, m.write, m.key, now + timeout, m.args, from},
              effects);
}

void Core::on_request(Time now, WallMs wall, ArcId arc, const Asked& asked, Effects& effects) {
  Arc& asked_of = wake(arc);
  asked_of.on_request(now, wall, asked, effects);
  if (asked_of.has_to_flush()) mark(arc);
}

void Core::on_completed(Time now, const Completion& completion, Effects& effects) {
  SKEP_ASSERT(completion.arc < arcs_.size());
  if (completion.kind == Completion::Kind::lap) {
    host_.memory.stored = completion.number;
    return;
  }
  mark(completion.arc);
  wake(completion.arc).on_completed(now, completion, effects);
}

void Core::on_tick(Time now, WallMs wall, Effects& effects) {
  drop_idle(now);
  for (Arc* arc : awake_) {
    arc->on_tick(now, wall, effects);
    mark(arc->id());
  }
  serve_behind(now, wall, effects);
  withdraw(now, effects);
  plan(now, effects);
  if (now >= next_heartbeat_) send_heartbeats(now, false, effects);
}

void Core::flush(Time now, Effects& effects) {
  bool urgent = false;
  make_room(effects);
  std::sort(dirty_.begin(), dirty_.end());
  for (ArcId arc : dirty_) {
    is_dirty_[arc] = false;
    if (!arcs_[arc]) continue;
    arcs_[arc]->flush(effects);
    urgent = urgent || arcs_[arc]->wants_lease();
  }
  keep_in_bounds(effects);
  dirty_.clear();
  if (!effects.changed.empty()) plan(now, effects);  // a place among the moves may be free
  if (urgent && now >= last_heartbeat_ + host_.options.heartbeat / 16)
    send_heartbeats(now, true, effects);
  answer_remotes(effects);
}

void Core::send_heartbeats(Time now, bool urgent_only, Effects& effects) {
  last_heartbeat_ = now;
  if (!urgent_only) next_heartbeat_ = now + host_.options.heartbeat;
  std::map<NodeId, Heartbeat> frames;
  for (const Arc* arc : awake_) {
    if (!arc->owns() || (urgent_only && !arc->wants_lease())) continue;
    for (NodeId peer : arc->peers())
      frames[peer].arcs.push_back({arc->id(), arc->epoch(), arc->record().settled()});
  }
  for (auto& [peer, frame] : frames) {
    frame.sent_us = static_cast<std::uint64_t>(now.time_since_epoch().count());
    effects.send(peer, frame);
  }
}

void Core::on_nodes(std::vector<Node> nodes) {
  SKEP_ASSERT(std::is_sorted(nodes.begin(), nodes.end(),
                             [](const Node& a, const Node& b) { return a.id < b.id; }));
  for (Node& node : nodes) node.stopping = !may_own(node.id);
  const std::vector<Node> before = std::exchange(nodes_, std::move(nodes));
  host_.others.clear();
  for (const Node& node : nodes_)
    if ((node.alive || !node.gone) && node.id != host_.self) host_.others.push_back(node.id);
  const std::vector<Node> changed = changed_candidates(before, nodes_);
  if (changed.empty()) return;
  for (auto& [arc, wish] : wishes_)
    if (wish.follow(changed, nodes_) && arcs_[arc]) arcs_[arc]->want(wish.members());
  for (Arc* arc : awake_)
    if (!wishes_.contains(arc->id())) arc->want(desired(arc->id()));
}

const Wish& Core::wish(ArcId arc) const {
  const auto known = wishes_.find(arc);
  if (known != wishes_.end()) return known->second;
  return wishes_.emplace(arc, Wish(arc, host_.hive.replication, nodes_)).first->second;
}

NodeId Core::likely_owner(ArcId arc) const {
  for (const NodeId id : desired(arc)) {
    const Node* node = find_node(nodes_, id);
    if (id != host_.self && node != nullptr && node->alive) return id;
  }
  return 0;
}

// Of a node that stops: to whichever member can go on at once.
std::optional<Step> Core::handing_over(const Arc& arc) const {
  for (NodeId member : arc.record().members) {
    const Node* node = find_node(nodes_, member);
    if (member != host_.self && node != nullptr && node->alive && !stopping_.contains(member) &&
        arc.caught_up(member))
      return Step{0, 0, member};
  }
  return std::nullopt;
}

std::optional<Step> Core::wanted_step(const Arc& arc) const {
  return host_.stopping ? handing_over(arc)
                        : next_step(arc, host_.self, nodes_, host_.hive.replication);
}

// A newcomer that died is waited for no longer. A step without one may wait for members that will
// never be ready, and gives way as soon as there is a better one; so does a copy when this node
// stops.
bool Core::still_wanted(const Arc& arc) const {
  const Step* step = arc.waiting_step();
  if (step == nullptr) return true;
  if (step->newcomer == 0 || host_.stopping) return wanted_step(arc) == *step;
  const Node* node = find_node(nodes_, step->newcomer);
  return node != nullptr && node->alive && !node->gone;
}

void Core::plan(Time now, Effects& effects) {
  std::size_t moving = 0;
  for (Arc* arc : awake_)
    if (arc->changing()) {
      ++moving;
      if (!still_wanted(*arc)) arc->abandon();
    }
  const std::size_t limit = host_.stopping ? arcs_.size() : host_.options.moves;
  for (Arc* arc : awake_) {
    if (moving >= limit) return;
    if (!arc->serving() || !arc->record().settled() || arc->changing()) continue;
    const auto step = wanted_step(*arc);
    if (step && arc->begin(now, *step, effects)) ++moving;
  }
}

void Core::set_refusing(Time now, bool refusing) {
  if (host_.refusing != refusing) refusing_changed_ = now;
  host_.refusing = refusing;
}

void Core::set_withdrawn(NodeId id, bool withdrawn) {
  if (!(withdrawn ? withdrawn_.insert(id).second : withdrawn_.erase(id) > 0)) return;
  for (Node& node : nodes_)
    if (node.id == id) node.stopping = !may_own(id);
}

// Without its disk this node can make no record of a next owner: the others can, as after its
// death. Owning its arcs in turns with them would cost a pause each time, so it is slow to go and
// slow to come back; but the others hear at once that it takes nothing over.
void Core::withdraw(Time now, Effects& effects) {
  if (host_.hive.durability == Durable::none) return set_withdrawn(host_.self, false);
  const bool lasting = now >= refusing_changed_ + 3 * host_.options.takeover_after;
  if (host_.refusing || lasting) set_withdrawn(host_.self, host_.refusing);
  if (!host_.refusing || !lasting) return;
  for (Arc* arc : awake_)
    if (others_can_own(*arc)) arc->withdraw(now, effects);
}

bool Core::others_can_own(const Arc& arc) const {
  return arc.record().majority([&](NodeId id) {
    const Node* node = find_node(nodes_, id);
    return id != host_.self && node != nullptr && node->alive && !node->stopping &&
           arc.caught_up(id);
  });
}

bool Core::knows_lost() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.lost; });
}

bool Core::take_over_lost(Time now, ArcId arc, const Record& heard, Effects& effects) {
  const Record known = standing(arc).record;
  const Record& newest = heard.epoch > known.epoch ? heard : known;
  const auto may_come = [&](NodeId id) {
    const Node* node = find_node(nodes_, id);
    return node == nullptr || !node->lost;
  };
  if (newest.epoch == 0 || newest.majority(may_come)) return false;
  std::vector<Node> members;
  std::vector<Node> others;
  for (Node node : nodes_) {
    if (!node.alive || node.gone || node.stopping) continue;
    node.eligible = true;
    (Record::has(newest.everybody(), node.id) ? members : others).push_back(node);
  }
  const auto first = desired_members(arc, members.empty() ? others : members, 1);
  if (first.empty() || first.front() != host_.self || host_.stopping) return false;
  mark(arc);
  wake(arc).take_over_alone(now, newest.epoch, effects);
  return true;
}

std::size_t Core::owned() const {
  return static_cast<std::size_t>(
      std::count_if(awake_.begin(), awake_.end(), [](const Arc* arc) { return arc->owns(); }));
}

bool Core::has_successors() const {
  const auto can_own = [&](NodeId id) {
    const Node* node = find_node(nodes_, id);
    return id != host_.self && node != nullptr && node->alive && !stopping_.contains(id);
  };
  return std::any_of(awake_.begin(), awake_.end(), [&](const Arc* arc) {
    const auto& members = arc->record().members;
    return arc->owns() && std::any_of(members.begin(), members.end(), can_own);
  });
}

std::size_t Core::kept() const {
  return static_cast<std::size_t>(std::count_if(awake_.begin(), awake_.end(), [&](const Arc* arc) {
    return Record::has(arc->record().everybody(), host_.self);
  }));
}

}  // namespace skep::ring
