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
#include "tests/sim/simulation.hpp"

namespace skep::sim {

class RegistersSim final : private Simulation {
 public:
  using Simulation::Trace;

  // Prints each line of a trace, if given; with `messages` every message is a line of it, too.
  RegistersSim(RegistersPlan plan, Trace trace, bool messages);
  Report run();

 private:
  using Fault = RegistersPlan::Fault;

  void build();
  // Runs until this time, or the first failure.
  void run_until(Duration until);
  void explain(const std::function<void(const std::string& line)>& print) override {
    checker_->print(print);
  }

  // registers_faults.cpp
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
  void restart_later(RegistersNode& node);
  void restart(RegistersNode& node);
  RegistersNode* pick(bool also_paused = false) {
    return static_cast<RegistersNode*>(Simulation::pick(also_paused));
  }

  // The liveness phase.
  void heal();
  bool settle();
  void ask_how_all_stand();
  std::string unsettled() const;
  void last_requests();
  bool until_empty(const std::function<std::string()>& wrong);

  const RegistersPlan plan_;
  RegistersChecker::Nodes nodes_;
  std::unique_ptr<RegistersChecker> checker_;
  std::unique_ptr<RegistersClients> clients_;
  std::unique_ptr<RegistersOperator> operator_;
  std::vector<std::uint64_t> versions_;  // that each node's proposer goes by, as it said last
};

}  // namespace skep::sim
