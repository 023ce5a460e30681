// What a seed means for a run of the ring: the size of everything, the timings, and which faults
// there are. Each run enables a random subset of them, so that rare combinations occur, too (Groce
// et al., "Swarm testing", 2012).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "roles/ring/options.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/interned.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/sim/sim_store.hpp"

namespace skep::sim {

enum class Fault : std::uint8_t {
  kill,         // kill -9, and a restart later
  powercut,     // of one machine
  failed_sync,  // the store closes, the process ends
  wipe,         // the process dies and its disk is lost; it comes back as somebody else
  stop,         // SIGTERM: gives away what it owns, ends in good order
  pause,        // the process stands still, its clock goes on
  split,        // two groups that do not hear each other
  isolate,      // one node and the rest
  path,         // one path, or one direction of it
  reset,        // of a connection
  disk_stall,   // nothing is written for a while
  disk_full,    // new batches are refused for a while
  wall_jump,    // of the wall clock
  bad_network,  // loss, duplicates, delays for a while
  join,         // a new node, or one that had left, with an empty disk
  leave,        // a node goes for good
  // Drawn apart from these, and less often.
  forget,    // like wipe, and an operator writes the lost identity off
  blackout,  // all machines lose power in one instant
  options,   // not a fault: an operator changes options of the hive
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::options) + 1;
std::string_view name(Fault fault);

struct RingPlan {
  std::uint64_t seed = 0;
  std::size_t nodes = 3;
  std::size_t spares = 0;  // nodes that may join
  std::size_t clients = 4;
  std::size_t keys = 4;
  std::size_t tags = 4;    // hash tags among them: keys of one tag share a slot
  Duration think{};        // of a client between two operations, at most
  Duration safety{};       // how long there are faults
  Duration fault_every{};  // about
  std::vector<Fault> faults;
  ring::Options ring;
  Duration dead_after{};
  NetworkOptions network;      // in good times
  NetworkOptions bad_network;  // and in bad ones
  DiskOptions disk;
  Duration timers_late{};
  std::int64_t clock_rate = 0;  // parts per million from true, at most
  InternedLists* interned = nullptr;
  bool together = false;  // some writes are of two keys of one slot
  bool evicts = false;    // entries are in memory only, and are deleted for room
  bool uneven = false;    // only every other node has a bound
  bool expiry = false;    // some writes set when the key expires, or that it does not

  static RingPlan draw(std::uint64_t seed);
  bool has(Fault fault) const;
  // Whether an arc may be taken over without its members: then no write is safe over a death or a
  // cut, and a key's history is no register's.
  bool takes_over_alone() const {
    return ring.hive.replication == 1 && ring.hive.takeover_empty_us != 0;
  }
  std::string show() const;

 private:
  void draw_expiry();
  void draw_refusals();
  void draw_eviction();
  void draw_answers();
  void draw_backlog();
};

}  // namespace skep::sim
