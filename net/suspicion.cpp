#include "net/suspicion.hpp"

#include <algorithm>
#include <cmath>

namespace skep::members {

Suspicion::Suspicion(std::uint64_t incarnation, NodeId accuser, Time start, Duration shortest,
                     Duration longest, std::size_t confirmations)
    : incarnation_(incarnation),
      accusers_{accuser},
      start_(start),
      shortest_(shortest),
      longest_(longest),
      confirmations_(confirmations),
      length_(longest) {}

bool Suspicion::confirm(NodeId accuser) {
  if (accuser == 0 || accusers_.size() > confirmations_) return false;
  if (std::find(accusers_.begin(), accusers_.end(), accuser) != accusers_.end()) return false;
  accusers_.push_back(accuser);
  const double progress = std::log(static_cast<double>(accusers_.size())) /
                          std::log(static_cast<double>(confirmations_ + 1));
  const double cut = static_cast<double>((longest_ - shortest_).count()) * progress;
  length_ = std::max(shortest_, longest_ - Duration(static_cast<Duration::rep>(cut)));
  return true;
}

}  // namespace skep::members
