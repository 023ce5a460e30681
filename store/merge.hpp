// A walk in key order over what is in memory and what is in the state, the newer hiding the older.
#pragma once

#include <string_view>
#include <vector>

#include "store/memtable.hpp"
#include "store/state.hpp"
#include "store/store.hpp"

namespace skep {

class Merge {
 public:
  explicit Merge(StateReader::Cursor state) : state_(std::move(state)) {}

  // Adds a table's runs, cut to [from, to), `to` empty: no bound. A table that is added hides those
  // that are added after it. The table must not change while this is used.
  void add(const std::vector<Memtable::Run>& runs, std::string_view from, std::string_view to);

  // Visits until `visit` returns false.
  Result<> run(const Store::Visit& visit);

 private:
  // The run with the smallest key, of several with the same key the newest; none: all at their end.
  const Memtable::Entry* smallest() const;
  // Passes over a key in all runs.
  void pass(std::string_view key);

  StateReader::Cursor state_;
  std::vector<Memtable::Run> runs_;
};

}  // namespace skep
