// One simulated machine with a node of the ring: the real members list and the real ring role on a
// simulated environment, wired the way that the server does it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/cluster.hpp"
#include "roles/ring/ring.hpp"
#include "tests/sim/ring_plan.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/sim/sim_store.hpp"
#include "tests/sim/virtual_time.hpp"

namespace skep::sim {

class RingNode {
 public:
  enum class Fate : std::uint8_t {
    fresh,  // never started
    up,     //
    down,   // to be started again
    gone,   // left for good
  };
  using Print = std::function<void(std::size_t node, std::string_view part, std::string_view text)>;

  RingNode(const RingPlan& plan, VirtualTime& time, SimNetwork& network, std::size_t index,
           Dice dice, Print print);
  ~RingNode();
  RingNode(const RingNode&) = delete;
  RingNode& operator=(const RingNode&) = delete;

  static Address address(std::size_t index) { return "10.0.0." + std::to_string(index) + ":5000"; }

  // The disk, an empty one if there is none.
  SimStore& disk();
  // Starts a process on what the disk has. `peers` are used by one that is in no cluster yet.
  // False: it does not want to start, which it has printed.
  bool start(std::vector<Address> peers);
  // kill -9, or what else ends a process at once. A power cut takes the machine's clock along.
  void crash(SimStore::Crash how);
  // The disk is lost, and with it the identity. The process must be dead.
  void lose_disk();
  // The process has said that it is done.
  void end(bool for_good);
  void pause(Duration length) { process_.paused_until = time_.now() + length; }

  std::size_t index() const { return process_.host; }
  Fate fate() const { return fate_; }
  bool up() const { return fate_ == Fate::up; }
  bool paused() const { return process_.paused_until > time_.now(); }
  bool leaving = false;
  NodeId identity() const { return store_ ? store_->identity() : 0; }
  bool in_a_cluster() { return store_ && store_->get("node", "members").value().has_value(); }
  std::uint64_t life() const { return process_.life; }

  // While it is up.
  ring::Ring& ring() { return *ring_; }
  const ring::Core* core() const { return up() ? ring_->core() : nullptr; }
  const Cluster& cluster() const { return *cluster_; }
  SimClock& clock() { return clock_; }
  // Null before the first start and after the disk was lost.
  SimStore* store() { return store_.get(); }
  const SimStore* store() const { return store_.get(); }

 private:
  class Lines;
  void drop();

  const RingPlan& plan_;
  VirtualTime& time_;
  SimNetwork& network_;
  Dice dice_;
  Print print_;
  Process process_;
  SimClock clock_;
  SimTimers timers_;
  Dice random_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<SimStore> store_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<ring::Ring> ring_;
  std::uint64_t incarnation_ = 0;
  Fate fate_ = Fate::fresh;
};

}  // namespace skep::sim
