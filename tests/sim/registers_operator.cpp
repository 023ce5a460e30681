#include "tests/sim/registers_operator.hpp"

#include <algorithm>

namespace skep::sim {

using proposer::Node;
using proposer::Registers;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::vector<std::string> names_of(const std::vector<Node>& nodes) {
  std::vector<std::string> names;
  names.reserve(nodes.size());
  for (const Node& node : nodes) names.push_back(node.name);
  return names;
}

std::string show(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += " " + name;
  return out;
}

}  // namespace

RegistersOperator::RegistersOperator(const RegistersPlan& plan, VirtualTime& time, Nodes& nodes,
                                     Dice dice, Hooks hooks)
    : plan_(plan), time_(time), nodes_(nodes), dice_(dice), hooks_(std::move(hooks)) {}

void RegistersOperator::start() { again(plan_.operator_pause); }

void RegistersOperator::finish() {
  finishing_ = true;
  loses_ = false;
}

RegistersNode* RegistersOperator::machine(const std::string& name) const {
  for (const auto& node : nodes_)
    if (Machine::name(node->index()) == name) return node.get();
  return nullptr;
}

bool RegistersOperator::is_there(const Node& node) const {
  const RegistersNode* at = machine(node.name);
  return at != nullptr && at->own_identity() == node.id;
}

proposer::Proposer* RegistersOperator::pick() {
  std::vector<RegistersNode*> up;
  for (const auto& node : nodes_)
    if (node->proposer() != nullptr && !node->paused()) up.push_back(node.get());
  return up.empty() ? nullptr : up[dice_.below(up.size())]->proposer();
}

Duration RegistersOperator::timeout() { return dice_.between(milliseconds(300), seconds(4)); }

void RegistersOperator::again(Duration pause) {
  const std::uint64_t turn = ++turn_;
  if (plan_.interruption > 0 && dice_.chance(plan_.interruption)) pause += seconds(1);
  time_.after(pause + dice_.between(Duration(0), milliseconds(20)), nullptr, [this, turn] {
    if (turn == turn_) begin();
  });
}

// Who does not answer has ended, or stands still; a tool gives up, and another one is started.
std::uint64_t RegistersOperator::call() {
  const std::uint64_t turn = ++turn_;
  const Duration patience = plan_.interruption > 0 && dice_.chance(plan_.interruption)
                                ? dice_.between(Duration(1), milliseconds(100))
                                : seconds(6);
  time_.after(patience, nullptr, [this, turn] {
    if (turn == turn_) again(Duration(0));
  });
  return turn;
}

bool RegistersOperator::taken(std::uint64_t turn) {
  if (turn != turn_) return false;
  ++turn_;
  return true;
}

void RegistersOperator::begin() {
  proposer::Proposer* proposer = pick();
  if (proposer == nullptr) return again(milliseconds(200));
  const std::uint64_t turn = call();
  proposer->status(seconds(1), [this, turn](const Status& status) {
    if (taken(turn)) decide(status);
  });
}

// Each of the proposers has had a configuration; a later one is told who are acceptors then.
bool RegistersOperator::all_have_served(const Configuration& present) {
  bool all = true;
  for (const auto& node : nodes_) {
    if (present.proposer(node->own_identity()) == nullptr) continue;
    if (node->proposer() != nullptr && !node->ghost() && node->proposer()->ready())
      served_.insert(node->identity());
    all = all && served_.count(node->own_identity()) > 0;
  }
  return all;
}

void RegistersOperator::decide(const Status& status) {
  const Configuration& present = status.configuration;
  settled_ = false;
  if (!status.in_force || present.version < known_.version) {
    doing_ = "the proposers have not got the newest configuration";
    return again(milliseconds(100));
  }
  known_ = present;
  for (const Node& node : present.acceptors()) used_.insert(node.id);
  if (!present.at_rest()) return continue_to_goal(present);
  begin_something(status);
}

void RegistersOperator::act(
    const std::string& what,
    const std::function<void(proposer::Proposer&, std::uint64_t turn)>& make) {
  proposer::Proposer* proposer = pick();
  if (proposer == nullptr) return again(milliseconds(200));
  doing_ = what;
  hooks_.note("operator: " + what);
  make(*proposer, call());
}

void RegistersOperator::heard(std::uint64_t turn, const std::string& what,
                              const Result<Status>& told) {
  if (!taken(turn)) return;
  hooks_.note(
      "operator: " + what + ": " +
      (told ? "version " + std::to_string(told->configuration.version) : told.error().message));
  if (!told) doing_ = what + ": " + told.error().message;
  again(told ? dice_.between(Duration(0), plan_.operator_pause) : milliseconds(50));
}

// Now and then a step is asked for that comes too late, or too early.
void RegistersOperator::continue_to_goal(const Configuration& present) {
  const std::uint64_t from = present.version;
  const bool rescans =
      present.goal.empty() || towards_goal(present, {}).kind == proposer::Step::Kind::rescan;
  if (dice_.chance(0.05) && from > 1) {
    return act("advance from an old version", [&](proposer::Proposer& at, std::uint64_t turn) {
      at.advance(from - 1, timeout(), [this, turn](const Result<Status>& told) {
        heard(turn, "advance from an old version", told);
      });
    });
  }
  if (rescans && dice_.chance(0.1)) {
    const std::vector<std::string> names = names_of(present.accept.nodes);
    const auto quorum = static_cast<std::uint32_t>(names.size() / 2 + 1);
    Registers::Step step;
    step.from = from;
    step.prepare = Registers::Names{names, quorum};
    return act("prepare without a rescan", [&](proposer::Proposer& at, std::uint64_t turn) {
      at.configure(step, timeout(), [this, turn](const Result<Status>& told) {
        heard(turn, "prepare without a rescan", told);
      });
    });
  }
  if (!rescans)
    return act("advance", [&](proposer::Proposer& at, std::uint64_t turn) {
      at.advance(from, timeout(),
                 [this, turn](const Result<Status>& told) { heard(turn, "advance", told); });
    });
  act("rescan", [&](proposer::Proposer& at, std::uint64_t turn) {
    at.rescan(plan_.rescan_page, timeout(), [this, turn](const Result<proposer::Rescanned>& told) {
      if (!taken(turn)) return;
      hooks_.note("operator: rescan: " +
                  (told ? std::to_string(told->registers) + " registers" : told.error().message));
      if (!told) doing_ = "rescan: " + told.error().message;
      again(told ? dice_.between(Duration(0), plan_.operator_pause) : milliseconds(50));
    });
  });
}

// Proposers that have a disk to come back with.
std::vector<std::string> RegistersOperator::proposers() const {
  std::vector<std::string> names;
  for (const auto& node : nodes_)
    if (node->roles().proposer && node->own_identity() != 0)
      names.push_back(Machine::name(node->index()));
  std::sort(names.begin(), names.end());
  return names;
}

void RegistersOperator::begin_something(const Status& status) {
  const Configuration& present = status.configuration;
  if (!all_have_served(present) || !status.complete) {
    doing_ = "waits until all have a configuration";
    return again(milliseconds(100));
  }
  std::vector<std::string> here;
  for (const Node& node : present.accept.nodes)
    if (is_there(node)) here.push_back(node.name);
  if (here.size() < present.accept.nodes.size()) return set_goal(present, here);
  const std::vector<std::string> wanted = proposers();
  if (names_of(present.proposers) != wanted ||
      !std::all_of(present.proposers.begin(), present.proposers.end(),
                   [&](const Node& node) { return is_there(node); }))
    return list_proposers(present, wanted);
  if (!finishing_ && (lose(present) || next_size(present))) return;
  doing_ = "nothing";
  settled_ = true;
  again(milliseconds(300));
}

void RegistersOperator::set_goal(const Configuration& present, std::vector<std::string> names) {
  Registers::Step step;
  step.from = present.version;
  step.goal = names;
  act("goal" + show(names), [&](proposer::Proposer& at, std::uint64_t turn) {
    at.configure(step, timeout(),
                 [this, turn](const Result<Status>& told) { heard(turn, "goal", told); });
  });
}

void RegistersOperator::list_proposers(const Configuration& present,
                                       std::vector<std::string> names) {
  Registers::Step step;
  step.from = present.version;
  step.proposers = names;
  act("proposers" + show(names), [&](proposer::Proposer& at, std::uint64_t turn) {
    at.configure(step, timeout(),
                 [this, turn](const Result<Status>& told) { heard(turn, "proposers", told); });
  });
}

// A machine dies with its disk. Of three acceptors and more one may; of fewer none.
bool RegistersOperator::lose(const Configuration& present) {
  if (!std::exchange(loses_, false)) return false;
  std::vector<RegistersNode*> candidates;
  for (const auto& node : nodes_) {
    if (node->ghost() || node->own_identity() == 0) continue;
    const NodeId id = node->own_identity();
    const bool last = present.proposers.size() == 1 && present.proposer(id) != nullptr;
    const bool needed = present.acceptor(id) != nullptr && present.accept.nodes.size() < 3;
    if (!last && !needed) candidates.push_back(node.get());
  }
  if (candidates.empty()) return false;
  hooks_.lose(*candidates[dice_.below(candidates.size())]);
  again(dice_.between(Duration(0), seconds(1)));
  return true;
}

bool RegistersOperator::next_size(const Configuration& present) {
  if (plan_.sizes.empty()) {
    // What was lost and taken out comes back in.
    if (present.accept.nodes.size() >= plan_.acceptors) return false;
    set_goal(present, goal_of(present, plan_.acceptors));
    return true;
  }
  const std::size_t size = plan_.sizes[size_ % plan_.sizes.size()];
  if (present.accept.nodes.size() == size) {
    ++size_;
    again(dice_.between(Duration(0), plan_.operator_pause));
    return true;
  }
  std::vector<std::string> names = goal_of(present, size);
  if (names.empty()) return false;
  set_goal(present, std::move(names));
  return true;
}

// So many of those that there are, or they and others, whose disks have to be empty. None: a disk
// is being emptied for it.
std::vector<std::string> RegistersOperator::goal_of(const Configuration& present,
                                                    std::size_t size) {
  std::vector<std::string> names = names_of(present.accept.nodes);
  while (names.size() > size)
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(dice_.below(names.size())));
  std::vector<RegistersNode*> others;
  for (const auto& node : nodes_)
    if (node->roles().acceptor && !node->ghost() && node->up() &&
        present.acceptor(node->own_identity()) == nullptr)
      others.push_back(node.get());
  while (names.size() < size && !others.empty()) {
    const auto at = others.begin() + static_cast<std::ptrdiff_t>(dice_.below(others.size()));
    RegistersNode& node = **at;
    others.erase(at);
    if (used_.count(node.identity()) > 0) {
      const bool last =
          present.proposers.size() == 1 && present.proposer(node.identity()) != nullptr;
      if (last) continue;
      hooks_.lose(node);
      return {};
    }
    names.push_back(Machine::name(node.index()));
  }
  return names;
}

}  // namespace skep::sim
