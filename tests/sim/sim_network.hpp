// A network between simulated processes: one Transport for each, faulty in every way that
// net/env.hpp allows. Messages travel as real frames. A connection between two processes is dialled
// by the first message (which is not sent), carries messages in order, and breaks; messages are
// lost, duplicated, held up and, by that, reordered; directions of the path between two hosts are
// cut. What a host sends to itself comes at the end of its turn, for sure.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/env.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/virtual_time.hpp"

namespace skep::sim {

struct NetworkOptions {
  Duration delay_min = std::chrono::microseconds(50);
  Duration delay_max = std::chrono::milliseconds(1);
  double loss = 0;       // of a message
  double duplicate = 0;  // of a message
  double held_up = 0;    // chance of a message to take up to `hold` longer, past later ones
  Duration hold = std::chrono::milliseconds(200);
  double corrupt = 0;  // a bit turns, which breaks the connection
};

class SimNetwork {
 public:
  using Host = std::size_t;
  // Sees every message that is handed over, for traces.
  using Tap = std::function<void(Host from, Host to, const Message&)>;

  // For so many hosts at most.
  SimNetwork(VirtualTime& time, Dice dice, std::size_t most = 32);
  ~SimNetwork();

  NetworkOptions options;
  Tap tap;

  // A host with one process; it is unplugged. `process` outlives the network.
  Host add(Address address, Process& process);
  Transport& transport(Host host);
  // Its process has started, with the identity of its store.
  void plug(Host host, NodeId identity);
  // Its process is gone. `reset`: its kernel says so to the peers; otherwise they find out later.
  void unplug(Host host, bool reset);
  // Processes of different clusters (0: in none yet) do not talk to each other.
  void set_cluster(Host host, std::uint64_t cluster) { hosts_[host].cluster = cluster; }

  // Messages from one host to the other vanish from now on, or no longer.
  void cut(Host from, Host to, bool is_cut);
  void heal();
  // Breaks the connection between the two, if there is one.
  void reset(Host a, Host b);

  std::uint64_t messages() const { return messages_; }

 private:
  class Port;
  struct HostState {
    Address address;
    Process* process = nullptr;
    NodeId identity = 0;
    std::uint64_t cluster = 0;
    std::unique_ptr<Port> port;
    std::array<Transport::Receive, 8> receivers;
    std::vector<Transport::Down> downs;
  };
  // Of two hosts with their present processes; small, for of many hosts there are very many.
  struct Connection {
    bool up = false;
    bool dialling = false;
    std::uint32_t generation = 0;
    // While it is up: when the last message arrives at the host with the lower and the higher
    // number. While it is not: no dialling before the first of them.
    Duration low{}, high{};
    Duration& redial() { return low; }
  };

  bool send(Host from, const Address& to, NodeId expect, const Message& message);
  bool send_to_self(Host host, NodeId expect, const Message& message);
  void dial(Host from, Host to);
  void established(Host a, Host b, std::uint64_t life_a, std::uint64_t life_b);
  void transmit(Host from, Host to, const Message& message);
  void deliver(Host from, Host to, std::uint32_t generation, NodeId sender,
               const std::string& bytes);
  void break_connection(Host a, Host b, Duration notice);
  void tell_down(Host host, NodeId peer, Duration delay);
  Connection& between(Host a, Host b) {
    const Host high = std::max(a, b);
    return connections_[high * (high - 1) / 2 + std::min(a, b)];
  }
  // When the last message from `other` arrives at the host.
  Duration& arrival(Host host, Host other) {
    Connection& connection = between(host, other);
    return host < other ? connection.low : connection.high;
  }
  Duration delay() { return dice_.between(options.delay_min, options.delay_max); }
  bool is_cut(Host from, Host to) const { return cuts_[from * most_ + to]; }

  static constexpr std::size_t kMaxFrame = std::size_t{64} << 20;

  VirtualTime& time_;
  Dice dice_;
  const std::size_t most_;
  std::deque<HostState> hosts_;  // they stay where they are
  std::unordered_map<Address, Host> by_address_;
  std::vector<Connection> connections_;  // a triangle
  std::vector<bool> cuts_;
  std::uint64_t messages_ = 0;
};

}  // namespace skep::sim
