// The proposer's core with the acceptors' cores, without anything between them: a message arrives,
// or does not, when a test says so.
#include <gtest/gtest.h>

#include <map>

#include "roles/acceptor/core.hpp"
#include "roles/proposer/core.hpp"

namespace skep::proposer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr NodeId kOther = 2;  // also a proposer

struct Machine {
  acceptor::Core core{acceptor::Standing{}};
  std::map<std::string, acceptor::Found> rows;
  bool silent = false;
};

struct ProposerCore : testing::Test {
  Core core{{.self = 1,
             .boot = 1,
             .seed = 1,
             .round_timeout = milliseconds(500),
             .max_value = 1000,
             .cache = 1 << 20}};
  std::map<NodeId, Machine> machines;
  std::vector<Effects::Send> passed_on;
  Time now{};

  static Node node(NodeId id) { return {"n" + std::to_string(id), id, "h:" + std::to_string(id)}; }
  static Quorums quorums(const std::vector<NodeId>& ids, std::uint32_t quorum) {
    Quorums all{{}, quorum};
    for (const NodeId id : ids) all.nodes.push_back(node(id));
    return all;
  }
  void serve(Quorums prepare, Quorums accept, bool two_proposers = false) {
    Configuration configuration;
    configuration.version = core.configuration().version + 1;
    configuration.proposers = {node(1)};
    if (two_proposers) configuration.proposers.push_back(node(kOther));
    configuration.prepare = std::move(prepare);
    configuration.accept = std::move(accept);
    Effects effects;
    core.serve(now, std::move(configuration), effects);
    core.set_living({1, 2, 3});
    carry_out(std::move(effects));
  }

  void carry_out(Effects effects) {
    for (auto& told : effects.told) told();
    for (const Effects::Send& send : effects.sends) {
      if (send.type == Type::pass_on) passed_on.push_back(send);
      if (send.part == Part::acceptor && !machines[send.to].silent) answer(send);
    }
  }
  void answer(const Effects::Send& send) {
    Machine& machine = machines[send.to];
    acceptor::Decision decision;
    const auto decide = [&](auto request, auto how) {
      decision = (machine.core.*how)(*request, machine.rows[std::string(request->key)]);
    };
    if (send.type == Type::prepare)
      decide(wire::decode<registers::Prepare>(*send.payload), &acceptor::Core::prepare);
    else if (send.type == Type::accept)
      decide(wire::decode<registers::Accept>(*send.payload), &acceptor::Core::accept);
    else if (send.type == Type::read)
      decide(wire::decode<registers::Read>(*send.payload), &acceptor::Core::read);
    hear(send.to, decision.type, send.request, decision.payload);
  }
  void hear(NodeId from, Type type, std::uint64_t request, const std::string& payload) {
    Effects effects;
    core.receive(now, from, node(from).address,
                 {Part::proposer, static_cast<std::uint16_t>(type), request, payload}, effects);
    carry_out(std::move(effects));
  }

  // Filled in when the core tells.
  std::shared_ptr<std::optional<Outcome>> ask(const std::string& key, Function function,
                                              std::optional<ChangeId> id = {},
                                              std::optional<std::uint64_t> base = {}) {
    auto outcome = std::make_shared<std::optional<Outcome>>();
    Request request{key, {}, id, base, seconds(5)};
    request.change.function = function;
    request.change.value = "v";
    Effects effects;
    core.change(
        now, std::move(request), [outcome](Outcome told) { *outcome = std::move(told); }, effects);
    carry_out(std::move(effects));
    return outcome;
  }
  // What is due is done, for so long.
  void wait(Duration time) {
    const Time until = now + time;
    for (auto due = core.due(); due && *due <= until; due = core.due()) {
      now = std::max(now, *due);
      Effects effects;
      core.tick(now, effects);
      carry_out(std::move(effects));
    }
    now = until;
  }
  // A key that the other proposer is preferred for, or this one.
  std::string key_of(bool other) {
    for (int i = 0;; ++i)
      if (std::string key = "k" + std::to_string(i); core.prefers_self(key) != other) return key;
  }
  static bool done(const std::optional<Outcome>& outcome) {
    return outcome && outcome->how == Outcome::How::done;
  }
  std::uint64_t trips(bool one) { return one ? core.figures().one_trip : core.figures().two_trip; }
};

// It may come there late, when its client has repeated it, and be made again.
TEST_F(ProposerCore, AChangeWithANameIsPassedOnOnlyWithAVersion) {
  serve(quorums({1, 2, 3}, 2), quorums({1, 2, 3}, 2), true);
  const std::string key = key_of(true);
  EXPECT_TRUE(done(*ask(key, Function::set, ChangeId{1, 1})));
  EXPECT_TRUE(passed_on.empty());
  EXPECT_FALSE(*ask(key, Function::set, ChangeId{1, 2}, 1));
  EXPECT_FALSE(*ask(key, Function::set));
  EXPECT_EQ(passed_on.size(), 2U);
}

TEST_F(ProposerCore, APromiseIsOfNoUseOnceAnotherProposerHasCome) {
  serve(quorums({1, 2, 3}, 2), quorums({1, 2, 3}, 2), true);
  const std::string key = key_of(true);
  core.set_living({1, 3});
  EXPECT_TRUE(done(*ask(key, Function::set)));
  EXPECT_TRUE(done(*ask(key, Function::set)));
  EXPECT_EQ(trips(true), 1u);
  core.set_living({1, 2, 3});  // and makes changes, for clients of its own
  core.set_living({1, 3});
  EXPECT_TRUE(done(*ask(key, Function::set)));
  EXPECT_EQ(trips(true), 1u) << "the old promise is used";
  EXPECT_EQ(trips(false), 2u);
}

TEST_F(ProposerCore, WhatTheOtherOneDoesNotServeIsDoneHere) {
  serve(quorums({1, 2, 3}, 2), quorums({1, 2, 3}, 2), true);
  const std::string key = key_of(true);
  auto outcome = ask(key, Function::set);
  ASSERT_EQ(passed_on.size(), 1u);
  EXPECT_FALSE(*outcome);
  hear(kOther, Type::passed, passed_on[0].request, wire::encode(Passed{}));
  EXPECT_TRUE(done(*outcome));
  EXPECT_TRUE(done(*ask(key, Function::set)));
  EXPECT_EQ(passed_on.size(), 1u) << "nor is it asked again";
  hear(kOther, Type::news, 7, wire::encode(News{core.configuration()}));
  outcome = ask(key, Function::set);
  ASSERT_EQ(passed_on.size(), 2u) << "until it says that it serves";
  // Late, it has tried; who waits is told that.
  now += seconds(4);
  hear(kOther, Type::passed, passed_on[1].request, wire::encode(Passed{}));
  ASSERT_TRUE(*outcome);
  EXPECT_EQ((*outcome)->how, Outcome::How::unavailable);
}

TEST_F(ProposerCore, WhereAnotherBallotIsInTheWayNobodyWaitsForTheDead) {
  serve(quorums({1, 2, 3}, 2), quorums({1, 2, 3}, 2));
  EXPECT_TRUE(done(*ask("k", Function::set)));
  machines[2].silent = true;
  acceptor::Found& row = machines[3].rows["k"];
  row.row->promise = {100, 9, 1};
  core.set_living({1, 3});
  const auto outcome = ask("k", Function::set);
  wait(milliseconds(50));
  EXPECT_TRUE(done(*outcome));
}

TEST_F(ProposerCore, AChangePassedOnToTheDeadIsUnknownAtOnceAndAReadIsDoneHere) {
  serve(quorums({1, 2, 3}, 2), quorums({1, 2, 3}, 2), true);
  const std::string key = key_of(true);
  const auto outcome = ask(key, Function::set);
  Effects effects;
  core.unreachable(now, kOther, effects);
  carry_out(std::move(effects));
  ASSERT_TRUE(*outcome);
  EXPECT_EQ((*outcome)->how, Outcome::How::unknown);
  EXPECT_TRUE(done(*ask(key, Function::set)));
}

// Where all acceptors are needed to prepare, nobody is left to tell what a damaged one had. To
// prepare without it is enough as soon as nothing was accepted without the others.
TEST_F(ProposerCore, ARegisterThatIsDamagedOnOneOfTwoIsMendedWithTheOtherOne) {
  serve(quorums({1, 2}, 2), quorums({1, 2}, 2));
  EXPECT_TRUE(done(*ask("k", Function::set)));
  machines[1].rows["k"] = {true, std::nullopt};
  const auto stuck = ask("k", Function::read);
  wait(seconds(5));
  ASSERT_TRUE(*stuck);
  EXPECT_EQ((*stuck)->how, Outcome::How::unavailable);
  serve(quorums({2}, 1), quorums({1, 2}, 2));
  const auto read = ask("k", Function::read);
  wait(seconds(1));
  EXPECT_TRUE(done(*read));
  EXPECT_EQ((*read)->value, "v");
  EXPECT_FALSE(machines[1].rows["k"].damaged);
  serve(quorums({1, 2}, 2), quorums({1, 2}, 2));
  EXPECT_TRUE(done(*ask("k", Function::set)));
}

}  // namespace
}  // namespace skep::proposer
