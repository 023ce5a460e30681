// The ring's options. The hive's are the same on every node: the founder's file sets them, a joiner
// takes them over, and an operator changes some of them while the hive runs. The others are each
// node's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/base/time.hpp"

namespace skep::ring {

// What an acknowledgement waits for, on a majority of the arc's members.
enum class Durable : std::uint8_t {
  interval,  // until the write is in the journal, which is synced every store.flush_interval
  commit,    // until it is synced
  none,      // until it is in memory: entries are not on disk, and a member that starts has none
};
constexpr Durable wire_max(Durable) { return Durable::none; }
std::string_view name(Durable durable) noexcept;

// Of the hive. What it was cut into and whether entries are on disk is fixed when it is founded.
struct HiveOptions {
  std::uint16_t arcs = 256;          // a power of two, at most kSlots; cut once for ever
  std::uint8_t replication = 3;      // members of an arc
  std::uint64_t lease_us = 600'000;  // how long a member is bound to an owner it has heard
  Durable durability = Durable::interval;
  // With a replication of 1: how long an arc waits for its members until another node takes it over
  // without what they hold. 0: for ever.
  std::uint64_t takeover_empty_us = 10'000'000;

  template <class M, class V> static void fields(M& m, V&& v) {
    v("arcs", m.arcs);
    v("replication", m.replication);
    v("lease_us", m.lease_us);
    v("durability", m.durability);
    v("takeover_empty_us", m.takeover_empty_us);
  }
  bool operator==(const HiveOptions&) const = default;

  // "replication 3, durability interval, …", for a person.
  std::string show() const;
  // Whether a hive with these options may go on with those.
  bool may_become(const HiveOptions& next) const {
    const bool in_memory = durability == Durable::none;
    return arcs == next.arcs && in_memory == (next.durability == Durable::none) &&
           next.replication > 0 && next.lease_us > 0 && next.lease_us <= kLongestLease;
  }
  static constexpr std::uint64_t kLongestLease = 60'000'000;

  Duration lease() const { return Duration(lease_us); }
  Duration takeover_empty() const { return Duration(takeover_empty_us); }
};

// This node's own.
struct Options {
  HiveOptions hive;                                           // used by the founder only
  Duration heartbeat = std::chrono::milliseconds(150);        // less than half of the lease
  Duration takeover_after = std::chrono::milliseconds(1000);  // of an owner's silence
  Duration replace_after = std::chrono::seconds(30);          // of a member's death
  Duration request_timeout = std::chrono::seconds(5);
  std::uint32_t moves = 8;            // arcs whose members this node changes at once
  std::size_t max_waiting = 100'000;  // requests held while an arc has no owner
  // Bytes of answers to another node that are not with it yet: what a link of 1 Gbit/s carries in
  // half of a usual lease, for heartbeats take the same way. What asks for more waits.
  std::size_t max_owed = std::size_t{32} << 20;
  // Bytes of writes that wait while the store refuses them. Above it, what others send to be
  // written is not taken, as if it had been lost on its way.
  std::size_t max_refused = std::size_t{64} << 20;
  std::size_t max_value = std::size_t{16} << 20;  // bytes that a value may grow to
  std::uint64_t max_memory = 0;                   // bytes of entries in memory; 0: no bound
  std::uint64_t max_entries = 0;                  // values in memory; 0: no bound
  std::uint64_t max_disk = 0;                     // bytes in the store; 0: no bound
  std::size_t reads_at_once = 64;                 // values read back in a turn of the loop
  std::size_t chunk_bytes = 256 * 1024;           // of a copy, a message
  // While there are tombstones, the owner asks this often whether all members have them synced.
  Duration sweep_every = std::chrono::seconds(1);
  Duration compare_every = std::chrono::seconds(30);  // an owner's copy with its members'
};

// Clock rates differ by this much at most: a lease is counted shorter by its owner, longer by its
// giver.
constexpr Duration lease_at_owner(Duration lease) { return lease - lease / 100; }
constexpr Duration lease_at_member(Duration lease) { return lease + lease / 100; }

}  // namespace skep::ring
