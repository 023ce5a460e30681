// A large ring in virtual time: how many messages and bytes a node sends when nothing happens, how
// many hops a request takes, and what happens when a tenth of the nodes crash together. The nodes
// begin as after a restart of all, with lists and settled records on their disks, because a ring of
// that size is not founded at once; there are no entries.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/ring_node.hpp"

namespace skep::sim {

struct ScaleReport {
  std::string wrong;   // what did not hold; empty: all did
  Duration settled{};  // all arcs are served, since the start
  // Of a node and second, in a settled ring: frames sent and their bytes, of the members list, of
  // heartbeats and their answers, of everything.
  struct Rate {
    double frames = 0, bytes = 0;
  };
  Rate members, heartbeats, all;
  std::uint64_t requests = 0;  // that clients made of any node
  std::uint64_t hops = 0;      // requests between nodes for these, at most one each
  std::size_t crashed = 0;
  std::size_t kept = 0;    // arcs that kept a majority
  std::size_t lost = 0;    // arcs that did not
  Duration served{};       // all that kept a majority are, since the crash
  Duration whole{};        // and have as many members as they should, since the crash
  std::size_t memory = 0;  // bytes a node: what the process grew by
};

class ScaleSim {
 public:
  ScaleSim(std::size_t nodes, std::uint16_t arcs, std::uint64_t seed);
  ScaleReport run();

 private:
  struct Count {
    std::uint64_t frames = 0, bytes = 0;
  };
  void build();
  void fill_disks();
  std::string list_without(std::size_t node) const;
  void say(const std::string& phase);
  void count(const Message& message);
  void run_for(Duration length);
  // Runs until `done`; false: not within `limit`.
  bool run_until(Duration limit, const std::function<bool()>& done);
  bool fail(std::string wrong);

  bool settle();
  void measure();
  bool ask();
  bool crash();
  // Each arc at the node that serves it now; null: none does.
  std::vector<const ring::Arc*> served() const;
  std::size_t alive(const std::vector<NodeId>& nodes) const;

  InternedLists interned_;
  RingPlan plan_;
  Dice dice_;
  VirtualTime time_;
  SimNetwork network_;
  std::vector<std::unique_ptr<RingNode>> nodes_;
  std::unordered_map<NodeId, RingNode*> by_id_;
  // The kept list of all nodes: what stands in front of the claims, and these, by identity.
  std::string list_head_;
  std::vector<std::pair<NodeId, std::string>> claims_;
  Count members_, heartbeats_, all_;
  std::uint64_t hops_ = 0;
  Duration said_{};
  ScaleReport report_;
};

}  // namespace skep::sim
