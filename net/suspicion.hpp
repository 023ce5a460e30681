// How long a suspect may take to refute: Lifeguard 3.2 (LHA-Suspicion). It begins long and gets
// shorter with each further, independent accuser, so that one slow node cannot kill a healthy one.
#pragma once

#include <vector>

#include "net/env.hpp"

namespace skep::members {

class Suspicion {
 public:
  // For which incarnation; `confirmations`: how many further accusers bring it down from longest to
  // shortest (0: nobody else could, so it stays the longest).
  Suspicion(std::uint64_t incarnation, NodeId accuser, Time start, Duration shortest,
            Duration longest, std::size_t confirmations);

  std::uint64_t incarnation() const { return incarnation_; }
  NodeId latest_accuser() const { return accusers_.back(); }
  // True if that is a new accuser, and one that counts.
  bool confirm(NodeId accuser);
  // When the suspect is dead unless it has refuted.
  Time deadline() const { return start_ + length_; }
  // This node was not there for a while: the suspect gets the time back.
  void forgive(Duration lost) { start_ += lost; }

 private:
  std::uint64_t incarnation_;
  std::vector<NodeId> accusers_;
  Time start_;
  Duration shortest_;
  Duration longest_;
  std::size_t confirmations_;
  Duration length_;
};

}  // namespace skep::members
