#include "tests/sim/ring_sim.hpp"

namespace skep::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

RingSim::RingSim(RingPlan plan, Trace trace, bool messages)
    : Simulation(plan.seed, {plan.network, plan.bad_network}, std::move(trace)),
      plan_(std::move(plan)),
      most_copies_(plan_.ring.hive.replication) {
  if (!messages) return;
  network_.tap = [this](std::size_t from, std::size_t to, const Message& message) {
    note_message(from, to, message);
  };
}

void RingSim::build() {
  const Machine::Print print = printer();
  for (std::size_t i = 0; i < plan_.nodes + plan_.spares; ++i) {
    nodes_.push_back(std::make_unique<RingNode>(plan_, time_, network_, i, dice_.fork(), print));
    add(*nodes_.back());
  }
  // Jumps alone are rare: where there are any, no two clocks show the same time from the start.
  if (plan_.expiry && plan_.has(Fault::wall_jump))
    for (const auto& node : nodes_) jump_wall(*node);
  checker_ = std::make_unique<RingChecker>(
      plan_, nodes_, [this](const std::string& what) { fail(Outcome::unsafe, what); },
      [this](const std::string& key) { clients_->evicted(key); }, print);
  RingClients::Acknowledged acknowledged;
  acknowledged.put = [this](const std::string& key, const std::string& value, bool deletes,
                            bool sole) {
    checker_->acknowledged(time_.now(), key, value, deletes, sole);
  };
  acknowledged.deleted = [this](const std::string& key) { checker_->deleted(time_.now(), key); };
  clients_ = std::make_unique<RingClients>(plan_, time_, nodes_, dice_.fork(), print,
                                           std::move(acknowledged));
  for (std::size_t i = 0; i < plan_.nodes; ++i)
    time_.at(i == 0 ? Duration(0) : dice_.between(milliseconds(0), seconds(2)), nullptr,
             [this, i] { restart(*nodes_[i]); });
}

void RingSim::every(Duration interval, std::function<void()> what) {
  time_.after(interval, nullptr, [this, interval, what = std::move(what)] {
    what();
    every(interval, what);
  });
}

void RingSim::run_until(Duration until) {
  Process* ran = nullptr;
  while (!failed() && time_.step(until, ran))
    if (ran != nullptr) checker_->after_step(*nodes_[ran->host]);
}

Report RingSim::run() {
  note(plan_.show());
  build();
  every(milliseconds(100), [this] { checker_->check_acknowledged(); });
  clients_->start();
  run_until(dice_.between(seconds(1), seconds(5)));
  inject_faults<Fault>(plan_.faults, plan_.fault_every, [this](Fault fault) { inject(fault); });
  run_until(plan_.safety);
  if (!failed()) heal();
  if (!failed() && settle() && serves_without_one() && settle()) final_reads();
  std::string wrong;
  if (report_.outcome != Outcome::unsafe && !plan_.takes_over_alone()) wrong = clients_->check();
  return finish(clients_->asked(), clients_->done(), wrong);
}

// All faults end, and all that are down and have not left come back.
void RingSim::heal() {
  mend();
  for (const auto& node : nodes_)
    if (node->fate() == RingNode::Fate::down) restart(*node);
}

bool RingSim::settle() {
  // Longer than every timeout there is, several times over.
  const Duration limit = time_.now() + seconds(60) + 10 * plan_.ring.replace_after;
  std::string wrong;
  while (!failed() && time_.now() < limit) {
    run_until(time_.now() + milliseconds(200));
    if (std::any_of(nodes_.begin(), nodes_.end(), [](const auto& n) { return n->leaving; })) {
      wrong = "a node that leaves has not left";
    } else if (wrong = checker_->unsettled(); wrong.empty()) {
      if (clients_->stopped()) wrong = checker_->unequal();
      if (clients_->stopped() && wrong.empty()) wrong = checker_->overdue();
      if (clients_->stopped() && wrong.empty()) wrong = checker_->crowded();
      if (wrong.empty()) return !failed();
    }
  }
  fail(Outcome::stuck, wrong);
  return false;
}

// Where arcs are taken over empty, the ring serves all of them without any one node.
bool RingSim::serves_without_one() {
  RingNode* node = pick();
  if (!plan_.takes_over_alone() || node == nullptr || up() < 2) return true;
  note("sim: node" + std::to_string(node->index()) + " stays away");
  node->crash(SimStore::Crash::kill);
  if (!settle()) return false;
  if (node->fate() == RingNode::Fate::down) restart(*node);  // an earlier death may have done it
  return true;
}

void RingSim::final_reads() {
  clients_->stop();
  run_until(time_.now() + plan_.ring.request_timeout + seconds(3));
  if (plan_.expiry) run_until(time_.now() + RingClients::kLongestLife);
  for (const auto& node : nodes_)
    if (node->up())
      clients_->read_all(*node, [this](const std::string& why) { fail(Outcome::stuck, why); });
  run_until(time_.now() + plan_.ring.request_timeout + seconds(3));
  if (failed() || !settle()) return;  // a suspicion may have come and gone
  if (const std::size_t open = clients_->unanswered(); open > 0)
    fail(Outcome::stuck, std::to_string(open) + " requests were never answered");
  else if (const std::string lost = checker_->missing(clients_->written());
           plan_.takes_over_alone() && !checker_->in_memory() && !lost.empty())
    fail(Outcome::unsafe, lost);
}

}  // namespace skep::sim
