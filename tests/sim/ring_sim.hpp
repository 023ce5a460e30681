// A run of the ring from one seed: a cluster of real nodes in virtual time under faults and
// clients (the safety phase), then left alone until it must have settled (the liveness phase).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/ring_checker.hpp"
#include "tests/sim/ring_clients.hpp"
#include "tests/sim/ring_node.hpp"
#include "tests/sim/ring_plan.hpp"
#include "tests/sim/simulation.hpp"

namespace skep::sim {

class RingSim final : private Simulation {
 public:
  using Simulation::Trace;

  // Prints each line of a trace, if given; with `messages` every message is a line of it, too.
  RingSim(RingPlan plan, Trace trace, bool messages);
  Report run();

 private:
  void build();
  // Runs until this time, or the first failure.
  void run_until(Duration until);
  void every(Duration interval, std::function<void()> what);
  void explain(const std::function<void(const std::string& line)>& print) override {
    checker_->print(print);
  }

  // ring_faults.cpp
  void inject(Fault fault);
  void kill(Fault fault);
  void forget_node();
  void write_off(NodeId identity);
  void stop_node();
  bool may_end(const RingNode& node) const;
  void end_node(RingNode& node, std::uint64_t life);
  void leave_node();
  void join_node();
  void partition(Fault fault);
  void disturb_disk(Fault fault);
  void black_out();
  void change_options();
  // How long after its acknowledgement a write may be gone with the power, by the disks' promise.
  Duration unsynced() const;
  void jump_wall(RingNode& node);
  void restart_later(RingNode& node);
  void restart(RingNode& node);
  RingNode* pick(bool also_paused = false) {
    return static_cast<RingNode*>(Simulation::pick(also_paused));
  }
  std::size_t up() const;
  std::size_t staying() const;

  // The liveness phase.
  void heal();
  bool settle();
  bool serves_without_one();
  void final_reads();

  const RingPlan plan_;
  RingChecker::Nodes nodes_;
  std::unique_ptr<RingChecker> checker_;
  std::unique_ptr<RingClients> clients_;
  std::size_t most_copies_;  // the highest replication that there was
  Duration late_until_{};  // until when disks that stood still may not have synced what they should
};

}  // namespace skep::sim
