#include "roles/admin/admin.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "roles/admin/shell.hpp"

namespace skep::admin {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

class FakeClock final : public Clock {
 public:
  Time now() override { return Time(100s); }
  WallMs wall() override { return 0; }
};

class FakeMembership final : public Membership {
 public:
  FakeMembership() {
    Member member{0xabc, "node1", "127.0.0.1:5000", 7, MemberState::alive, {"ring"}, {}, 100};
    member.listeners.push_back({"ring", "127.0.0.1:2836"});
    list_.put(std::make_shared<const Member>(member), Time(70s));
  }
  NodeId self() const override { return 0xabc; }
  bool founded() const override { return false; }
  const MemberList& members() const override { return list_; }
  void on_change(std::function<void(const Member&)>) override {}
  void spread(Rumor) override {}
  void on_rumor(std::string_view, std::function<void(const Rumor&)>) override {}
  void set_leaving() override {}
  void set_left() override {}

 private:
  MemberList list_;
};

// An Admin whose node is this test.
class AdminTest : public testing::Test {
 protected:
  http::Response ask(const http::Request& request) {
    std::optional<http::Response> answer;
    Hooks hooks{[] { return std::uint64_t{0x1234}; },
                [this]() -> Result<> {
                  if (ready) return {};
                  return fail(Code::unavailable, "arcs are moving");
                },
                [] {
                  return resp::Value::array({resp::Value::integer(1), resp::Value::null()});
                },
                [this](const Hooks::Settings& given, const auto& done) {
                  settings = given;
                  if (!outcome) return done(tl::unexpected(outcome.error()));
                  done(std::vector<std::string>{"node3"});
                },
                [](Metrics& metrics) { metrics.gauge("skep_answer", "It.", 42.0); },
                [this](const Address& peer, bool bring, const auto& done) {
                  joined.push_back(peer);
                  brings += bring ? 1 : 0;
                  if (!outcome) return done(tl::unexpected(outcome.error()));
                  done(bring ? "joining" : "joined");
                },
                [this](Done done) {
                  ++left;
                  done(outcome);
                },
                [this] { ++ended; }};
    if (!has_ring) hooks.ring = nullptr;
    if (has_proposer)
      hooks.acceptors = [](const std::function<void(std::string)>& told) { told("{}"); };
    if (!has_ring) hooks.change_options = nullptr;
    Admin admin(options, std::move(hooks), members, clock);
    http::Request sent = request;
    admin.handle(sent, [&](http::Response response) { answer = std::move(response); });
    return answer.value_or(http::Response{0, {}, "no answer"});
  }
  http::Response get(const std::string& target) { return ask({"GET", target, {}, {}, kHere}); }
  http::Response post(const std::string& target, const std::string& body = "",
                      const http::Headers& headers = {}, const std::string& peer = kHere) {
    return ask({"POST", target, headers, body, peer});
  }
  static http::Headers bearer(const std::string& token) {
    return {{"authorization", "Bearer " + token}};
  }

  static constexpr const char* kHere = "127.0.0.1:9";
  Options options{"node1", "skep", "name = \"node1\"\n", {}, {}};
  FakeMembership members;
  FakeClock clock;
  bool ready = true;
  bool has_ring = true;
  bool has_proposer = false;
  Result<> outcome;
  std::vector<Address> joined;
  Hooks::Settings settings;
  int brings = 0;
  int left = 0;
  int ended = 0;
};

TEST_F(AdminTest, SaysHowTheNodeIs) {
  EXPECT_EQ(get("/healthz").body, "ok\n");
  EXPECT_EQ(get("/readyz").status, 200u);
  ready = false;
  EXPECT_EQ(get("/healthz").status, 200u);
  EXPECT_EQ(get("/readyz").status, 503u);
  EXPECT_EQ(get("/readyz").body, "not ready: arcs are moving\n");
  EXPECT_EQ(get("/config").body, "name = \"node1\"\n");
}

TEST_F(AdminTest, ShowsTheMembers) {
  EXPECT_EQ(Json::parse(get("/status?x=y").body),
            Json::parse(R"({"node": "node1", "id": "0000000000000abc", "version": ")" SKEP_VERSION
                        R"(", "cluster": "skep", "cluster_id": "0000000000001234", "ready": true,
                        "waits_for": null, "members": [{"name": "node1", "id": "0000000000000abc",
                        "address": "127.0.0.1:5000", "state": "alive", "seconds": 30,
                        "incarnation": 7, "roles": ["ring"], "listeners": {"ring":
                        "127.0.0.1:2836"}, "weight": 100}]})"));
}

TEST_F(AdminTest, ShowsTheRing) {
  EXPECT_EQ(Json::parse(get("/ring").body), Json::parse("[1, null]"));
  has_ring = false;
  EXPECT_EQ(get("/ring").status, 404u);
}

TEST_F(AdminTest, ShowsTheAcceptorsWhereThereIsAProposer) {
  EXPECT_EQ(get("/acceptors").status, 404u);
  has_proposer = true;
  EXPECT_EQ(get("/acceptors").status, 200u);
  EXPECT_EQ(get("/acceptors").body, "{}");
}

TEST_F(AdminTest, ShowsItsFigures) {
  http::Response response = get("/metrics");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(response.body, "# HELP skep_answer It.\n# TYPE skep_answer gauge\nskep_answer 42\n");
}

TEST_F(AdminTest, RefusesWhatItDoesNotHave) {
  EXPECT_EQ(get("/favicon.ico").status, 404u);
  http::Response response = get("/stop");
  EXPECT_EQ(response.status, 405u);
  EXPECT_EQ(response.headers["Allow"], "POST");
  EXPECT_EQ(response.type, "application/problem+json");
  EXPECT_EQ(Json::parse(response.body)["status"], 405);
  EXPECT_EQ(Json::parse(get("/favicon.ico").body)["status"], 404);
  EXPECT_EQ(ended, 0);
  EXPECT_EQ(ask({"HEAD", "/healthz", {}, {}, kHere}).status, 200u);
}

TEST_F(AdminTest, ChangesOptionsOfTheHive) {
  http::Response response = post("/ring/options", R"({"durability": "commit", "replication": 5})");
  EXPECT_EQ(Json::parse(response.body), Json::parse(R"({"done": "set", "not_yet": ["node3"]})"));
  EXPECT_EQ(settings, (Hooks::Settings{{"durability", "commit"}, {"replication", "5"}}));
  for (const char* bad : {"", "[]", R"({"lease": true})", R"({"replication": -1})",
                          R"({"replication": 3, "replication": 5})"})
    EXPECT_EQ(post("/ring/options", bad).status, 400u) << bad;
  outcome = fail(Code::invalid, "accepted: an integer from 1 to 9");
  EXPECT_EQ(post("/ring/options", R"({"replication": 99})").status, 400u);
  options.admin_token = "secret";
  EXPECT_EQ(post("/ring/options", "{}").status, 401u);
  has_ring = false;
  EXPECT_EQ(post("/ring/options", "{}", bearer("secret")).status, 404u);
}

TEST_F(AdminTest, Joins) {
  EXPECT_EQ(post("/cluster/join", R"({"peer": "10.0.0.1:5000"})").status, 200u);
  EXPECT_EQ(joined, std::vector<Address>{"10.0.0.1:5000"});
  const std::string bring = R"({"peer": "10.0.0.1:5000", "bring": )";
  EXPECT_EQ(Json::parse(post("/cluster/join", bring + "false}").body)["done"], "joined");
  EXPECT_EQ(brings, 0);
  EXPECT_EQ(Json::parse(post("/cluster/join", bring + "true}").body)["done"], "joining");
  EXPECT_EQ(brings, 1);
  joined.resize(1);
  for (const char* bad :
       {"", "{", "[]", "{}", R"({"peer": 1})", R"({"peer": "h:1", "bring": 1})",
        R"({"peer": "h:1", "brings": true})", R"({"peer": "h:1", "peer": "h:2"})", "\xff"})
    EXPECT_EQ(post("/cluster/join", bad).status, 400u) << bad;
  EXPECT_EQ(joined.size(), 1u);
  outcome = fail(Code::conflict, "of another cluster");
  http::Response response = post("/cluster/join", R"({"peer": "10.0.0.1:5000"})");
  EXPECT_EQ(response.status, 409u);
  EXPECT_EQ(Json::parse(response.body),
            Json::parse(R"({"status": 409, "detail": "of another cluster", "code": "conflict",
                            "done": "no"})"));
  EXPECT_EQ(response.type, "application/problem+json");
}

TEST_F(AdminTest, LeavesAndStops) {
  EXPECT_EQ(post("/cluster/leave").status, 200u);
  EXPECT_EQ(left, 1);
  outcome = fail(Code::unknown, "no answer");
  http::Response response = post("/cluster/leave");
  EXPECT_EQ(response.status, 504u);
  EXPECT_EQ(Json::parse(response.body)["done"], "maybe");
  EXPECT_EQ(post("/stop").status, 200u);
  EXPECT_EQ(ended, 1);
}

TEST_F(AdminTest, StrangersMayNotChangeAnything) {
  EXPECT_EQ(post("/stop", "", {}, "10.0.0.9:1").status, 403u);
  EXPECT_EQ(post("/stop", "", {{"origin", "http://evil.example"}}).status, 403u) << "a web page";
  EXPECT_EQ(post("/stop", "", {}, "[::1]:5").status, 200u);
  EXPECT_EQ(ended, 1);
}

TEST_F(AdminTest, ReadingNeedsTheTokenWhenThereIsOne) {
  options.token = "read";
  EXPECT_EQ(get("/healthz").status, 200u);
  EXPECT_EQ(get("/readyz").status, 200u);
  EXPECT_EQ(get("/status").status, 401u);
  EXPECT_EQ(ask({"GET", "/status", bearer("read"), {}, "10.0.0.9:1"}).status, 200u);
  for (const char* wrong : {"", "rea", "readd", "Read"})
    EXPECT_EQ(ask({"GET", "/status", bearer(wrong), {}, kHere}).status, 401u) << wrong;
  EXPECT_EQ(ask({"GET", "/status", {{"authorization", "read"}}, {}, kHere}).status, 401u);
  EXPECT_EQ(post("/stop").status, 401u);
  EXPECT_EQ(post("/stop", "", bearer("read")).status, 200u) << "on the loopback";
  EXPECT_EQ(post("/stop", "", bearer("read"), "10.0.0.9:1").status, 403u);
}

TEST_F(AdminTest, ChangingNeedsTheAdminTokenWhenThereIsOne) {
  options.token = "read";
  options.admin_token = "change";
  EXPECT_EQ(post("/stop", "", bearer("read")).status, 403u) << "even on the loopback";
  EXPECT_EQ(post("/stop", "", bearer("change"), "10.0.0.9:1").status, 200u);
  EXPECT_EQ(ask({"GET", "/status", bearer("change"), {}, kHere}).status, 200u);
}

class AdminShell : public testing::Test {
 protected:
  int run(std::string_view line) {
    out.str("");
    diagnostics.str("");
    Shell shell(
        {{"a:1", "b:2"}, "secret", json},
        [this](const Address& node, const http::Request& request, Duration) {
          asked.emplace_back(node, request);
          Result<http::Response> answer = answers.front();
          answers.erase(answers.begin());
          return answer;
        },
        out, diagnostics);
    return shell.run(line);
  }

  bool json = false;
  std::vector<Result<http::Response>> answers;
  std::vector<std::pair<Address, http::Request>> asked;
  std::ostringstream out;
  std::ostringstream diagnostics;
};

TEST_F(AdminShell, AsksTheFirstNodeThatIsThere) {
  answers = {fail(Code::unavailable, "cannot connect"), http::Response{200, {}, "name = 1\n"}};
  EXPECT_EQ(run("config"), 0);
  EXPECT_EQ(out.str(), "name = 1\n");
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[1].first, "b:2");
  EXPECT_EQ(asked[1].second.target, "/config");
  EXPECT_EQ(asked[1].second.header("authorization"), "Bearer secret");
}

TEST_F(AdminShell, ShowsTheClusterAsATable) {
  const char* body = R"({"node": "node1", "cluster": "skep", "cluster_id": "12", "ready": true,
      "members": [{"name": "node2", "state": "alive", "address": "h:2", "listeners": {}},
      {"name": "n1", "state": "dead", "address": "h:1", "listeners": {"ring": "h:3"}}, 5]})";
  answers = {http::Response{200, {}, body}, http::Response{200, {}, body}};
  EXPECT_EQ(run("cluster status"), 0);
  EXPECT_EQ(out.str(),
            "cluster skep (12), as node1 sees it; ready\n"
            "NODE   STATE  ADDRESS  LISTENS\n"
            "n1     dead   h:1      ring h:3\n"
            "node2  alive  h:2      -\n");
  json = true;
  EXPECT_EQ(run("cluster status"), 0);
  EXPECT_EQ(out.str(), body);
}

TEST_F(AdminShell, WhoLeftLongAgoIsShownWhenAskedFor) {
  const char* body = R"({"node": "node1", "cluster": "skep", "cluster_id": "12", "ready": true,
      "members": [{"name": "n1", "state": "alive", "address": "h:1", "seconds": 9000},
      {"name": "n2", "state": "left", "address": "h:2", "seconds": 601},
      {"name": "n3", "state": "left", "address": "h:3", "seconds": 5}]})";
  answers = {http::Response{200, {}, body}, http::Response{200, {}, body}};
  EXPECT_EQ(run("cluster status"), 0);
  EXPECT_EQ(out.str(),
            "cluster skep (12), as node1 sees it; ready\n"
            "NODE  STATE  ADDRESS  LISTENS\n"
            "n1    alive  h:1      -\n"
            "n3    left   h:3      -\n"
            "and 1 that left long ago: cluster status all\n");
  EXPECT_EQ(run("cluster status all"), 0);
  EXPECT_NE(out.str().find("n2    left   h:2      -\nn3"), std::string::npos) << out.str();
  EXPECT_EQ(run("cluster status al"), 2);
  EXPECT_EQ(diagnostics.str(), "accepted: cluster status [all]\n");
}

TEST_F(AdminShell, ShowsTheRingAsATable) {
  const char* body = R"({"nodes": [{"name": "n2", "owned": 0, "kept": 1, "share": 0.0},
      {"name": "n1", "owned": 2, "kept": 2, "share": 1.0}], "table": [
      {"arc": 0, "slots": "0-8191", "share": 0.5, "owner": "n1", "members": ["n1", "n2"],
       "replaces": [], "epoch": 3, "state": "stable"},
      {"arc": 1, "slots": "8192-16383", "share": 0.5, "owner": null, "members": ["n1"],
       "replaces": ["n2", "n1"], "epoch": 12, "state": "changing"}, 7]})";
  answers = {http::Response{200, {}, body}, http::Response{200, {}, "[]"},
             http::Response{200, {}, body}};
  EXPECT_EQ(run("ring"), 0);
  EXPECT_EQ(out.str(),
            "ARC  SLOTS       SHARE   OWNER  MEMBERS  EPOCH  STATE\n"
            "0    0-8191      50.00%  n1     n1 n2    3      stable\n"
            "1    8192-16383  50.00%  -      n1       12     changing, from n2 n1\n"
            "\n"
            "NODE  OWNS  KEEPS  SHARE\n"
            "n1    2     2      100.00%\n"
            "n2    0     1      0.00%\n");
  EXPECT_EQ(run("ring"), 0);
  EXPECT_EQ(out.str(), "[]") << "of another version, maybe";
  json = true;
  EXPECT_EQ(run("ring"), 0);
  EXPECT_EQ(out.str(), body);
}

TEST_F(AdminShell, ShowsTheAcceptorsAsATable) {
  const char* body = R"({"version": 3, "in_force": true, "complete": false, "behind": ["p2"],
      "prepare": {"nodes": ["n1", "n2", "n3"], "quorum": 2},
      "accept": {"nodes": ["n1", "n2", "n3", "n4"], "quorum": 3},
      "acceptors": [
      {"name": "n4", "address": "h:4", "answers": true, "configuration": 3, "empty": true,
       "waiting": 0, "latency_ms": 0.5},
      {"name": "n1", "address": "h:1", "answers": true, "configuration": 3, "empty": false,
       "waiting": 7, "latency_ms": 1.25},
      {"name": "n2", "address": "h:2", "answers": true, "configuration": 2, "empty": false,
       "waiting": 0, "latency_ms": 2.0},
      {"name": "n3", "address": "h:3", "answers": false, "configuration": 0, "empty": false,
       "waiting": 0, "latency_ms": null}, 5]})";
  answers = {http::Response{200, {}, body, {}}, http::Response{200, {}, "[]", {}}};
  EXPECT_EQ(run("acceptors"), 0);
  EXPECT_EQ(asked[0].second.target, "/acceptors");
  EXPECT_EQ(out.str(),
            "configuration 3, not complete; proposers that are behind: p2\n"
            "ACCEPTOR  STATE    PREPARES  ACCEPTS  CONFIGURATION  WAITING  LATENCY  ADDRESS\n"
            "n1        answers  yes       yes      3              7        1.25 ms  h:1\n"
            "n2        behind   yes       yes      2              0        2.0 ms   h:2\n"
            "n3        silent   yes       yes      -              -        -        h:3\n"
            "n4        empty    no        yes      3              0        0.5 ms   h:4\n");
  EXPECT_EQ(run("acceptors"), 0);
  EXPECT_EQ(out.str(), "[]");
}

TEST_F(AdminShell, JoinsByPosting) {
  answers = {http::Response{200, {}, R"({"done": "joined"})"}};
  EXPECT_EQ(run("  cluster  join h:5 "), 0);
  EXPECT_EQ(asked[0].second.method, "POST");
  EXPECT_EQ(asked[0].second.body, R"({"peer":"h:5"})");
  EXPECT_EQ(out.str(), "joined\n");
}

TEST_F(AdminShell, JoinsWithWhatTheNodeHolds) {
  answers = {http::Response{200, {}, R"({"done": "joining"})"},
             http::Response{200, {}, R"({"done": "joining"})"}};
  EXPECT_EQ(run("cluster join h:5 --bring"), 0);
  EXPECT_EQ(asked[0].second.body, R"({"bring":true,"peer":"h:5"})");
  EXPECT_EQ(out.str(), "joining\n");
  EXPECT_EQ(run("cluster join --bring h:5"), 0);
  EXPECT_EQ(asked[1].second.body, asked[0].second.body);
  EXPECT_EQ(run("cluster join --bring"), 2);
  EXPECT_EQ(run("cluster join h:5 --brings"), 2);
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(AdminShell, SetsOptionsOfTheHive) {
  answers = {http::Response{200, {}, R"({"done": "set", "not_yet": ["node3"]})"}};
  EXPECT_EQ(run("ring set durability=commit replication=5"), 0);
  EXPECT_EQ(asked[0].second.method, "POST");
  EXPECT_EQ(asked[0].second.target, "/ring/options");
  EXPECT_EQ(asked[0].second.body, R"({"durability":"commit","replication":"5"})");
  EXPECT_EQ(out.str(), "set\n");
  EXPECT_EQ(diagnostics.str(), "node3 does not go by it yet; it will when it hears of it\n");
  EXPECT_EQ(run("ring set"), 2);
  EXPECT_EQ(run("ring set durability"), 2);
  EXPECT_EQ(run("ring set =commit"), 2);
  EXPECT_EQ(asked.size(), 1u);
}

TEST_F(AdminShell, KeepsNotDoneAndMaybeDoneApart) {
  answers = {
      http::Response{409, {}, R"({"detail": "of another cluster", "done": "no"})"},
      http::Response{504, {}, R"({"detail": "no answer", "done": "maybe"})"},
      fail(Code::unknown, "no answer in time"),
      fail(Code::unknown, "no answer in time"),
      http::Response{200, {}, "not JSON"},
      http::Response{502, "text/plain", "<html>", {}, "a:1"},
      http::Response{404, {}, R"({"detail": "no such page", "code": "no_such_page"})", {}, "a:1"}};
  EXPECT_EQ(run("cluster join h:5"), 1);
  EXPECT_EQ(diagnostics.str(), "not done: of another cluster\n");
  EXPECT_EQ(run("cluster join h:5"), 3);
  EXPECT_EQ(diagnostics.str(), "may have been done: no answer\n");
  EXPECT_EQ(run("stop"), 3);
  EXPECT_EQ(diagnostics.str(), "may have been done: no answer in time\n");
  EXPECT_EQ(run("config"), 1) << "reading changes nothing";
  EXPECT_EQ(diagnostics.str(), "not done: no answer in time\n");
  EXPECT_EQ(run("cluster status"), 0);
  EXPECT_EQ(out.str(), "not JSON");
  EXPECT_EQ(run("ring"), 1);
  EXPECT_EQ(diagnostics.str(), "not done: a:1 answers with HTTP status 502: <html>\n");
  EXPECT_EQ(run("stop"), 1);
  EXPECT_EQ(diagnostics.str(),
            "not done: a:1 is a proposer's listener, not an admin's: no such page\n");
}

TEST_F(AdminShell, SaysWhatIsAccepted) {
  EXPECT_EQ(run("cluster join"), 2);
  EXPECT_EQ(diagnostics.str(), "accepted: cluster join HOST:PORT [--bring]\n");
  EXPECT_EQ(run("cluster"), 2);
  EXPECT_EQ(diagnostics.str(),
            "accepted: cluster status [all], cluster join HOST:PORT [--bring], cluster leave\n");
  EXPECT_EQ(run("cluste"), 2);
  EXPECT_EQ(diagnostics.str(), "unknown command 'cluste'; `help` lists what there is\n");
  EXPECT_EQ(run("quit"), 0);
  EXPECT_EQ(run(""), 0);
  EXPECT_TRUE(asked.empty());
}

}  // namespace
}  // namespace skep::admin
