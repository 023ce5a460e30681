// What must hold of a ring at every simulated step, and once it is left alone. It looks into the
// nodes' memory and at their disks, and believes nothing that they say.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/ring_node.hpp"

namespace skep::sim {

class RingChecker {
 public:
  using Nodes = std::vector<std::unique_ptr<RingNode>>;
  using Broken = std::function<void(std::string what)>;
  using Evicted = std::function<void(const std::string& key)>;

  // `evicted` is told of every key that its owner deletes for room; `print`, if given, of every
  // record that a node takes.
  RingChecker(const RingPlan& plan, Nodes& nodes, Broken broken, Evicted evicted,
              RingNode::Print print);

  // After every event of this node: an epoch of an arc has one record, nobody else may read what
  // this node may, a lease that it gave binds it, also over a restart, and what it knows of the
  // other nodes only gets newer.
  void after_step(RingNode& node);
  // A client was told that `key` has `value`: from now on this version, or a later one, stays.
  // `deletes`: entries of this key may be deleted. `sole`: this value never had another version.
  void acknowledged(Duration now, const std::string& key, const std::string& value, bool deletes,
                    bool sole);
  // A client was told that `key` is deleted: what it had until then does not come back.
  void deleted(Duration now, const std::string& key);
  // All nodes have lost power: what was acknowledged after `safe` may be gone.
  void lost_since(Duration safe);
  // So many of those who count for the record in force have every acknowledged write that no
  // majority can miss one; of an acknowledged delete, unless none of them has what was deleted.
  void check_acknowledged();

  // Whether the ring's promises still hold when this node loses what was written and not yet synced
  // (`wipe` false; where entries are in memory only, any end of its process takes them), or
  // everything.
  bool may_damage(const RingNode& node, bool wipe) const;
  // Whether they hold when all machines lose power at once, but for what was written last: what is
  // left of each copy is compared with all others, so none may be gone for good.
  bool may_black_out() const { return synced() || (!in_memory() && !names_lost()); }
  bool in_memory() const { return plan_.ring.hive.durability == ring::Durable::none; }
  // Whether a record that counts names an identity whose disk was lost.
  bool names_lost() const;
  // The node's disk was lost: this identity will not come back.
  void wiped(NodeId identity) { wiped_.insert(identity); }

  // Empty, or what is missing until the nodes that are up make one settled ring.
  std::string unsettled() const;
  // What every node knows of every arc, a line each, for traces.
  void print(const std::function<void(const std::string&)>& line) const;
  // Empty, or which of these keys no owner has, though all nodes are back with their disks.
  std::string missing(const std::set<std::string>& keys) const;
  // Empty, or which entry has expired and is still there.
  std::string overdue() const;
  // Empty, or which node is over its bounds, and could make room.
  std::string crowded() const;
  // Empty, or how copies of an arc differ, or that they have tombstones.
  std::string unequal() const;

 private:
  struct Floor {
    Duration acknowledged{};
    ring::Version version;
    std::string value;
    bool deleted = false;
    bool may_go = false;  // a later delete of it, and the tombstone of that
  };
  // A lease as its giver's machine knows it, whatever the process that gave it does.
  struct Bond {
    NodeId giver = 0;
    std::uint64_t losses = 0;  // of the giver's store: its clock went with the power
    NodeId to = 0;
    ring::Epoch epoch = 0;
    Time until{};
    ring::Epoch promised = 0;  // the giver, last
  };
  static ring::ArcId id_of(std::size_t arc) { return static_cast<ring::ArcId>(arc); }
  // Calls visit(entry) for what a majority's disks have of the key in one version, if one has.
  void on_majority(const std::string& key,
                   const std::function<void(const ring::Entry&)>& visit) const;
  void add_floor(const std::string& key, Floor floor);
  void check_bond(RingNode& node, std::size_t arc);
  void check_list(const RingNode& node);
  void see_evictions(const RingNode& node);
  // What a disk has of an arc for sure; nothing if it has nothing.
  ring::Standing standing(const RingNode& node, std::size_t arc) const;
  RingNode* node_of(NodeId identity) const;
  // The records that count: the newest in force, and those above it. Empty: none is in force.
  std::vector<ring::Record> current(std::size_t arc) const;
  bool in_force(const ring::Record& record, std::size_t arc) const;
  bool counts(const RingNode& node, std::size_t arc) const;
  bool changing(std::size_t arc) const;
  bool synced() const { return plan_.ring.hive.durability == ring::Durable::commit; }
  // Whether, by an operator's change, no disk has anything any more that is not synced.
  bool became_synced() const;
  std::vector<std::vector<NodeId>> coming(std::size_t arc) const;
  bool bears(const std::vector<NodeId>& members, const RingNode& candidate, bool wipe,
             std::size_t arc) const;
  static std::optional<ring::Entry> whole(const RingNode& node, std::string_view key,
                                          const ring::EntryView& view);
  std::optional<ring::Entry> kept(const RingNode& node, const std::string& key) const;
  void check_caught_up(const std::string& key, const Floor& floor, std::size_t arc);
  bool missed(const std::string& key, const Floor& floor, const ring::Record& record,
              std::size_t arc) const;
  std::string unsettled(std::size_t arc) const;
  std::string show(const ring::Record& record) const;
  std::string wrong_list(const RingNode& node) const;

  const RingPlan& plan_;
  Nodes& nodes_;
  Broken broken_;
  Evicted evicted_;
  RingNode::Print print_;
  std::map<std::pair<std::size_t, ring::Epoch>, ring::Record> records_;
  std::vector<std::vector<ring::Record>> last_;       // by node and arc, as it was seen last
  mutable std::vector<ring::Epoch> in_force_;         // by arc, the newest that was ever seen to be
  std::map<NodeId, std::size_t> identities_;          // every one that was ever seen, and its node
  std::map<std::string, std::vector<Floor>> floors_;  // by key, each above the one before
  std::map<std::string, ring::Version> evictions_;    // by key, its last delete for room
  std::set<NodeId> wiped_;
  std::vector<std::vector<Bond>> bonds_;  // by node and arc
  // By node, of its life how many entries it has deleted for room.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> deletions_;
  // By node, of its life the incarnations that it has heard of.
  std::vector<std::pair<std::uint64_t, std::map<NodeId, std::uint64_t>>> heard_;
};

}  // namespace skep::sim
