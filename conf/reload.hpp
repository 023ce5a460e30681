// A configuration that is read again while the node runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/load.hpp"

namespace skep::conf {

struct Change {
  std::string key;
  std::string from, to;  // for people; never a secret itself
};
// The keys whose values differ, in the table's order. Of a secret that is what its file holds.
std::vector<Change> changes(const Loaded& running, const Loaded& again);

// Takes the key's value over from `again`.
void take(Loaded& running, const Loaded& again, std::string_view key);

}  // namespace skep::conf
