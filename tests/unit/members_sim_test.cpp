// Whole clusters of members cores under faults. A failing run prints its seed; SKEP_MEMBERS_SEED=N
// runs that one alone, SKEP_MEMBERS_SEEDS=N as many.
#include "tests/sim/members_sim.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace skep::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::uint64_t> seeds(std::uint64_t count) {
  if (const char* one = std::getenv("SKEP_MEMBERS_SEED")) return {std::strtoull(one, nullptr, 10)};
  if (const char* many = std::getenv("SKEP_MEMBERS_SEEDS"))
    count = std::strtoull(many, nullptr, 10);
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

// Everything at once, drawn from the seed; then quiet, and one list everywhere.
void trouble(MembersSim& sim, Duration length) {
  const Time end = sim.now() + length;
  std::uint64_t version = 0;
  while (sim.now() < end) {
    const std::size_t node = sim.random(sim.size());
    switch (sim.random(9)) {
      case 0:
        if (sim.up(node)) sim.crash(node);
        break;
      case 1:
      case 2:
        if (!sim.up(node)) sim.start(node);
        break;
      case 3:
        if (!sim.up(node) && node != 0 && sim.chance(0.5)) sim.wipe(node);
        break;
      case 4: sim.pause(node, Duration(sim.random(3000000))); break;
      case 5: sim.cut(node, sim.random(sim.size()), sim.chance(0.5)); break;
      case 6: sim.heal(); break;
      case 7:
        for (std::size_t i = 0; i < sim.size() / 2; ++i)
          for (std::size_t j = sim.size() / 2; j < sim.size(); ++j) sim.cut(i, j, true);
        break;
      case 8:
        if (sim.up(node))
          sim.with(node, [&](members::Core& core, Time now) {
            return core.spread(now, {"ring.arc", sim.random(20), ++version, "owner"});
          });
        break;
    }
    sim.run(Duration(sim.random(400000)));
  }
}

TEST(MembersSim, FaultsLeaveOneListEverywhere) {
  for (std::uint64_t seed : seeds(60)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MembersSim sim(seed, 3 + seed % 10 + (seed % 20 == 0 ? 38 : 0));
    sim.start_all();
    ASSERT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement();
    sim.network.loss = sim.chance(0.5) ? 0 : 0.2;
    sim.network.duplicate = sim.chance(0.5) ? 0 : 0.1;
    sim.network.delay_max = sim.chance(0.5) ? 2ms : 120ms;
    trouble(sim, 20s);
    sim.heal();
    sim.network = {};
    // Somebody whom a node with an empty store asks must be there.
    for (std::size_t i = 0; i < sim.size(); ++i)
      if (!sim.up(i) && (i < 2 || sim.chance(0.7))) sim.start(i);
    EXPECT_TRUE(sim.run_until_agreed(30s)) << sim.disagreement() << "\n" << story(sim);
    EXPECT_SOUND(sim);
    EXPECT_LE(sim.largest, members::Core::kMaxPiggyback + 600);
  }
}

TEST(MembersSim, ACutClusterHeals) {
  for (std::uint64_t seed : seeds(10)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MembersSim sim(seed, 4 + seed);
    sim.start_all();
    ASSERT_TRUE(sim.run_until_agreed(10s)) << sim.disagreement();
    const std::size_t half = sim.size() / 2;
    for (std::size_t i = 0; i < half; ++i)
      for (std::size_t j = half; j < sim.size(); ++j) sim.cut(i, j, true);
    sim.run(60s);
    EXPECT_EQ(sim.belief(0, half), MemberState::dead);
    EXPECT_EQ(sim.belief(half, 0), MemberState::dead);
    for (std::size_t node : {std::size_t{0}, half})
      sim.with(node, [&](members::Core& core, Time now) {
        return core.spread(now, {"ring.arc", 1, node + 1, "owner"});
      });
    sim.heal();
    EXPECT_TRUE(sim.run_until_agreed(10s)) << sim.disagreement() << "\n" << story(sim);
    for (std::size_t i = 0; i < sim.size(); ++i)
      EXPECT_EQ(sim.core(i).rumors().find({"ring.arc", 1})->version, half + 1);
    EXPECT_SOUND(sim);
  }
}

TEST(MembersSim, LossAloneKillsNobodyForLong) {
  for (std::uint64_t seed : seeds(5)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MembersSim sim(seed, 10);
    sim.start_all();
    ASSERT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement();
    sim.network.loss = 0.05;
    const auto lines = sim.lines().size();
    sim.run(120s);
    for (std::size_t i = lines; i < sim.lines().size(); ++i)
      EXPECT_EQ(sim.lines()[i].find("is dead"), std::string::npos) << sim.lines()[i];
    EXPECT_SOUND(sim);
  }
}

// Lifeguard: a node that is slow itself does not accuse the others.
TEST(MembersSim, ANodeThatStopsNowAndThenAccusesNobodyToDeath) {
  MembersSim sim(7, 8);
  sim.start_all();
  ASSERT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement();
  const auto lines = sim.lines().size();
  for (int i = 0; i < 200; ++i) {
    sim.pause(3, 250ms);
    sim.run(300ms);
  }
  for (std::size_t i = lines; i < sim.lines().size(); ++i)
    EXPECT_EQ(sim.lines()[i].find("is dead"), std::string::npos) << sim.lines()[i];
  EXPECT_GT(sim.core(3).counters().late, 100U);
  EXPECT_SOUND(sim);
}

TEST(MembersSim, AOneWayCutNeedsHelpersAndKillsNobody) {
  MembersSim sim(11, 6);
  sim.start_all();
  ASSERT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement();
  sim.cut(1, 2);
  const auto lines = sim.lines().size();
  sim.run(60s);
  for (std::size_t i = lines; i < sim.lines().size(); ++i)
    EXPECT_EQ(sim.lines()[i].find("is dead"), std::string::npos) << sim.lines()[i];
  EXPECT_SOUND(sim);
}

TEST(MembersSim, ANodeWithANewDiskReplacesItsOldSelf) {
  MembersSim sim(5, 5);
  sim.start_all();
  ASSERT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement();
  const NodeId before = sim.id(2);
  sim.crash(2);
  sim.wipe(2);
  sim.start(2);
  sim.run(600ms);  // sooner than any probe could have found it dead
  for (std::size_t i = 0; i < sim.size(); ++i) {
    EXPECT_EQ(sim.core(i).members().at(before).state, MemberState::dead);
    EXPECT_EQ(sim.belief(i, 2), MemberState::alive) << story(sim);
  }
  EXPECT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement();
  EXPECT_SOUND(sim);
}

TEST(MembersSim, AllStopAndStartInAnyOrder) {
  MembersSim sim(3, 7);
  sim.start_all();
  ASSERT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement();
  const std::uint64_t cluster = sim.core(0).cluster();
  sim.run(2s);
  for (std::size_t i = 0; i < sim.size(); ++i) sim.crash(i);
  for (std::size_t i = sim.size(); i-- > 0;) {
    sim.start(i);
    sim.run(200ms);
  }
  EXPECT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement() << story(sim);
  EXPECT_EQ(sim.core(0).cluster(), cluster);
  EXPECT_TRUE(sim.core(0).founded());
  EXPECT_SOUND(sim);
}

TEST(MembersSim, ManyRumorsAtOnceReachEverybodyInSmallMessages) {
  MembersSim sim(9, 20);
  sim.start_all();
  ASSERT_TRUE(sim.run_until_agreed(5s)) << sim.disagreement();
  sim.with(4, [&](members::Core& core, Time now) {
    members::Effects all;
    for (std::uint64_t arc = 0; arc < 256; ++arc) {
      auto effects = core.spread(now, {"ring.arc", arc, 7, std::string(60, 'x')});
      for (auto& send : effects.sends) all.sends.push_back(std::move(send));
    }
    return all;
  });
  EXPECT_TRUE(sim.run_until_agreed(3s)) << sim.disagreement();
  for (std::size_t i = 0; i < sim.size(); ++i) EXPECT_EQ(sim.core(i).rumors().all().size(), 256U);
  EXPECT_LE(sim.largest, members::Core::kMaxPiggyback + 600);
  EXPECT_SOUND(sim);
}

// SWIM 5: a constant load per member. (members_test.cpp has a list of a thousand.)
TEST(MembersSim, ANodesLoadDoesNotGrowWithTheCluster) {
  auto messages_per_node_second = [](std::size_t nodes) {
    MembersSim sim(1, nodes);
    sim.keep_lines = false;
    sim.start_all();
    EXPECT_TRUE(sim.run_until_agreed(30s)) << sim.disagreement();
    sim.run(2s);
    const std::uint64_t before = sim.messages;
    sim.run(5s);
    return static_cast<double>(sim.messages - before) / 5 / static_cast<double>(nodes);
  };
  const double few = messages_per_node_second(20);
  const double many = messages_per_node_second(150);
  EXPECT_LT(many, few * 1.1);
  EXPECT_LT(many, 50);
}

// The checker is worth what it catches.
TEST(MembersChecker, ComplainsWhenABeliefGoesBack) {
  MembersChecker checker;
  Member member;
  member.id = 2;
  member.name = "n2";
  member.incarnation = 5;
  member.state = MemberState::suspect;
  EXPECT_FALSE(checker.observe(1, member));
  member.state = MemberState::alive;
  EXPECT_TRUE(checker.observe(1, member));
  member.incarnation = 6;
  EXPECT_FALSE(checker.observe(1, member));
  member.incarnation = 5;
  member.state = MemberState::dead;
  EXPECT_TRUE(checker.observe(1, member));
  member.state = MemberState::left;
  EXPECT_FALSE(checker.observe(1, member));
  member.incarnation = 9;
  member.state = MemberState::alive;
  EXPECT_TRUE(checker.observe(1, member));
  checker.forget(1);
  member.incarnation = 1;
  EXPECT_FALSE(checker.observe(1, member));
}

}  // namespace
}  // namespace skep::test
