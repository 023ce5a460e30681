// One simulated machine: a disk, clocks, a place in the network, and a process that may run on it,
// with the real members list, wired the way that the server does it. What roles the process has is
// for who derives from it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/cluster.hpp"
#include "tests/sim/interned.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/sim/sim_store.hpp"
#include "tests/sim/virtual_time.hpp"

namespace skep::sim {

struct MachineOptions {
  std::vector<std::string> roles;
  DiskOptions disk;
  Duration dead_after{};
  Duration timers_late{};
  std::int64_t clock_rate = 0;        // parts per million from true, at most
  InternedLists* interned = nullptr;  // where all machines' members and rumors are, or null
};

class Machine {
 public:
  enum class Fate : std::uint8_t {
    fresh,  // never started
    up,     //
    down,   // to be started again
    gone,   // left for good
  };
  using Print = std::function<void(std::size_t node, std::string_view part, std::string_view text)>;

  Machine(MachineOptions options, VirtualTime& time, SimNetwork& network, std::size_t index,
          Dice dice, Print print);
  virtual ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  static Address address(std::size_t index) { return "10.0.0." + std::to_string(index) + ":5000"; }
  static std::string name(std::size_t index) { return "node" + std::to_string(index); }

  // The disk, an empty one if there is none.
  SimStore& disk();
  // Starts a process on what the disk has. `peers` are used by one that is in no cluster yet.
  // `list`: what an earlier life kept of the members list. If given, it takes the place of what the
  // disk has, and the disk keeps none from then on: in vain where nothing is started again.
  // False: it does not want to start, which it has printed.
  bool start(std::vector<Address> peers, const std::optional<std::string>& list = {});
  // kill -9, or what else ends a process at once. A power cut takes the machine's clock along.
  void crash(SimStore::Crash how);
  // The disk is lost, and with it the identity. The process must be dead.
  void lose_disk() { (void)take_disk(); }
  // The process has said that it is done.
  void end(bool for_good);
  void pause(Duration length) { process_.paused_until = time_.now() + length; }

  std::size_t index() const { return process_.host; }
  Fate fate() const { return fate_; }
  bool up() const { return fate_ == Fate::up; }
  bool paused() const { return process_.paused_until > time_.now(); }
  NodeId identity() const { return store_ ? store_->identity() : 0; }
  bool in_a_cluster() { return store_ && store_->get("node", "members").value().has_value(); }
  std::uint64_t life() const { return process_.life; }

  // While it is up.
  const Cluster& cluster() const { return *cluster_; }
  SimClock& clock() { return clock_; }
  // Null before the first start and after the disk was lost.
  SimStore* store() { return store_.get(); }
  const SimStore* store() const { return store_.get(); }

 protected:
  // Makes the roles, which see the members list before it begins.
  virtual void make_roles(Env env, SimStore& store, Cluster& cluster) = 0;
  virtual Result<> start_roles() = 0;
  virtual void drop_roles() = 0;
  // Roles and members list, in this order; whoever derives calls it when it is destroyed.
  void drop();

  // Another disk in place of this one, or none. The process must be dead.
  std::unique_ptr<SimStore> take_disk(std::unique_ptr<SimStore> other = nullptr) {
    return std::exchange(store_, std::move(other));
  }

 private:
  class Lines;
  void boot(Duration most);

  const MachineOptions options_;
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
  std::uint64_t incarnation_ = 0;
  Fate fate_ = Fate::fresh;
};

}  // namespace skep::sim
