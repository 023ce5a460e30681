#include "tests/sim/members_sim.hpp"

namespace skep::test {

MembersSim::MembersSim(std::uint64_t seed, std::size_t nodes) : random_(seed), nodes_(nodes) {
  for (std::size_t i = 0; i < nodes; ++i) {
    nodes_[i].id = random_() | 1;
    nodes_[i].clock = std::chrono::seconds(random(100000));
    if (i > 0) nodes_[i].peers = {address(0), address(random(nodes))};
    at_[address(i)] = i;
  }
}

void MembersSim::start_all() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) start(i);
}

void MembersSim::start(std::size_t index) {
  Node& node = nodes_[index];
  members::Options options;
  options.self.id = node.id;
  options.self.name = "n" + std::to_string(index);
  options.self.address = address(index);
  options.self.incarnation = ++node.boots;
  options.self.roles = {"ring"};
  options.peers = node.peers;
  options.founding = random_() | 1;
  options.seed = random_();
  auto opened = members::Core::open(options, node.disk);
  if (!opened) {
    complaints_.push_back("cannot open: " + opened.error().message);
    return;
  }
  node.core.emplace(std::move(*opened));
  node.paused_until = {};
  checker_.forget(node.id);
  apply(index, node.core->start(now_ + node.clock));
}

void MembersSim::crash(std::size_t index) {
  Node& node = nodes_[index];
  node.core.reset();
  node.connected.clear();
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].connected.erase(index) > 0 && !cuts_.contains({index, i}))
      push({now_ + network.delay_max, 0, i, {}, node.id});
}

void MembersSim::wipe(std::size_t index) {
  Node& node = nodes_[index];
  node.id = random_() | 1;
  node.disk.clear();
  node.boots = 0;
  if (node.peers.empty()) node.peers = {address((index + 1) % nodes_.size())};
}

void MembersSim::pause(std::size_t index, Duration length) {
  nodes_[index].paused_until = now_ + length;
}

void MembersSim::cut(std::size_t from, std::size_t to, bool both) {
  cuts_.insert({from, to});
  if (both) cuts_.insert({to, from});
}

void MembersSim::heal() { cuts_.clear(); }

void MembersSim::push(Event event) {
  event.order = ++order_;
  queue_.push(std::move(event));
}

void MembersSim::run(Duration length) {
  const Time end = now_ + length;
  while (!queue_.empty() && queue_.top().at <= end) {
    Event event = queue_.top();
    queue_.pop();
    now_ = event.at;
    handle(event);
  }
  now_ = end;
}

bool MembersSim::run_until_agreed(Duration limit) {
  const Time end = now_ + limit;
  while (!disagreement().empty()) {
    if (now_ >= end) return false;
    run(std::chrono::milliseconds(50));
  }
  return true;
}

void MembersSim::with(std::size_t index,
                      const std::function<members::Effects(members::Core&, Time)>& event) {
  apply(index, event(*nodes_[index].core, now_ + nodes_[index].clock));
}

void MembersSim::handle(Event& event) {
  Node& node = nodes_[event.node];
  if (!node.core) return;
  if (now_ < node.paused_until) {
    event.at = node.paused_until;
    if (!event.packet && event.down == 0) node.tick_at = event.at;
    return push(std::move(event));
  }
  const Time local = now_ + node.clock;
  if (event.down != 0) return apply(event.node, node.core->down(local, event.down));
  if (!event.packet) {
    if (event.at == node.tick_at) apply(event.node, node.core->tick(local));
    return;
  }
  const Packet& packet = *event.packet;
  if (packet.expect != 0 && packet.expect != node.id) return;
  apply(event.node,
        node.core->receive(local, packet.from, packet.address,
                           static_cast<std::uint16_t>(packet.send.type), packet.send.payload));
}

void MembersSim::apply(std::size_t index, members::Effects effects) {
  Node& node = nodes_[index];
  if (effects.saved) node.disk = std::move(*effects.saved);
  for (auto& send : effects.sends) transmit(index, send);
  for (const auto& member : effects.changed)
    if (auto complaint = checker_.observe(node.id, *member)) complaints_.push_back(*complaint);
  for (auto& line : effects.lines)
    if (keep_lines)
      lines_.push_back(std::to_string(now_.time_since_epoch().count() / 1000) + " n" +
                       std::to_string(index) + ": " + line.text);
  const Time due = std::max(now_, node.core->due() - node.clock);
  if (due != node.tick_at || due == now_) {
    node.tick_at = due;
    push({due, 0, index, {}, 0});
  }
}

void MembersSim::transmit(std::size_t from, members::Effects::Send& send) {
  ++messages;
  if (send.type == members::Type::full)
    ++lists_in_full;
  else
    largest = std::max(largest, send.payload.size());
  auto found = at_.find(send.to);
  if (found == at_.end() || found->second == from) return;
  const std::size_t to = found->second;
  if (cuts_.contains({from, to}) || !nodes_[to].core) return;
  if (!nodes_[from].connected.contains(to)) {
    if (!cuts_.contains({to, from})) {
      nodes_[from].connected.insert(to);
      nodes_[to].connected.insert(from);
    }
    return;
  }
  if (chance(network.loss)) return;
  const auto spread = static_cast<std::uint64_t>((network.delay_max - network.delay_min).count());
  for (int copies = chance(network.duplicate) ? 2 : 1; copies > 0; --copies)
    push({now_ + network.delay_min + Duration(random(spread + 1)), 0, to,
          Packet{nodes_[from].id, send.expect, address(from), send}, 0});
}

std::optional<MemberState> MembersSim::belief(std::size_t observer, std::size_t subject) {
  const auto& members = core(observer).members();
  auto found = members.find(id(subject));
  if (found == members.end()) return std::nullopt;
  return found->second.state;
}

std::string MembersSim::disagreement() {
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!up(i)) continue;
    if (core(i).cluster() == 0) return "n" + std::to_string(i) + " is in no cluster";
    if (!first) first = i;
    if (core(i).cluster() != core(*first).cluster()) return "two clusters";
  }
  if (!first) return "";
  const auto& reference = core(*first).members();
  std::set<NodeId> running;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!up(i)) continue;
    running.insert(id(i));
    const auto& members = core(i).members();
    auto theirs = members.begin();
    for (const auto& [id, member] : reference) {
      if (theirs == members.end() || theirs->first != id)
        return "n" + std::to_string(i) + " and n" + std::to_string(*first) +
               " know different nodes";
      if (theirs->second.incarnation != member.incarnation || theirs->second.state != member.state)
        return member.name + " is " + std::string(name(member.state)) + " to n" +
               std::to_string(*first) + ", but " + std::string(name(theirs->second.state)) +
               " to n" + std::to_string(i);
      ++theirs;
    }
    if (theirs != members.end()) return "n" + std::to_string(i) + " knows more";
    if (core(i).rumors().digests() != core(*first).rumors().digests())
      return "rumors of n" + std::to_string(i) + " differ";
  }
  for (const auto& [id, member] : reference) {
    if (running.contains(id) && member.state != MemberState::alive &&
        member.state != MemberState::leaving && member.state != MemberState::left)
      return member.name + " runs, and is " + std::string(name(member.state));
    if (!running.contains(id) && member.state != MemberState::dead &&
        member.state != MemberState::left)
      return member.name + " is down, and " + std::string(name(member.state));
  }
  for (NodeId id : running)
    if (!reference.contains(id)) return "a running node is in no list";
  return "";
}

}  // namespace skep::test
