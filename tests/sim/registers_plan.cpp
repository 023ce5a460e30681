#include "tests/sim/registers_plan.hpp"

#include <algorithm>
#include <array>

#include "tests/sim/machine.hpp"

namespace skep::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Fault = RegistersPlan::Fault;

std::string_view RegistersPlan::name(Fault fault) {
  constexpr std::array<std::string_view, kFaults> kNames = {
      "kill",      "powercut",  "failed_sync", "blackout", "stop",    "pause",
      "split",     "isolate",   "path",        "strand",   "reset",   "disk_stall",
      "disk_full", "wall_jump", "bad_network", "rot",      "replace", "ghost"};
  return kNames[static_cast<std::size_t>(fault)];
}

namespace {

template <class T, std::size_t N> T one_of(Dice& dice, const T (&choices)[N]) {
  return choices[dice.below(N)];
}

// Which acceptors there are at first, and what becomes of them.
void draw_acceptors(Dice& dice, RegistersPlan& plan) {
  plan.acceptors = one_of<std::size_t>(dice, {1, 2, 3, 3, 3, 3, 3, 4, 5, 5});
  if (dice.chance(0.45)) return;
  plan.operator_pause = dice.between(milliseconds(1), milliseconds(400));
  plan.interruption = dice.chance(0.5) ? 0.15 : 0;
  plan.rescan_page = one_of<std::uint32_t>(dice, {1, 2, 5, 1000});
  switch (dice.below(6)) {
    case 0:
    case 1:
      plan.acceptors = 3;
      plan.sizes = {4, 3};
      return;
    case 2:
    case 3:
      plan.acceptors = 3;
      plan.sizes = {5, 3};
      return;
    case 4:
      plan.acceptors = 1;
      plan.sizes = {2, 3, 1};
      return;
    default:
      for (std::size_t i = dice.between(1, 4); i > 0; --i) plan.sizes.push_back(dice.between(1, 5));
  }
}

// Acceptors come first, some of which propose, too; then proposers that are nothing else.
void draw_machines(Dice& dice, RegistersPlan& plan) {
  std::size_t most = plan.acceptors;
  for (const std::size_t size : plan.sizes) most = std::max(most, size);
  if (!plan.sizes.empty() && dice.chance(0.5)) ++most;
  const double both = one_of<double>(dice, {0, 0.5, 0.8, 1});
  std::size_t proposers = dice.between(1, 4);
  for (std::size_t i = 0; i < most; ++i) {
    const bool proposes = proposers > 0 && i < plan.acceptors && dice.chance(both);
    proposers -= proposes ? 1 : 0;
    plan.machines.push_back({true, proposes});
  }
  const bool none = std::none_of(plan.machines.begin(), plan.machines.end(),
                                 [](const auto& roles) { return roles.proposer; });
  if (!none && dice.chance(0.6)) return;
  for (; proposers > 0; --proposers) plan.machines.push_back({false, true});
}

void draw_network(Dice& dice, RegistersPlan& plan) {
  plan.network.delay_max = dice.between(microseconds(100), milliseconds(20));
  if (dice.chance(0.3)) plan.network.held_up = 0.01;
  plan.bad_network = plan.network;
  plan.bad_network.loss = static_cast<double>(dice.below(30)) / 100;
  plan.bad_network.duplicate = dice.chance(0.5) ? 0.1 : 0;
  plan.bad_network.held_up = dice.chance(0.5) ? 0.1 : 0;
  plan.bad_network.hold = dice.between(milliseconds(10), milliseconds(2000));
  plan.bad_network.corrupt = dice.chance(0.2) ? 0.001 : 0;
}

void draw_faults(Dice& dice, RegistersPlan& plan) {
  const double taste = one_of<double>(dice, {0.1, 0.25, 0.5, 0.8});
  for (std::size_t i = 0; i < RegistersPlan::kFaults; ++i)
    if (dice.chance(taste)) plan.faults.push_back(static_cast<Fault>(i));
  // Little but partitions and lost messages, one after the other.
  if (dice.chance(0.3)) plan.faults = {Fault::split, Fault::isolate, Fault::path};
  if (dice.chance(0.1)) plan.faults = {Fault::bad_network, Fault::reset};
  // A machine that never forgets what it was told has no old disk to come back with.
  if (!plan.has(Fault::replace)) std::erase(plan.faults, Fault::ghost);
  // As many acceptors have to be left that know a register as there have to be without one.
  const bool few = plan.acceptors < 3 || std::any_of(plan.sizes.begin(), plan.sizes.end(),
                                                     [](std::size_t size) { return size < 3; });
  if (few || plan.has(Fault::replace)) std::erase(plan.faults, Fault::rot);
  plan.safety = dice.between(seconds(3), seconds(12));
  plan.fault_every = dice.chance(0.4) ? dice.between(milliseconds(60), milliseconds(400))
                                      : dice.between(milliseconds(300), milliseconds(3000));
}

// The acceptors change quickly, and proposers that were away come back with what they knew.
void draw_strangers(Dice& dice, RegistersPlan& plan) {
  if (plan.sizes.empty() || !dice.chance(0.25)) return;
  plan.faults = {Fault::strand, Fault::reset};
  plan.fault_every = dice.between(milliseconds(500), milliseconds(2000));
  plan.safety = dice.between(seconds(8), seconds(14));
  plan.operator_pause = dice.between(milliseconds(1), milliseconds(30));
  plan.interruption = 0;
  for (std::size_t i = dice.between(1, 2); i > 0; --i) plan.machines.push_back({false, true});
}

void draw_roles(Dice& dice, RegistersPlan& plan) {
  plan.acceptor.cache = one_of<std::size_t>(dice, {0, 2000, std::size_t{64} << 20});
  proposer::Options& proposer = plan.proposer;
  proposer.round_timeout = dice.between(milliseconds(100), milliseconds(800));
  proposer.cache = one_of<std::uint64_t>(dice, {0, 2000, std::uint64_t{64} << 20});
  proposer.collect_every = dice.between(milliseconds(50), seconds(2));
  std::size_t acceptors = 0;
  for (std::size_t i = 0; i < plan.machines.size(); ++i) {
    const std::string full = Machine::name(i) + "@" + Machine::address(i);
    if (plan.machines[i].acceptor && acceptors++ < plan.acceptors)
      proposer.initial_acceptors.push_back(full);
    if (plan.machines[i].proposer) proposer.initial_proposers.push_back(full);
  }
}

}  // namespace

RegistersPlan RegistersPlan::draw(std::uint64_t seed) {
  Dice dice(seed * 0x9e3779b97f4a7c15 + 2);
  RegistersPlan plan;
  plan.seed = seed;
  draw_acceptors(dice, plan);
  draw_machines(dice, plan);
  draw_faults(dice, plan);
  draw_strangers(dice, plan);
  draw_roles(dice, plan);
  draw_network(dice, plan);
  plan.clients = dice.between(1, 6);
  plan.keys = dice.between(1, 10);
  plan.think = dice.between(milliseconds(10), milliseconds(300));
  plan.request_timeout = dice.between(milliseconds(200), seconds(3));
  plan.reads = one_of<double>(dice, {0.1, 0.3, 0.6});
  plan.dead_after = dice.between(milliseconds(500), milliseconds(1500));
  plan.disk.sync_max = dice.between(milliseconds(1), milliseconds(60));
  plan.disk.flush_interval = dice.between(milliseconds(100), seconds(2));
  plan.timers_late = dice.between(Duration(0), milliseconds(30));
  plan.clock_rate = static_cast<std::int64_t>(dice.below(5000));
  // One that syncs no faster than rounds are given up would never get anywhere.
  plan.disk.sync_max = std::min<Duration>(plan.disk.sync_max, plan.proposer.round_timeout / 8);
  return plan;
}

bool RegistersPlan::has(Fault fault) const {
  return std::find(faults.begin(), faults.end(), fault) != faults.end();
}

std::string RegistersPlan::show() const {
  const auto ms = [](Duration d) { return std::to_string(d.count() / 1000) + "ms"; };
  std::string out = "seed " + std::to_string(seed) + ": machines";
  for (const Roles& roles : machines)
    out += roles.acceptor && roles.proposer ? " both" : roles.acceptor ? " acceptor" : " proposer";
  out += ", " + std::to_string(acceptors) + " acceptors";
  for (const std::size_t size : sizes) out += "->" + std::to_string(size);
  out += ", " + std::to_string(clients) + " clients, " + std::to_string(keys) + " keys, think " +
         ms(think) + ", requests " + ms(request_timeout) + ", rounds " +
         ms(proposer.round_timeout) + ", collect " + ms(proposer.collect_every) + ", caches " +
         std::to_string(acceptor.cache) + " and " + std::to_string(proposer.cache) + ", sync " +
         ms(disk.sync_max) + ", " + ms(safety) + " of";
  for (const Fault fault : faults) out += " " + std::string(name(fault));
  return faults.empty() ? out + " no faults" : out;
}

}  // namespace skep::sim
