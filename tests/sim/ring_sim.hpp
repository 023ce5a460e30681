// A run of the ring from one seed: a cluster of real nodes in virtual time under faults and
// clients (the safety phase), then left alone until it must have settled (the liveness phase).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/report.hpp"
#include "tests/sim/ring_checker.hpp"
#include "tests/sim/ring_clients.hpp"
#include "tests/sim/ring_node.hpp"
#include "tests/sim/ring_plan.hpp"

namespace skep::sim {

class RingSim {
 public:
  // Prints each line of a trace, if given.
  using Trace = std::function<void(std::string_view line)>;

  // With `messages` every message is a line of the trace, too.
  RingSim(RingPlan plan, Trace trace, bool messages);
  Report run();

 private:
  void build();
  // Runs until this time, or the first failure.
  void run_until(Duration until);
  void every(Duration interval, std::function<void()> what);
  void fail(Outcome outcome, const std::string& what);
  bool failed() const { return report_.outcome != Outcome::passed; }
  void note(const std::string& what);

  // ring_faults.cpp
  void schedule_fault();
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
  void bad_times();
  void jump_wall(RingNode& node);
  void restart_later(RingNode& node);
  void restart(RingNode& node);
  RingNode* pick(bool also_paused = false);
  std::size_t up() const;
  std::size_t staying() const;

  // The liveness phase.
  void heal();
  bool settle();
  bool serves_without_one();
  void final_reads();

  const RingPlan plan_;
  const Trace trace_;
  Dice dice_;
  VirtualTime time_;
  SimNetwork network_;
  RingChecker::Nodes nodes_;
  std::unique_ptr<RingChecker> checker_;
  std::unique_ptr<RingClients> clients_;
  std::size_t most_copies_;  // the highest replication that there was
  bool faults_over_ = false;
  Duration late_until_{};  // until when disks that stood still may not have synced what they should
  Report report_;
};

}  // namespace skep::sim
