// What no key can say alone: clashing ports, impossible combinations, listeners that strangers can
// reach and nothing protects.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "conf/config.hpp"
#include "conf/document.hpp"

namespace skep::conf {

struct Checked {
  const NodeConfig& config;
  std::function<Place(std::string_view key)> place;
  // False for a key whose own value was refused: nothing more is said of it.
  std::function<bool(std::string_view key)> sound;
};

std::vector<Problem> check(const Checked& checked);

}  // namespace skep::conf
