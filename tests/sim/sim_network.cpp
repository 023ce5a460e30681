#include "tests/sim/sim_network.hpp"

#include "net/base/assert.hpp"
#include "net/wire.hpp"

namespace skep::sim {

using std::chrono::milliseconds;

class SimNetwork::Port final : public Transport {
 public:
  Port(SimNetwork& network, Host host) : network_(network), host_(host) {}
  bool send(const Address& to, NodeId expect, const Message& message) override {
    return network_.send(host_, to, expect, message);
  }
  std::size_t queued(const Address&) const override { return 0; }  // the network takes all at once
  void on_message(Part part, Receive receive) override {
    network_.hosts_[host_].receivers[static_cast<std::size_t>(part)] = std::move(receive);
  }
  void on_down(Down down) override { network_.hosts_[host_].downs.push_back(std::move(down)); }

 private:
  SimNetwork& network_;
  Host host_;
};

SimNetwork::SimNetwork(VirtualTime& time, Dice dice, std::size_t most)
    : time_(time),
      dice_(dice),
      most_(most),
      connections_(most * (most - 1) / 2),
      cuts_(most * most) {}
SimNetwork::~SimNetwork() = default;

Transport& SimNetwork::transport(Host host) { return *hosts_[host].port; }

SimNetwork::Host SimNetwork::add(Address address, Process& process) {
  const Host host = hosts_.size();
  SKEP_ASSERT(host < most_);
  by_address_[address] = host;
  HostState state;
  state.address = std::move(address);
  state.process = &process;
  state.port = std::make_unique<Port>(*this, host);
  hosts_.push_back(std::move(state));
  return host;
}

void SimNetwork::plug(Host host, NodeId identity) {
  hosts_[host].identity = identity;
  hosts_[host].cluster = 0;
}

void SimNetwork::unplug(Host host, bool reset) {
  hosts_[host].receivers = {};
  hosts_[host].downs.clear();
  for (Host other = 0; other < hosts_.size(); ++other) {
    if (other == host) continue;
    between(host, other).dialling = false;
    const bool heard = reset && !is_cut(host, other);
    break_connection(host, other,
                     heard ? delay() : dice_.between(milliseconds(500), milliseconds(4000)));
  }
}

void SimNetwork::cut(Host from, Host to, bool is_cut) {
  cuts_[from * most_ + to] = is_cut;
  if (!is_cut) return;
  // Nothing is acknowledged in one of the directions, so both ends give the connection up.
  const std::uint32_t generation = between(from, to).generation;
  time_.after(dice_.between(milliseconds(200), milliseconds(3000)), nullptr, [=, this] {
    if (this->is_cut(from, to) && between(from, to).generation == generation) reset(from, to);
  });
}

void SimNetwork::heal() { cuts_.assign(cuts_.size(), false); }

void SimNetwork::reset(Host a, Host b) {
  break_connection(a, b, dice_.between(Duration(0), milliseconds(20)));
}

// Both ends are told, each in its time; what is under way may still arrive.
void SimNetwork::break_connection(Host a, Host b, Duration notice) {
  Connection& connection = between(a, b);
  if (!connection.up) return;
  connection.up = false;
  connection.redial() = {};
  ++connection.generation;
  tell_down(a, hosts_[b].identity, dice_.between(Duration(0), notice));
  tell_down(b, hosts_[a].identity, dice_.between(Duration(0), notice));
}

void SimNetwork::tell_down(Host host, NodeId peer, Duration delay) {
  HostState& state = hosts_[host];
  if (!state.process->running()) return;
  time_.after(delay, state.process, [&state, peer] {
    for (std::size_t i = 0; i < state.downs.size(); ++i) state.downs[i](peer);
  });
}

bool SimNetwork::send(Host from, const Address& to, NodeId expect, const Message& message) {
  const auto found = by_address_.find(to);
  if (found == by_address_.end()) return false;
  const Host host = found->second;
  if (tap) tap(from, host, message);
  if (host == from) return send_to_self(from, expect, message);
  if (!between(from, host).up) {
    dial(from, host);
    return false;
  }
  if (expect != 0 && hosts_[host].identity != expect) return false;
  transmit(from, host, message);
  return true;
}

// No wire is in between: it comes, in order, when the turn is over.
bool SimNetwork::send_to_self(Host host, NodeId expect, const Message& message) {
  HostState& state = hosts_[host];
  if (expect != 0 && state.identity != expect) return false;
  time_.after(Duration(0), state.process,
              [this, host, part = message.part, type = message.type, request = message.request,
               payload = std::string(message.payload)] {
                const HostState& self = hosts_[host];
                const auto& receive = self.receivers[static_cast<std::size_t>(part)];
                if (receive) receive(self.identity, self.address, {part, type, request, payload});
              });
  return true;
}

void SimNetwork::dial(Host from, Host to) {
  Connection& connection = between(from, to);
  if (connection.dialling || time_.now() < connection.redial()) return;
  connection.dialling = true;
  const std::uint64_t life_from = hosts_[from].process->life;
  const std::uint64_t life_to = hosts_[to].process->life | 1;  // or the next, if it begins by then
  time_.after(2 * delay(), nullptr, [=, this] { established(from, to, life_from, life_to); });
}

void SimNetwork::established(Host a, Host b, std::uint64_t life_a, std::uint64_t life_b) {
  Connection& connection = between(a, b);
  connection.dialling = false;
  const HostState &at_a = hosts_[a], &at_b = hosts_[b];
  const auto answers = [&](const HostState& state, std::uint64_t life) {
    return state.process->running() && state.process->life == life &&
           state.process->paused_until <= time_.now();
  };
  const bool strangers = at_a.cluster != 0 && at_b.cluster != 0 && at_a.cluster != at_b.cluster;
  if (!answers(at_a, life_a) || !answers(at_b, life_b) || is_cut(a, b) || is_cut(b, a) ||
      strangers || connection.up) {
    const Duration wait = dice_.between(milliseconds(20), milliseconds(300));
    if (!connection.up) connection.redial() = time_.now() + wait;
    return;
  }
  connection.up = true;
  ++connection.generation;
  connection.low = connection.high = time_.now();
}

void SimNetwork::transmit(Host from, Host to, const Message& message) {
  ++messages_;
  if (is_cut(from, to) || dice_.chance(options.loss)) return;
  std::string bytes;
  wire::encode_frame(bytes, {wire::kProtocolVersion, static_cast<std::uint8_t>(message.part),
                             message.type, message.request, message.payload});
  if (dice_.chance(options.corrupt)) {
    char& byte = bytes[dice_.below(bytes.size())];
    byte = static_cast<char>(byte ^ 1 << dice_.below(8));
  }
  Duration& last = arrival(to, from);
  const NodeId sender = hosts_[from].identity;
  const std::uint32_t generation = between(from, to).generation;
  const int copies = dice_.chance(options.duplicate) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    Duration at = time_.now() + delay();
    if (copy > 0 || dice_.chance(options.held_up)) {
      at += dice_.between(Duration(0), options.hold);
    } else {
      at = last = std::max(last, at);
    }
    const bool last_copy = copy + 1 == copies;
    time_.at(at, hosts_[to].process,
             [this, from, to, generation, sender,
              bytes = last_copy ? std::move(bytes) : std::string(bytes)] {
               deliver(from, to, generation, sender, bytes);
             });
  }
}

void SimNetwork::deliver(Host from, Host to, std::uint32_t generation, NodeId sender,
                         const std::string& bytes) {
  const bool of_old = between(from, to).generation != generation;
  if (of_old && dice_.chance(0.5)) return;
  const auto taken = wire::take_frame(bytes, kMaxFrame);
  if (!taken || taken->size != bytes.size()) {
    if (!of_old) reset(from, to);
    return;
  }
  const wire::Frame& frame = taken->frame;
  if (frame.part >= hosts_[to].receivers.size()) return;
  const Transport::Receive& receive = hosts_[to].receivers[frame.part];
  const Message message{static_cast<Part>(frame.part), frame.type, frame.request, frame.payload};
  if (receive) receive(sender, hosts_[from].address, message);
}

}  // namespace skep::sim
