// What a seed means for a run of the registers: who is acceptor and proposer, the timings, which
// faults there are and how the acceptors change meanwhile. Each run enables a random subset of the
// faults, so that rare combinations occur, too (Groce et al., "Swarm testing", 2012).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "roles/acceptor/acceptor.hpp"
#include "roles/proposer/proposer.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/sim/sim_store.hpp"

namespace skep::sim {

struct RegistersPlan {
  enum class Fault : std::uint8_t {
    kill,         // kill -9, and a restart later
    powercut,     // of one machine
    failed_sync,  // the store closes, the process ends
    blackout,     // all machines lose power in one instant
    stop,         // SIGTERM: tells its clients, ends in good order
    pause,        // the process stands still, its clock goes on
    split,        // two groups that do not hear each other
    isolate,      // one node and the rest
    path,         // one path, or one direction of it
    strand,       // one that only proposes hears of nobody while much changes
    reset,        // of a connection
    disk_stall,   // nothing is written for a while
    disk_full,    // new batches are refused for a while
    wall_jump,    // of the wall clock
    bad_network,  // loss, duplicates, delays for a while
    rot,          // a register's row on an acceptor's disk is damaged
    replace,      // a machine dies for good; an operator replaces it
    ghost,        // a machine that was replaced comes back with its old disk, for a while
  };
  static constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::ghost) + 1;
  static std::string_view name(Fault fault);

  struct Roles {
    bool acceptor = false;
    bool proposer = false;
  };

  std::uint64_t seed = 0;
  std::vector<Roles> machines;
  std::size_t acceptors = 3;  // at first: the first so many machines with that role
  // How many acceptors an operator makes of them, again and again; empty: nothing changes.
  std::vector<std::size_t> sizes;
  std::uint32_t rescan_page = 100;
  Duration operator_pause{};  // of the operator between two steps, at most
  double interruption = 0;    // of the operator, after a step
  std::size_t clients = 4;
  std::size_t keys = 4;
  Duration think{};            // of a client between two operations, at most
  Duration request_timeout{};  // of a client's operations, at most
  double reads = 0.3;          // share of the operations
  Duration safety{};           // how long there are faults
  Duration fault_every{};      // about
  std::vector<Fault> faults;
  acceptor::Options acceptor;
  proposer::Options proposer;
  Duration dead_after{};
  NetworkOptions network;      // in good times
  NetworkOptions bad_network;  // and in bad ones
  DiskOptions disk;
  Duration timers_late{};
  std::int64_t clock_rate = 0;  // parts per million from true, at most

  static RegistersPlan draw(std::uint64_t seed);
  bool has(Fault fault) const;
  std::string show() const;
};

}  // namespace skep::sim
