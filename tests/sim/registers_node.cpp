#include "tests/sim/registers_node.hpp"

namespace skep::sim {

namespace {

std::vector<std::string> names(const RegistersPlan::Roles& roles) {
  std::vector<std::string> names;
  if (roles.acceptor) names.emplace_back("acceptor");
  if (roles.proposer) names.emplace_back("proposer");
  return names;
}

}  // namespace

RegistersNode::RegistersNode(const RegistersPlan& plan, VirtualTime& time, SimNetwork& network,
                             std::size_t index, Dice dice, Print print)
    : Machine({names(plan.machines[index]), plan.disk, plan.dead_after, plan.timers_late,
               plan.clock_rate},
              time, network, index, dice, std::move(print)),
      plan_(plan),
      proposer_options_(plan.proposer) {}

void RegistersNode::set_initial(std::vector<std::string> acceptors,
                                std::vector<std::string> proposers) {
  proposer_options_.initial_acceptors = std::move(acceptors);
  proposer_options_.initial_proposers = std::move(proposers);
}

void RegistersNode::make_roles(Env env, SimStore& store, Cluster& cluster) {
  if (roles().acceptor)
    acceptor_ = std::make_unique<acceptor::Acceptor>(env, store, plan_.acceptor);
  if (roles().proposer)
    proposer_ = std::make_unique<proposer::Proposer>(env, store, cluster, proposer_options_);
}

Result<> RegistersNode::start_roles() {
  if (acceptor_ != nullptr)
    if (auto started = acceptor_->start(); !started) return started;
  return proposer_ != nullptr ? proposer_->start() : Result<>();
}

void RegistersNode::drop_roles() {
  proposer_.reset();
  acceptor_.reset();
}

bool RegistersNode::swap_disks() {
  if (shelf_.empty()) return false;
  if (up()) crash(SimStore::Crash::powercut);
  if (!ghost_) own_identity_ = identity();
  std::unique_ptr<SimStore> other = std::move(shelf_.front());
  shelf_.erase(shelf_.begin());
  shelf_.insert(shelf_.begin(), take_disk(std::move(other)));
  ghost_ = !ghost_;
  return true;
}

}  // namespace skep::sim
