// A whole cluster of members cores (net/members.hpp) in virtual time, from one seed: messages are
// lost, delayed, duplicated and reordered, directions of a link are cut, nodes pause, crash,
// restart and lose their disks. Clocks of nodes do not agree. The first message to a peer finds no
// connection and is lost, as with the real transport.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "net/members.hpp"
#include "tests/sim/members_checker.hpp"

namespace skep::test {

struct Network {
  double loss = 0;
  double duplicate = 0;
  Duration delay_min = std::chrono::microseconds(100);
  Duration delay_max = std::chrono::milliseconds(2);
};

class MembersSim {
 public:
  MembersSim(std::uint64_t seed, std::size_t nodes);

  Network network;
  std::uint64_t messages = 0;     // handed to the network
  std::uint64_t largest = 0;      // the largest payload that is not a full exchange
  std::size_t lists_in_full = 0;  // full exchanges
  bool keep_lines = true;         // the nodes' logs

  std::size_t size() const { return nodes_.size(); }
  Time now() const { return now_; }
  // Node 0 founds; the others know the address of node 0, and of one more.
  void start_all();
  void start(std::size_t node);  // with the disk it has
  void crash(std::size_t node);
  void wipe(
      std::size_t node);  // while it is down: the disk is lost; the next start is a new identity
  void pause(std::size_t node, Duration length);
  void cut(std::size_t from, std::size_t to, bool both = false);
  void heal();
  void run(Duration length);
  // Runs until they agree, or until `limit` has passed; false then.
  bool run_until_agreed(Duration limit);
  void with(std::size_t node, const std::function<members::Effects(members::Core&, Time)>& event);

  bool up(std::size_t node) const { return nodes_[node].core.has_value(); }
  members::Core& core(std::size_t node) { return *nodes_[node].core; }
  NodeId id(std::size_t node) const { return nodes_[node].id; }
  static Address address(std::size_t node) { return "host:" + std::to_string(5000 + node); }
  // What `observer` believes of `subject`'s present identity; empty: nothing.
  std::optional<MemberState> belief(std::size_t observer, std::size_t subject);
  // Why they do not agree; empty: every node that is up has the same list, in which the nodes that
  // are up live and all others do not, and the same rumors.
  std::string disagreement();
  const std::vector<std::string>& complaints() const { return complaints_; }
  const std::vector<std::string>& lines() const { return lines_; }
  std::uint64_t random(std::uint64_t below) { return random_() % below; }
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }

 private:
  struct Packet {
    NodeId from = 0, expect = 0;
    Address address;
    members::Effects::Send send;
  };
  struct Event {
    Time at;
    std::uint64_t order = 0;
    std::size_t node = 0;
    std::optional<Packet> packet;  // none: a tick
    NodeId down = 0;               // not 0: the connection with this node broke
    bool operator<(const Event& other) const {
      return std::pair(at, order) > std::pair(other.at, other.order);
    }
  };
  struct Node {
    NodeId id = 0;
    std::optional<members::Core> core;
    std::string disk;
    std::uint64_t boots = 0;
    Duration clock{};  // its clock is ahead by this
    Time paused_until{};
    Time tick_at{};
    std::set<std::size_t> connected;
    std::vector<Address> peers;
  };

  void push(Event event);
  void handle(Event& event);
  void apply(std::size_t node, members::Effects effects);
  void transmit(std::size_t from, members::Effects::Send& send);

  std::mt19937_64 random_;
  std::priority_queue<Event> queue_;
  std::vector<Node> nodes_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
  std::map<Address, std::size_t> at_;
  MembersChecker checker_;
  std::vector<std::string> complaints_;
  std::vector<std::string> lines_;
  std::uint64_t order_ = 0;
  Time now_{std::chrono::hours(1)};
};

}  // namespace skep::test
