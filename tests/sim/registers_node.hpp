// One simulated machine of the registers: an acceptor, a proposer, or both, on the real members
// list.
#pragma once

#include <memory>
#include <vector>

#include "tests/sim/machine.hpp"
#include "tests/sim/registers_plan.hpp"

namespace skep::sim {

class RegistersNode final : public Machine {
 public:
  RegistersNode(const RegistersPlan& plan, VirtualTime& time, SimNetwork& network,
                std::size_t index, Dice dice, Print print);
  ~RegistersNode() override { drop(); }

  const RegistersPlan::Roles& roles() const { return plan_.machines[index()]; }
  // Null: it is not up, or has not that role.
  proposer::Proposer* proposer() { return up() ? proposer_.get() : nullptr; }

  // Names that are given to the process, of those that are acceptors and proposers when its disk is
  // empty.
  void set_initial(std::vector<std::string> acceptors, std::vector<std::string> proposers);

  // The disk is gone, and may come back one day. The process must be dead.
  void shelve_disk() { shelf_.push_back(take_disk()); }
  // Its process dies; with the oldest disk that was given up it comes back, and with its own one
  // when this is called again. False: there is none.
  bool swap_disks();
  bool ghost() const { return ghost_; }
  // Its disk is its own, and will be.
  NodeId own_identity() const { return ghost_ ? own_identity_ : identity(); }

 private:
  void make_roles(Env env, SimStore& store, Cluster& cluster) override;
  Result<> start_roles() override;
  void drop_roles() override;

  const RegistersPlan& plan_;
  proposer::Options proposer_options_;
  std::vector<std::unique_ptr<SimStore>> shelf_;  // the first is the machine's own while a ghost
  bool ghost_ = false;
  NodeId own_identity_ = 0;
  std::unique_ptr<acceptor::Acceptor> acceptor_;
  std::unique_ptr<proposer::Proposer> proposer_;
};

}  // namespace skep::sim
