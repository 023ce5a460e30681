// What all arcs of a node have in memory together, and what of it may be evicted. Pure bookkeeping.
#pragma once

#include <cstdint>

#include "net/base/plant.hpp"
#include "roles/ring/table.hpp"

namespace skep::ring {

struct Memory {
  // Bounds; 0: none. Of bytes of memory, and of values in it.
  std::uint64_t max_bytes = 0;
  std::uint64_t max_values = 0;
  bool on_disk = true;  // so that values can be read back; else entries are deleted for room

  // What is there: kept only while there is a bound.
  std::uint64_t bytes = 0;
  std::uint64_t values = 0;
  std::uint64_t value_bytes = 0;
  std::uint64_t tombstone_bytes = 0;

  // Since the start.
  std::uint64_t evictions = 0;   // values dropped from memory
  std::uint64_t deletions = 0;   // entries deleted for room
  std::uint64_t read_backs = 0;  // and read from the disk again
  std::uint64_t unreadable = 0;  // or not

  bool disk_full = false;  // no writes but deletes
  bool stuck = false;      // over a bound, and this node may delete nothing for room

  // Writes are counted in laps: those of a lap are in the store, and can be read there, when the
  // store says so of a mark that was submitted after them. At most two laps are not there yet.
  std::uint64_t lap = 1;     // of the writes that are made now
  std::uint64_t stored = 0;  // the last lap whose writes are all in the store
  bool dirty = false;        // something was written in this lap

  bool bounded() const { return max_bytes != 0 || max_values != 0; }
  // Tombstones do not count where entries are deleted for room: each would cost another entry.
  bool over() const { return beyond(1, on_disk ? bytes : bytes - tombstone_bytes); }
  // Nothing that is evicted makes room for another key: it is too much even without any value; or,
  // where entries are deleted, others own all that is here, or what was deleted does not go, or
  // keys come faster than others go.
  bool full() const {
    if (on_disk) return max_bytes != 0 && bytes - value_bytes > max_bytes;
    return (stuck && over()) || beyond(2, bytes);
  }

  std::uint8_t mark() const { return static_cast<std::uint8_t>(lap); }
  // An entry with this mark is in the store. One of an old lap may pass for one of the newest.
  bool in_store(std::uint8_t mark) const {
    if (SKEP_PLANT(evict_before_stored)) return true;
    return static_cast<std::uint8_t>(mark - static_cast<std::uint8_t>(stored + 1)) >
           lap - stored - 1;
  }

  void count(const Table::Size& before, const Table::Size& now) {
    bytes += now.bytes - before.bytes;
    values += now.values - before.values;
    value_bytes += now.value_bytes - before.value_bytes;
    tombstone_bytes += now.tombstone_bytes - before.tombstone_bytes;
  }

 private:
  // More than so many times a bound.
  bool beyond(std::uint64_t times, std::uint64_t counted) const {
    return (max_bytes != 0 && counted / times > max_bytes) ||
           (max_values != 0 && values / times > max_values);
  }
};

}  // namespace skep::ring
