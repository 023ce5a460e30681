// Durations, counted finely enough for percentiles: each within 2 %.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "net/base/time.hpp"

namespace skep::proposer {

class Latencies {
 public:
  void add(Duration took) {
    const auto us = static_cast<std::uint64_t>(std::max<Duration::rep>(took.count(), 0));
    ++counts_[bucket(us)];
    ++count_;
    longest_ = std::max(longest_, took);
  }
  std::uint64_t count() const { return count_; }
  Duration longest() const { return longest_; }
  // What `part` (0 to 1) of them took at most; none were counted: zero.
  Duration percentile(double part) const {
    const auto rank = static_cast<std::uint64_t>(part * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if ((seen += counts_[i]) > rank) return std::min(bound(i), longest_);
    return longest_;
  }

 private:
  // Each power of two is cut into so many.
  static constexpr std::size_t kFine = 64;
  static constexpr std::size_t kPowers = 32;

  static std::size_t bucket(std::uint64_t us) {
    if (us < kFine) return us;
    const auto power = static_cast<std::size_t>(std::bit_width(us)) - 7;  // us >> power: 64 to 127
    return std::min((power + 1) * kFine + (us >> power) - kFine, kFine * kPowers - 1);
  }
  static Duration bound(std::size_t bucket) {
    if (bucket < kFine) return Duration(static_cast<Duration::rep>(bucket));
    const std::size_t power = bucket / kFine - 1;
    return Duration(static_cast<Duration::rep>(((bucket % kFine + kFine + 1) << power) - 1));
  }

  std::array<std::uint64_t, kFine * kPowers> counts_{};
  std::uint64_t count_ = 0;
  Duration longest_{};
};

}  // namespace skep::proposer
