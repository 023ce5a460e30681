// The core's events and messages; the list's rules are in members_claims.cpp, probes and everything
// that goes by time in members_probe.cpp.
#include "net/members.hpp"

#include <algorithm>
#include <utility>

#include "net/base/assert.hpp"

namespace skep::members {
namespace {

constexpr double kSave = 0.25;       // of dead_after: the list is kept once in this time at most
constexpr double kSaveWhole = 1000;  // members, above which it is more seldom

}  // namespace

Core::Core(Options options)
    : options_(std::move(options)),
      table_(options_.keep_member),
      rumors_(options_.keep_rumor),
      random_state_(options_.seed) {
  auto& peers = options_.peers;
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  std::erase(peers, options_.self.address);
  options_.self.state = MemberState::alive;
  self_ = table_.put(options_.self);
}

Result<Core> Core::open(Options options, std::string_view saved) {
  if (options.founding == 0) return fail(Code::invalid, "the cluster id must not be 0");
  if (options.peers.size() > kMaxPeers)
    return fail(Code::invalid, "there are " + std::to_string(options.peers.size()) +
                                   " peers; accepted are " + std::to_string(kMaxPeers));
  if (options.dead_after < std::chrono::milliseconds(100))
    return fail(Code::invalid, "dead_after must be 100ms or longer");
  Core core(std::move(options));
  if (!core.acceptable(core.claim_of(core.self())))
    return fail(Code::invalid,
                "this node's name, address, roles or listeners are empty or too long");
  if (!saved.empty())
    if (auto restored = core.restore(saved); !restored) return tl::unexpected(restored.error());
  return core;
}

Result<> Core::restore(std::string_view saved) {
  auto list = wire::decode<Saved>(saved);
  if (!list || list->version != 1 || list->cluster == 0)
    return fail(Code::corrupt, "the kept members list is damaged, or of a later version");
  Member self = this->self();
  std::vector<std::pair<Member, Time>> all;
  all.reserve(list->claims.size() + 1);
  for (Claim& claim : list->claims) {
    Member& member = claim.member;
    if (!acceptable(claim)) return fail(Code::corrupt, "the kept members list is damaged");
    if (member.id == self.id) {
      self.incarnation = std::max(self.incarnation, member.incarnation + 1);
      if (member.state == MemberState::leaving || member.state == MemberState::left)
        self.state = member.state;
      continue;
    }
    // start() makes it relative to its time.
    all.emplace_back(std::move(member), Time{} - std::chrono::seconds(claim.age));
  }
  all.emplace_back(std::move(self), Time{});
  table_.fill(std::move(all));
  self_ = table_.all().find(self_->id).shared();
  cluster_ = list->cluster;
  founded_ = list->founded;
  return {};
}

void Core::begin(Time now) {
  SKEP_ASSERT(started_ && now >= now_);
  // Whatever ran out while this loop did not run, ran out by this node's own fault (Lifeguard 3.1).
  const Time expected = std::max(due_, now_);
  now_ = now;
  if (now > expected + part_of(0.05)) forgive(now - expected);
}

Effects Core::end() {
  if (unsaved_ && cluster_ != 0 && now_ >= next_save_) {
    unsaved_ = false;
    saved_ = now_;
    const double size = static_cast<double>(table_.all().size());
    next_save_ = now_ + part_of(kSave * std::max(1.0, size / kSaveWhole));
    out_.saved = save();
  }
  tell_self_ = false;
  due_ = next_due();
  return std::exchange(out_, {});
}

// What this node says of itself does not wait for as long as a long list may.
void Core::save_soon() {
  unsaved_ = true;
  next_save_ = std::min(next_save_, saved_ + part_of(kSave));
}

Effects Core::start(Time now) {
  SKEP_ASSERT(!started_);
  started_ = true;
  now_ = due_ = now;
  table_.shift(now.time_since_epoch());
  next_line_ = now + part_of(1);
  next_reap_ = now + std::chrono::minutes(1);
  const bool kept = cluster_ != 0;
  if (!kept && options_.peers.empty()) {
    founded_ = true;
    out_.cluster = cluster_ = options_.founding;
    line(Level::warn,
         "founded a new cluster, as the store is empty and there are no peers. If there is a "
         "cluster "
         "already, stop this node, list one of its nodes under cluster.peers and empty the store");
  }
  if (self().state == MemberState::left)
    line(Level::error,
         "this node has left its cluster for good; empty its store to join again as a new node");
  unsaved_ = true;
  claims_told_.add(self().id);
  if (kept) defend();
  return tick(now);
}

Effects Core::receive(Time now, NodeId from, const Address& address, std::uint16_t type,
                      std::string_view payload) {
  begin(now);
  if (from != 0 && from != self().id) dispatch({from, address}, static_cast<Type>(type), payload);
  return end();
}

template <class M> bool Core::parse(std::string_view payload, M& message) {
  auto decoded = wire::decode<M>(payload);
  if (!decoded) {
    ++counters_.malformed;
    return false;
  }
  message = std::move(*decoded);
  return true;
}

// Whether a message of this cluster is for us. A node that waits for a cluster and hears from
// within one asks to join it.
bool Core::ours(std::uint64_t cluster, const Peer& peer) {
  if (cluster_ == 0 && cluster != 0) send(peer.address, peer.id, Type::join, Join{0, self().name});
  if (cluster_ != 0 && cluster != cluster_) ++counters_.foreign;
  return cluster_ != 0 && cluster == cluster_;
}

void Core::dispatch(const Peer& peer, Type type, std::string_view payload) {
  switch (type) {
    case Type::ping:
      if (Ping m; parse(payload, m) && ours(m.cluster, peer)) on_ping(peer, m);
      return;
    case Type::ack:
      if (Ack m; parse(payload, m) && ours(m.cluster, peer)) {
        hear(m.news, false);
        on_ack(peer, m.seq);
        greet_stranger(peer);
      }
      return;
    case Type::nack:
      if (Nack m; parse(payload, m) && ours(m.cluster, peer)) on_nack(peer, m.seq);
      return;
    case Type::ping_request:
      if (PingRequest m; parse(payload, m) && ours(m.cluster, peer)) {
        hear(m.news, false);
        on_ping_request(peer, m);
      }
      return;
    case Type::gossip:
      if (Gossip m; parse(payload, m) && ours(m.cluster, peer)) {
        hear(m.news, false);
        greet_stranger(peer);
      }
      return;
    case Type::sync:
      if (Sync m; parse(payload, m)) on_sync(peer, m);
      return;
    case Type::full:
      if (Full m; parse(payload, m)) on_full(peer, m);
      return;
    case Type::join:
      if (Join m; parse(payload, m)) on_join(peer, m);
      return;
    case Type::waiting:
      if (Waiting m; parse(payload, m)) on_waiting(m);
      return;
  }
  ++counters_.malformed;
}

void Core::on_ping(const Peer& peer, const Ping& message) {
  hear(message.news, false);
  send(peer.address, peer.id, Type::ack, Ack{cluster_, message.seq, news_for(peer.id)});
  greet_stranger(peer);
}

// A node that speaks to us as one of ours and is not in the list: one of us missed something.
void Core::greet_stranger(const Peer& peer) {
  if (table_.find(peer.id) != nullptr || now_ < next_greeting_) return;
  next_greeting_ = now_ + part_of(0.1);
  send(peer.address, peer.id, Type::sync, Sync{cluster_, 0, digest()});
}

void Core::on_sync(const Peer& peer, const Sync& message) {
  if (cluster_ == 0 && message.cluster != 0) {
    send(peer.address, peer.id, Type::join, Join{message.ticket, self().name});
    return;
  }
  if (message.ticket != 0 && message.cluster != cluster_ && cluster_ != 0) {
    // So that the one who was told to join us learns why it cannot.
    send(peer.address, peer.id, Type::full, Full{cluster_, message.ticket, false, {}, {}});
  }
  if (!ours(message.cluster, peer)) return;
  if (message.ticket == 0 && message.digest == digest()) return;
  send(peer.address, peer.id, Type::full, full(message.digest, message.ticket, true));
}

void Core::on_full(const Peer& peer, const Full& message) {
  if (cluster_ == 0) {
    if (message.cluster != 0) enter(peer, message);
    return;
  }
  if (message.cluster != cluster_ && message.cluster != 0)
    finish_join(message.ticket,
                fail(Code::conflict,
                     "the node there is in another cluster; only a node with an empty "
                     "store can join"));
  if (!ours(message.cluster, peer)) return;
  hear(message.news, true);
  if (message.answer) send(peer.address, peer.id, Type::full, full(message.digest, 0, false));
  finish_join(message.ticket, {});
}

void Core::on_join(const Peer& peer, const Join& message) {
  if (cluster_ == 0) {
    send(peer.address, peer.id, Type::waiting, Waiting{message.ticket});
    return;
  }
  if (self().state == MemberState::left) return;
  send(peer.address, peer.id, Type::full, full({}, message.ticket, false));
  finish_join(message.ticket, {});
}

void Core::on_waiting(const Waiting& message) {
  if (message.ticket != 0 && message.ticket <= options_.peers.size())
    waiting_peers_.insert(options_.peers[message.ticket - 1]);
  if (auto found = joins_.find(message.ticket); found != joins_.end()) found->second.waiting = true;
}

// An answer from within a cluster, to a node that waits for one.
void Core::enter(const Peer& peer, const Full& message) {
  for (const Claim& claim : message.news.claims) {
    const Member& member = claim.member;
    if (!living(member.state) || member.id == self().id || member.name != self().name ||
        member.address == self().address)
      continue;
    std::string why = "cannot join the cluster: a living node at " + member.address +
                      " is already called " + self().name +
                      "; give this one another name (name = …), or stop that one";
    clash_ = why;
    if (std::exchange(clash_told_, why) != why) line(Level::error, why);
    finish_join(message.ticket, fail(Code::conflict, std::move(why)));
    return;
  }
  out_.cluster = cluster_ = message.cluster;
  line(Level::info, "joined the cluster through " + peer.address);
  hear(message.news, true);
  defend();
  claims_told_.add(self().id);
  unsaved_ = true;
  next_save_ = next_probe_ = next_gossip_ = next_sync_ = now_;
  next_call_ = now_ + part_of(1);
  send(peer.address, peer.id, Type::full, full(message.digest, 0, false));
  finish_join(message.ticket, {});
  waiting_peers_.clear();
}

Effects Core::join(Time now, Address address) {
  begin(now);
  if (address == self().address) {
    out_.joined.push_back({address, fail(Code::invalid, "that is this node's own address")});
  } else if (self().state == MemberState::left) {
    out_.joined.push_back(
        {address, fail(Code::conflict, "this node has left its cluster for good")});
  } else if (joins_.size() >= 2 * kMaxPeers) {
    out_.joined.push_back({address, fail(Code::full, "too many joins are under way")});
  } else {
    joins_[++seq_] = {std::move(address), now + std::chrono::seconds(5), now, false};
    run_joins();
  }
  return end();
}

void Core::finish_join(std::uint64_t ticket, Result<> result) {
  auto found = joins_.find(ticket);
  if (found == joins_.end()) return;
  out_.joined.push_back({found->second.address, std::move(result)});
  joins_.erase(found);
}

Effects Core::down(Time now, NodeId peer) {
  begin(now);
  const Member* member = table_.find(peer);
  if (active() && peer != self().id && member != nullptr && living(member->state) &&
      std::find(hurried_.begin(), hurried_.end(), peer) == hurried_.end())
    hurried_.push_back(peer);
  return end();
}

Effects Core::spread(Time now, Rumor rumor) {
  begin(now);
  hear_rumor(rumor, true);
  return end();
}

Effects Core::describe(Time now, std::vector<Listener> listeners, std::uint32_t weight) {
  begin(now);
  Member self = this->self();
  if (self.listeners != listeners || self.weight != weight) {
    self.listeners = std::move(listeners);
    self.weight = weight;
    ++self.incarnation;
    set_self(std::move(self));
  }
  return end();
}

Effects Core::leave(Time now, MemberState state) {
  SKEP_ASSERT(state == MemberState::leaving || state == MemberState::left);
  begin(now);
  if (self().state != MemberState::left && self().state != state) {
    Member self = this->self();
    self.state = state;
    ++self.incarnation;
    set_self(std::move(self));
    // The node may end right after this: many hear it at once from itself.
    if (cluster_ != 0)
      for (NodeId id : pick(16, 0))
        send(table_.find(id)->address, id, Type::gossip,
             Gossip{cluster_, {{claim_of(this->self())}, {}}});
  }
  return end();
}

}  // namespace skep::members
