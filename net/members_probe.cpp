// The core's failure detector, what it does as time goes by, and what it tells whom.
#include <algorithm>
#include <array>
#include <cmath>

#include "net/base/assert.hpp"
#include "net/members.hpp"

namespace skep::members {
namespace {

// Times as parts of dead_after. A death is believed after: the wait for the first probe (n - 1
// nodes probe each member once in n - 1 periods, in random order: two or three periods), kProbe,
// and a suspicion of 0.2 to 0.4.
constexpr double kPeriod = 0.08;
// A probe outlasts the period, so that a hiccup is not a failure: pings at these times of it, since
// the first may find no connection yet, and at the third of them helpers are asked, too.
constexpr std::array kSteps{0.0, 0.05, 0.15, 0.275};
constexpr std::size_t kAskHelpers = 2;
constexpr double kProbe = 0.4;
constexpr double kNack = 0.1;  // after being asked
constexpr std::size_t kHelpers = 3;
constexpr double kGossip = 0.02;
constexpr std::size_t kFanout = 3;
constexpr double kSync = 2;
constexpr double kSyncWhole = 1000;  // members and rumors, above which it is more seldom
constexpr double kCall = 1;
constexpr double kJoin = 0.5;
constexpr std::size_t kMaxRelays = 256;
constexpr double kTellFactor = 3;  // each claim is told so many times log(n) times (SWIM 4.1)

}  // namespace

Effects Core::tick(Time now) {
  begin(now);
  run_relays();
  run_joins();
  if (cluster_ == 0) {
    ask_to_join();
  } else if (active()) {
    run_probes();
    run_suspicions();
    probe_next();
    sync_someone();
    call_the_lost();
    gossip();
  }
  if (now_ >= next_reap_) reap();
  return end();
}

Time Core::next_due() const {
  Time due = next_reap_;
  auto at = [&](Time time) { due = std::min(due, time); };
  for (const auto& [seq, relay] : relays_) at(relay.nacked ? relay.until : relay.nack_at);
  for (const auto& [ticket, pending] : joins_) at(std::min(pending.until, pending.again));
  if (cluster_ == 0) {
    at(next_join_);
    return due;
  }
  if (unsaved_) at(next_save_);
  if (!active()) return due;
  for (const auto& [seq, probe] : probes_) {
    at(probe.until);
    if (probe.step < kSteps.size())
      at(probe.started + std::chrono::duration_cast<Duration>(probe.unit * kSteps[probe.step]));
  }
  for (const auto& [id, suspicion] : suspicions_) at(suspicion.deadline());
  if (table_.living().size() > 1) {
    at(next_probe_);
    at(next_sync_);
    if (worth_gossip()) at(next_gossip_);
  }
  at(next_call_);
  return due;
}

void Core::forgive(Duration late) {
  ++counters_.late;
  for (auto& [seq, probe] : probes_) {
    probe.started += late;
    probe.until += late;
  }
  for (auto& [seq, relay] : relays_) {
    relay.nack_at += late;
    relay.until += late;
  }
  for (auto& [id, suspicion] : suspicions_) suspicion.forgive(late);
  adjust_health(1);
}

// SWIM 3.1, with the turns of 4.3: one target a period.
void Core::probe_next() {
  if (now_ < next_probe_) return;
  next_probe_ = now_ + part_of(kPeriod) * (1 + health_);
  const NodeId target = next_target();
  if (target == 0) return;
  ++counters_.probes;
  const Duration unit = options_.dead_after * (1 + health_);
  Probe probe;
  probe.target = target;
  probe.started = now_;
  probe.until = now_ + std::chrono::duration_cast<Duration>(unit * kProbe);
  probe.unit = unit;
  auto placed = probes_.emplace(++seq_, std::move(probe)).first;
  advance_probe(placed->first, placed->second);
}

NodeId Core::next_target() {
  auto wanted = [&](NodeId id) {
    const Member* member = table_.find(id);
    return id != self().id && member != nullptr && living(member->state) &&
           std::none_of(probes_.begin(), probes_.end(),
                        [&](const auto& entry) { return entry.second.target == id; });
  };
  while (!hurried_.empty()) {
    const NodeId id = hurried_.back();
    hurried_.pop_back();
    if (wanted(id)) return id;
  }
  for (int round = 0; round < 2; ++round) {
    while (turn_ < order_.size())
      if (const NodeId id = order_[turn_++]; wanted(id)) return id;
    turn_ = 0;
    order_ = table_.living();
    std::erase(order_, self().id);
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random(i)]);
  }
  return 0;
}

void Core::run_probes() {
  for (auto it = probes_.begin(); it != probes_.end();) {
    if (now_ < it->second.until) {
      advance_probe(it->first, it->second);
      ++it;
    } else {
      Probe failed = std::move(it->second);
      it = probes_.erase(it);
      fail_probe(failed);
    }
  }
}

void Core::advance_probe(std::uint64_t seq, Probe& probe) {
  const std::size_t before = probe.step;
  while (probe.step < kSteps.size() && now_ >= probe.started + std::chrono::duration_cast<Duration>(
                                                                   probe.unit * kSteps[probe.step]))
    ++probe.step;
  const Member* target = table_.find(probe.target);
  if (probe.step == before || target == nullptr || !living(target->state)) return;
  if (before <= kAskHelpers && probe.step > kAskHelpers) ask_helpers(seq, probe);
  send(target->address, target->id, Type::ping, Ping{cluster_, seq, news_for(target->id)});
}

void Core::ask_helpers(std::uint64_t seq, Probe& probe) {
  const Member* target = table_.find(probe.target);
  probe.helpers = pick(kHelpers, probe.target);
  for (NodeId id : probe.helpers)
    send(table_.find(id)->address, id, Type::ping_request,
         PingRequest{cluster_, seq, target->id, target->address, news_for(id)});
}

void Core::fail_probe(const Probe& probe) {
  ++counters_.probes_failed;
  // Lifeguard 3.1: helpers that did not even say no are a hint that the fault is here.
  const std::size_t silent = probe.helpers.size() - probe.nacked.size();
  adjust_health(probe.helpers.empty() ? 1 : static_cast<int>(silent));
  const Member* target = table_.find(probe.target);
  if (target == nullptr || !living(target->state)) return;
  Claim accusation{*target, self().id, 0};
  accusation.member.state = MemberState::suspect;
  hear_claim(accusation, false);
}

void Core::on_ack(const Peer& peer, std::uint64_t seq) {
  if (auto found = relays_.find(seq); found != relays_.end() && found->second.target == peer.id) {
    const Relay relay = found->second;
    relays_.erase(found);
    send(relay.origin.address, relay.origin.id, Type::ack,
         Ack{cluster_, relay.origin_seq, news_for(relay.origin.id)});
    return;
  }
  auto found = probes_.find(seq);
  if (found == probes_.end()) return;
  const auto& helpers = found->second.helpers;
  if (peer.id != found->second.target &&
      std::find(helpers.begin(), helpers.end(), peer.id) == helpers.end())
    return;
  probes_.erase(found);
  adjust_health(-1);
}

void Core::on_nack(const Peer& peer, std::uint64_t seq) {
  auto found = probes_.find(seq);
  if (found == probes_.end()) return;
  const auto& helpers = found->second.helpers;
  if (std::find(helpers.begin(), helpers.end(), peer.id) != helpers.end())
    found->second.nacked.insert(peer.id);
}

void Core::on_ping_request(const Peer& peer, const PingRequest& message) {
  if (relays_.size() >= kMaxRelays || message.target == self().id || message.target == 0) return;
  relays_.emplace(++seq_, Relay{peer, message.seq, message.target, now_ + part_of(kNack),
                                now_ + part_of(kProbe), false});
  send(message.address, message.target, Type::ping, Ping{cluster_, seq_, news_for(message.target)});
}

void Core::run_relays() {
  for (auto it = relays_.begin(); it != relays_.end();) {
    Relay& relay = it->second;
    if (!relay.nacked && now_ >= relay.nack_at) {
      relay.nacked = true;
      send(relay.origin.address, relay.origin.id, Type::nack, Nack{cluster_, relay.origin_seq});
    }
    it = now_ >= relay.until ? relays_.erase(it) : std::next(it);
  }
}

void Core::run_suspicions() {
  std::vector<NodeId> expired;
  for (const auto& [id, suspicion] : suspicions_)
    if (now_ >= suspicion.deadline()) expired.push_back(id);
  for (NodeId id : expired) {
    Member member = *table_.find(id);
    if (member.state != MemberState::suspect) continue;
    member.state = MemberState::dead;
    change(std::move(member), now_, self().id);
  }
}

void Core::run_joins() {
  std::vector<std::uint64_t> given_up;
  for (auto& [ticket, pending] : joins_) {
    if (now_ >= pending.until) given_up.push_back(ticket);
    if (now_ < pending.again) continue;
    pending.again = now_ + part_of(kJoin);
    if (cluster_ == 0)
      send(pending.address, 0, Type::join, Join{ticket, self().name});
    else
      send(pending.address, 0, Type::sync, Sync{cluster_, ticket, {}});
  }
  for (std::uint64_t ticket : given_up) {
    const bool waiting = joins_.at(ticket).waiting;
    finish_join(ticket, fail(Code::unavailable,
                             waiting ? "the node there is in no cluster either"
                                     : "no node of this cluster's name answers there; its cluster "
                                       "port (cluster.listen) is what to give"));
  }
}

bool Core::worth_gossip() const {
  auto fresh = [&](const auto& queue) { return !queue.empty() && queue.told() * 2 < tell_limit(); };
  return fresh(claims_told_) || fresh(rumors_told_);
}

// Fresh news do not wait for pings; but half of their tellings are left to these, so that a short
// loss does not swallow them all.
void Core::gossip() {
  if (now_ < next_gossip_ || !worth_gossip()) return;
  next_gossip_ = now_ + part_of(kGossip);
  for (NodeId id : pick(kFanout, 0))
    send(table_.find(id)->address, id, Type::gossip, Gossip{cluster_, news_for(id)});
}

void Core::sync_someone() {
  if (now_ < next_sync_) return;
  // What two nodes tell each other grows with all there is to tell, so they do it less often.
  const double told = static_cast<double>(table_.all().size() + rumors_.all().size());
  next_sync_ = now_ + part_of(kSync * size_factor() * std::max(1.0, told / kSyncWhole));
  for (NodeId id : pick(1, 0))
    send(table_.find(id)->address, id, Type::sync, Sync{cluster_, 0, digest()});
}

// Gossip goes to the living only, so two halves of a cut cluster would never meet again: some calls
// go to the dead, and to configured peers that nobody has heard of. About four a period for each of
// them by the whole cluster.
void Core::call_the_lost() {
  if (now_ < next_call_) return;
  next_call_ = now_ + part_of(kCall);
  defend();
  std::vector<Address> lost;
  if (table_.living().size() < table_.all().size())
    for (const auto& [id, member] : table_.all())
      if (member.state == MemberState::dead && !table_.lives_at(member.address))
        lost.push_back(member.address);
  for (const Address& peer : options_.peers)
    if (!table_.lives_at(peer)) lost.push_back(peer);
  if (lost.empty() || random(table_.living().size()) >= 4 * lost.size()) return;
  // Whoever answers there: the dead one may have come back with a new disk.
  send(lost[random(lost.size())], 0, Type::sync, Sync{cluster_, 0, digest()});
}

void Core::ask_to_join() {
  if (now_ < next_join_) return;
  next_join_ = now_ + part_of(kJoin);
  std::string whom;
  for (std::size_t i = 0; i < options_.peers.size(); ++i) {
    const Address& peer = options_.peers[i];
    send(peer, 0, Type::join, Join{i + 1, self().name});
    whom += (i > 0 ? ", " : "") + peer;
    if (waiting_peers_.contains(peer)) whom += " (waits, too)";
  }
  if (now_ < next_line_) return;
  next_line_ = now_ + part_of(10);
  if (!clash_.empty()) return line(Level::error, std::exchange(clash_, {}));
  std::string text = "waits for a node that is in a cluster: " + whom;
  if (waiting_peers_.size() == options_.peers.size())
    text += ". All of them wait; one node must be started with cluster.peers = [] to found it";
  line(Level::info, std::move(text));
  waiting_peers_.clear();
}

// What rides on a message: first what the receiver must know to refute it (Lifeguard 3.3, the
// buddy), then the least told, newest first.
News Core::news_for(NodeId to) {
  News news;
  std::size_t size = 0;
  std::set<NodeId> taken;
  std::string encoded;  // kept for its memory
  const auto size_of = [&](const auto& one) {
    encoded.clear();
    wire::encode(encoded, one);
    return encoded.size();
  };
  auto claim = [&](NodeId id) {
    if (taken.contains(id)) return true;
    Claim claim = claim_of(*table_.find(id));
    const std::size_t more = size_of(claim);
    if (size + more > kMaxPiggybackClaims) return false;
    size += more;
    taken.insert(id);
    news.claims.push_back(std::move(claim));
    return true;
  };
  if (const Member* member = table_.find(to);
      member != nullptr && to != self().id && rank(member->state) >= rank(MemberState::suspect))
    claim(to);
  if (tell_self_) claim(self().id);
  claims_told_.tell(tell_limit(), claim);
  rumors_told_.tell(tell_limit(), [&](const Rumors::Shared& rumor) {
    const std::size_t more = size_of(*rumor);
    if (size + more > kMaxPiggyback) return false;
    size += more;
    news.rumors.push_back(*rumor);
    return true;
  });
  return news;
}

// Random living members, not this node and not `except`.
std::vector<NodeId> Core::pick(std::size_t count, NodeId except) {
  std::vector<NodeId> found;
  const auto& living = table_.living();
  auto take = [&](NodeId id) {
    if (id != self().id && id != except && std::find(found.begin(), found.end(), id) == found.end())
      found.push_back(id);
  };
  if (living.size() > 4 * (count + 2)) {
    while (found.size() < count) take(living[random(living.size())]);
    return found;
  }
  auto shuffled = living;
  for (std::size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[random(i)]);
  for (NodeId id : shuffled)
    if (found.size() < count) take(id);
  return found;
}

std::uint64_t Core::random(std::uint64_t below) {
  SKEP_ASSERT(below > 0);
  std::uint64_t z = (random_state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (z ^ (z >> 31)) % below;
}

unsigned Core::tell_limit() const {
  const auto n = static_cast<double>(table_.living().size());
  return static_cast<unsigned>(std::ceil(kTellFactor * std::log(n + 1)));
}

// 1 up to eight nodes, then growing with log n (SWIM 4.2: the time that a refutation needs).
double Core::size_factor() const {
  return std::max(1.0, std::log2(static_cast<double>(table_.living().size())) / 3);
}

Duration Core::part_of(double fraction) const {
  return std::chrono::duration_cast<Duration>(options_.dead_after * fraction);
}

bool Core::active() const { return cluster_ != 0 && self().state != MemberState::left; }

void Core::adjust_health(int by) { health_ = std::clamp(health_ + by, 0, kMaxHealth); }

}  // namespace skep::members
