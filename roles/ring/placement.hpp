// Who should keep an arc: rendezvous hashing (Thaler & Ravishankar, 1998), a pure function of who
// is there, so that a node that comes or goes moves only its own share. A wish, never a permission.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "net/env.hpp"
#include "roles/ring/arc.hpp"
#include "roles/ring/slots.hpp"

namespace skep::ring {

// A ring node, as the members list shows it. Lists of them are sorted by id, and long.
struct Node {
  NodeId id = 0;
  std::uint32_t weight = 100;
  bool alive : 1 = false;     // answers, as far as is known
  bool eligible : 1 = false;  // should keep arcs: not leaving, not dead for long
  bool gone : 1 = false;      // leaving, or left: its place may be given up
  bool stopping : 1 = false;  // is not to be made an owner
  bool lost : 1 = false;      // dead for so long that arcs with one copy do not wait for it
  bool operator==(const Node&) const = default;
};

// The `count` eligible nodes (fewer if there are fewer) with the highest weighted hash of (arc,
// node), the desired owner first.
std::vector<NodeId> desired_members(ArcId arc, std::span<const Node> nodes, std::size_t count);

// Nullptr: it is not among them.
const Node* find_node(std::span<const Node> nodes, NodeId id);

// The nodes whose part in the placement is another one than before; those that are not there any
// more, as not eligible.
std::vector<Node> changed_candidates(std::span<const Node> before, std::span<const Node> now);

// What desired_members() is for one arc, kept up to date: only the nodes that changed are looked
// at, unless one of the desired is among them.
class Wish {
 public:
  Wish(ArcId arc, std::size_t count, std::span<const Node> nodes);
  // True: it is another one now. `changed` is what changed_candidates() says, `nodes` are all.
  bool follow(std::span<const Node> changed, std::span<const Node> nodes);
  std::vector<NodeId> members() const;

 private:
  void rank(std::span<const Node> nodes);

  ArcId arc_;
  std::uint16_t count_;
  std::vector<std::pair<double, NodeId>> best_;  // by score, the highest first
};

// The next step of an arc towards its desired members, as its owner `self` sees it; none: it is
// there, or nothing can be done now.
//   - A newcomer takes the place of a member that is not desired, or fills a free one.
//   - A member is dropped without a newcomer only if it is gone for good, or there are too many:
//     one that is dead is waited for until another node would take its place.
//   - Ownership goes to the desired owner, if it has a whole copy.
std::optional<Step> next_step(const Arc& arc, NodeId self, std::span<const Node> nodes,
                              std::size_t replication);

// Whether an arc of which that is the record is where it should be, as far as the nodes that are
// there allow: a dead member whose place nobody can take is waited for, and nothing moves.
bool in_place(const Record& record, std::span<const NodeId> desired, std::span<const Node> nodes,
              std::size_t replication);

}  // namespace skep::ring
