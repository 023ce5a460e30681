// Counts durations by powers of two, from a microsecond to some seconds: a few nanoseconds an
// event, and enough to tell percentiles within a factor of two.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "net/base/time.hpp"

namespace skep {

class Histogram {
 public:
  // Bucket i has what took more than 2^(i-1) and at most 2^i microseconds; the last one, all that
  // took longer.
  static constexpr std::size_t kBuckets = 26;

  void add(Duration took) noexcept {
    const auto us = static_cast<std::uint64_t>(took.count() > 0 ? took.count() : 0);
    const auto bucket = us <= 1 ? 0 : static_cast<std::size_t>(std::bit_width(us - 1));
    ++counts_[bucket < kBuckets ? bucket : kBuckets - 1];
    sum_us_ += us;
  }

  // The most that an event of the bucket took; the last bucket has no bound.
  static constexpr Duration bound(std::size_t bucket) { return Duration(1LL << bucket); }
  const std::array<std::uint64_t, kBuckets>& counts() const { return counts_; }
  std::uint64_t count() const {
    std::uint64_t count = 0;
    for (std::uint64_t in_bucket : counts_) count += in_bucket;
    return count;
  }
  Duration sum() const { return Duration(static_cast<Duration::rep>(sum_us_)); }

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t sum_us_ = 0;
};

}  // namespace skep
