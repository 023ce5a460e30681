// `server acceptors`, over a proposer that takes the steps that a test tells it to.
#include <gtest/gtest.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <sstream>

#include "roles/proposer/shell_acceptors.hpp"

namespace skep::proposer {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

class AcceptorsShellTest : public testing::Test {
 protected:
  using Strings = std::vector<std::string>;

  AcceptorsShellTest() {
    now["version"] = 3;
    now["in_force"] = now["complete"] = true;
    now["proposers"] = {{{"name", "node1"}, {"id", "01"}, {"address", "h:1"}}};
    now["prepare"] = now["accept"] = quorums({"node1", "node2", "node3"}, 2);
    now["holding"] = Json::array();
    now["goal"] = nullptr;
    now["acceptors"] = Json::array({acceptor("node1"), acceptor("node2"), acceptor("node3")});
    now["behind"] = Json::array();
    now["rescan"] = {{"running", false}, {"registers", 0}};
  }
  static Json quorums(const Strings& nodes, int quorum) {
    return {{"nodes", nodes}, {"quorum", quorum}};
  }
  static Json acceptor(const std::string& name) {
    return {{"name", name},   {"id", "01"},   {"answers", true},   {"configuration", 3},
            {"empty", false}, {"waiting", 0}, {"latency_ms", 0.25}};
  }
  static http::Response answer(unsigned status, const Json& body) {
    return {status, "application/json", body.dump()};
  }
  static http::Response problem(unsigned status, const std::string& detail) {
    return answer(status, {{"detail", detail}, {"done", status == 504 ? "unknown" : "no"}});
  }
  http::Response took(const Json& change) {
    now.update(change);
    now["version"] = now["version"].get<int>() + 1;
    return answer(200, now);
  }

  Result<http::Response> ask(const Address& node, const http::Request& request) {
    if (on_ask) on_ask();
    if (request.method == "GET") {
      looked.push_back(node);
      if (!looks.empty()) {
        auto next = std::move(looks.front());
        looks.pop_front();
        return next;
      }
      return answer(200, now);
    }
    EXPECT_EQ(request.target.ends_with("/rescan"), request.header("if-match").empty());
    asked.push_back(request.method + ' ' + request.target.substr(13) + request.body);
    EXPECT_FALSE(steps.empty()) << asked.back();
    if (steps.empty()) return fail(Code::unavailable, "the test has no more steps");
    auto next = std::move(steps.front());
    steps.pop_front();
    return next();
  }
  // Exit code, what came out, and the diagnostics behind a bar.
  std::string run(const Strings& words) {
    asked.clear();
    looked.clear();
    std::ostringstream out, diagnostics;
    Proposers proposers(nodes, "", [this](const auto& node, const auto& request, Duration) {
      return ask(node, request);
    });
    AcceptorsShell shell(proposers, json,
                         {[this] { return time; }, [this](Duration pause) { time += pause; }}, out,
                         diagnostics);
    const int exit = shell.run(words);
    EXPECT_TRUE(steps.empty());
    return std::to_string(exit) + ' ' + out.str() + '|' + diagnostics.str();
  }

  Json now;
  std::vector<Address> nodes{"a:1", "b:1"};
  bool json = false;
  Time time{};
  std::function<void()> on_ask;
  std::deque<Result<http::Response>> looks;  // before `now`
  std::deque<std::function<Result<http::Response>()>> steps;
  Strings asked, looked;
};

const std::vector<std::string> kFour{"node1", "node2", "node3", "node4"};

TEST_F(AcceptorsShellTest, StatusIsATable) {
  now["acceptors"][1]["answers"] = false;
  now["acceptors"][2]["configuration"] = 2;
  now["holding"] = {quorums({"node1", "node2", "node3"}, 2)};
  EXPECT_EQ(run({}),
            "0 configuration 3\n"
            "prepare    2 of node1, node2, node3\n"
            "accept     2 of node1, node2, node3\n"
            "proposers  node1\n"
            "rescan     is needed: there may be values that only 2 of node1, node2, node3 have\n"
            "ACCEPTOR  PREPARES  ACCEPTS  LATENCY  STATE\n"
            "node1     yes       yes      0.2 ms   answers\n"
            "node2     yes       yes      -        does not answer\n"
            "node3     yes       yes      0.2 ms   goes by configuration 2\n|");
  json = true;
  EXPECT_EQ(run({"status"}), "0 " + now.dump() + '|');
}

TEST_F(AcceptorsShellTest, AStepIsTakenOnceAndWaitedFor) {
  steps = {[&] {
    auto response = took({{"accept", quorums(kFour, 3)}, {"complete", false}});
    now["behind"] = {"node2"};
    return response;
  }};
  int asks = 0;
  on_ask = [&] {
    if (++asks == 10) now["complete"] = true;
  };
  EXPECT_EQ(run({"accept", "node1,node2,node3,node4"}),
            "0 accept 3 of node1, node2, node3, node4\n|configuration 4: accept 3 of node1, node2, "
            "node3, node4\nconfiguration 4 waits for "
            "proposer node2 (goes by an older one)"
            ", acceptor node1 (goes by configuration 3), acceptor node2 (goes by configuration 3), "
            "acceptor node3 (goes by configuration 3)\n");
  EXPECT_EQ(asked,
            Strings{R"(PUT {"accept":{"nodes":["node1","node2","node3","node4"],"quorum":3}})"});
  // Again: it is there.
  EXPECT_EQ(run({"accept", "node4,node3,node2,node1", "3"}),
            "0 accept 3 of node1, node2, node3, node4\n|");
  EXPECT_EQ(asked, Strings{});
}

TEST_F(AcceptorsShellTest, WhatIsRefusedIsSaid) {
  for (const unsigned status : {400, 403, 409}) {
    steps = {[&] { return problem(status, "the reason"); }};
    EXPECT_EQ(run({"prepare", "node1,node1"}), "1 |not done: the reason\n");
    EXPECT_EQ(asked, Strings{R"(PUT {"prepare":{"nodes":["node1","node1"],"quorum":2}})"});
  }
  // Who does not answer at all is not waited for.
  looks = {fail(Code::unavailable, "nobody"), fail(Code::unavailable, "there")};
  EXPECT_EQ(run({"rescan"}), "1 |not done: nobody\n");
  EXPECT_EQ(run({"accept"}), "2 |accepted: accept NODE,NODE,… [QUORUM]\n");
  EXPECT_EQ(run({"frob"}), "2 |unknown command 'frob'; `help` lists what there is\n");
}

TEST_F(AcceptorsShellTest, WhoIsOvertakenBeginsAgain) {
  steps = {[&] {
             took({{"goal", kFour}});  // by the run before, which was ended
             return problem(412, "the configuration's version is 4, not 3");
           },
           [&] {
             return took({{"accept", quorums(kFour, 3)},
                          {"holding", {quorums({"node1", "node2", "node3"}, 2)}}});
           },
           [&] { return problem(409, "a rescan comes first"); },
           [&] {
             took({{"holding", Json::array()}});
             return problem(409, "the configuration has been changed meanwhile");
           },
           [&] {
             return took({{"prepare", quorums(kFour, 3)}});
           },
           [&] {
             return took({{"goal", nullptr}});
           }};
  const std::string said = run({"grow", "node4"});
  EXPECT_EQ(said.substr(0, said.find('|')), "0 the acceptors are node1, node2, node3, node4\n");
  // Not for ever: somebody else may have it in hand.
  for (int i = 0; i < 301; ++i)
    steps.push_back([&] { return problem(412, "the configuration's version is another"); });
  EXPECT_EQ(run({"accept", "node1,node2"}),
            "1 |the configuration's version is another\n"
            "not done: the configuration's version is another; it stayed so for a minute. The "
            "same command goes on from here\n");
}

TEST_F(AcceptorsShellTest, AnAttemptOfUnknownOutcomeIsLookedAt) {
  steps = {[&]() -> Result<http::Response> {
    took({{"accept", quorums(kFour, 3)}});
    return fail(Code::unknown, "lost");
  }};
  EXPECT_EQ(run({"accept", "node1,node2,node3,node4"}),
            "0 accept 3 of node1, node2, node3, node4\n|");
  // Not done after all, and then by another proposer.
  steps = {[&]() -> Result<http::Response> { return fail(Code::unknown, "lost"); },
           [&]() -> Result<http::Response> {
             return took({{"prepare", quorums(kFour, 3)}});
           }};
  EXPECT_EQ(run({"prepare", "node1,node2,node3,node4"}).substr(0, 2), "0 ");
  EXPECT_EQ(looked, (Strings{"a:1", "b:1", "b:1"}));
}

TEST_F(AcceptorsShellTest, GoesOnWithAnotherProposerOfTheListWhenOneDies) {
  nodes = {"a:1"};
  now["proposers"][0]["http"] = "c:1";
  steps = {[&]() -> Result<http::Response> { return fail(Code::unavailable, "died"); },
           [&] {
             return took({{"accept", quorums(kFour, 3)}});
           }};
  EXPECT_EQ(run({"accept", "node1,node2,node3,node4"}).substr(0, 2), "0 ");
  EXPECT_EQ(looked, (Strings{"a:1", "c:1"}));
}

TEST_F(AcceptorsShellTest, WaitsForAMinuteAndNoLonger) {
  now["complete"] = false;
  now["acceptors"][1]["answers"] = false;
  EXPECT_EQ(
      run({"rescan"}),
      "1 |configuration 3 waits for acceptor node2 (does not answer)\nnot done: configuration "
      "3 waits for acceptor node2 (does not answer); it stayed so for a minute. The same "
      "command goes on from here\n");
  EXPECT_GE(time.time_since_epoch(), AcceptorsShell::kPatience);
}

TEST_F(AcceptorsShellTest, ARescanGoesOnPageByPage) {
  steps = {[&] {
             return answer(200, {{"registers", 1000}, {"finished", false}});
           },
           [&] { return problem(503, "no quorum"); }, [&] { return problem(504, "no quorum"); },
           [&] {
             time += 2s;
             return answer(200, {{"registers", 2000}, {"finished", false}});
           },
           [&] {
             return answer(200, {{"registers", 2345}, {"finished", true}});
           }};
  nodes = {"a:1"};
  EXPECT_EQ(run({"rescan"}), "0 rescanned 2345 registers\n|rescan: 2000 registers\n");
  EXPECT_EQ(asked[0], R"(POST /rescan{"limit":1000})");
}

TEST_F(AcceptorsShellTest, GrowTakesAllTheSteps) {
  steps = {[&] {
             return took({{"goal", kFour}});
           },
           [&] {
             return took({{"accept", quorums(kFour, 3)},
                          {"holding", {quorums({"node1", "node2", "node3"}, 2)}}});
           },
           [&] { return problem(409, "a rescan comes first"); },
           [&] {
             took({{"holding", Json::array()}});
             return answer(200, {{"registers", 7}, {"finished", true}});
           },
           [&] {
             return took({{"prepare", quorums(kFour, 3)}});
           },
           [&] {
             return took({{"goal", nullptr}});
           }};
  const std::string said = run({"grow", "node4"});
  EXPECT_EQ(said.substr(0, said.find('|')), "0 the acceptors are node1, node2, node3, node4\n");
  EXPECT_EQ(asked, (Strings{R"(PUT {"goal":["node1","node2","node3","node4"]})", "POST /advance",
                            "POST /advance", R"(POST /rescan{"limit":1000})", "POST /advance",
                            "POST /advance"}));
  EXPECT_EQ(run({"grow", "node4"}), "0 the acceptors are node1, node2, node3, node4 already\n|");
}

TEST_F(AcceptorsShellTest, GrowGoesOnWhereItWasInterrupted) {
  now["goal"] = kFour;
  now["accept"] = quorums(kFour, 3);
  steps = {[&] {
             return took({{"prepare", quorums(kFour, 3)}});
           },
           [&]() -> Result<http::Response> {
             took({{"goal", nullptr}});
             return fail(Code::unknown, "lost");
           }};
  EXPECT_EQ(run({"grow", "node4"}).substr(0, 48),
            "0 the acceptors are node1, node2, node3, node4\n|");
  // Steps that were taken by hand, and have no goal.
  now["prepare"] = quorums({"node1", "node2", "node3"}, 2);
  steps = {[&] {
             return took({{"goal", kFour}});
           },
           [&] {
             return took({{"prepare", quorums(kFour, 3)}});
           },
           [&] {
             return took({{"goal", nullptr}});
           }};
  EXPECT_EQ(run({"grow", "node4"}).substr(0, 2), "0 ");
}

TEST_F(AcceptorsShellTest, ShrinkGoesOnToo) {
  now["accept"] = quorums(kFour, 3);
  now["goal"] = {"node1", "node2", "node3"};
  steps = {[&] {
             return took({{"accept", quorums({"node1", "node2", "node3"}, 2)}});
           },
           [&] {
             return took({{"goal", nullptr}});
           }};
  const std::string said = run({"shrink", "node4"});
  EXPECT_EQ(said.substr(0, 42), "0 the acceptors are node1, node2, node3\n|c");
  EXPECT_TRUE(said.ends_with("\nnode4: to be grown again with an empty data directory only\n"))
      << said;
  EXPECT_EQ(run({"shrink", "node4"}),
            "1 |not done: node4 is no acceptor; the acceptors are node1, node2, node3\n");
  EXPECT_EQ(run({"shrink", "node1,node2,node3"}),
            "1 |not done: an acceptor at least has to stay\n");
}

TEST_F(AcceptorsShellTest, ShrinkSaysWhenNobodyMayDieAnyMore) {
  steps = {[&] {
             return took({{"goal", {"node1", "node2"}}});
           },
           [&] {
             return took({{"prepare", quorums({"node1", "node2"}, 2)}});
           },
           [&] {
             return took({{"accept", quorums({"node1", "node2"}, 2)}, {"goal", nullptr}});
           }};
  const std::string said = run({"shrink", "node3"});
  EXPECT_TRUE(
      said.ends_with("\nnode3: to be grown again with an empty data directory only\n"
                     "nothing is read or written any more when one of node1, node2 dies\n"))
      << said;
}

TEST_F(AcceptorsShellTest, AnotherChangeUnderWayIsNotMixedUp) {
  now["goal"] = kFour;
  for (const auto& [command, node] :
       {std::pair("grow", "node5"), {"shrink", "node3"}, {"shrink", "node4"}, {"grow", "node3"}})
    EXPECT_EQ(run({command, node}),
              "1 |not done: another change is under way: the acceptors are to be node1, node2, "
              "node3, node4. Let it go on first (the command that began it, again), or end it with "
              "`acceptors cancel`\n");
  steps = {[&] { return took({{"goal", nullptr}}); }};
  EXPECT_EQ(run({"cancel"}).substr(0, 33), "0 no change is under way: prepare");
  EXPECT_EQ(asked, Strings{R"(PUT {"goal":[]})"});
}

TEST_F(AcceptorsShellTest, AChangeWhoseFirstStepIsRefusedIsTakenBack) {
  steps = {[&] {
             return took({{"goal", kFour}});
           },
           [&] { return problem(409, "node4 has registers already"); },
           [&] {
             return took({{"goal", nullptr}});
           }};
  const std::string said = run({"grow", "node4"});
  EXPECT_TRUE(said.starts_with("1 |")) << said;
  EXPECT_TRUE(said.ends_with("\nnot done: node4 has registers already\n")) << said;
  EXPECT_EQ(asked.back(), R"(PUT {"goal":[]})");
}

TEST_F(AcceptorsShellTest, AChangeThatStopsHalfwaySaysSo) {
  steps = {[&] {
             return took({{"goal", kFour}});
           },
           [&] {
             return took({{"accept", quorums(kFour, 3)}});
           },
           [&] { return problem(409, "the reason"); }};
  const std::string said = run({"grow", "node4"});
  EXPECT_TRUE(said.starts_with("3 |")) << said;
  EXPECT_TRUE(said.ends_with("\nnot done to the end: the reason\n")) << said;
}

TEST_F(AcceptorsShellTest, ProposersAreNamedAllAtOnce) {
  steps = {[&] { return took({{"proposers", {{{"name", "node1"}}, {{"name", "node2"}}}}}); }};
  EXPECT_EQ(run({"proposers", "node2,node1"}).substr(0, 36),
            "0 the proposers are node1, node2\n|co");
  EXPECT_EQ(asked, Strings{R"(PUT {"proposers":["node2","node1"]})"});
  // The names are the same, but who has them may not be.
  steps = {[&] { return took(Json::object()); }};
  EXPECT_EQ(run({"proposers", "node1,node2"}).substr(0, 2), "0 ");
}

}  // namespace
}  // namespace skep::proposer
