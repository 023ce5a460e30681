// Options of the hive as an operator gives them: `ring set durability=commit`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "net/base/error.hpp"
#include "roles/ring/options.hpp"

namespace skep::ring {

// Names and values, as a configuration has them.
using Settings = std::vector<std::pair<std::string, std::string>>;

// The options with these changes. `heartbeat` is this node's, which a lease has to outlast.
// Code::invalid says what is accepted.
Result<HiveOptions> changed(HiveOptions hive, const Settings& settings, Duration heartbeat);

}  // namespace skep::ring
