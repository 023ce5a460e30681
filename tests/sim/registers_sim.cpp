#include "tests/sim/registers_sim.hpp"

namespace skep::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

RegistersSim::RegistersSim(RegistersPlan plan, Trace trace, bool messages)
    : Simulation(plan.seed, {plan.network, plan.bad_network}, std::move(trace)),
      plan_(std::move(plan)) {
  network_.tap = [this, messages](std::size_t from, std::size_t to, const Message& message) {
    if (messages) note_message(from, to, message);
    checker_->saw(from, to, message);
  };
}

void RegistersSim::build() {
  const Machine::Print print = printer();
  const auto unsafe = [this](const std::string& what) { fail(Outcome::unsafe, what); };
  for (std::size_t i = 0; i < plan_.machines.size(); ++i) {
    nodes_.push_back(
        std::make_unique<RegistersNode>(plan_, time_, network_, i, dice_.fork(), print));
    add(*nodes_.back());
  }
  versions_.resize(nodes_.size());
  checker_ = std::make_unique<RegistersChecker>(nodes_, unsafe);
  clients_ = std::make_unique<RegistersClients>(plan_, time_, nodes_, dice_.fork(), print, unsafe);
  RegistersOperator::Hooks hooks;
  hooks.lose = [this](RegistersNode& node) { lose(node); };
  hooks.note = [this](const std::string& what) { note(what); };
  operator_ = std::make_unique<RegistersOperator>(plan_, time_, nodes_, dice_.fork(), hooks);
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    time_.at(i == 0 ? Duration(0) : dice_.between(Duration(0), seconds(1)), nullptr,
             [this, i] { restart(*nodes_[i]); });
}

void RegistersSim::run_until(Duration until) {
  Process* ran = nullptr;
  while (!failed() && time_.step(until, ran)) {
  }
}

Report RegistersSim::run() {
  note(plan_.show());
  build();
  clients_->start();
  operator_->start();
  run_until(dice_.between(milliseconds(500), seconds(4)));
  inject_faults<Fault>(plan_.faults, plan_.fault_every, [this](Fault fault) { inject(fault); });
  run_until(plan_.safety);
  if (!failed()) heal();
  if (!failed() && settle()) last_requests();
  const std::string wrong = report_.outcome == Outcome::unsafe ? "" : clients_->check();
  return finish(clients_->asked(), clients_->done(), wrong);
}

// All faults end, and everybody comes back, with its own disk.
void RegistersSim::heal() {
  mend();
  operator_->finish();
  for (const auto& node : nodes_) {
    if (node->ghost()) node->swap_disks();
    if (!node->up()) restart(*node);
  }
}

// Within some time this becomes empty, or the run is stuck.
bool RegistersSim::until_empty(const std::function<std::string()>& wrong) {
  const Duration limit = time_.now() + seconds(60);
  std::string what;
  while (!failed() && time_.now() < limit) {
    run_until(time_.now() + milliseconds(100));
    if (what = wrong(); what.empty()) return !failed();
  }
  fail(Outcome::stuck, what);
  return false;
}

bool RegistersSim::settle() {
  return until_empty([this] {
    std::string wrong = unsettled();
    if (wrong.empty() || operator_->settled()) ask_how_all_stand();
    return wrong;
  });
}

void RegistersSim::ask_how_all_stand() {
  for (const auto& node : nodes_)
    if (node->proposer() != nullptr)
      node->proposer()->status(seconds(1), [this, at = node->index()](const proposer::Status& s) {
        versions_[at] = s.in_force ? s.configuration.version : 0;
      });
}

// Empty, or what is missing until all is as the operator wants it, everywhere.
std::string RegistersSim::unsettled() const {
  if (!operator_->settled()) return "the operator is not through: " + operator_->unsettled();
  const proposer::Configuration& present = operator_->known();
  for (const auto& node : nodes_) {
    const std::string name = Machine::name(node->index());
    if (!node->up()) return name + " is down";
    if (node->proposer() == nullptr) continue;
    if (const Result<> ready = node->proposer()->ready(); !ready)
      return name + " is not ready: " + ready.error().message;
    if (versions_[node->index()] != present.version)
      return name + " goes by configuration " + std::to_string(versions_[node->index()]) +
             ", not " + std::to_string(present.version);
  }
  return checker_->behind(present);
}

// Every key can be changed and read everywhere. Then all acceptors have the same, and nothing that
// was removed: one whose floor is high takes part when the ballots have come up to it.
void RegistersSim::last_requests() {
  using What = RegistersClients::What;
  const auto stuck = [this](const std::string& why) { fail(Outcome::stuck, why); };
  clients_->stop();
  run_until(time_.now() + plan_.request_timeout + seconds(1));
  std::vector<RegistersNode*> proposers;
  for (const auto& node : nodes_)
    if (node->proposer() != nullptr) proposers.push_back(node.get());
  for (const What what : {What::change, What::read}) {
    for (RegistersNode* node : proposers) {
      clients_->ask_all(*node, what, stuck);
      run_until(time_.now() + milliseconds(500));
    }
    run_until(time_.now() + seconds(6));
  }
  if (failed()) return;
  if (const std::size_t open = clients_->unanswered(); open > 0)
    return stuck(std::to_string(open) + " requests were never answered");
  if (const std::string wrong = clients_->check_counters(); !wrong.empty())
    return fail(Outcome::unsafe, wrong);
  std::vector<NodeId> acceptors;
  for (const auto& node : operator_->known().accept.nodes) acceptors.push_back(node.id);
  until_empty([&] {
    std::string wrong;
    for (std::size_t key = 0; key < plan_.keys && wrong.empty(); ++key)
      wrong = checker_->unequal(acceptors, clients_->key_name(key), clients_->removed(key));
    if (!wrong.empty()) clients_->ask_all(*proposers.front(), What::set, stuck);
    return wrong;
  });
}

}  // namespace skep::sim
