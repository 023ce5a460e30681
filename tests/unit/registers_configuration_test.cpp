// The configuration of the registers: which quorums are safe, and in which order it is changed.
#include <gtest/gtest.h>

#include "roles/proposer/configuration.hpp"

namespace skep::proposer {
namespace {

std::vector<Node> nodes(std::size_t count) {
  std::vector<Node> all;
  for (std::size_t i = 1; i <= count; ++i)
    all.push_back({"n" + std::to_string(i), i, "127.0.0.1:" + std::to_string(5000 + i)});
  return all;
}
std::vector<std::string> names(std::size_t count) {
  std::vector<std::string> all;
  for (const Node& node : nodes(count)) all.push_back(node.name);
  return all;
}
Quorums quorums(std::size_t count, std::uint32_t quorum) { return {nodes(count), quorum}; }

Configuration of(std::size_t acceptors) {
  Configuration first;
  first.version = 1;
  first.proposers = nodes(1);
  first.accept = quorums(acceptors, static_cast<std::uint32_t>(acceptors / 2 + 1));
  first.prepare = first.accept;
  return first;
}

// By looking at every pair of quorums.
bool meet_by_hand(const Quorums& one, const Quorums& other) {
  const auto subsets = [](const Quorums& of) {
    std::vector<unsigned> all;
    for (unsigned mask = 0; mask < (1U << of.nodes.size()); ++mask) {
      if (static_cast<std::uint32_t>(__builtin_popcount(mask)) != of.quorum) continue;
      unsigned ids = 0;
      for (std::size_t i = 0; i < of.nodes.size(); ++i)
        if ((mask >> i & 1U) != 0) ids |= 1U << of.nodes[i].id;
      all.push_back(ids);
    }
    return all;
  };
  for (const unsigned a : subsets(one))
    for (const unsigned b : subsets(other))
      if ((a & b) == 0) return false;
  return true;
}

TEST(RegistersConfiguration, TheFormulaForMeetingQuorumsIsRight) {
  const std::vector<Node> all = nodes(6);
  for (unsigned p = 1; p < 64; ++p)
    for (unsigned a = 1; a < 64; ++a) {
      Quorums prepare, accept;
      for (std::size_t i = 0; i < 6; ++i) {
        if ((p >> i & 1U) != 0) prepare.nodes.push_back(all[i]);
        if ((a >> i & 1U) != 0) accept.nodes.push_back(all[i]);
      }
      for (prepare.quorum = 1; prepare.quorum <= prepare.nodes.size(); ++prepare.quorum)
        for (accept.quorum = 1; accept.quorum <= accept.nodes.size(); ++accept.quorum)
          ASSERT_EQ(meet(prepare, accept), meet_by_hand(prepare, accept))
              << wire::show(prepare) << ' ' << wire::show(accept);
    }
}

TEST(RegistersConfiguration, TheThreeStepsFromThreeToFour) {
  const Configuration three = of(3);
  // Prepare first would miss values.
  const auto unsafe = next(three, {.prepare = quorums(4, 2)});
  ASSERT_FALSE(unsafe);
  EXPECT_EQ(unsafe.error().code, Code::conflict) << unsafe.error().message;
  auto accept = next(three, {.accept = quorums(4, 3)});
  ASSERT_TRUE(accept) << accept.error().message;
  EXPECT_EQ(accept->version, 2u);
  ASSERT_EQ(accept->holding.size(), 1u);
  EXPECT_EQ(accept->holding[0], quorums(3, 2));
  auto rescanned = next(*accept, {.rescanned = true});
  ASSERT_TRUE(rescanned);
  EXPECT_TRUE(rescanned->holding.empty());
  auto prepare = next(*rescanned, {.prepare = quorums(4, 3)});
  ASSERT_TRUE(prepare) << prepare.error().message;
  EXPECT_TRUE(prepare->at_rest());
}

TEST(RegistersConfiguration, FromFourToFiveOnlyAfterARescan) {
  auto accept = next(of(3), {.accept = quorums(4, 3)});
  ASSERT_TRUE(accept);
  // Four may prepare with what three hold: any three of four have one of any two of three.
  auto prepare = next(*accept, {.prepare = quorums(4, 3)});
  ASSERT_TRUE(prepare);
  const Wanted five{.prepare = quorums(5, 3), .accept = quorums(5, 3)};
  auto early = next(*prepare, five);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Code::conflict);
  EXPECT_NE(early.error().message.find("rescan"), std::string::npos) << early.error().message;
  auto rescanned = next(*prepare, {.rescanned = true});
  ASSERT_TRUE(rescanned);
  auto grown = next(*rescanned, five);
  ASSERT_TRUE(grown) << grown.error().message;
  EXPECT_TRUE(grown->at_rest()) << "three of four is three of five, so nothing is held elsewhere";
}

TEST(RegistersConfiguration, BackFromFiveOnlyAfterARescan) {
  auto four = next(of(5), {.prepare = quorums(4, 3), .accept = quorums(4, 3)});
  ASSERT_TRUE(four) << four.error().message;
  EXPECT_FALSE(next(*four, {.prepare = quorums(3, 2)}));
  auto rescanned = next(*four, {.rescanned = true});
  ASSERT_TRUE(rescanned);
  auto prepare = next(*rescanned, {.prepare = quorums(3, 2)});
  ASSERT_TRUE(prepare) << prepare.error().message;
  auto accept = next(*prepare, {.accept = quorums(3, 2)});
  ASSERT_TRUE(accept);
  EXPECT_TRUE(accept->at_rest());
}

TEST(RegistersConfiguration, RefusesWhatCannotBe) {
  Configuration three = of(3);
  EXPECT_FALSE(next(three, {.accept = quorums(3, 4)}));
  EXPECT_FALSE(next(three, {.accept = quorums(3, 0)}));
  EXPECT_FALSE(next(three, {.accept = Quorums{}}));
  Quorums twice = quorums(3, 2);
  twice.nodes.push_back(twice.nodes[0]);
  auto doubled = next(three, {.accept = twice});
  ASSERT_FALSE(doubled);
  EXPECT_NE(doubled.error().message.find("n1 is named twice"), std::string::npos);
  EXPECT_FALSE(next(three, {.proposers = std::vector<Node>()}));
  EXPECT_FALSE(next(three, {.accept = quorums(4, 3), .rescanned = true}));
}

TEST(RegistersConfiguration, TheVersionBeforeIsLeftUntilEnoughWereTold) {
  auto accept = next(of(3), {.accept = quorums(4, 3)});
  ASSERT_TRUE(accept);
  EXPECT_TRUE(left(*accept, {}));
  EXPECT_TRUE(left(*accept, {1, 4}));
  EXPECT_FALSE(left(*accept, {1, 2})) << "the third alone makes no quorum";
  EXPECT_FALSE(left(of(3), {})) << "the first has none before it";
}

// Walks to the goal as the tools do, and counts the rescans.
std::size_t walk(Configuration& configuration, std::size_t goal) {
  configuration = *next(configuration, {.goal = names(goal)});
  std::size_t rescans = 0;
  for (int steps = 0; steps < 50; ++steps) {
    const Step step = towards_goal(configuration, nodes(9));
    if (step.kind == Step::Kind::none) return rescans;
    Wanted wanted = step.wanted;
    if (step.kind == Step::Kind::rescan) {
      ++rescans;
      wanted.rescanned = true;
    } else if (step.kind != Step::Kind::wanted) {
      ADD_FAILURE() << "nobody knows " << step.name;
      return rescans;
    }
    auto after = next(configuration, wanted);
    if (!after) {
      ADD_FAILURE() << after.error().message;
      return rescans;
    }
    configuration = *after;
  }
  ADD_FAILURE() << "never there";
  return rescans;
}

TEST(RegistersConfiguration, EveryGoalIsReachedFromEveryNumberBySafeSteps) {
  for (std::size_t from = 1; from <= 7; ++from)
    for (std::size_t to = 1; to <= 7; ++to) {
      Configuration configuration = of(from);
      walk(configuration, to);
      EXPECT_TRUE(configuration.at_rest()) << from << " to " << to;
      EXPECT_EQ(configuration.accept, quorums(to, static_cast<std::uint32_t>(to / 2 + 1)));
      EXPECT_EQ(configuration.prepare, configuration.accept);
    }
  Configuration configuration = of(3);
  EXPECT_EQ(walk(configuration, 4), 1u);
  EXPECT_EQ(walk(configuration, 5), 0u);
  EXPECT_EQ(walk(configuration, 4), 1u);
  EXPECT_EQ(walk(configuration, 3), 0u);
}

TEST(RegistersConfiguration, AGoalCanBeTakenBackHalfWay) {
  Configuration configuration = *next(of(3), {.goal = names(4)});
  configuration = *next(configuration, towards_goal(configuration, nodes(4)).wanted);
  ASSERT_EQ(configuration.accept, quorums(4, 3));
  walk(configuration, 3);
  EXPECT_EQ(configuration.accept, quorums(3, 2));
  EXPECT_TRUE(configuration.at_rest());
}

TEST(RegistersConfiguration, NamesWhoIsNotKnown) {
  const Configuration configuration = *next(of(3), {.goal = names(4)});
  const Step step = towards_goal(configuration, nodes(3));
  EXPECT_EQ(step.kind, Step::Kind::unknown);
  EXPECT_EQ(step.name, "n4");
}

TEST(RegistersConfiguration, AnAcceptorMayNotLeaveTheCluster) {
  EXPECT_TRUE(may_leave("", 1));
  Configuration present = of(3);
  const Result<> refused = may_leave(wire::encode(present), 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_NE(refused.error().message.find("first: server acceptors shrink n2"), std::string::npos);
  EXPECT_TRUE(may_leave(wire::encode(present), 4));
  present.prepare = quorums(2, 2);
  EXPECT_FALSE(may_leave(wire::encode(present), 3)) << "it still accepts";
}

}  // namespace
}  // namespace skep::proposer
