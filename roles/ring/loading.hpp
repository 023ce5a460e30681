// What the store has of the ring's entries, on its way into the tables of a node that starts.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "roles/ring/core.hpp"
#include "roles/ring/options.hpp"

namespace skep::ring {

class Loading {
 public:
  // `arcs`, of which the store had a record, outlive it. `self`: this node.
  Loading(const Options& options, NodeId self, std::map<ArcId, Core::Stored>& arcs);

  // What became of a row, as Store::replay() tells it.
  void take(std::string_view row_key, std::optional<std::string_view> row);

  // When all is taken:
  // Notes which arcs have damaged entries; returns how many there are.
  std::size_t damaged();
  // Rows of arcs that this node does not keep. The copy of a learner that never became a member is
  // worth nothing; left on the disk, it would be taken for this node's own once it is a member.
  const std::vector<std::string>& worthless() const { return worthless_; }

 private:
  void put(Table& table, const Key& key, const EntryView& entry);

  const Options& options_;
  std::vector<Core::Stored*> kept_;  // by arc; null: this node does not keep it
  std::size_t bytes_ = 0;            // of memory
  std::size_t values_ = 0;           // in memory
  std::set<std::string, std::less<>> damaged_;
  std::vector<std::string> worthless_;
};

}  // namespace skep::ring
