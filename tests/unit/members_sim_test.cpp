// Whole clusters of members cores under faults. A failing run prints its seed; set
// SKEP_MEMBERS_SEED to run that one alone.
#include "tests/sim/members_sim.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace skep::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::uint64_t> seeds(std::uint64_t count) {
  if (const char* one = std::getenv("SKEP_MEMBERS_SEED")) return {std::strtoull(one, nullptr, 10)};
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 1; i <= count; ++i) all.push_back(i);
  return all;
}

std::string story(const MembersSim& sim) {
  std::string text;
  const auto& lines = sim.lines();
  for (std::size_t i = lines.size() > 60 ? lines.size() - 60 : 0; i < lines.size(); ++i)
    text += lines[i] + "\n";
  return text;
}

#define EXPECT_SOUND(sim) EXPECT_TRUE((sim).complaints().empty()) << (sim).complaints().front()

TEST(MembersSim, AClusterFormsAndIsQuiet) {
  for (std::uint64_t seed : seeds(5)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MembersSim sim(seed, 3 + seed * 4);
    sim.start_all();
    ASSERT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement() << "\n" << story(sim);
    const auto lines = sim.lines().size();
    sim.run(60s);
    EXPECT_EQ(sim.lines().size(), lines) << story(sim);
    EXPECT_EQ(sim.disagreement(), "");
    EXPECT_LE(sim.largest, members::Core::kMaxPiggyback + 256);
    EXPECT_SOUND(sim);
  }
}

TEST(MembersSim, ADeathIsBelievedInTime) {
  for (std::uint64_t seed : seeds(40)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MembersSim sim(seed, 3 + seed % 8);
    sim.start_all();
    ASSERT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement();
    sim.run(1s + Duration(sim.random(500000)));
    const std::size_t victim = sim.random(sim.size());
    // No connection breaks: as if the machine were gone.
    for (std::size_t i = 0; i < sim.size(); ++i) sim.cut(victim, i, true);
    sim.crash(victim);
    sim.run(1100ms);
    for (std::size_t i = 0; i < sim.size(); ++i) {
      if (i == victim) continue;
      EXPECT_EQ(sim.belief(i, victim), MemberState::dead) << story(sim);
    }
    EXPECT_SOUND(sim);
  }
}

}  // namespace
}  // namespace skep::test
