// Who answers for which slots, as a node sees it at a moment: for clients that want to go straight
// to the owners. A view, never a promise: whoever is asked passes on what is not its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/env.hpp"
#include "net/membership.hpp"
#include "roles/ring/slots.hpp"

namespace skep::ring {

struct Topology {
  struct Node {
    std::string id;  // 40 hex digits, made of the identity of its store
    std::string name;
    Address clients;  // where it listens for them; empty: not known
    Address cluster;
    MemberState state = MemberState::alive;
    bool self = false;

    // Whether clients may be sent to it.
    bool reachable() const { return !clients.empty() && living(state); }
    bool operator==(const Node&) const = default;
  };
  // Neighbouring slots of one owner, and of the same other members.
  struct Range {
    Slot first = 0;
    Slot last = 0;
    std::size_t owner = 0;            // in `nodes`
    std::vector<std::size_t> others;  // in `nodes`
    bool operator==(const Range&) const = default;
  };
  std::vector<Node> nodes;    // all that the ring may meet, this one too
  std::vector<Range> ranges;  // in order; slots are missing whose owner is not known
  std::uint64_t epoch = 0;    // the highest of an arc

  // Adds slots behind those that are there: to the last range, if it is the same but for its end.
  void add(Range range);
};

// The id of a node, from its store's identity.
std::string node_id(NodeId identity);

}  // namespace skep::ring
