// A run of the registers from one seed: machines with acceptors and proposers in virtual time under
// faults, clients and changes of the acceptors (the safety phase), then left alone until all is
// served again (the liveness phase).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/registers_checker.hpp"
#include "tests/sim/registers_clients.hpp"
#include "tests/sim/registers_node.hpp"
#include "tests/sim/registers_operator.hpp"
#include "tests/sim/registers_plan.hpp"
#include "tests/sim/report.hpp"

namespace skep::sim {

class RegistersSim {
 public:
  using Trace = std::function<void(std::string_view line)>;

  // Prints each line of a trace, if given; with `messages` every message is a line of it, too.
  RegistersSim(RegistersPlan plan, Trace trace, bool messages);
  Report run();

 private:
  using Fault = RegistersPlan::Fault;

  void build();
  // Runs until this time, or the first failure.
  void run_until(Duration until);
  void fail(Outcome outcome, const std::string& what);
  bool failed() const { return report_.outcome != Outcome::passed; }
  void note(const std::string& what);
  Machine::Print printer();

  // registers_faults.cpp
  void schedule_fault();
  void inject(Fault fault);
  void kill(Fault fault);
  void stop_node();
  void pause_node();
  void lose(RegistersNode& node);
  void bring_back_old_disk();
  void decay();
  void partition(Fault fault);
  void strand();
  void disturb_disk(Fault fault);
  void black_out();
  void bad_times();
  void restart_later(RegistersNode& node);
  void restart(RegistersNode& node);
  RegistersNode* pick(bool also_paused = false);

  // The liveness phase.
  void heal();
  bool settle();
  void ask_how_all_stand();
  std::string unsettled() const;
  void last_requests();
  bool until_empty(const std::function<std::string()>& wrong);

  const RegistersPlan plan_;
  const Trace trace_;
  Dice dice_;
  VirtualTime time_;
  SimNetwork network_;
  RegistersChecker::Nodes nodes_;
  std::unique_ptr<RegistersChecker> checker_;
  std::unique_ptr<RegistersClients> clients_;
  std::unique_ptr<RegistersOperator> operator_;
  std::vector<std::uint64_t> versions_;  // that each node's proposer goes by, as it said last
  bool faults_over_ = false;
  Report report_;
};

}  // namespace skep::sim
