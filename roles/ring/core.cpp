#include "roles/ring/core.hpp"

#include "net/base/assert.hpp"

namespace skep::ring {

Core::Core(Host host, std::vector<Stored> arcs) : host_(std::move(host)), is_dirty_(arcs.size()) {
  SKEP_ASSERT(arcs.size() == host_.hive.arcs);
  for (std::size_t i = 0; i < arcs.size(); ++i)
    arcs_.push_back(std::make_unique<Arc>(host_, static_cast<ArcId>(i), std::move(arcs[i].standing),
                                          std::move(arcs[i].table), arcs[i].may_have_lost));
}

void Core::found(Effects& effects) {
  for (auto& arc : arcs_)
    if (arc->record().epoch == 0 && arc->promise().epoch == 0) arc->found(effects);
}

template <class M>
void Core::deliver(Time now, NodeId from, std::string_view payload, Effects& effects) {
  auto message = wire::decode<M>(payload);
  if (!message || message->arc >= arcs_.size())
    return effects.log(Level::warn, "malformed message of type " +
                                        std::to_string(static_cast<unsigned>(M::kType)));
  mark(message->arc);
  Arc& arc = *arcs_[message->arc];
  arc.on(now, from, std::move(*message), effects);
}

void Core::on_message(Time now, WallMs wall, NodeId from, Type type, std::uint64_t request,
                      std::string_view payload, Effects& effects) {
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
    case Type::appends:
      if (const auto m = wire::decode<Appends>(payload))
        for (const auto& arc : m->arcs)
          if (arc.arc < arcs_.size()) arcs_[arc.arc]->on(now, from, arc, effects);
      return;
    case Type::acks:
      if (const auto m = wire::decode<Acks>(payload))
        for (const auto& arc : m->arcs)
          if (arc.arc < arcs_.size()) {
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
  HeartbeatReply reply{m.sent_us, host_.boot, host_.stopping, {}};
  for (const auto& arc : m.arcs)
    if (arc.arc < arcs_.size())
      reply.arcs.push_back(
          {arc.arc, arc.epoch, arcs_[arc.arc]->on_heartbeat(now, from, arc, effects)});
  effects.send(from, reply);
}

void Core::on_heartbeat_reply(Time now, NodeId from, const HeartbeatReply& m, Effects& effects) {
  if (m.stopping) {
    stopping_.insert(from);
  } else {
    stopping_.erase(from);
  }
  // The echo is this node's own reading; one from the future is of an earlier life of it.
  const Time sent{Duration(static_cast<std::int64_t>(m.sent_us))};
  if (sent > now || sent < host_.booted) return;
  for (const auto& arc : m.arcs)
    if (arc.arc < arcs_.size()) {
      mark(arc.arc);
      arcs_[arc.arc]->on_lease(now, from, sent, m.boot, arc, effects);
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
  on_request(now, wall, m.arc, {token, m.epoch, m.op, m.write, m.key, now + timeout, m.args},
             effects);
}

void Core::on_request(Time now, WallMs wall, ArcId arc, const Asked& asked, Effects& effects) {
  arcs_[arc]->on_request(now, wall, asked, effects);
  if (arcs_[arc]->has_to_flush()) mark(arc);
}

void Core::on_completed(Time now, const Completion& completion, Effects& effects) {
  SKEP_ASSERT(completion.arc < arcs_.size());
  mark(completion.arc);
  arcs_[completion.arc]->on_completed(now, completion, effects);
}

void Core::on_tick(Time now, WallMs wall, Effects& effects) {
  for (auto& arc : arcs_) {
    arc->on_tick(now, wall, effects);
    mark(arc->id());
  }
  plan(now, effects);
  if (now >= next_heartbeat_) send_heartbeats(now, false, effects);
}

void Core::flush(Time now, Effects& effects) {
  bool urgent = false;
  std::sort(dirty_.begin(), dirty_.end());
  for (ArcId arc : dirty_) {
    is_dirty_[arc] = false;
    arcs_[arc]->flush(effects);
    urgent = urgent || arcs_[arc]->wants_lease();
  }
  dirty_.clear();
  if (!effects.changed.empty()) plan(now, effects);  // a place among the moves may be free
  if (urgent && now >= last_heartbeat_ + host_.options.heartbeat / 16)
    send_heartbeats(now, true, effects);
  std::erase_if(effects.replies, [&](Effects::Reply& reply) {
    if (reply.token < kRemote) return false;
    if (const auto remote = remote_.find(reply.token); remote != remote_.end()) {
      reply.answer.arc = remote->second.arc;
      effects.send(remote->second.node, reply.answer, remote->second.request);
      remote_.erase(remote);
    }
    return true;
  });
}

void Core::send_heartbeats(Time now, bool urgent_only, Effects& effects) {
  last_heartbeat_ = now;
  if (!urgent_only) next_heartbeat_ = now + host_.options.heartbeat;
  std::map<NodeId, Heartbeat> frames;
  for (const auto& arc : arcs_) {
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
  for (Node& node : nodes) node.stopping = stopping_.contains(node.id);
  if (nodes == nodes_) return;
  nodes_ = std::move(nodes);
  for (auto& arc : arcs_) arc->want(desired_members(arc->id(), nodes_, host_.hive.replication));
}

// Of a node that stops: to whichever member can go on at once.
std::optional<Step> Core::handing_over(const Arc& arc) const {
  for (NodeId member : arc.record().members) {
    const auto node =
        std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& n) { return n.id == member; });
    if (member != host_.self && node != nodes_.end() && node->alive &&
        !stopping_.contains(member) && arc.caught_up(member))
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
  const auto node = std::find_if(nodes_.begin(), nodes_.end(),
                                 [&](const Node& n) { return n.id == step->newcomer; });
  return node != nodes_.end() && node->alive && !node->gone;
}

void Core::plan(Time now, Effects& effects) {
  for (Node& node : nodes_) node.stopping = stopping_.contains(node.id);
  std::size_t moving = 0;
  for (const auto& arc : arcs_)
    if (arc->changing()) {
      ++moving;
      if (!still_wanted(*arc)) arc->abandon();
    }
  const std::size_t limit = host_.stopping ? arcs_.size() : host_.options.moves;
  for (auto& arc : arcs_) {
    if (moving >= limit) return;
    if (!arc->serving() || !arc->record().settled() || arc->changing()) continue;
    const auto step = wanted_step(*arc);
    if (step && arc->begin(now, *step, effects)) ++moving;
  }
}

std::size_t Core::owned() const {
  return static_cast<std::size_t>(
      std::count_if(arcs_.begin(), arcs_.end(), [](const auto& arc) { return arc->owns(); }));
}

bool Core::has_successors() const {
  const auto can_own = [&](const Node& node) {
    return node.id != host_.self && node.alive && !stopping_.contains(node.id);
  };
  return std::any_of(arcs_.begin(), arcs_.end(), [&](const auto& arc) {
    return arc->owns() && std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
             return can_own(node) && arc->record().names(node.id);
           });
  });
}

std::size_t Core::kept() const {
  return static_cast<std::size_t>(std::count_if(arcs_.begin(), arcs_.end(), [&](const auto& arc) {
    return Record::has(arc->record().everybody(), host_.self);
  }));
}

}  // namespace skep::ring
