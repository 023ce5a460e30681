#include "roles/ring/topology.hpp"

#include <cinttypes>
#include <cstdio>

namespace skep::ring {

void Topology::add(Range range) {
  if (!ranges.empty()) {
    Range& last = ranges.back();
    if (last.last + 1 == range.first && last.owner == range.owner && last.others == range.others) {
      last.last = range.last;
      return;
    }
  }
  ranges.push_back(std::move(range));
}

std::string node_id(NodeId identity) {
  char text[41];
  // The identity is 16 digits long, an id 40: it is said again until the id is full.
  std::snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64 "%08" PRIx64, identity, identity,
                identity >> 32);
  return text;
}

}  // namespace skep::ring
