#include "tests/sim/ring_checker.hpp"

#include <algorithm>

namespace skep::sim {

using ring::Arc;
using ring::Record;

namespace {

std::string arc_key(std::size_t arc) {
  return {static_cast<char>(arc >> 8), static_cast<char>(arc & 0xff)};
}

// What a node that was told of a record may write of it: that it is settled now.
bool same_record(const Record& a, const Record& b) {
  return a.owner == b.owner && a.members == b.members &&
         (a.replaces == b.replaces || a.settled() || b.settled());
}

}  // namespace

RingChecker::RingChecker(const RingPlan& plan, Nodes& nodes, Broken broken, Evicted evicted,
                         RingNode::Print print)
    : plan_(plan),
      nodes_(nodes),
      broken_(std::move(broken)),
      evicted_(std::move(evicted)),
      print_(std::move(print)) {
  in_force_.assign(plan.ring.hive.arcs, 0);
  last_.assign(nodes.size(), std::vector<Record>(plan.ring.hive.arcs));
  bonds_.assign(nodes.size(), std::vector<Bond>(plan.ring.hive.arcs));
  heard_.resize(nodes.size());
  deletions_.resize(nodes.size());
}

// "7: node1 of node1 node2 node3, for node1 node2"
std::string RingChecker::show(const Record& record) const {
  const auto named = [&](NodeId id) {
    const auto found = identities_.find(id);
    if (found == identities_.end()) return std::string("nobody");
    const bool lost = nodes_[found->second]->identity() != id;
    return "node" + std::to_string(found->second) + (lost ? "(lost)" : "");
  };
  std::string out = std::to_string(record.epoch) + ": " + named(record.owner) + " of";
  for (const NodeId id : record.members) out += " " + named(id);
  if (!record.settled()) out += ", for";
  for (const NodeId id : record.replaces) out += " " + named(id);
  return out;
}

void RingChecker::print(const std::function<void(const std::string&)>& line) const {
  for (std::size_t a = 0; a < plan_.ring.hive.arcs; ++a) {
    for (const auto& node : nodes_) {
      if (node->core() == nullptr) continue;
      if (node->core()->find(id_of(a)) == nullptr) continue;
      const Arc& arc = *node->core()->find(id_of(a));
      std::string out = "arc " + std::to_string(a) + " node" + std::to_string(node->index()) + " " +
                        show(arc.record()) + "; promised " + std::to_string(arc.promise().epoch);
      if (arc.owns()) out += "; owns " + std::to_string(arc.epoch());
      if (arc.serving()) out += "; serves";
      if (arc.may_read(node->clock().now())) out += "; may read";
      if (arc.changing()) out += "; changes";
      if (arc.waiting_for_recovery()) out += "; recovers";
      if (arc.waiting_step() != nullptr) out += "; waits for its next members";
      for (const NodeId id : arc.peers())
        if (!arc.caught_up(id)) out += "; copies to node" + std::to_string(identities_.at(id));
      for (const auto& [id, index] : identities_)
        if (node->core()->withdrawn(id))
          out += "; lets node" + std::to_string(index) + " own nothing";
      out += "; wants";
      for (const NodeId id : arc.desired())
        if (const auto found = identities_.find(id); found != identities_.end())
          out += " node" + std::to_string(found->second);
      line(out);
    }
  }
}

void RingChecker::after_step(RingNode& node) {
  const ring::Core* core = node.core();
  if (core == nullptr) return;
  identities_.try_emplace(node.identity(), node.index());
  check_list(node);
  if (plan_.evicts) see_evictions(node);
  for (std::size_t a = 0; a < plan_.ring.hive.arcs && a < core->host().hive.arcs; ++a) {
    check_bond(node, a);
    const Arc* arc = core->find(id_of(a));
    const Record& record = core->standing(id_of(a)).record;
    Record& last = last_[node.index()][a];
    if (record.epoch != last.epoch || record.replaces.size() != last.replaces.size()) {
      last = record;
      if (print_) print_(node.index(), "arc " + std::to_string(a), show(record));
      const auto [known, first] = records_.try_emplace({a, record.epoch}, record);
      if (!first && record.epoch > 0 && !same_record(known->second, record))
        broken_("arc " + std::to_string(a) +
                " has two records of one epoch: " + show(known->second) + " and, on node" +
                std::to_string(node.index()) + ", " + show(record));
    }
    if (arc == nullptr || !arc->may_read(node.clock().now())) continue;
    for (const auto& other : nodes_) {
      if (other.get() == &node || other->core() == nullptr) continue;
      const Arc* theirs = other->core()->find(id_of(a));
      if (theirs == nullptr || !theirs->may_read(other->clock().now())) continue;
      const auto [older, newer] = std::minmax(record.epoch, theirs->record().epoch);
      if (plan_.takes_over_alone() && ring::apart(older, newer)) continue;
      broken_("arc " + std::to_string(a) + " has two nodes inside a lease: node" +
              std::to_string(node.index()) + " with " + show(record) + " and node" +
              std::to_string(other->index()) + " with " + show(theirs->record()));
    }
  }
}

// Until a lease has run out its giver gives no other node a higher epoch, unless a newer record is
// in place.
void RingChecker::check_bond(RingNode& node, std::size_t arc) {
  const ring::Standing& at_node = node.core()->standing(id_of(arc));
  const ring::Promise& promise = at_node.promise;
  Bond& bond = bonds_[node.index()][arc];
  const std::uint64_t losses = node.store()->opening().losses;
  if (bond.giver != node.identity() || bond.losses != losses)
    bond = {node.identity(), losses, 0, 0, {}, promise.epoch};
  const bool binds = at_node.record.epoch == bond.epoch && node.clock().now() < bond.until;
  if (promise.epoch > bond.promised && promise.to != bond.to && binds)
    broken_("arc " + std::to_string(arc) + ": node" + std::to_string(node.index()) +
            " promised epoch " + std::to_string(promise.epoch) +
            " to a node while a lease that it gave to another one runs");
  bond.promised = promise.epoch;
  const Arc* awake = node.core()->find(id_of(arc));
  if (awake == nullptr) return;
  const auto [to, until] = awake->lease_given();
  if (to == 0 || to != at_node.record.owner) return;
  bond.to = to;
  bond.until = until;
  bond.epoch = at_node.record.epoch;
}

void RingChecker::check_list(const RingNode& node) {
  auto& [life, heard] = heard_[node.index()];
  if (life != node.life()) {
    life = node.life();
    heard.clear();
  }
  for (const auto& [id, member] : node.cluster().members()) {
    std::uint64_t& incarnation = heard[id];
    if (member.incarnation < incarnation)
      broken_("node" + std::to_string(node.index()) + " believes an older incarnation of " +
              member.name + " than it has heard of");
    incarnation = member.incarnation;
  }
}

// A client's delete whose tombstone is still there passes for one, too.
void RingChecker::see_evictions(const RingNode& node) {
  auto& [life, known] = deletions_[node.index()];
  if (life != node.life()) known = 0;
  life = node.life();
  const std::uint64_t deletions = node.core()->host().memory.deletions;
  if (std::exchange(known, deletions) == deletions) return;
  for (const Arc* arc : node.core()->arcs()) {
    if (arc->record().owner != node.identity()) continue;
    const ring::Table& table = arc->table();
    for (std::uint32_t bucket = 0; bucket < table.buckets(); ++bucket)
      table.each(bucket, [&](std::string_view name, const ring::EntryView& entry) {
        const std::string key(name);
        if (!entry.tombstone || entry.version.epoch != arc->epoch()) return;
        if (entry.version <= evictions_[key]) return;
        evictions_[key] = entry.version;
        for (Floor& floor : floors_[key])
          if (floor.version < entry.version) floor.may_go = true;
        evicted_(key);
      });
  }
}

// A node's entry with its value, wherever that is. None: it is not where it has to be.
std::optional<ring::Entry> RingChecker::whole(const RingNode& node, std::string_view key,
                                              const ring::EntryView& view) {
  if (!view.cold) return view.entry();
  const auto row =
      node.store()->survivor(Durability::written, ring::kEntrySpace, ring::row_key(key));
  if (!row) return std::nullopt;
  auto entry = ring::decode_entry(*row);
  if (!entry || entry->version != view.version) return std::nullopt;
  return std::move(*entry);
}

void RingChecker::acknowledged(Duration now, const std::string& key, const std::string& value,
                               bool deletes, bool sole) {
  if (!sole)
    return on_majority(key, [&](const ring::Entry& entry) {
      if (!entry.tombstone && entry.value == value)
        add_floor(key, {now, entry.version, value, false, deletes});
    });
  const std::size_t a = ring::arc_of(ring::slot_of(key), plan_.ring.hive.arcs);
  for (const auto& node : nodes_) {
    const Arc* arc = node->core() == nullptr ? nullptr : node->core()->find(id_of(a));
    if (arc == nullptr) continue;
    const auto found = arc->table().find(key);
    if (!found || found->tombstone) continue;
    const auto entry = whole(*node, key, *found);
    if (!entry || entry->value != value) continue;
    add_floor(key, {now, entry->version, value, false, deletes});
    return;
  }
}

// Which delete that was is seen from its tombstone on a majority, where that still is.
void RingChecker::deleted(Duration now, const std::string& key) {
  on_majority(key, [&](const ring::Entry& entry) {
    if (entry.tombstone) add_floor(key, {now, entry.version, {}, true, true});
  });
}

void RingChecker::on_majority(const std::string& key,
                              const std::function<void(const ring::Entry&)>& visit) const {
  const std::size_t arc = ring::arc_of(ring::slot_of(key), plan_.ring.hive.arcs);
  const std::vector<Record> records = current(arc);
  if (records.empty()) return;
  std::map<ring::Version, std::size_t> copies;
  const std::vector<NodeId>& members = records.back().members;
  for (const NodeId id : members) {
    const RingNode* node = node_of(id);
    const auto entry = node == nullptr ? std::nullopt : kept(*node, key);
    if (entry && ++copies[entry->version] >= members.size() / 2 + 1) visit(*entry);
  }
}

void RingChecker::add_floor(const std::string& key, Floor floor) {
  std::vector<Floor>& floors = floors_[key];
  floor.may_go = floor.may_go || floor.version < evictions_[key];
  if (floors.empty() || floors.back().version < floor.version) floors.push_back(std::move(floor));
}

void RingChecker::lost_since(Duration safe) {
  for (auto& [key, floors] : floors_)
    std::erase_if(floors, [&](const Floor& floor) { return floor.acknowledged > safe; });
}

ring::Standing RingChecker::standing(const RingNode& node, std::size_t arc) const {
  if (node.store() == nullptr) return {};
  const auto row = node.store()->survivor(Durability::durable, ring::kArcSpace, arc_key(arc));
  if (!row) return {};
  return ring::decode_standing(*row).value_or(ring::Standing{});
}

RingNode* RingChecker::node_of(NodeId identity) const {
  for (const auto& node : nodes_)
    if (node->identity() == identity) return node.get();
  return nullptr;
}

// Once in force, it stays so, whatever becomes of those who knew it, until the next one is.
bool RingChecker::in_force(const Record& record, std::size_t arc) const {
  ring::Epoch& known = in_force_[arc];
  if (record.epoch <= known) return true;
  const auto has_it = [&](NodeId id) {
    const RingNode* node = node_of(id);
    return node != nullptr && standing(*node, arc).record.epoch >= record.epoch;
  };
  const bool now = Record::most(record.members, has_it) &&
                   (record.settled() || Record::most(record.replaces, has_it));
  if (now) known = record.epoch;
  return now;
}

std::vector<Record> RingChecker::current(std::size_t arc) const {
  std::map<ring::Epoch, Record> known;
  for (const auto& node : nodes_) {
    const Record record = standing(*node, arc).record;
    if (record.epoch == 0) continue;
    const auto [it, first] = known.try_emplace(record.epoch, record);
    if (!first && record.settled()) it->second = record;
  }
  std::vector<Record> current;
  for (auto it = known.rbegin(); it != known.rend(); ++it) {
    current.push_back(it->second);
    if (in_force(it->second, arc)) return current;
  }
  return {};
}

// A node that may have lost what it acknowledged takes part in no majority until it is repaired.
bool RingChecker::counts(const RingNode& node, std::size_t arc) const {
  if (node.core() != nullptr) {
    const Arc* awake = node.core()->find(id_of(arc));
    return awake == nullptr || !awake->waiting_for_recovery();
  }
  if (in_memory()) return false;
  if (synced()) return node.store() != nullptr;
  return node.store() != nullptr && standing(node, arc).losses >= node.store()->opening().losses;
}

// What the node's disk would have of the key after the worst that may happen to it now.
std::optional<ring::Entry> RingChecker::kept(const RingNode& node, const std::string& key) const {
  if (in_memory()) {
    if (node.core() == nullptr) return std::nullopt;
    const std::size_t arc = ring::arc_of(ring::slot_of(key), plan_.ring.hive.arcs);
    const Arc* awake = node.core()->find(id_of(arc));
    if (awake == nullptr) return std::nullopt;
    const auto view = awake->table().find(key);
    return view ? std::optional(view->entry()) : std::nullopt;
  }
  const bool on_disk = synced() || became_synced();
  const auto row = node.store()->survivor(on_disk ? Durability::durable : Durability::written,
                                          ring::kEntrySpace, ring::row_key(key));
  if (!row) return std::nullopt;
  auto entry = ring::decode_entry(*row);
  if (!entry) return std::nullopt;
  return std::move(*entry);
}

bool RingChecker::became_synced() const {
  return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
    if (node->store() == nullptr) return true;
    const auto kept = [&](std::string_view row) {
      return node->store()->survivor(Durability::durable, ring::kHiveSpace, row);
    };
    const auto options = kept("options");
    if (!options || kept("written_before")) return !options;
    const auto hive = wire::decode<ring::HiveOptions>(*options);
    return hive && hive->durability == ring::Durable::commit;
  });
}

// Whether a majority of those who count may know nothing of it. What may be deleted, and is nowhere
// any more, was: then nothing older may be there to come back.
bool RingChecker::missed(const std::string& key, const Floor& floor, const Record& record,
                         std::size_t arc) const {
  bool older = false, there = false;
  const auto lacks = [&](NodeId id) {
    const RingNode* node = node_of(id);
    if (node == nullptr || !counts(*node, arc)) return false;
    const auto entry = kept(*node, key);
    there = there || (entry && entry->version == floor.version && !entry->tombstone);
    if (entry && entry->version >= floor.version) return false;
    older = older || (entry && !(floor.deleted && entry->tombstone));
    return true;
  };
  // While it is not settled, majorities of both sets are asked.
  const bool lacked = Record::most(record.members, lacks) &&
                      (record.settled() || Record::most(record.replaces, lacks));
  return lacked && (older || there || !floor.may_go);
}

// A member of which its owner believes that it has every write has this one.
void RingChecker::check_caught_up(const std::string& key, const Floor& floor, std::size_t arc) {
  if (floor.may_go) return;
  for (const auto& node : nodes_) {
    const Arc* owner = node->core() == nullptr ? nullptr : node->core()->find(id_of(arc));
    if (owner == nullptr || !owner->serving() || owner->epoch() < floor.version.epoch) continue;
    for (const NodeId id : owner->record().members) {
      const RingNode* other = node_of(id);
      if (other == node.get() || other == nullptr || other->core() == nullptr) continue;
      const Arc* member = other->core()->find(id_of(arc));
      if (member == nullptr || member->record().epoch != owner->record().epoch) continue;
      if (member->waiting_for_recovery() || owner->unconfirmed(id).value_or(1) != 0) continue;
      const auto entry = member->table().find(key);
      if (entry && entry->version >= floor.version) continue;
      broken_("node" + std::to_string(other->index()) + " passes for having every write of arc " +
              std::to_string(arc) + ", and has not " + key + " = " + floor.value);
    }
  }
}

void RingChecker::check_acknowledged() {
  if (plan_.takes_over_alone()) return;
  for (const auto& [key, floors] : floors_) {
    if (floors.empty()) continue;
    const Floor& floor = floors.back();
    const std::size_t arc = ring::arc_of(ring::slot_of(key), plan_.ring.hive.arcs);
    check_caught_up(key, floor, arc);
    const std::vector<Record> records = current(arc);
    if (records.empty() || !missed(key, floor, records.back(), arc)) continue;
    broken_("acknowledged " + (floor.deleted ? "delete of " + key : key + " = " + floor.value) +
            " of version " + wire::show(floor.version) + " can be missed by a majority of arc " +
            std::to_string(arc) + "'s record in force " + show(records.back()));
  }
}

bool RingChecker::changing(std::size_t arc) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
    const Arc* awake = node->core() == nullptr ? nullptr : node->core()->find(id_of(arc));
    return awake != nullptr && awake->changing();
  });
}

bool RingChecker::bears(const std::vector<NodeId>& members, const RingNode& candidate, bool wipe,
                        std::size_t arc) const {
  // The candidate may be about to become a member.
  const bool concerned = Record::has(members, candidate.identity()) || changing(arc);
  if (members.empty() || !concerned) return true;
  std::size_t damaged = 1;
  bool lost = wipe;
  for (const NodeId id : members) {
    if (id == candidate.identity()) continue;
    const RingNode* node = node_of(id);
    if (wiped_.contains(id)) lost = true;
    if (node == nullptr || !counts(*node, arc)) ++damaged;
  }
  const std::size_t majority = members.size() / 2 + 1;
  return damaged <= (lost ? members.size() - majority : majority - 1);
}

// The members that are about to hold: of records on their way to a disk, and of changes under way.
// And those that whoever does not know yet that a record is settled would go on waiting for.
std::vector<std::vector<NodeId>> RingChecker::coming(std::size_t arc) const {
  std::vector<std::vector<NodeId>> sets;
  for (const auto& node : nodes_) {
    if (const Record told = standing(*node, arc).record;
        !told.settled() && told.epoch >= in_force_[arc])
      sets.push_back(told.replaces);
    if (node->core() == nullptr || node->core()->find(id_of(arc)) == nullptr) continue;
    const Arc& at_node = *node->core()->find(id_of(arc));
    if (at_node.record().epoch > in_force_[arc]) sets.push_back(at_node.record().members);
    const ring::Step* step = at_node.step();
    if (step == nullptr) continue;
    std::vector<NodeId> next = at_node.record().members;
    std::erase(next, step->leaver);
    if (step->newcomer != 0)
      next.insert(std::lower_bound(next.begin(), next.end(), step->newcomer), step->newcomer);
    sets.push_back(std::move(next));
  }
  return sets;
}

bool RingChecker::may_damage(const RingNode& candidate, bool wipe) const {
  if (plan_.takes_over_alone()) return false;  // what came back too late is not held by a majority
  if (synced() && !wipe) return true;          // any number of machines may lose power
  for (std::size_t arc = 0; arc < plan_.ring.hive.arcs; ++arc) {
    for (const auto& members : coming(arc))
      if (!bears(members, candidate, wipe, arc)) return false;
    const std::vector<Record> records = current(arc);
    if (records.empty()) return false;
    for (const Record& record : records)
      if (!bears(record.members, candidate, wipe, arc) ||
          !bears(record.replaces, candidate, wipe, arc))
        return false;
  }
  return true;
}

bool RingChecker::names_lost() const {
  for (std::size_t arc = 0; arc < plan_.ring.hive.arcs; ++arc)
    for (const Record& record : current(arc))
      for (const NodeId id : record.everybody())
        if (wiped_.contains(id)) return true;
  return false;
}

}  // namespace skep::sim
