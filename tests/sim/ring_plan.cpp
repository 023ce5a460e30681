#include "tests/sim/ring_plan.hpp"

#include <algorithm>
#include <array>

namespace skep::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string_view name(Fault fault) {
  constexpr std::array<std::string_view, kFaults> kNames = {
      "kill",    "powercut", "failed_sync", "wipe",       "stop",      "pause",     "split",
      "isolate", "path",     "reset",       "disk_stall", "disk_full", "wall_jump", "bad_network",
      "join",    "leave",    "forget",      "blackout",   "options"};
  return kNames[static_cast<std::size_t>(fault)];
}

namespace {

template <class T, std::size_t N> T one_of(Dice& dice, const T (&choices)[N]) {
  return choices[dice.below(N)];
}

ring::Options draw_ring(Dice& dice) {
  ring::Options ring;
  ring.hive.arcs = one_of<std::uint16_t>(dice, {2, 4, 4, 8, 16});
  ring.hive.replication = one_of<std::uint8_t>(dice, {1, 2, 3, 3, 3, 3, 4, 5});
  const Duration lease = dice.between(milliseconds(200), milliseconds(700));
  ring.hive.lease_us = static_cast<std::uint64_t>(lease.count());
  ring.heartbeat = lease / static_cast<int>(dice.between(3, 5));
  // Also shorter than the lease: then leases alone keep two owners apart.
  ring.takeover_after = dice.chance(0.4) ? dice.between(milliseconds(80), milliseconds(300))
                                         : dice.between(milliseconds(300), milliseconds(1200));
  ring.replace_after = dice.between(seconds(1), seconds(6));
  ring.request_timeout = dice.between(milliseconds(800), seconds(4));
  ring.moves = static_cast<std::uint32_t>(dice.between(1, 8));
  ring.chunk_bytes = one_of<std::size_t>(dice, {64, 300, 256 * 1024});
  if (dice.chance(0.1)) ring.max_waiting = 4;
  ring.sweep_every = dice.between(milliseconds(50), milliseconds(1500));
  ring.compare_every = dice.between(milliseconds(100), seconds(3));
  return ring;
}

}  // namespace

RingPlan RingPlan::draw(std::uint64_t seed) {
  Dice dice(seed * 0x9e3779b97f4a7c15 + 1);
  RingPlan plan;
  plan.seed = seed;
  plan.nodes = one_of<std::size_t>(dice, {1, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7});
  plan.spares = dice.below(4);
  plan.clients = dice.between(2, 7);
  plan.keys = dice.between(2, 12);
  plan.tags = dice.between(1, plan.keys);
  plan.think = dice.between(milliseconds(20), milliseconds(500));
  plan.safety = dice.between(seconds(6), seconds(25));
  plan.fault_every = dice.chance(0.4) ? dice.between(milliseconds(60), milliseconds(400))
                                      : dice.between(milliseconds(300), milliseconds(3000));
  const double taste = one_of<double>(dice, {0.1, 0.25, 0.5, 0.8});
  for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::forget); ++i)
    if (dice.chance(taste)) plan.faults.push_back(static_cast<Fault>(i));
  plan.ring = draw_ring(dice);
  plan.dead_after = dice.between(milliseconds(500), milliseconds(1500));
  plan.network.delay_max = dice.between(microseconds(100), milliseconds(20));
  if (dice.chance(0.3)) plan.network.held_up = 0.01;
  plan.bad_network = plan.network;
  plan.bad_network.loss = static_cast<double>(dice.below(30)) / 100;
  plan.bad_network.duplicate = dice.chance(0.5) ? 0.1 : 0;
  plan.bad_network.held_up = dice.chance(0.5) ? 0.1 : 0;
  plan.bad_network.hold = dice.between(milliseconds(10), milliseconds(2000));
  plan.bad_network.corrupt = dice.chance(0.2) ? 0.001 : 0;
  plan.disk.sync_max = dice.between(milliseconds(1), milliseconds(120));
  plan.disk.flush_interval = dice.between(milliseconds(100), seconds(2));
  plan.timers_late = dice.between(Duration(0), milliseconds(30));
  plan.clock_rate = static_cast<std::int64_t>(dice.below(5000));
  plan.together = plan.tags < plan.keys && dice.chance(0.3);
  if (dice.chance(0.25)) plan.ring.hive.durability = ring::Durable::commit;
  if (dice.chance(0.2)) plan.ring.hive.durability = ring::Durable::none;
  // Copies of many pieces, with writes between them.
  if (dice.chance(0.4)) {
    plan.keys = dice.between(8, 24);
    plan.tags = dice.between(1, 2);
    plan.think = dice.between(milliseconds(20), milliseconds(80));
    plan.ring.chunk_bytes = 64;
  }
  // Little but partitions, one after the other; also with restarts that are as short as a lease.
  if (dice.chance(0.3)) {
    plan.faults = {Fault::split, Fault::isolate, Fault::path};
    if (dice.chance(0.5)) {
      plan.faults = {Fault::kill, Fault::path};
      plan.ring.takeover_after = dice.between(milliseconds(80), milliseconds(300));
    }
    plan.fault_every = dice.between(milliseconds(300), milliseconds(1500));
    plan.think = std::min<Duration>(plan.think, milliseconds(100));
  }
  // Candidates that sync no faster than others lose patience would duel for ever.
  plan.disk.sync_max = std::min(plan.disk.sync_max, plan.ring.takeover_after / 8);
  // Where few requests may wait, the last reads, which come all at once, would be refused.
  // With entries in memory only, writes would.
  const bool on_disk = plan.ring.hive.durability != ring::Durable::none;
  if (on_disk && plan.ring.max_waiting > 4 && dice.chance(0.4)) {
    if (dice.chance(0.7)) plan.ring.max_entries = dice.between(1, 3);
    if (dice.chance(0.3)) plan.ring.max_memory = dice.between(300, 3000);
    plan.ring.reads_at_once = one_of<std::size_t>(dice, {1, 64});
  }
  if (dice.chance(0.1)) plan.faults.push_back(Fault::blackout);
  const Duration takeover_empty = dice.between(seconds(2), seconds(6));
  const bool alone = plan.ring.hive.replication == 1 && dice.chance(0.5);
  plan.ring.hive.takeover_empty_us = alone ? static_cast<std::uint64_t>(takeover_empty.count()) : 0;
  if (alone) std::erase(plan.faults, Fault::blackout);  // all that was written has to come back
  if (dice.chance(taste / 2)) plan.faults.push_back(Fault::forget);
  if (dice.chance(0.15) && !alone) plan.faults.push_back(Fault::options);
  plan.draw_expiry();
  plan.draw_refusals();
  plan.draw_eviction();
  plan.draw_answers();
  plan.draw_backlog();
  return plan;
}

// Drawn from a stream of its own, whose number is one with which none of the seeds that were in
// regressions.txt by then draws it: they mean what they did.
void RingPlan::draw_expiry() {
  constexpr std::uint64_t kStream = 1'023'588;
  Dice dice(seed * 0x9e3779b97f4a7c15 + kStream);
  if (!dice.chance(0.25) || has(Fault::blackout)) return;
  expiry = true;
  // With clocks that agree, nobody ever is of another opinion than an owner was.
  if (!has(Fault::wall_jump) && dice.chance(0.3)) faults.push_back(Fault::wall_jump);
}

// The same, where values are dropped from memory, for disks that refuse to take them: whoever drops
// one too early finds it nowhere.
void RingPlan::draw_refusals() {
  constexpr std::uint64_t kStream = 117;
  Dice dice(seed * 0x9e3779b97f4a7c15 + kStream);
  const bool on_disk = ring.hive.durability != ring::Durable::none;
  const bool bounded = ring.max_entries != 0 || ring.max_memory != 0;
  if (!on_disk || !bounded || !dice.chance(0.5)) return;
  std::erase(faults, Fault::disk_full);
  faults.insert(faults.end(), std::max<std::size_t>(faults.size() / 2, 1), Fault::disk_full);
  fault_every = std::min<Duration>(fault_every, milliseconds(600));
  think = std::min<Duration>(think, milliseconds(80));
}

// The same for bounds where entries are in memory only.
void RingPlan::draw_eviction() {
  constexpr std::uint64_t kStream = 13'622;
  Dice dice(seed * 0x9e3779b97f4a7c15 + kStream);
  if (ring.hive.durability != ring::Durable::none || !dice.chance(0.6)) return;
  evicts = true;
  if (dice.chance(0.7)) ring.max_entries = dice.between(1, 6);
  if (ring.max_entries == 0 || dice.chance(0.2)) ring.max_memory = dice.between(500, 4000);
  uneven = dice.chance(0.2);
}

// The same for what nodes owe to others in answers: a few values at a time. Not where few requests
// may wait, for the last reads, which come all at once.
void RingPlan::draw_answers() {
  constexpr std::uint64_t kStream = 85'933;
  Dice dice(seed * 0x9e3779b97f4a7c15 + kStream);
  if (ring.max_waiting > 4 && dice.chance(0.2)) ring.max_owed = dice.between(1, 12);
}

// The same for what waits for disks that refuse to take it.
void RingPlan::draw_backlog() {
  constexpr std::uint64_t kStream = 101'986;
  Dice dice(seed * 0x9e3779b97f4a7c15 + kStream);
  if (!dice.chance(0.2)) return;
  ring.max_refused = dice.between(0, 2000);
  if (!has(Fault::disk_full)) faults.push_back(Fault::disk_full);
}

bool RingPlan::has(Fault fault) const {
  return std::find(faults.begin(), faults.end(), fault) != faults.end();
}

std::string RingPlan::show() const {
  const auto ms = [](Duration d) { return std::to_string(d.count() / 1000) + "ms"; };
  std::string out =
      "seed " + std::to_string(seed) + ": " + std::to_string(nodes) + "+" + std::to_string(spares) +
      " nodes, " + std::to_string(clients) + " clients, " + std::to_string(keys) + " keys in " +
      std::to_string(tags) + " slots, arcs " + std::to_string(ring.hive.arcs) + ", replication " +
      std::to_string(ring.hive.replication) + ", lease " + ms(ring.hive.lease()) + ", heartbeat " +
      ms(ring.heartbeat) + ", takeover " + ms(ring.takeover_after) + ", replace " +
      ms(ring.replace_after) + ", request " + ms(ring.request_timeout) + ", moves " +
      std::to_string(ring.moves) + ", chunk " + std::to_string(ring.chunk_bytes) + ", in memory " +
      std::to_string(ring.max_entries) + " or " + std::to_string(ring.max_memory) + "B, flush " +
      ms(disk.flush_interval) + ", " + ms(safety) + " of";
  if (ring.hive.durability == ring::Durable::commit) out += " (synced)";
  if (ring.hive.durability == ring::Durable::none) out += " (in memory)";
  if (takes_over_alone()) out += " (taken over empty after " + ms(ring.hive.takeover_empty()) + ")";
  if (together) out += " (writes of two keys)";
  if (evicts) out += uneven ? " (some delete for room)" : " (deletes for room)";
  if (expiry) out += " (expiries)";
  if (ring.max_owed < 1024) out += " (answers of " + std::to_string(ring.max_owed) + "B)";
  if (ring.max_refused < 1 << 20)
    out += " (" + std::to_string(ring.max_refused) + "B wait for the disk)";
  for (Fault fault : faults) out += " " + std::string(name(fault));
  return faults.empty() ? out + " no faults" : out;
}

}  // namespace skep::sim
