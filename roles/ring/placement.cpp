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

bool contains(const std::vector<NodeId>& nodes, NodeId id) {
  return std::find(nodes.begin(), nodes.end(), id) != nodes.end();
}

}  // namespace

std::vector<NodeId> desired_members(ArcId arc, std::span<const Node> nodes, std::size_t count) {
  return Wish(arc, count, nodes).members();
}

const Node* find_node(std::span<const Node> nodes, NodeId id) {
  const auto found = std::lower_bound(nodes.begin(), nodes.end(), id,
                                      [](const Node& node, NodeId to) { return node.id < to; });
  return found == nodes.end() || found->id != id ? nullptr : &*found;
}

std::vector<Node> changed_candidates(std::span<const Node> before, std::span<const Node> now) {
  std::vector<Node> changed;
  auto was = before.begin();
  const auto gone = [&] {
    if (was->eligible) changed.push_back({.id = was->id});
    ++was;
  };
  for (const Node& node : now) {
    while (was != before.end() && was->id < node.id) gone();
    const bool known = was != before.end() && was->id == node.id;
    const bool same = known && was->eligible == node.eligible && was->weight == node.weight;
    if (!same && (node.eligible || (known && was->eligible))) changed.push_back(node);
    if (known) ++was;
  }
  while (was != before.end()) gone();
  return changed;
}

Wish::Wish(ArcId arc, std::size_t count, std::span<const Node> nodes)
    : arc_(arc), count_(static_cast<std::uint16_t>(count)) {
  rank(nodes);
}

void Wish::rank(std::span<const Node> nodes) {
  best_.clear();
  for (const Node& node : nodes)
    if (node.eligible) best_.emplace_back(score(arc_, node), node.id);
  const std::size_t count = std::min<std::size_t>(count_, best_.size());
  std::partial_sort(best_.begin(), best_.begin() + static_cast<std::ptrdiff_t>(count), best_.end(),
                    std::greater<>());
  best_.resize(count);
  best_.shrink_to_fit();
}

bool Wish::follow(std::span<const Node> changed, std::span<const Node> nodes) {
  const std::vector<NodeId> before = members();
  // Whoever was not among the best and is not eligible now makes no difference.
  if (std::any_of(changed.begin(), changed.end(),
                  [&](const Node& node) { return contains(before, node.id); })) {
    rank(nodes);
    return members() != before;
  }
  bool other = false;
  for (const Node& node : changed) {
    if (!node.eligible) continue;
    const std::pair<double, NodeId> scored{score(arc_, node), node.id};
    if (best_.size() == count_ && (count_ == 0 || scored < best_.back())) continue;
    best_.insert(std::lower_bound(best_.begin(), best_.end(), scored, std::greater<>()), scored);
    if (best_.size() > count_) best_.pop_back();
    other = true;
  }
  return other;
}

std::vector<NodeId> Wish::members() const {
  std::vector<NodeId> members;
  for (const auto& [value, id] : best_) members.push_back(id);
  return members;
}

namespace {

bool may_be_dropped(const Node* member, std::size_t members, std::size_t replication) {
  if (member == nullptr || members <= 1) return false;
  const bool dead_for_good = !member->eligible;
  return member->gone || (members > replication && (member->alive || dead_for_good));
}

}  // namespace

std::optional<Step> next_step(const Arc& arc, NodeId self, std::span<const Node> nodes,
                              std::size_t replication) {
  const auto& members = arc.record().members;
  const auto& desired = arc.desired();
  if (desired.empty()) return std::nullopt;

  // Who is not wanted, the least useful first; this node, the owner, last: it has to hand over
  // first.
  const auto rank = [&](NodeId id) {
    const Node* node = find_node(nodes, id);
    if (id == self) return 3;
    if (node == nullptr || !node->alive) return 0;
    return node->gone ? 1 : 2;
  };
  NodeId leaver = 0;
  for (NodeId id : members)
    if (!contains(desired, id) && (leaver == 0 || rank(id) < rank(leaver))) leaver = id;

  const auto successor = [&]() -> NodeId {
    for (NodeId id : desired) {
      const Node* node = find_node(nodes, id);
      if (id != self && node != nullptr && node->alive && !node->stopping &&
          Record::has(members, id) && arc.caught_up(id))
        return id;
    }
    return 0;
  };

  NodeId newcomer = 0;
  for (NodeId id : desired) {
    const Node* node = find_node(nodes, id);
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
  if (leaver != 0 && may_be_dropped(find_node(nodes, leaver), members.size(), replication)) {
    if (leaver != self) return Step{0, leaver, self};
    if (const NodeId next = successor(); next != 0) return Step{0, 0, next};
  }
  const Node* first = find_node(nodes, desired.front());
  if (desired.front() != self && first != nullptr && first->alive && !first->stopping &&
      Record::has(members, desired.front()) && arc.caught_up(desired.front()))
    return Step{0, 0, desired.front()};
  return std::nullopt;
}

bool in_place(const Record& record, std::span<const NodeId> desired, std::span<const Node> nodes,
              std::size_t replication) {
  if (desired.empty() || !record.settled()) return false;
  const auto& members = record.members;
  const Node* first = find_node(nodes, desired.front());
  const bool can_own = first != nullptr && first->alive && !first->stopping;
  if (can_own && record.owner != desired.front()) return false;
  const bool copied = std::all_of(desired.begin(), desired.end(), [&](NodeId id) {
    const Node* node = find_node(nodes, id);
    return node == nullptr || !node->alive || Record::has(members, id);
  });
  return copied && std::none_of(members.begin(), members.end(), [&](NodeId id) {
           return std::find(desired.begin(), desired.end(), id) == desired.end() &&
                  may_be_dropped(find_node(nodes, id), members.size(), replication);
         });
}

}  // namespace skep::ring
