// `cluster join`: decides what it means to bring this node and the one at an address together, and
// refuses what would lose something. A node in no cluster simply joins, and so does the other one
// if it is in none. A node with a cluster of its own gives that up: its store makes room for an
// empty one, which joins, and what the old one holds is brought.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "net/membership.hpp"
#include "net/visit.hpp"

namespace skep {

class Joining {
 public:
  enum class Outcome {
    joined,  // the two are in one cluster
    moves,   // this process gives its own cluster up; the next one joins
  };
  using Done = std::function<void(Result<Outcome>)>;
  struct Hooks {
    std::function<std::uint64_t()> cluster_id;  // this node's; 0: it is in none
    std::function<void(const Address&, std::function<void(Result<>)>)> join;  // as Cluster::join
    std::function<void(const Address&, Visit::Done)> visit;
    // Entries of the hive that this node would give up; an error says why it cannot.
    std::function<Result<std::uint64_t>()> entries;
    // From here on there is no way back. Nodes of the cluster to join, the one named first.
    std::function<Result<>(const std::vector<Address>&)> move;
  };

  // `members` must outlive it, and it the calls of its hooks.
  Joining(const Membership& members, Hooks hooks) : members_(members), hooks_(std::move(hooks)) {}

  // `bring`: entries of this node's own hive are taken along; without it they are a reason to
  // refuse. After an error nothing has changed.
  void join(const Address& peer, bool bring, Done done);

 private:
  void join_now(const Address& peer, Done done) const;
  Result<> may_move(const Visited& there, bool bring) const;

  const Membership& members_;
  const Hooks hooks_;
};

}  // namespace skep
