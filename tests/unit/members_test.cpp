// The members core, rule by rule: one core, and the test plays everybody else.
#include "net/members.hpp"

#include <gtest/gtest.h>

namespace skep::members {
namespace {

using namespace std::chrono_literals;
using State = MemberState;

constexpr std::uint64_t kCluster = 77;
constexpr Time kStart{1h};

Member member(NodeId id, std::uint64_t incarnation, State state) {
  Member m;
  m.id = id;
  m.name = "n" + std::to_string(id);
  m.address = "h:" + std::to_string(id);
  m.incarnation = incarnation;
  m.state = state;
  return m;
}
Claim claim(NodeId id, std::uint64_t incarnation, State state, NodeId by = 0,
            std::uint32_t age = 0) {
  return {member(id, incarnation, state), by, age};
}

// A core that is node 1 of a cluster, in incarnation 10.
class Node {
 public:
  explicit Node(std::vector<Claim> others = {}, std::string saved = {}) {
    Options options;
    options.self = member(1, 10, State::alive);
    options.founding = kCluster;
    options.seed = 4;
    core.emplace(Core::open(options, saved).value());
    effects = core->start(now);
    if (!others.empty()) hear(2, std::move(others));
  }
  void hear(NodeId from, std::vector<Claim> claims, std::vector<Rumor> rumors = {}) {
    deliver(from, Type::gossip, Gossip{kCluster, {std::move(claims), std::move(rumors)}});
  }
  void exchange(NodeId from, std::vector<Claim> claims) {
    deliver(from, Type::full, Full{kCluster, 0, false, {}, {std::move(claims), {}}});
  }
  template <class M> void deliver(NodeId from, Type type, const M& message) {
    effects = core->receive(now, from, "h:" + std::to_string(from),
                            static_cast<std::uint16_t>(type), wire::encode(message));
  }
  // Ticks up to then, answering the pings to `answering`; collects what is sent.
  std::vector<Effects::Send> run(Duration length, std::set<NodeId> answering = {}) {
    std::vector<Effects::Send> sent;
    const Time end = now + length;
    while (core->due() <= end) {
      now = std::max(now, core->due());
      effects = core->tick(now);
      for (auto& send : std::vector(effects.sends)) {
        if (send.type == Type::ping && answering.contains(send.expect))
          deliver(send.expect, Type::ack, Ack{kCluster, wire::decode<Ping>(send.payload)->seq, {}});
        sent.push_back(std::move(send));
      }
    }
    now = end;
    return sent;
  }
  const Member& of(NodeId id) { return core->members().at(id); }
  State state(NodeId id) { return of(id).state; }
  Time since(NodeId id) { return core->members().find(id).since(); }
  template <class M> std::vector<M> sent(Type type) { return messages<M>(effects.sends, type); }
  template <class M>
  static std::vector<M> messages(const std::vector<Effects::Send>& sends, Type type) {
    std::vector<M> found;
    for (const auto& send : sends)
      if (send.type == type) found.push_back(*wire::decode<M>(send.payload));
    return found;
  }

  std::optional<Core> core;
  Effects effects;
  Time now = kStart;
};

TEST(MembersTable, WhatIsNewer) {
  auto newer_than = [](std::uint64_t i, State s, std::uint64_t j, State t) {
    return newer(member(1, i, s), member(1, j, t));
  };
  EXPECT_FALSE(newer_than(5, State::alive, 5, State::alive));
  EXPECT_FALSE(newer_than(5, State::alive, 5, State::suspect));  // only a higher one refutes
  EXPECT_TRUE(newer_than(6, State::alive, 5, State::suspect));
  EXPECT_TRUE(newer_than(5, State::suspect, 5, State::alive));
  EXPECT_TRUE(newer_than(5, State::suspect, 5, State::leaving));
  EXPECT_FALSE(newer_than(4, State::suspect, 5, State::alive));
  EXPECT_FALSE(newer_than(4, State::dead, 5, State::alive));
  EXPECT_TRUE(newer_than(5, State::dead, 5, State::suspect));
  EXPECT_FALSE(newer_than(5, State::suspect, 5, State::dead));  // dead is final for its incarnation
  EXPECT_TRUE(newer_than(6, State::alive, 5, State::dead));
  EXPECT_TRUE(newer_than(3, State::left, 5, State::alive));  // left is for good
  EXPECT_FALSE(newer_than(9, State::alive, 3, State::left));
}

TEST(MembersTable, DigestsAreEqualForEqualListsOnly) {
  Table a, b;
  a.put(member(1, 5, State::alive));
  a.put(member(2, 5, State::alive));
  b.put(member(2, 4, State::dead));
  EXPECT_NE(a.digest(), b.digest());
  b.put(member(2, 5, State::alive));
  b.put(member(3, 1, State::alive));
  b.put(member(1, 5, State::alive));
  EXPECT_NE(a.digest(), b.digest());
  b.erase(3);
  EXPECT_EQ(a.digest(), b.digest());
  EXPECT_EQ(a.living(), (std::vector<NodeId>{1, 2}));
}

TEST(Members, AnOlderIncarnationIsNotBelieved) {
  Node node({claim(2, 7, State::alive)});
  node.hear(2, {claim(2, 6, State::dead)});
  EXPECT_EQ(node.state(2), State::alive);
  EXPECT_TRUE(node.effects.changed.empty());
}

TEST(Members, AliveBeatsSuspectOnlyWithAHigherIncarnation) {
  Node node({claim(2, 7, State::alive), claim(3, 1, State::alive)});
  node.hear(3, {claim(2, 7, State::suspect, 3)});
  EXPECT_EQ(node.state(2), State::suspect);
  node.hear(3, {claim(2, 7, State::alive)});
  EXPECT_EQ(node.state(2), State::suspect);
  node.hear(3, {claim(2, 8, State::alive)});
  EXPECT_EQ(node.state(2), State::alive);
  node.run(5s, {2, 3});
  EXPECT_EQ(node.state(2), State::alive);  // the suspicion has gone with it
}

TEST(Members, DeadStaysDeadUntilItComesBackItself) {
  Node node({claim(2, 7, State::alive), claim(3, 1, State::alive)});
  node.hear(3, {claim(2, 7, State::dead)});
  node.hear(3, {claim(2, 7, State::alive), claim(2, 7, State::suspect, 3)});
  EXPECT_EQ(node.state(2), State::dead);
  node.hear(2, {claim(2, 8, State::alive)});
  EXPECT_EQ(node.state(2), State::alive);
}

TEST(Members, RefutesWithAHigherIncarnation) {
  Node node({claim(2, 7, State::alive)});
  node.hear(2, {claim(1, 10, State::suspect, 2)});
  EXPECT_EQ(node.core->self().incarnation, 11U);
  EXPECT_EQ(node.core->self().state, State::alive);
  EXPECT_EQ(node.core->health(), 1);
  // The answer to a ping that has the old news begins with the new.
  node.run(2s, {2});
  node.deliver(2, Type::ping, Ping{kCluster, 5, {{claim(1, 10, State::suspect, 2)}, {}}});
  auto acks = node.sent<Ack>(Type::ack);
  ASSERT_EQ(acks.size(), 1U);
  EXPECT_EQ(acks[0].seq, 5U);
  ASSERT_FALSE(acks[0].news.claims.empty());
  EXPECT_EQ(acks[0].news.claims[0].member.id, 1U);
  EXPECT_EQ(acks[0].news.claims[0].member.incarnation, 11U);
  // What another life of this store is remembered for is raised over as well.
  node.hear(2, {claim(1, 40, State::alive)});
  EXPECT_EQ(node.core->self().incarnation, 41U);
}

TEST(Members, SilenceIsSuspectedAndThenDead) {
  Node node({claim(2, 7, State::alive)});
  node.run(450ms);
  EXPECT_EQ(node.state(2), State::alive);
  node.run(150ms);
  EXPECT_EQ(node.state(2), State::suspect);
  node.run(500ms);
  EXPECT_EQ(node.state(2), State::dead);
  EXPECT_EQ(node.of(2).incarnation, 7U);
}

TEST(Members, AnAnswerThroughAHelperIsAnAnswer) {
  Node node({claim(2, 7, State::alive), claim(3, 7, State::alive)});
  bool asked = false;
  for (int i = 0; i < 400; ++i) {
    for (const auto& send : node.run(10ms, {3})) {
      if (send.type != Type::ping_request) continue;
      asked = true;
      EXPECT_EQ(send.expect, 3U);
      const auto request = *wire::decode<PingRequest>(send.payload);
      EXPECT_EQ(request.target, 2U);
      node.deliver(3, Type::ack, Ack{kCluster, request.seq, {}});
    }
  }
  EXPECT_TRUE(asked);
  EXPECT_EQ(node.state(2), State::alive);
}

TEST(Members, AHelperPassesTheAnswerOnOrSaysThatThereIsNone) {
  Node node({claim(2, 7, State::alive), claim(3, 7, State::alive)});
  node.deliver(2, Type::ping_request, PingRequest{kCluster, 50, 3, "h:3", {}});
  auto pings = node.sent<Ping>(Type::ping);
  ASSERT_EQ(pings.size(), 1U);
  node.deliver(3, Type::ack, Ack{kCluster, pings[0].seq, {}});
  auto acks = node.sent<Ack>(Type::ack);
  ASSERT_EQ(acks.size(), 1U);
  EXPECT_EQ(acks[0].seq, 50U);

  node.deliver(2, Type::ping_request, PingRequest{kCluster, 51, 3, "h:3", {}});
  auto nacks = Node::messages<Nack>(node.run(300ms, {2}), Type::nack);
  ASSERT_EQ(nacks.size(), 1U);
  EXPECT_EQ(nacks[0].seq, 51U);
}

TEST(Members, HelpersThatAreSilentTooPointAtOneself) {
  Node silent({claim(2, 7, State::alive), claim(3, 7, State::alive), claim(4, 7, State::alive)});
  silent.run(600ms);
  EXPECT_GT(silent.core->health(), 2);
  const auto probes = silent.core->counters().probes;
  silent.run(320ms);
  EXPECT_LE(silent.core->counters().probes, probes + 2);  // it asks less often when not well

  Node well({claim(2, 7, State::alive), claim(3, 7, State::alive), claim(4, 7, State::alive)});
  for (int i = 0; i < 70; ++i)
    for (const auto& send : well.run(10ms, {3, 4}))
      if (send.type == Type::ping_request)
        well.deliver(send.expect, Type::nack,
                     Nack{kCluster, wire::decode<PingRequest>(send.payload)->seq});
  EXPECT_EQ(well.state(2), State::suspect);
  EXPECT_EQ(well.core->health(), 0);
}

TEST(Members, ALateLoopSuspectsNobody) {
  Node node({claim(2, 7, State::alive), claim(3, 7, State::alive)});
  node.run(300ms);  // probes of both are under way, unanswered
  node.now += 10s;
  for (int i = 0; i < 50; ++i) node.hear(4, {});  // what had piled up meanwhile
  node.effects = node.core->tick(node.now);
  EXPECT_EQ(node.state(2), State::alive);
  EXPECT_EQ(node.state(3), State::alive);
  EXPECT_EQ(node.core->counters().late, 1U);
  EXPECT_GT(node.core->health(), 0);
  // The time is given back once, not for good.
  node.run(3s, {3});
  EXPECT_EQ(node.state(2), State::dead);
}

TEST(Members, ASuspicionGetsShorterWithIndependentAccusers) {
  auto survives = [](std::vector<NodeId> accusers) {
    std::vector<Claim> all;
    for (NodeId id = 2; id <= 8; ++id) all.push_back(claim(id, 1, State::alive));
    Node node(all);
    for (NodeId accuser : accusers) node.hear(accuser, {claim(2, 1, State::suspect, accuser)});
    const Time start = node.now;
    while (node.state(2) != State::dead) node.run(5ms, {2, 3, 4, 5, 6, 7, 8});
    return node.now - start;
  };
  const auto alone = survives({3});
  EXPECT_GE(alone, 390ms);
  EXPECT_GE(survives({3, 3, 3, 3}), 390ms);  // one accuser counts once
  EXPECT_LT(survives({3, 4}), alone);
  EXPECT_LE(survives({3, 4, 5, 6}), 230ms);
}

TEST(Suspicion, GrowsFromShortestToLongest) {
  Suspicion suspicion(1, 2, kStart, 200ms, 400ms, 3);
  EXPECT_EQ(suspicion.deadline(), kStart + 400ms);
  EXPECT_TRUE(suspicion.confirm(3));
  EXPECT_EQ(suspicion.deadline(), kStart + 300ms);  // log 2 / log 4
  EXPECT_FALSE(suspicion.confirm(3));
  EXPECT_FALSE(suspicion.confirm(0));
  EXPECT_TRUE(suspicion.confirm(4));
  EXPECT_TRUE(suspicion.confirm(5));
  EXPECT_EQ(suspicion.deadline(), kStart + 200ms);
  EXPECT_FALSE(suspicion.confirm(6));
  EXPECT_EQ(Suspicion(1, 2, kStart, 200ms, 400ms, 0).deadline(), kStart + 400ms);
}

TEST(Members, ADeathInAnExchangeIsASuspicionFirst) {
  Node node({claim(2, 7, State::alive), claim(3, 1, State::alive)});
  node.exchange(3, {claim(2, 7, State::dead)});
  EXPECT_EQ(node.state(2), State::suspect);
  node.exchange(3, {claim(2, 7, State::left), claim(9, 1, State::dead, 0, 5)});
  EXPECT_EQ(node.state(2), State::left);
  EXPECT_EQ(node.state(9), State::dead);
  EXPECT_EQ(node.since(9), node.now - 5s);
}

TEST(Members, ANewIdentityUnderAnOldNameEndsTheOldOne) {
  Node node({claim(2, 7, State::alive)});
  Claim fresh = claim(12, 8, State::alive);
  fresh.member.name = "n2";
  fresh.member.address = "h:2";
  node.hear(12, {fresh});
  EXPECT_EQ(node.state(2), State::dead);
  EXPECT_EQ(node.state(12), State::alive);
  node.hear(3, {claim(2, 7, State::alive)});
  EXPECT_EQ(node.state(2), State::dead);

  // In the other order the list is the same.
  Node other({fresh});
  other.hear(2, {claim(2, 7, State::alive)});
  EXPECT_EQ(other.state(2), State::dead);
  EXPECT_EQ(other.state(12), State::alive);
}

TEST(Members, TakesItsAddressBackFromWhoHadItBefore) {
  Node node({claim(2, 7, State::alive)});
  Claim before = claim(12, 500, State::alive);
  before.member.name = "n1";
  before.member.address = "h:1";
  node.hear(2, {before});
  node.run(1100ms, {2});
  EXPECT_EQ(node.core->self().incarnation, 501U);
  EXPECT_EQ(node.state(12), State::dead);
}

TEST(Members, ALivingNodeElsewhereKeepsTheName) {
  Node node({claim(2, 7, State::alive)});
  Claim namesake = claim(12, 500, State::alive);
  namesake.member.name = "n1";
  node.hear(2, {namesake});
  node.hear(2, {claim(1, 10, State::dead)});
  node.run(3s, {2, 12});
  EXPECT_EQ(node.core->self().incarnation, 10U);
  EXPECT_EQ(node.state(12), State::alive);
  node.run(5s, {2});  // the namesake dies
  EXPECT_EQ(node.state(12), State::dead);
  EXPECT_EQ(node.core->self().incarnation, 501U);
}

TEST(Members, LeavingIsStillProbedAndRefutedAsLeaving) {
  Node node({claim(2, 7, State::leaving), claim(3, 7, State::alive)});
  EXPECT_EQ(node.state(2), State::leaving);
  node.run(2s, {3});
  EXPECT_EQ(node.state(2), State::dead);

  node.effects = node.core->leave(node.now, State::leaving);
  EXPECT_EQ(node.core->self().state, State::leaving);
  EXPECT_EQ(node.core->self().incarnation, 11U);
  node.hear(3, {claim(1, 11, State::suspect, 3)});
  EXPECT_EQ(node.core->self().state, State::leaving);
  EXPECT_EQ(node.core->self().incarnation, 12U);
}

TEST(Members, LeftIsToldAtOnceAndIsForGood) {
  Node node({claim(2, 7, State::alive), claim(3, 7, State::alive)});
  node.effects = node.core->leave(node.now, State::left);
  EXPECT_EQ(node.sent<Gossip>(Type::gossip).size(), 2U);
  ASSERT_TRUE(node.effects.saved || node.core->due() < node.now + 1s);
  node.hear(2, {claim(1, 11, State::dead)});
  EXPECT_EQ(node.core->self().state, State::left);
  EXPECT_TRUE(node.run(5s).empty());

  Node other({claim(2, 7, State::left)});
  other.hear(3, {claim(2, 8, State::alive)});
  EXPECT_EQ(other.state(2), State::left);
}

TEST(Members, TheDeadAreForgottenAndOldGossipDoesNotBringThemBack) {
  Node node({claim(2, 7, State::alive), claim(3, 7, State::dead, 0, 72 * 3600 - 60)});
  EXPECT_EQ(node.state(3), State::dead);
  node.run(2min, {2});
  EXPECT_FALSE(node.core->members().contains(3));
  node.exchange(2, {claim(3, 7, State::dead, 0, 72 * 3600)});
  EXPECT_FALSE(node.core->members().contains(3));
}

TEST(Members, WhatIsKeptComesBack) {
  Node first({claim(2, 7, State::alive), claim(3, 7, State::dead, 0, 9)});
  first.hear(2, {claim(2, 7, State::suspect, 3), claim(1, 12, State::dead)});
  std::string saved = first.effects.saved.value_or("");
  for (int i = 0; i < 100 && !first.effects.saved; ++i) first.run(10ms, {2});
  ASSERT_TRUE(first.effects.saved);
  saved = *first.effects.saved;

  Node second({}, saved);
  EXPECT_EQ(second.core->cluster(), kCluster);
  EXPECT_EQ(second.core->founded(), first.core->founded());
  EXPECT_EQ(second.state(2), State::alive);  // suspicions are not kept
  EXPECT_EQ(second.state(3), State::dead);
  EXPECT_LE(second.since(3), second.now - 9s);
  EXPECT_GT(second.core->self().incarnation, 13U);
}

TEST(Members, DamagedBytesAndBadOptionsAreRefused) {
  Options options;
  options.self = member(1, 10, State::alive);
  options.founding = kCluster;
  EXPECT_EQ(Core::open(options, "rubbish").error().code, Code::corrupt);
  options.self.name.clear();
  EXPECT_EQ(Core::open(options, "").error().code, Code::invalid);
}

// A core with an empty store and peers.
Core waiting(std::vector<Address> peers) {
  Options options;
  options.self = member(1, 10, State::alive);
  options.peers = std::move(peers);
  options.founding = kCluster;
  return Core::open(options, "").value();
}
template <class M> Effects deliver(Core& core, Time now, NodeId from, Type type, const M& message) {
  return core.receive(now, from, "h:" + std::to_string(from), static_cast<std::uint16_t>(type),
                      wire::encode(message));
}

TEST(MembersJoin, OnlyAnEmptyStoreWithoutPeersFounds) {
  Core alone = waiting({"h:1"});  // its own address is no peer
  Effects effects = alone.start(kStart);
  EXPECT_TRUE(alone.founded());
  EXPECT_EQ(effects.cluster, kCluster);
  ASSERT_EQ(effects.lines.size(), 1U);
  EXPECT_EQ(effects.lines[0].level, Level::warn);
  EXPECT_TRUE(effects.saved);

  Core joiner = waiting({"h:2", "h:3"});
  effects = joiner.start(kStart);
  EXPECT_EQ(joiner.cluster(), 0U);
  EXPECT_FALSE(joiner.founded());
  EXPECT_FALSE(effects.saved);
  EXPECT_EQ(effects.sends.size(), 2U);
  for (const auto& send : effects.sends) EXPECT_EQ(send.type, Type::join);
}

TEST(MembersJoin, WaitsAndSaysForWhom) {
  Core joiner = waiting({"h:2", "h:3"});
  joiner.start(kStart);
  std::string said;
  for (Time now = joiner.due(); now < kStart + 2s; now = joiner.due())
    for (const auto& line : joiner.tick(now).lines) said += line.text;
  EXPECT_NE(said.find("h:2, h:3"), std::string::npos) << said;
}

TEST(MembersJoin, TakesTheListAndAnnouncesItself) {
  Core joiner = waiting({"h:2"});
  joiner.start(kStart);
  Full welcome{9, 1, false, {}, {{claim(2, 7, State::alive), claim(3, 7, State::dead)}, {}}};
  Effects effects = deliver(joiner, kStart, 2, Type::full, welcome);
  EXPECT_EQ(joiner.cluster(), 9U);
  EXPECT_EQ(effects.cluster, 9U);
  EXPECT_TRUE(effects.saved);
  ASSERT_EQ(effects.sends.size(), 1U);
  const auto answer = *wire::decode<Full>(effects.sends[0].payload);
  EXPECT_EQ(answer.cluster, 9U);
  EXPECT_EQ(answer.news.claims.size(), 3U);
}

TEST(MembersJoin, ANameOfALivingNodeElsewhereIsRefused) {
  Core joiner = waiting({"h:2"});
  joiner.start(kStart);
  Claim namesake = claim(3, 7, State::alive);
  namesake.member.name = "n1";
  const Full list{9, 1, false, {}, {{namesake}, {}}};
  const auto count = [](const Effects& effects) {
    return std::count_if(effects.lines.begin(), effects.lines.end(), [](const auto& line) {
      return line.level == Level::error &&
             line.text.find("h:3 is already called n1; give this one another name") !=
                 std::string::npos;
    });
  };
  EXPECT_EQ(count(deliver(joiner, kStart, 2, Type::full, list)), 1) << "at once";
  EXPECT_EQ(count(deliver(joiner, kStart, 2, Type::full, list)), 0) << "and not each time";
  EXPECT_EQ(joiner.cluster(), 0U);
  long again = 0;
  bool waits = false;
  Time now = joiner.due();
  for (; now < kStart + 45s; now = joiner.due()) {
    const Effects effects = joiner.tick(now);
    again += count(effects);
    for (const auto& line : effects.lines) waits |= line.text.starts_with("waits for");
    if (now < kStart + 15s) deliver(joiner, now, 2, Type::full, list);
  }
  EXPECT_GE(again, 1) << "as long as it is so";
  EXPECT_TRUE(waits) << "when nobody answers any more";
  namesake.member.state = State::dead;
  deliver(joiner, now, 2, Type::full, Full{9, 1, false, {}, {{namesake}, {}}});
  EXPECT_EQ(joiner.cluster(), 9U);
}

TEST(MembersJoin, ItsOldSelfAtItsAddressIsRaisedOver) {
  Core joiner = waiting({"h:2"});
  joiner.start(kStart);
  Claim old = claim(3, 900, State::alive);
  old.member.name = "n1";
  old.member.address = "h:1";
  deliver(joiner, kStart, 2, Type::full, Full{9, 1, false, {}, {{old}, {}}});
  EXPECT_EQ(joiner.self().incarnation, 901U);
  EXPECT_EQ(joiner.members().at(3).state, State::dead);
}

TEST(MembersJoin, OfAnotherClusterNothingIsBelieved) {
  Node node({claim(2, 7, State::alive)});
  node.deliver(2, Type::gossip, Gossip{kCluster + 1, {{claim(2, 9, State::dead)}, {}}});
  EXPECT_EQ(node.state(2), State::alive);
  EXPECT_EQ(node.core->counters().foreign, 1U);
}

TEST(MembersJoin, JoinAtRunTimeEndsOneWayOrTheOther) {
  Node node;
  node.effects = node.core->join(node.now, "h:5");
  auto syncs = node.sent<Sync>(Type::sync);
  ASSERT_EQ(syncs.size(), 1U);
  // The node there is in no cluster: woken by this, it asks to join.
  node.deliver(5, Type::join, Join{syncs[0].ticket, "n5"});
  ASSERT_EQ(node.effects.joined.size(), 1U);
  EXPECT_TRUE(node.effects.joined[0].result);
  EXPECT_EQ(node.sent<Full>(Type::full).at(0).cluster, kCluster);

  node.effects = node.core->join(node.now, "h:6");
  const auto ticket = node.sent<Sync>(Type::sync).at(0).ticket;
  node.deliver(6, Type::full, Full{kCluster + 1, ticket, false, {}, {}});
  ASSERT_EQ(node.effects.joined.size(), 1U);
  EXPECT_EQ(node.effects.joined[0].result.error().code, Code::conflict);

  node.effects = node.core->join(node.now, "h:7");
  std::vector<Effects::Joined> joined;
  while (joined.empty()) {
    node.now = node.core->due();
    ASSERT_LE(node.now, kStart + 6s);
    joined = node.core->tick(node.now).joined;
  }
  EXPECT_EQ(joined[0].result.error().code, Code::unavailable);

  node.effects = node.core->join(node.now, "h:1");
  EXPECT_EQ(node.effects.joined.at(0).result.error().code, Code::invalid);
}

TEST(MembersRumors, TheHighestVersionWinsAndNewsAreReportedOnce) {
  Node node({claim(2, 7, State::alive)});
  node.hear(2, {}, {{"ring.arc", 1, 5, "five"}});
  ASSERT_EQ(node.effects.heard.size(), 1U);
  node.hear(2, {}, {{"ring.arc", 1, 5, "five"}, {"ring.arc", 1, 4, "four"}});
  EXPECT_TRUE(node.effects.heard.empty());
  node.effects = node.core->spread(node.now, {"ring.arc", 1, 6, "six"});
  EXPECT_TRUE(node.effects.heard.empty());  // one's own is no news
  node.effects = node.core->spread(node.now, {"ring.arc", 1, 3, "three"});
  EXPECT_EQ(node.core->rumors().find({"ring.arc", 1})->value, "six");
}

TEST(MembersRumors, ADigestTellsEveryVersionAndValueApart) {
  const auto digests = [](std::uint64_t version, std::uint64_t value) {
    Rumors rumors;
    rumors.put({"t", 7, version, wire::encode(value)});
    return rumors.digests();
  };
  std::set<std::vector<std::uint64_t>> seen;
  for (std::uint64_t life = 0; life < 16; ++life)
    for (std::uint64_t version = 0; version < 4; ++version)
      for (std::uint64_t value = 0; value < 4; ++value)
        EXPECT_TRUE(seen.insert(digests(life << 32 | version, value)).second)
            << life << " " << version << " " << value;
}

TEST(MembersRumors, BoundsAreKept) {
  Rumors rumors;
  EXPECT_EQ(rumors.put({"", 1, 1, ""}), Rumors::Heard::refused);
  EXPECT_EQ(rumors.put({std::string(65, 't'), 1, 1, ""}), Rumors::Heard::refused);
  EXPECT_EQ(rumors.put({"t", 1, 1, std::string(2049, 'v')}), Rumors::Heard::refused);
  std::uint64_t key = 0;
  while (rumors.put({"t", key, 1, std::string(2000, 'v')}) == Rumors::Heard::news) ++key;
  EXPECT_EQ(key, Rumors::kMaxBytes / 2001);
  EXPECT_EQ(rumors.put({"t", 0, 2, ""}), Rumors::Heard::news);  // in place of a larger one
}

TEST(MembersRumors, OnlyBucketsThatDifferAreTold) {
  Rumors a, b;
  for (std::uint64_t key = 0; key < 1000; ++key) {
    a.put({"t", key, 1, "v"});
    b.put({"t", 999 - key, 1, "v"});
  }
  EXPECT_EQ(a.digests(), b.digests());
  a.put({"t", 5, 2, "w"});
  const auto different = a.different(b.digests());
  EXPECT_LT(different.size(), 60U);
  EXPECT_TRUE(std::any_of(different.begin(), different.end(),
                          [](const Rumor& rumor) { return rumor.key == 5; }));
  EXPECT_EQ(a.different({}).size(), 1000U);
}

TEST(Retransmits, TheLeastToldFirstThenTheNewestAndEachALimitedNumberOfTimes) {
  Retransmits<int> queue;
  auto tell = [&](std::size_t room) {
    std::vector<int> told;
    queue.tell(3, [&](int key) { return told.size() < room && (told.push_back(key), true); });
    return told;
  };
  queue.add(1);
  queue.add(2);
  EXPECT_EQ(tell(1), (std::vector<int>{2}));
  EXPECT_EQ(tell(2), (std::vector<int>{1, 2}));
  queue.add(3);
  EXPECT_EQ(tell(9), (std::vector<int>{3, 1, 2}));
  EXPECT_EQ(tell(9), (std::vector<int>{3, 1}));
  EXPECT_EQ(tell(9), (std::vector<int>{3}));
  EXPECT_TRUE(queue.empty());
}

TEST(Members, ALongListCostsNoMoreAndMessagesStaySmall) {
  auto sent_in_ten_seconds = [](NodeId count) {
    std::vector<Claim> all;
    std::set<NodeId> answering;
    for (NodeId id = 2; id <= count; ++id) {
      all.push_back(claim(id, 1, State::alive));
      answering.insert(id);
    }
    Node node(all);
    node.run(30s, answering);  // until the news of so many are old
    std::size_t sent = 0;
    for (const auto& send : node.run(10s, answering)) {
      ++sent;
      EXPECT_LE(send.payload.size(), Core::kMaxPiggyback + 600);
    }
    return sent;
  };
  const std::size_t hundred = sent_in_ten_seconds(100);
  EXPECT_GT(hundred, 100U);
  EXPECT_LE(sent_in_ten_seconds(1000), hundred + hundred / 10);
}

TEST(Members, WhateverComesInIsRefusedOrHeard) {
  Node node({claim(2, 7, State::alive)});
  const std::string good =
      wire::encode(Full{kCluster, 0, true, {1, {2}}, {{claim(3, 1, State::suspect, 2)}, {}}});
  for (std::uint16_t type = 0; type < 12; ++type)
    for (std::size_t size = 0; size <= good.size(); ++size)
      node.core->receive(node.now, 2, "h:2", type, std::string_view(good).substr(0, size));
  EXPECT_GT(node.core->counters().malformed, 500U);
  const auto refused = node.core->counters().refused;
  Claim huge = claim(4, 1, State::alive);
  huge.member.name = std::string(300, 'x');
  Claim nobody = claim(4, 1, State::alive);
  nobody.member.id = 0;
  Claim endless = claim(4, ~0ULL, State::alive);
  node.hear(2, {huge, nobody, endless});
  EXPECT_EQ(node.core->counters().refused, refused + 3);
  EXPECT_FALSE(node.core->members().contains(4));
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (char each : bytes) {
    const auto byte = static_cast<unsigned char>(each);
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

TEST(MembersMessages, GoldenBytes) {
  Claim c = claim(2, 3, State::suspect, 4, 5);
  c.member.roles = {"ring"};
  c.member.listeners = {{"ring", "h:9"}};
  const std::string one_claim =
      "0200000000000000"
      "026e32"
      "03683a32"
      "0300000000000000"
      "01"
      "010472696e67"
      "010472696e67"
      "03683a39"
      "64000000"
      "0400000000000000"
      "05000000";
  const std::string one_rumor =
      "0174"
      "0100000000000000"
      "0200000000000000"
      "0176";
  const News news{{c}, {{"t", 1, 2, "v"}}};
  const std::string all_news = "01" + one_claim + "01" + one_rumor;
  const std::string seven = "0700000000000000", eight = "0800000000000000";
  const Digest digest{9, {1}};
  const std::string digest_bytes =
      "0900000000000000"
      "01"
      "0100000000000000";
  EXPECT_EQ(hex(wire::encode(Ping{7, 8, news})), seven + eight + all_news);
  EXPECT_EQ(hex(wire::encode(Ack{7, 8, news})), seven + eight + all_news);
  EXPECT_EQ(hex(wire::encode(Nack{7, 8})), seven + eight);
  EXPECT_EQ(hex(wire::encode(PingRequest{7, 8, 2, "h:2", news})), seven + eight +
                                                                      "0200000000000000"
                                                                      "03683a32" +
                                                                      all_news);
  EXPECT_EQ(hex(wire::encode(Gossip{7, news})), seven + all_news);
  EXPECT_EQ(hex(wire::encode(Sync{7, 8, digest})), seven + eight + digest_bytes);
  EXPECT_EQ(hex(wire::encode(Full{7, 8, true, digest, news})),
            seven + eight + "01" + digest_bytes + all_news);
  EXPECT_EQ(hex(wire::encode(Join{8, "n2"})), eight + "026e32");
  EXPECT_EQ(hex(wire::encode(Waiting{8})), eight);
  EXPECT_EQ(hex(wire::encode(Saved{1, 7, true, {c}})), "0100" + seven + "01" + "01" + one_claim);
  EXPECT_EQ(wire::show(wire::decode<Ping>(wire::encode(Ping{7, 8, news})).value()),
            wire::show(Ping{7, 8, news}));
}

}  // namespace
}  // namespace skep::members
