// The simulator's random numbers: everything that a run leaves open is drawn from its seed.
#pragma once

#include <cstdint>

#include "net/env.hpp"

namespace skep::sim {

// SplitMix64 (Steele, Lea, Flood, 2014): small, fast, and the same everywhere.
class Dice final : public Random {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In [0, bound); 0 when bound is 0.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  // In [from, to].
  std::uint64_t between(std::uint64_t from, std::uint64_t to) {
    return from + below(to - from + 1);
  }
  Duration between(Duration from, Duration to) {
    return from + Duration(below(static_cast<std::uint64_t>((to - from).count()) + 1));
  }
  bool chance(double probability) {
    return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
  }
  // Another stream, so that what one part draws does not move the others.
  Dice fork() { return Dice(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace skep::sim
