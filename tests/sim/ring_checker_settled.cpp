// What has to hold once a ring is left alone.
#include "tests/sim/ring_checker.hpp"

namespace skep::sim {

using ring::Arc;
using ring::Record;

std::string RingChecker::wrong_list(const RingNode& node) const {
  const auto& members = node.cluster().members();
  for (const auto& other : nodes_) {
    if (other->store() == nullptr) continue;
    const auto found = members.find(other->identity());
    const bool alive = found != members.end() && found->second.state == MemberState::alive;
    const bool known = found != members.end();
    if (other->up() != alive && (other->up() || known))
      return "node" + std::to_string(node.index()) + " believes node" +
             std::to_string(other->index()) + " " +
             (known ? std::string(name(found->second.state)) : "unknown");
    const std::uint64_t own =
        other->up() ? other->cluster().members().at(other->identity()).incarnation : 0;
    if (other->up() && found->second.incarnation != own)
      return "node" + std::to_string(node.index()) + " knows another incarnation of node" +
             std::to_string(other->index());
  }
  for (const auto& [id, member] : members)
    if (wiped_.contains(id) && member.state != MemberState::dead &&
        member.state != MemberState::left)
      return "node" + std::to_string(node.index()) + " believes a lost identity of " + member.name +
             " " + std::string(name(member.state));
  return {};
}

std::string RingChecker::unsettled(std::size_t arc) const {
  const RingNode* owner = nullptr;
  for (const auto& node : nodes_)
    if (const Arc* own = node->up() ? node->core()->find(id_of(arc)) : nullptr;
        own != nullptr && own->may_read(node->clock().now()))
      owner = node.get();
  const std::string what = "arc " + std::to_string(arc);
  if (owner == nullptr) {
    std::string out = what + " has no owner:";
    for (const auto& node : nodes_)
      if (node->up())
        out += " node" + std::to_string(node->index()) + " " +
               show(node->core()->standing(id_of(arc)).record);
    return out;
  }
  const Arc& at_owner = *owner->core()->find(id_of(arc));
  std::vector<NodeId> desired = at_owner.desired();
  const bool right_owner = !desired.empty() && desired.front() == owner->identity();
  std::sort(desired.begin(), desired.end());
  if (!right_owner || desired != at_owner.record().members || !at_owner.record().settled())
    return what + " is not as desired at node" + std::to_string(owner->index()) + ": " +
           show(at_owner.record());
  for (const NodeId id : desired) {
    const RingNode* member = node_of(id);
    if (member == nullptr || !member->up()) return what + " has a member that is down";
    if (!counts(*member, arc)) return what + " has a member that waits for recovery";
    if (const Record& theirs = member->core()->standing(id_of(arc)).record;
        theirs != at_owner.record())
      return what + ": node" + std::to_string(member->index()) + " has the record " + show(theirs) +
             " instead of " + show(at_owner.record());
  }
  return {};
}

std::string RingChecker::unsettled() const {
  for (const auto& node : nodes_) {
    if (!node->up()) continue;
    if (std::string wrong = wrong_list(*node); !wrong.empty()) return wrong;
    for (const auto& other : nodes_)
      if (other->up() && !(other->ring().hive() == node->ring().hive()))
        return "node" + std::to_string(node->index()) + " goes by other options of the hive than " +
               "node" + std::to_string(other->index());
    if (node->core() == nullptr || !node->ring().status().started)
      return "node" + std::to_string(node->index()) + " has not started";
  }
  for (std::size_t arc = 0; arc < plan_.ring.hive.arcs; ++arc)
    if (std::string wrong = unsettled(arc); !wrong.empty()) return wrong;
  for (const auto& node : nodes_)
    if (node->up() && !node->ring().bringing().done())
      return "node" + std::to_string(node->index()) + " has entries to bring";
  for (const auto& node : nodes_)
    if (node->up() && !node->ring().status().stable)
      return "node" + std::to_string(node->index()) + " does not call the ring stable";
  return {};
}

std::string RingChecker::missing(const std::set<std::string>& keys) const {
  for (const std::string& key : keys) {
    const auto arc = id_of(ring::arc_of(ring::slot_of(key), plan_.ring.hive.arcs));
    const bool there = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
      const Arc* own = node->core() == nullptr ? nullptr : node->core()->find(arc);
      if (own == nullptr || !own->serving()) return false;
      const auto entry = own->table().find(key);
      return entry && !entry->tombstone;
    });
    if (!there) return key + " was written, never deleted, and is nowhere";
  }
  return {};
}

// By the owner's own clock.
std::string RingChecker::overdue() const {
  for (const auto& node : nodes_) {
    if (!node->up() || node->core() == nullptr) continue;
    for (const Arc* arc : node->core()->arcs())
      if (const auto key = arc->table().expired(node->clock().wall()); arc->serving() && key)
        return *key + " has expired, and its owner node" + std::to_string(node->index()) +
               " has not deleted it";
  }
  return {};
}

std::string RingChecker::crowded() const {
  for (const auto& node : nodes_) {
    if (!plan_.evicts || !node->up() || node->core() == nullptr) continue;
    for (const Arc* arc : node->core()->arcs())
      if (node->core()->host().memory.over() && arc->may_delete_for_room())
        return "node" + std::to_string(node->index()) + " holds more than its bounds, and owns " +
               "entries that it could delete";
  }
  return {};
}

std::string RingChecker::unequal() const {
  for (std::size_t arc = 0; arc < plan_.ring.hive.arcs; ++arc) {
    std::optional<std::map<std::string, ring::Entry>> first;
    const std::vector<Record> records = current(arc);
    if (records.empty()) return "arc " + std::to_string(arc) + " has no record in force";
    for (const NodeId id : records.back().members) {
      const ring::Table& table = node_of(id)->core()->find(id_of(arc))->table();
      if (table.size() != table.live())
        return "arc " + std::to_string(arc) + " has " +
               std::to_string(table.size() - table.live()) + " tombstones on node" +
               std::to_string(node_of(id)->index());
      std::map<std::string, ring::Entry> copy;
      for (std::uint32_t bucket = 0; bucket < table.buckets(); ++bucket)
        table.each(bucket, [&](std::string_view key, const ring::EntryView& entry) {
          copy[std::string(key)] = whole(*node_of(id), key, entry).value_or(ring::Entry{});
        });
      if (first && *first != copy)
        return "copies of arc " + std::to_string(arc) +
               " differ: " + std::to_string(first->size()) + " and " + std::to_string(copy.size()) +
               " entries";
      first = std::move(copy);
    }
  }
  return {};
}

}  // namespace skep::sim
