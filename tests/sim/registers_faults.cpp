// The faults of a run.
#include "tests/sim/registers_sim.hpp"

namespace skep::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

void RegistersSim::inject(Fault fault) {
  switch (fault) {
    case Fault::kill:
    case Fault::powercut:
    case Fault::failed_sync: return kill(fault);
    case Fault::blackout: return black_out();
    case Fault::stop: return stop_node();
    case Fault::pause: return pause_node();
    case Fault::split:
    case Fault::isolate:
    case Fault::path:
    case Fault::reset: return partition(fault);
    case Fault::strand: return strand();
    case Fault::disk_stall:
    case Fault::disk_full: return disturb_disk(fault);
    case Fault::bad_network: return bad_times();
    case Fault::rot: return decay();
    case Fault::replace: return operator_->lose_one();
    case Fault::ghost: return bring_back_old_disk();
    case Fault::wall_jump:
      if (RegistersNode* node = pick())
        node->clock().jump_wall(static_cast<std::int64_t>(dice_.below(7'200'000)) - 3'600'000);
      return;
  }
}

void RegistersSim::kill(Fault fault) {
  RegistersNode* node = pick(true);
  if (node == nullptr) return;
  note(*node, std::string(RegistersPlan::name(fault)));
  node->crash(fault == Fault::kill ? SimStore::Crash::kill : SimStore::Crash::powercut);
  restart_later(*node);
}

void RegistersSim::black_out() {
  note("sim: all lose power");
  for (const auto& node : nodes_) {
    if (!node->up()) continue;
    node->crash(SimStore::Crash::powercut);
    restart_later(*node);
  }
}

void RegistersSim::stop_node() {
  RegistersNode* node = pick();
  if (node == nullptr) return;
  note(*node, "is told to stop");
  if (node->proposer() != nullptr) node->proposer()->stop();
  time_.after(dice_.between(Duration(0), milliseconds(100)), nullptr,
              [this, node, life = node->life()] {
                if (!node->up() || node->life() != life) return;
                note(*node, "ends");
                node->end(false);
                restart_later(*node);
              });
}

void RegistersSim::pause_node() {
  RegistersNode* node = pick();
  if (node == nullptr) return;
  const Duration length = dice_.between(milliseconds(50), seconds(4));
  note(*node, "pauses for " + std::to_string(length.count() / 1000) + "ms");
  node->pause(length);
}

// The machine dies, and comes back with an empty disk. The old one may come back one day; but not
// if what the acceptor has promised as a whole is damaged: then it does not start any more.
void RegistersSim::lose(RegistersNode& node) {
  note(node, "loses its disk");
  if (node.up()) node.crash(SimStore::Crash::powercut);
  if (dice_.chance(0.2) && node.disk().damage(acceptor::kStandingSpace, acceptor::kStandingKey)) {
    if (node.start({})) fail(Outcome::unsafe, "an acceptor starts on a damaged disk");
    node.crash(SimStore::Crash::powercut);
    node.lose_disk();
  } else {
    node.shelve_disk();
  }
  restart_later(node);
}

void RegistersSim::bring_back_old_disk() {
  RegistersNode* node = pick(true);
  if (node == nullptr || node->ghost() || !node->swap_disks()) return;
  note(*node, "comes back with an old disk");
  restart(*node);
  time_.after(dice_.between(milliseconds(500), seconds(4)), nullptr, [this, node] {
    if (!node->ghost()) return;
    note(*node, "gets its disk back");
    node->swap_disks();
    restart(*node);
  });
}

void RegistersSim::decay() {
  RegistersNode* node = pick(true);
  if (node == nullptr || node->ghost()) return;
  const SimStore::Space* rows = node->store()->durable(acceptor::kRegisterSpace);
  if (rows == nullptr || rows->empty()) return;
  const auto row = std::next(rows->begin(), static_cast<std::ptrdiff_t>(dice_.below(rows->size())));
  const std::string key = row->first;
  if (!checker_->may_damage(*node, key)) return;
  const bool damaged = node->store()->damage(acceptor::kRegisterSpace, key);
  if (damaged) note(*node, "has damage in " + key);
}

void RegistersSim::restart_later(RegistersNode& node) {
  const Duration away = dice_.chance(0.4) ? dice_.between(Duration(0), milliseconds(100))
                                          : dice_.between(milliseconds(100), seconds(5));
  time_.after(away, nullptr, [this, &node] {
    if (!node.up()) restart(node);
  });
}

// One with an empty disk is told who are acceptors and proposers now; or, as its file may not have
// been changed, who were when that was written.
void RegistersSim::restart(RegistersNode& node) {
  const proposer::Configuration& known = operator_->known();
  const bool told = (plan_.seed + node.index()) % 2 == 0;
  if (node.store() == nullptr && known.version > 0 && told) {
    const std::string self = Machine::name(node.index()) + "@" + Machine::address(node.index());
    std::vector<std::string> acceptors, proposers{self};
    for (const auto& at : known.acceptors()) acceptors.push_back(at.name + "@" + at.address);
    for (const auto& at : known.proposers)
      if (const std::string full = at.name + "@" + at.address; full != self)
        proposers.push_back(full);
    node.set_initial(std::move(acceptors), std::move(proposers));
  }
  node.disk().on_durable = [this, &node](const Batch& batch) { checker_->durable(node, batch); };
  if (!node.start(peers_of(node)))
    fail(Outcome::unsafe, "node" + std::to_string(node.index()) + " does not start");
}

void RegistersSim::partition(Fault fault) {
  const std::size_t size = nodes_.size();
  const std::size_t one = dice_.below(size), other = dice_.below(size);
  if (one == other && fault != Fault::split && fault != Fault::isolate) return;
  if (fault == Fault::reset) return network_.reset(one, other);
  const Cut how = fault == Fault::split     ? Cut::split
                  : fault == Fault::isolate ? Cut::isolate
                                            : Cut::path;
  cut(how, one, other, seconds(4));
}

void RegistersSim::strand() {
  const RegistersNode* node = pick(true);
  if (node == nullptr || node->roles().acceptor) return;
  note(*node, "is stranded");
  for (std::size_t other = 0; other < nodes_.size(); ++other) {
    if (other == node->index()) continue;
    network_.cut(node->index(), other, true);
    network_.cut(other, node->index(), true);
  }
  mend_later(seconds(1), seconds(6));
}

void RegistersSim::disturb_disk(Fault fault) {
  RegistersNode* node = pick(true);
  if (node == nullptr) return;
  const Duration length = dice_.between(milliseconds(50), seconds(4));
  Simulation::disturb_disk(*node, fault == Fault::disk_full, length);
}

}  // namespace skep::sim
