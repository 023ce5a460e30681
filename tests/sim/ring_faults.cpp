// The faults of a run.
#include "tests/sim/ring_sim.hpp"

namespace skep::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::size_t RingSim::up() const {
  return static_cast<std::size_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->up(); }));
}

std::size_t RingSim::staying() const {
  return static_cast<std::size_t>(std::count_if(nodes_.begin(), nodes_.end(), [](const auto& n) {
    return n->fate() != RingNode::Fate::gone && n->fate() != RingNode::Fate::fresh && !n->leaving;
  }));
}

void RingSim::inject(Fault fault) {
  switch (fault) {
    case Fault::kill:
    case Fault::powercut:
    case Fault::failed_sync:
    case Fault::wipe: return kill(fault);
    case Fault::forget: return forget_node();
    case Fault::stop: return stop_node();
    case Fault::leave: return leave_node();
    case Fault::join: return join_node();
    case Fault::split:
    case Fault::isolate:
    case Fault::path:
    case Fault::reset: return partition(fault);
    case Fault::disk_stall:
    case Fault::disk_full: return disturb_disk(fault);
    case Fault::bad_network: return bad_times();
    case Fault::blackout: return black_out();
    case Fault::options: return change_options();
    case Fault::pause:
      if (RingNode* node = pick()) {
        // Often just long enough to come back while others take over.
        const Duration length =
            dice_.chance(0.5)
                ? plan_.ring.takeover_after + dice_.between(Duration(0), milliseconds(600))
                : dice_.between(milliseconds(50), seconds(4));
        note(*node, "pauses for " + std::to_string(length.count() / 1000) + "ms");
        node->pause(length);
        late_until_ = std::max(late_until_, time_.now() + length + unsynced());
      }
      return;
    case Fault::wall_jump:
      if (RingNode* node = pick()) jump_wall(*node);
      return;
  }
}

void RingSim::jump_wall(RingNode& node) {
  node.clock().jump_wall(static_cast<std::int64_t>(dice_.below(7'200'000)) - 3'600'000);
}

void RingSim::kill(Fault fault) {
  RingNode* node = pick(true);
  if (node == nullptr || node->leaving) return;
  const bool loses = fault != Fault::kill || checker_->in_memory();
  if (loses && !checker_->may_damage(*node, fault == Fault::wipe)) return;
  note(*node, std::string(name(fault)));
  const NodeId identity = node->identity();
  node->crash(fault == Fault::kill ? SimStore::Crash::kill : SimStore::Crash::powercut);
  if (fault == Fault::wipe) {
    node->lose_disk();
    checker_->wiped(identity);
  }
  restart_later(*node);
}

// A disk is lost, and an operator writes its node off.
void RingSim::forget_node() {
  const RingNode* chosen = pick(true);
  if (chosen == nullptr || chosen->leaving || !checker_->may_damage(*chosen, true)) return;
  RingNode& node = *nodes_[chosen->index()];
  const NodeId identity = node.identity();
  note(node, "wipe, to be written off");
  node.crash(SimStore::Crash::powercut);
  node.lose_disk();
  checker_->wiped(identity);
  restart_later(node);
  write_off(identity);
}

// Until somebody believes it dead.
void RingSim::write_off(NodeId identity) {
  time_.after(dice_.between(milliseconds(100), seconds(5)), nullptr, [this, identity] {
    RingNode* node = pick();
    if (node == nullptr) return write_off(identity);
    node->ring().forget(ring::node_id(identity), true, [this, identity](const Result<>& done) {
      note("sim: an operator hears " + (done ? "that it is written off" : done.error().message));
      const bool again = !done && done.error().code != Code::not_found;
      if (again && !faults_over_) write_off(identity);
    });
  });
}

void RingSim::restart_later(RingNode& node) {
  const Duration away = dice_.chance(0.4) ? dice_.between(Duration(0), milliseconds(100))
                                          : dice_.between(milliseconds(100), seconds(10));
  time_.after(away, nullptr, [this, &node] {
    if (node.fate() == RingNode::Fate::down) restart(node);
  });
}

void RingSim::restart(RingNode& node) {
  if (!node.start(peers_of(node)))
    fail(Outcome::unsafe, "node" + std::to_string(node.index()) + " does not start");
}

void RingSim::stop_node() {
  RingNode* node = pick();
  if (node == nullptr || node->leaving || !may_end(*node)) return;
  note(*node, "is told to stop");
  // Not from within the ring's own call.
  node->ring().stop([this, node, life = node->life()](Result<>) {
    time_.after(Duration(0), nullptr, [this, node, life] { end_node(*node, life); });
  });
}

// Where entries are in memory only, whoever ends a node waits until the others have them.
bool RingSim::may_end(const RingNode& node) const {
  return !checker_->in_memory() || checker_->may_damage(node, false);
}

void RingSim::end_node(RingNode& node, std::uint64_t life) {
  if (!node.up() || node.life() != life || node.leaving) return;
  if (!may_end(node)) {
    time_.after(milliseconds(100), nullptr, [this, &node, life] { end_node(node, life); });
    return;
  }
  note(node, "ends");
  node.end(false);
  restart_later(node);
}

void RingSim::leave_node() {
  RingNode* node = pick();
  if (node == nullptr || node->leaving || staying() < 2) return;
  // A lost member is replaced, never just dropped: somebody has to be left to take its place.
  if (staying() <= most_copies_ && checker_->names_lost()) return;
  const std::uint64_t life = node->life();
  node->leaving = true;
  note(*node, "is told to leave");
  node->ring().leave([this, node, life](Result<> ok) {
    node->leaving = static_cast<bool>(ok);
    note("sim: node" + std::to_string(node->index()) +
         (ok ? " has left" : " does not leave: " + ok.error().message));
    if (!ok) return;
    // It has still to tell the others.
    time_.after(seconds(1), nullptr, [node, life] {
      if (node->up() && node->life() == life) node->end(true);
      node->leaving = false;
    });
  });
}

void RingSim::join_node() {
  for (const auto& node : nodes_) {
    if (node->fate() == RingNode::Fate::gone) node->lose_disk();
    if (node->fate() == RingNode::Fate::gone ||
        (node->fate() == RingNode::Fate::fresh && node->index() >= plan_.nodes))
      return restart(*node);
  }
}

void RingSim::partition(Fault fault) {
  const std::size_t size = nodes_.size();
  const std::size_t one = dice_.below(size), other = dice_.below(size);
  if (fault == Fault::reset) return network_.reset(one, other);
  const Cut how = fault == Fault::split     ? Cut::split
                  : fault == Fault::isolate ? Cut::isolate
                                            : Cut::path;
  cut(how, one, other, seconds(6));
}

void RingSim::disturb_disk(Fault fault) {
  RingNode* node = pick(true);
  if (node == nullptr) return;
  const Duration length = dice_.between(milliseconds(50), seconds(4));
  late_until_ = std::max(late_until_, time_.now() + length + unsynced());
  Simulation::disturb_disk(*node, fault == Fault::disk_full, length);
}

// A sync may be under way when a write comes, and takes its time when it is due.
Duration RingSim::unsynced() const {
  return plan_.disk.flush_interval + 2 * plan_.disk.sync_max + 2 * plan_.disk.write_max;
}

void RingSim::black_out() {
  const bool leaving =
      std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->leaving; });
  if (leaving || !checker_->may_black_out()) return;
  const bool loses = plan_.ring.hive.durability != ring::Durable::commit;
  if (loses && time_.now() < late_until_) return;
  note("sim: all lose power");
  for (const auto& node : nodes_) {
    if (!node->up()) continue;
    node->crash(SimStore::Crash::powercut);
    restart_later(*node);
  }
  if (!loses) return;
  const Duration safe = time_.now() - unsynced();
  checker_->lost_since(safe);
  clients_->lost_since(safe);
}

// Not away from durability = "commit" nor to "none": what the disks have to keep is the plan's.
void RingSim::change_options() {
  RingNode* node = pick();
  if (node == nullptr || node->leaving) return;
  const Duration lease = dice_.between(milliseconds(150), milliseconds(900));
  const auto copies = static_cast<std::uint8_t>(dice_.between(1, 5));
  const std::uint64_t which = dice_.below(3);
  const auto change = [&](ring::HiveOptions hive) -> Result<ring::HiveOptions> {
    if (which == 0) hive.lease_us = static_cast<std::uint64_t>(lease.count());
    if (which == 1) hive.replication = copies;
    if (which == 2 && plan_.ring.hive.durability == ring::Durable::interval)
      hive.durability = hive.durability == ring::Durable::commit ? ring::Durable::interval
                                                                 : ring::Durable::commit;
    return hive;
  };
  if (which == 1) most_copies_ = std::max<std::size_t>(most_copies_, copies);
  note("sim: an operator changes " +
       (which == 0   ? "the lease to " + std::to_string(lease.count() / 1000) + "ms"
        : which == 1 ? "the replication to " + std::to_string(copies)
                     : std::string("the durability")));
  node->ring().change_options(change, [this](const Result<std::vector<std::string>>& missing) {
    note("sim: an operator hears that the options are " +
         (!missing           ? "not set: " + missing.error().message
          : missing->empty() ? "set everywhere"
                             : "set, not everywhere yet"));
  });
}

}  // namespace skep::sim
