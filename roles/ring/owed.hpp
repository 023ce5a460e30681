// What this node owes to others in answers to their requests: bytes that are made, or promised to
// requests that were taken, and bytes that wait in the transport for the other node to take them.
// Whoever takes requests asks here first, so that many short ones of a node for large values cannot
// fill the memory: the bound is one for each node that asks. Pure bookkeeping.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>

#include "net/env.hpp"

namespace skep::ring {

class Owed {
 public:
  // At most so many bytes to one node; but an answer that is larger may go alone.
  explicit Owed(std::size_t most = 0) : most_(most) {}

  // An answer of so few bytes is always allowed, and not counted: requests are bounded in number.
  bool small(std::size_t bytes) const { return bytes <= most_ / kSmallParts; }
  // Whether the node may be owed so many bytes more.
  bool fits(NodeId node, std::size_t bytes) const {
    if (small(bytes)) return true;
    const auto found = nodes_.find(node);
    if (found == nodes_.end()) return true;
    const std::size_t owed = found->second.made + found->second.queued;
    return owed == 0 || (owed <= most_ && bytes <= most_ - owed);
  }
  // The answer to a request of the node's, known by its token, has so many bytes at most, or no
  // more than before. False: that does not fit; what it had before stays counted.
  bool make(NodeId node, std::uint64_t token, std::size_t bytes) {
    if (small(bytes)) return true;
    const auto due = due_.find(token);
    const std::size_t before = due == due_.end() ? 0 : due->second.bytes;
    if (bytes <= before) return true;
    if (!fits(node, bytes - before)) return false;
    nodes_[node].made += bytes - before;
    due_[token] = {node, bytes};
    return true;
  }
  // The request was answered. What it was promised counts as queued until set_queued().
  void give(std::uint64_t token) {
    const auto due = due_.find(token);
    if (due == due_.end()) return;
    Node& node = nodes_[due->second.node];
    node.made -= due->second.bytes;
    node.queued += due->second.bytes;
    due_.erase(due);
  }
  // Bytes that the transport has for the node, all that were given included: no more than these are
  // answers, whatever else goes there.
  void set_queued(NodeId node, std::size_t bytes) {
    const auto found = nodes_.find(node);
    if (found == nodes_.end()) return;
    Node& owed = found->second;
    owed.queued = std::min(owed.queued, bytes);
    if (owed.made == 0 && owed.queued == 0) nodes_.erase(found);
  }

 private:
  static constexpr std::size_t kSmallParts = 32'768;
  struct Node {
    std::size_t made = 0;  // of due_
    std::size_t queued = 0;
  };
  struct Due {
    NodeId node = 0;
    std::size_t bytes = 0;
  };

  std::size_t most_;
  std::map<NodeId, Node> nodes_;                // that are owed something
  std::unordered_map<std::uint64_t, Due> due_;  // by token: answers that are not given yet
};

}  // namespace skep::ring
