// What a proposer says of the acceptors (GET /v1/acceptors), as a client reads and shows it.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace skep::proposer {

// Names, in order.
using Names = std::vector<std::string>;

struct AcceptorsView {
  struct Quorums {
    Names nodes;
    std::uint64_t quorum = 0;
    bool operator==(const Quorums&) const = default;
  };
  struct Acceptor {
    std::string name;
    bool answers = false;
    std::uint64_t configuration = 0;
    bool empty = false;
    std::uint64_t waiting = 0;
    double latency_ms = 0;
  };
  std::uint64_t version = 0;
  bool in_force = false;
  bool complete = false;
  Names proposers;
  Names listeners;  // where clients reach them
  Quorums prepare;
  Quorums accept;
  std::vector<Quorums> holding;
  std::optional<Names> goal;
  std::vector<Acceptor> acceptors;
  Names behind;
  bool rescanning = false;
  std::uint64_t rescanned = 0;

  // Everybody in `prepare` or `accept`.
  Names members() const;
  // No change is under way.
  bool at_rest() const;
  // Who a step that is not complete waits for, for a person: "proposer node2, …".
  std::string waits_for() const;
};

// None: `body` is no such answer.
std::optional<AcceptorsView> view_of(std::string_view body);

// In order, each once.
Names sorted(Names names);
// "node1, node2".
std::string join(const Names& names);
// "2 of node1, node2, node3".
std::string show(const AcceptorsView::Quorums& quorums);

void print(std::ostream& out, const AcceptorsView& view);

}  // namespace skep::proposer
