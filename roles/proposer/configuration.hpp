// Who keeps the registers: the acceptors, how many of them make a quorum, and the proposers. It is
// changed while it is in use, one safe step at a time (CASPaxos 2.3; Howard, Malkhi, Spiegelman,
// "Flexible Paxos", 2016).
//
// Two systems of quorums, to prepare (and read) and to accept. A value that some accept quorum took
// has to be seen by every later prepare quorum. With P, A the sets and qp, qa the quorums, every
// prepare quorum meets every accept quorum iff
//     max(0, qp - |P \ A|) + max(0, qa - |A \ P|) > |P ∩ A|.
// That has to hold not only for the present `accept`, but for every system under which values were
// accepted that may not have been accepted again since: those are `holding`. A rescan, which
// accepts every register anew, empties it. So the order of the steps of a change (accept, rescan,
// prepare) need not be known by heart: a step that comes too early is not safe, and refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/error.hpp"
#include "net/env.hpp"
#include "net/wire.hpp"

namespace skep::proposer {

// A node, known by name and by its store: another store under that name is somebody else.
struct Node {
  std::string name;
  NodeId id = 0;
  Address address;  // of its cluster port
  template <class M, class V> static void fields(M& m, V&& v) {
    v("name", m.name);
    v("id", m.id);
    v("address", m.address);
  }
  bool operator==(const Node&) const = default;
};

// Any `quorum` of the nodes.
struct Quorums {
  std::vector<Node> nodes;  // by name, none twice
  std::uint32_t quorum = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("nodes", m.nodes);
    v("quorum", m.quorum);
  }
  bool has(NodeId id) const;
  bool operator==(const Quorums&) const = default;
};

// Every quorum of the one has a node in common with every quorum of the other.
bool meet(const Quorums& one, const Quorums& other);

struct Configuration {
  std::uint64_t version = 0;  // 0: there is none yet; the first is 1
  std::vector<Node> proposers;
  Quorums prepare;
  Quorums accept;
  // Systems before `accept` whose values may not have been accepted again since; but for those
  // each quorum of which has one of `accept` in it.
  std::vector<Quorums> holding;
  // The systems of the version before: they are out of use when enough acceptors were told of this
  // one (see left()).
  Quorums prepare_before;
  Quorums accept_before;
  // What `grow` or `shrink` is on its way to: the names of the acceptors there are to be; empty: no
  // such thing is under way.
  std::vector<std::string> goal;

  template <class M, class V> static void fields(M& m, V&& v) {
    v("version", m.version);
    v("proposers", m.proposers);
    v("prepare", m.prepare);
    v("accept", m.accept);
    v("holding", m.holding);
    v("prepare_before", m.prepare_before);
    v("accept_before", m.accept_before);
    v("goal", m.goal);
  }
  bool operator==(const Configuration&) const = default;

  // Everybody in `prepare` or `accept`, each once.
  std::vector<Node> acceptors() const;
  const Node* acceptor(NodeId id) const;  // null: it is none
  const Node* proposer(NodeId id) const;  // null: it is none
  // No change of the acceptors is under way: nothing is held by older systems, both sets are the
  // same, and there is no goal.
  bool at_rest() const;
};

// Whether it can be used at all: quorums of 1 to as many as there are nodes, nobody twice, a
// proposer at least, and prepare quorums that meet the accept quorums and all that is held. The
// message names what is wrong.
Result<> check(const Configuration& configuration);

// The configuration after `present`, with what is given instead of what is there: version and
// `holding` follow from it. Code::invalid, Code::conflict: it would not be safe, and what has to
// come first.
struct Wanted {
  std::optional<Quorums> prepare{};
  std::optional<Quorums> accept{};
  std::optional<std::vector<Node>> proposers{};
  std::optional<std::vector<std::string>> goal{};
  bool rescanned = false;         // every register has been accepted anew under `present`
  std::vector<Node> newcomers{};  // who is to be an acceptor on the way to the goal
};
Result<Configuration> next(const Configuration& present, const Wanted& wanted);

// Whether the version before can still do something: some prepare or accept quorum of it has none
// of those who were told of this one. While it can, the next step has to wait.
bool left(const Configuration& configuration, const std::vector<NodeId>& told);

// Whether the node may leave the cluster for good, by what its acceptor was told last (`content` of
// registers::Configure; empty: nothing). Code::conflict: it is an acceptor, and what has to come
// first.
Result<> may_leave(std::string_view content, NodeId self);

// One step of the way to `goal`.
struct Step {
  enum class Kind : std::uint8_t {
    none,     // there
    wanted,   // `wanted` is the next configuration
    rescan,   // first, every register has to be accepted anew
    unknown,  // `name` is to be an acceptor, and nobody of that name is known
  };
  Kind kind = Kind::none;
  Wanted wanted{};
  std::string name{};
};
// From 2F+1 to 2F+2 acceptors and further to 2F+3, or back, one node at a time. `known` are nodes
// that may become acceptors.
Step towards_goal(const Configuration& present, const std::vector<Node>& known);

}  // namespace skep::proposer
