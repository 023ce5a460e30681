// A node whose store refuses writes, in a simulated ring: what waits for the store is bounded, and
// nothing is lost.
#include <gtest/gtest.h>

#include "tests/sim/ring_node.hpp"

namespace skep::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kNodes = 3;
constexpr std::size_t kKeys = 40;
constexpr std::size_t kBound = 64 * 1024;
constexpr std::size_t kValue = 2000;
constexpr std::size_t kTurn = 2 * kKeys * (kValue + 200);  // what one turn may add

class RingRefusing : public ::testing::Test {
 protected:
  void SetUp() override {
    plan.ring.hive.arcs = 4;
    plan.ring.max_refused = kBound;
    plan.dead_after = milliseconds(800);
    network.options.delay_max = milliseconds(1);
    for (std::size_t i = 0; i < kNodes; ++i)
      nodes.push_back(
          std::make_unique<RingNode>(plan, time, network, i, dice.fork(), Machine::Print()));
    for (std::size_t i = 0; i < kNodes; ++i) {
      ASSERT_TRUE(nodes[i]->start(i == 0 ? std::vector<Address>()
                                         : std::vector<Address>{Machine::address(0)}));
      run(seconds(1));
    }
    ASSERT_TRUE(run_until([this] { return stable(); }));
  }
  ~RingRefusing() override { nodes.clear(); }

  void run(Duration length) {
    Process* ran = nullptr;
    for (const Duration end = time.now() + length; time.step(end, ran);)
      for (const auto& node : nodes)
        if (node->up()) most = std::max(most, node->ring().status().refused);
  }
  template <class Holds> bool run_until(Holds&& holds) {
    for (int i = 0; i < 600 && !holds(); ++i) run(milliseconds(100));
    return holds();
  }
  bool stable() {
    return std::all_of(nodes.begin(), nodes.end(),
                       [](const auto& node) { return node->up() && node->ring().status().stable; });
  }
  bool equal() {
    for (ring::ArcId arc = 0; arc < plan.ring.hive.arcs; ++arc)
      for (const auto& node : nodes)
        if (node->core()->find(arc)->table().digests() !=
            nodes[0]->core()->find(arc)->table().digests())
          return false;
    return true;
  }
  static std::string key(std::size_t number) { return "key" + std::to_string(number); }
  static std::string value(std::size_t number, std::size_t round) {
    return std::string(kValue, static_cast<char>('a' + (number + round) % 26)) +
           std::to_string(round);
  }
  // Writes all keys through a node; the rounds that were acknowledged are noted.
  void write(std::size_t through, std::size_t round) {
    for (std::size_t i = 0; i < kKeys; ++i) {
      const std::string name = key(i), text = value(i, round);
      const std::string_view words[] = {"SET", name, text};
      nodes[through]->ring().run(words, 1, true, [this, i, round](Result<resp::Value>&& result) {
        if (result && !result->is_error()) acknowledged[i] = round;
      });
    }
  }
  std::string read(std::size_t through, std::size_t number) {
    std::string got = "(silence)";
    const std::string name = key(number);
    const std::string_view words[] = {"GET", name};
    nodes[through]->ring().run(words, 1, false, [&](Result<resp::Value>&& result) {
      got = result ? result->text : "(" + result.error().message + ")";
    });
    run_until([&] { return got != "(silence)"; });
    return got;
  }

  RingPlan plan;
  Dice dice{7};
  VirtualTime time;
  SimNetwork network{time, dice.fork()};
  std::vector<std::unique_ptr<RingNode>> nodes;
  std::map<std::size_t, std::size_t> acknowledged;
  std::size_t most = 0;  // bytes that ever waited for a store
};

TEST_F(RingRefusing, WhatWaitsIsBoundedAndComesBackInLine) {
  write(0, 0);
  ASSERT_TRUE(run_until([this] { return acknowledged.size() == kKeys; }));
  EXPECT_EQ(most, 0U);
  RingNode& full = *nodes[1];
  full.store()->fill(true);
  constexpr std::size_t kRounds = 40;
  for (std::size_t round = 1; round <= kRounds; ++round) {
    write(0, round);
    run(milliseconds(500));
  }
  EXPECT_GT(most, kBound) << "the bound was reached";
  EXPECT_LE(most, kBound + kTurn);
  EXPECT_TRUE(full.ring().status().refusing);
  std::map<std::size_t, std::size_t> last = acknowledged;
  for (const auto& [number, round] : last)
    EXPECT_EQ(round, kRounds) << "the others go on, of " << number;

  full.store()->fill(false);
  EXPECT_TRUE(run_until([&] { return full.ring().status().refused == 0 && stable() && equal(); }));
  EXPECT_FALSE(full.ring().status().refusing);
  EXPECT_EQ(full.ring().status().refused, 0U);
  for (std::size_t through = 0; through < kNodes; ++through)
    for (std::size_t i = 0; i < kKeys; ++i) EXPECT_EQ(read(through, i), value(i, last[i]));
  // Its disk has it, too: the others are not needed for that.
  full.crash(SimStore::Crash::kill);
  ASSERT_TRUE(full.start({Machine::address(0)}));
  EXPECT_TRUE(run_until([this] { return stable() && equal(); }));
}

}  // namespace
}  // namespace skep::sim
