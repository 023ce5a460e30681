#include "roles/ring/placement.hpp"

#include <cmath>

#include "net/base/checksum.hpp"

namespace skep::ring {

namespace {

// Weighted rendezvous hashing: -w / ln(h), h uniform in (0, 1), orders nodes by share w.
double score(ArcId arc, const Node& node) {
  const char bytes[2] = {static_cast<char>(arc >> 8), static_cast<char>(arc & 0xff)};
  const std::uint64_t hash = hash64({bytes, sizeof bytes}, node.id) >> 11;  // 53 bits
  const double uniform = (static_cast<double>(hash) + 0.5) / 9007199254740992.0;
  return -static_cast<double>(node.weight) / std::log(uniform);
}

const Node* find(std::span<const Node> nodes, NodeId id) {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [&](const Node& n) { return n.id == id; });
  return found == nodes.end() ? nullptr : &*found;
}

bool contains(const std::vector<NodeId>& nodes, NodeId id) {
  return std::find(nodes.begin(), nodes.end(), id) != nodes.end();
}

}  // namespace

std::vector<NodeId> desired_members(ArcId arc, std::span<const Node> nodes, std::size_t count) {
  std::vector<std::pair<double, NodeId>> scored;
  for (const Node& node : nodes)
    if (node.eligible) scored.emplace_back(score(arc, node), node.id);
  std::sort(scored.begin(), scored.end(), std::greater<>());
  if (scored.size() > count) scored.resize(count);
  std::vector<NodeId> desired;
  for (const auto& [value, id] : scored) desired.push_back(id);
  return desired;
}

std::optional<Step> next_step(const Arc& arc, NodeId self, std::span<const Node> nodes,
                              std::size_t replication) {
  const auto& members = arc.record().members;
  const auto& desired = arc.desired();
  if (desired.empty()) return std::nullopt;

  // Who is not wanted, the least useful first; this node, the owner, last: it has to hand over
  // first.
  const auto rank = [&](NodeId id) {
    const Node* node = find(nodes, id);
    if (id == self) return 3;
    if (node == nullptr || !node->alive) return 0;
    return node->gone ? 1 : 2;
  };
  NodeId leaver = 0;
  for (NodeId id : members)
    if (!contains(desired, id) && (leaver == 0 || rank(id) < rank(leaver))) leaver = id;

  const auto successor = [&]() -> NodeId {
    for (NodeId id : desired) {
      const Node* node = find(nodes, id);
      if (id != self && node != nullptr && node->alive && !node->stopping &&
          Record::has(members, id) && arc.caught_up(id))
        return id;
    }
    return 0;
  };

  NodeId newcomer = 0;
  for (NodeId id : desired) {
    const Node* node = find(nodes, id);
    if (node != nullptr && node->alive && !Record::has(members, id)) {
      newcomer = id;
      break;
    }
  }
  if (newcomer != 0) {
    const bool full = members.size() >= std::min(replication, desired.size());
    if (!full || leaver == 0) return Step{newcomer, 0, self};
    if (leaver != self) return Step{newcomer, leaver, self};
    if (const NodeId next = successor(); next != 0) return Step{0, 0, next};
    return Step{newcomer, 0, self};
  }
  if (leaver != 0 && members.size() > 1) {
    const Node* node = find(nodes, leaver);
    const bool given_up = node != nullptr && node->gone;
    const bool spare = members.size() > replication && node != nullptr && node->alive;
    if ((given_up || spare) && leaver != self) return Step{0, leaver, self};
    if (leaver == self && (given_up || spare))
      if (const NodeId next = successor(); next != 0) return Step{0, 0, next};
  }
  const Node* first = find(nodes, desired.front());
  if (desired.front() != self && first != nullptr && first->alive && !first->stopping &&
      Record::has(members, desired.front()) && arc.caught_up(desired.front()))
    return Step{0, 0, desired.front()};
  return std::nullopt;
}

}  // namespace skep::ring
