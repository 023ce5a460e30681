// A configuration that is read again while the node runs.
#pragma once

#include <string>
#include <vector>

#include "conf/load.hpp"
#include "net/base/log.hpp"

namespace skep::conf {

struct Change {
  std::string key;
  std::string from, to;  // for people; never a secret itself
};
// The keys whose values differ, in the table's order. Of a secret that is what its file holds.
std::vector<Change> changes(const Loaded& running, const Loaded& again);

// Takes over what a running node can: the log's level, and credentials that come or change. Says in
// the log of each key that changed what became of it.
void take_over(Loaded& running, const Loaded& again, Log& log);

}  // namespace skep::conf
