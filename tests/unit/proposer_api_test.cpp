// The HTTP API of the registers, in front of registers that say what a test tells them to.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "roles/proposer/api.hpp"
#include "roles/proposer/api_request.hpp"

namespace skep::proposer {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using Json = nlohmann::json;
using How = Outcome::How;

class FakeRegisters final : public Registers {
 public:
  void change(Request request, std::function<void(Outcome)> told) override {
    changes.push_back(std::move(request));
    told(outcome);
  }
  void list(std::string prefix, std::string after, std::uint32_t limit, Duration timeout,
            std::function<void(Result<Listing>)> told) override {
    listed.push_back(prefix + '|' + after + '|' + std::to_string(limit) + '|' +
                     std::to_string(timeout.count()));
    told(listing);
  }
  void status(Duration, std::function<void(Status)> told) override { told(now); }
  void configure(Step step, Duration, std::function<void(Result<Status>)> told) override {
    steps.push_back(std::move(step));
    told(configured);
  }
  void advance(std::uint64_t from, Duration, std::function<void(Result<Status>)> told) override {
    advanced.push_back(from);
    told(configured);
  }
  void rescan(std::uint32_t limit, Duration, std::function<void(Result<Rescanned>)> told) override {
    rescans.push_back(limit);
    told(rescanned);
  }

  std::vector<Request> changes;
  std::vector<std::string> listed;
  std::vector<Step> steps;
  std::vector<std::uint64_t> advanced;
  std::vector<std::uint32_t> rescans;
  Outcome outcome;
  Result<Listing> listing;
  Status now;
  Result<Status> configured;
  Result<Rescanned> rescanned;
};

class ProposerApi : public testing::Test {
 protected:
  http::Response ask(const std::string& method, const std::string& target,
                     const http::Headers& headers = {}, const std::string& body = "",
                     const std::string& peer = "127.0.0.1:9") {
    http::Request request{method, target, headers, body, peer};
    std::optional<http::Response> answer;
    api.handle(request, [&](http::Response response) { answer = std::move(response); });
    return answer.value_or(http::Response{0, {}, "no answer", {}});
  }
  // "400 the detail" of a failure, of which everything else is checked here.
  std::string refusal(const std::string& method, const std::string& target,
                      const http::Headers& headers = {}, const std::string& body = "") {
    const std::size_t before = registers.changes.size() + registers.steps.size();
    const http::Response response = ask(method, target, headers, body);
    EXPECT_EQ(response.type, "application/problem+json") << target;
    const Json json = Json::parse(response.body);
    EXPECT_EQ(json["status"], response.status);
    EXPECT_EQ(json["done"], "no");
    EXPECT_EQ(registers.changes.size() + registers.steps.size(), before) << "nothing was begun";
    return std::to_string(response.status) + ' ' + json["detail"].get<std::string>();
  }
  void will(How how, std::uint64_t version = 0, std::optional<std::string> value = {}) {
    registers.outcome = {};
    registers.outcome.how = how;
    registers.outcome.version = version;
    registers.outcome.present = value.has_value();
    registers.outcome.value = std::move(value);
  }
  static std::string header(const http::Response& response, std::string_view name) {
    const auto* found = response.headers.find(name);
    return found == response.headers.end() ? "" : found->second;
  }

  FakeRegisters registers;
  Result<> ready;
  ApiOptions options{{"proposer", "", ""}, 5s, 10, 20};
  Api api{registers, options, [this] { return ready; }};
};

TEST_F(ProposerApi, NoAnswerInTimeComesWithItsCauseWhereItIsKnown) {
  for (const char* method : {"GET", "PUT"}) {
    ready = {};
    will(How::unavailable);
    registers.outcome.why = kLate;
    const auto detail = [&] {
      return Json::parse(ask(method, "/v1/kv/a").body)["detail"].get<std::string>();
    };
    EXPECT_EQ(detail(), kLate);
    ready = fail(Code::unavailable, "without node2");
    EXPECT_EQ(detail(), kLate + "; without node2"s);
    registers.outcome.why = "another reason";
    EXPECT_EQ(detail(), "another reason");
  }
}

TEST_F(ProposerApi, Gets) {
  will(How::done, 7, "\0bytes"s.substr(0, 6));
  http::Response response = ask("GET", "/v1/kv/a%2Fb/c");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.type, "application/octet-stream");
  EXPECT_EQ(response.body, "\0bytes"s.substr(0, 6));
  EXPECT_EQ(header(response, "ETag"), "\"7\"");
  ASSERT_EQ(registers.changes.size(), 1u);
  EXPECT_EQ(registers.changes[0].key, "a/b/c");
  EXPECT_EQ(registers.changes[0].change, Change{});
  EXPECT_EQ(registers.changes[0].timeout, 5s);
  EXPECT_EQ(ask("HEAD", "/v1/kv/a").status, 200u);
  will(How::done);
  response = ask("GET", "/v1/kv/a");
  EXPECT_EQ(response.status, 404u);
  EXPECT_EQ(Json::parse(response.body)["code"], "absent");
}

TEST_F(ProposerApi, GetsOnCondition) {
  const std::tuple<const char*, const char*, unsigned> all[] = {
      {"if-none-match", "\"7\"", 304},
      {"if-none-match", "\"6\", W/\"7\"", 304},
      {"if-none-match", "*", 304},
      {"if-none-match", "\"6\"", 200},
      {"if-none-match", "\"of others\"", 200},
      {"if-match", "\"7\"", 200},
      {"if-match", "\"6\"", 412},
      {"if-match", "*", 200}};
  for (const auto& [name, value, status] : all) {
    will(How::done, 7, "v");
    const http::Response response = ask("GET", "/v1/kv/a", {{name, value}});
    EXPECT_EQ(response.status, status) << name << value;
    EXPECT_EQ(header(response, "ETag"), "\"7\"");
    EXPECT_EQ(status == 304, response.body.empty() && response.type.empty());
  }
  will(How::done);
  EXPECT_EQ(ask("GET", "/v1/kv/a", {{"if-match", "*"}}).status, 412u);
}

TEST_F(ProposerApi, AReadIsNeverUncertain) {
  for (const How how : {How::unavailable, How::unknown}) {
    will(how);
    registers.outcome.why = "no quorum";
    const http::Response response = ask("GET", "/v1/kv/a");
    EXPECT_EQ(response.status, 503u);
    EXPECT_EQ(header(response, "Retry-After"), "1");
    EXPECT_EQ(Json::parse(response.body)["done"], "no");
    EXPECT_EQ(Json::parse(response.body)["detail"], "no quorum");
  }
}

TEST_F(ProposerApi, Puts) {
  will(How::done, 3, "v");
  registers.outcome.created = true;
  http::Response response = ask("PUT", "/v1/kv/a", {}, "v");
  EXPECT_EQ(response.status, 201u);
  EXPECT_EQ(header(response, "ETag"), "\"3\"");
  EXPECT_TRUE(response.body.empty() && response.type.empty());
  registers.outcome.created = false;
  EXPECT_EQ(ask("PUT", "/v1/kv/a", {{"if-match", "\"7\""}}, "v").status, 204u);
  EXPECT_EQ(ask("PUT", "/v1/kv/a", {{"if-match", "*"}}, "v").status, 204u);
  EXPECT_EQ(ask("PUT", "/v1/kv/a", {{"if-none-match", "*"}}, "v").status, 204u);
  const Condition conditions[] = {Condition::none, Condition::version, Condition::present,
                                  Condition::absent};
  for (std::size_t i = 0; i < 4; ++i) {
    const Change& change = registers.changes.at(i).change;
    EXPECT_EQ(change.function, Function::set);
    EXPECT_EQ(change.value, "v");
    EXPECT_EQ(change.condition, conditions[i]);
    EXPECT_EQ(change.version, i == 1 ? 7u : 0u);
  }
}

TEST_F(ProposerApi, Deletes) {
  will(How::done, 4);
  http::Response response = ask("DELETE", "/v1/kv/a", {{"if-match", "\"3\""}});
  EXPECT_EQ(response.status, 204u);
  EXPECT_TRUE(response.headers.empty());
  EXPECT_EQ(registers.changes[0].change.function, Function::remove);
  EXPECT_EQ(registers.changes[0].change.version, 3u);
}

TEST_F(ProposerApi, EachOutcomeHasItsStatus) {
  will(How::mismatch, 9, "other");
  http::Response response = ask("PUT", "/v1/kv/a", {{"if-match", "\"7\""}}, "v");
  EXPECT_EQ(response.status, 412u);
  EXPECT_EQ(header(response, "ETag"), "\"9\"");
  will(How::mismatch);
  response = ask("DELETE", "/v1/kv/a", {{"if-match", "\"7\""}});
  EXPECT_EQ(response.status, 412u);
  EXPECT_EQ(header(response, "ETag"), "");
  will(How::invalid, 9, "text");
  registers.outcome.why = "what is there is no number";
  response = ask("POST", "/v1/kv/a", {}, R"({"change":"add","args":{"by":1}})");
  EXPECT_EQ(response.status, 409u);
  EXPECT_EQ(Json::parse(response.body)["detail"], "what is there is no number");
  will(How::unavailable);
  response = ask("PUT", "/v1/kv/a", {}, "v");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(Json::parse(response.body)["done"], "no");
  EXPECT_EQ(header(response, "Retry-After"), "1");
  will(How::unknown);
  response = ask("PUT", "/v1/kv/a", {}, "v");
  EXPECT_EQ(response.status, 504u);
  EXPECT_EQ(Json::parse(response.body)["done"], "unknown");
  EXPECT_FALSE(Json::parse(response.body).contains("base"));
  registers.outcome.base = 6;
  EXPECT_EQ(Json::parse(ask("DELETE", "/v1/kv/a").body)["base"], 6);
}

TEST_F(ProposerApi, ChangesByFunctions) {
  will(How::done, 8, "5");
  http::Response response = ask("POST", "/v1/kv/a", {}, R"({"change":"add","args":{"by":-2}})");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.type, "application/json");
  EXPECT_EQ(header(response, "ETag"), "\"8\"");
  EXPECT_EQ(Json::parse(response.body),
            Json::parse(R"({"version": 8, "value": "5", "present": true})"));
  EXPECT_EQ(registers.changes[0].change.function, Function::add);
  EXPECT_EQ(registers.changes[0].change.by, -2);
  will(How::done, 8, "\xff");
  response = ask("POST", "/v1/kv/a", {{"if-match", "\"7\""}},
                 R"({"change":"cas_value","args":{"expected":"é","value":{"base64":"/w=="}}})");
  EXPECT_EQ(Json::parse(response.body)["value"], Json::parse(R"({"base64": "/w=="})"));
  EXPECT_EQ(registers.changes[1].change.expected, "é");
  EXPECT_EQ(registers.changes[1].change.value, "\xff");
  EXPECT_EQ(registers.changes[1].change.condition, Condition::version);
  will(How::done, 8);
  response = ask("POST", "/v1/kv/a", {}, R"({"change":"delete"})");
  EXPECT_EQ(Json::parse(response.body),
            Json::parse(R"({"version": 8, "value": null, "present": false})"));
  for (const char* name : {"set", "init", "append"})
    EXPECT_EQ(
        ask("POST", "/v1/kv/a", {}, R"({"change":")"s + name + R"(","args":{"value":"x"}})").status,
        200u);
}

TEST_F(ProposerApi, ARepeatHasItsIdAndItsBase) {
  will(How::done, 8, "v");
  ask("PUT", "/v1/kv/a", {{"idempotency-key", "one"}, {"idempotency-version", "7"}}, "v");
  ask("PUT", "/v1/kv/a", {{"idempotency-key", "one"}}, "v");
  ask("DELETE", "/v1/kv/a", {{"idempotency-key", "two"}});
  ask("POST", "/v1/kv/a", {{"idempotency-version", "0"}, {"idempotency-key", "one"}},
      R"({"change":"delete"})");
  const auto& all = registers.changes;
  ASSERT_EQ(all.size(), 4u);
  EXPECT_TRUE(all[0].id && all[0].id == all[1].id);
  EXPECT_FALSE(all[0].id == all[2].id);
  EXPECT_FALSE(all[0].id == all[3].id);  // the key of another change
  EXPECT_EQ(all[0].base, 7u);
  EXPECT_FALSE(all[1].base);
  EXPECT_EQ(all[3].base, 0u);
}

TEST_F(ProposerApi, ARequestMayHaveItsOwnTime) {
  will(How::done, 8, "v");
  ask("GET", "/v1/kv/a?timeout=250ms");
  ask("GET", "/v1/kv/a", {{"request-timeout", "2s"}});
  EXPECT_EQ(registers.changes[0].timeout, 250ms);
  EXPECT_EQ(registers.changes[1].timeout, 2s);
  for (const char* bad : {"0s", "1", "-1s", "11m", "soon"}) {
    const std::string said =
        "400 bad timeout \""s + bad + "\"; accepted: a duration from \"1ms\" to \"10m\"";
    EXPECT_EQ(refusal("GET", "/v1/kv/a?timeout="s + bad), said);
    EXPECT_EQ(refusal("GET", "/v1/kv/a", {{"request-timeout", bad}}), said);
  }
}

TEST_F(ProposerApi, RefusesBadTargets) {
  const std::pair<const char*, const char*> all[] = {
      {"/v1/kv/", "400 there is no key behind /v1/kv/"},
      {"/v1/kv/%00a", "400 a key does not begin with a zero byte"},
      {"/v1/kv/12345678901", "413 the key has 11 bytes; accepted: 10 at most"},
      {"/v1/kv/%", "400 bad percent-encoding: \"%\"; accepted: '%' and two hexadecimal digits"},
      {"/v1/kv/a%2", "400 bad percent-encoding: \"%2\"; accepted: '%' and two hexadecimal digits"},
      {"/v1/kv/a%zzb",
       "400 bad percent-encoding: \"%zz\"; accepted: '%' and two hexadecimal digits"},
      {"/v1/kv/a?limit=1", "400 unknown parameter \"limit\"; accepted: timeout"},
      {"/v1/kv/a?timeout=1s&timeout=2s", "400 the parameter \"timeout\" is there twice"},
      {"/v1/kv?x", "400 unknown parameter \"x\"; accepted: timeout, prefix, after, limit"},
      {"/v1/kv?limit=0", "400 bad limit \"0\"; accepted: an integer from 1 to 10000"},
      {"/v1/kv?limit=-1", "400 bad limit \"-1\"; accepted: an integer from 1 to 10000"},
      {"/v1/kv?limit=10001", "400 bad limit \"10001\"; accepted: an integer from 1 to 10000"},
      {"/v1/kv?prefix=%f",
       "400 bad percent-encoding: \"%f\"; accepted: '%' and two hexadecimal digits"},
      {"/healthz?x=1", "400 unknown parameter \"x\"; accepted: none"}};
  for (const auto& [target, said] : all) EXPECT_EQ(refusal("GET", target), said) << target;
  EXPECT_TRUE(refusal("GET", "/v2/kv/a").starts_with("404 no such page; there are: /v1/kv "));
  EXPECT_TRUE(refusal("GET", "/").starts_with("404 "));
}

TEST_F(ProposerApi, RefusesBadConditions) {
  const std::string tag =
      "; accepted: one ETag as it was told, such as \"7\" with its quotes, or *";
  for (const char* bad : {"7", "\"-1\"", "\"0\"", "\"\"", "", "\"x\"", "W/\"7\"", "\"7\", \"8\"",
                          "\"99999999999999999999\""})
    EXPECT_EQ(refusal("PUT", "/v1/kv/a", {{"if-match", bad}}),
              "400 If-Match: bad version "s + bad + tag);
  EXPECT_EQ(refusal("PUT", "/v1/kv/a", {{"if-none-match", "\"7\""}}),
            "400 bad If-None-Match: \"7\"; accepted: * for a change");
  EXPECT_EQ(refusal("PUT", "/v1/kv/a", {{"if-none-match", "*"}, {"if-match", "*"}}),
            "400 If-Match and If-None-Match; accepted: one of them");
  EXPECT_EQ(refusal("PUT", "/v1/kv/a", {{"content-range", "bytes 0-1/2"}}),
            "400 Content-Range: a value is put as a whole");
  EXPECT_EQ(refusal("PUT", "/v1/kv/a", {{"idempotency-version", "7"}}),
            "400 Idempotency-Version is for a repeat with its Idempotency-Key");
  EXPECT_EQ(refusal("PUT", "/v1/kv/a", {{"idempotency-key", ""}}),
            "400 Idempotency-Key: there is nothing in it");
  EXPECT_EQ(refusal("PUT", "/v1/kv/a", {{"idempotency-key", std::string(257, 'x')}}),
            "400 Idempotency-Key: 257 bytes; accepted: 256 at most");
  EXPECT_EQ(
      refusal("PUT", "/v1/kv/a", {{"idempotency-key", "x"}, {"idempotency-version", "-7"}}),
      "400 bad Idempotency-Version \"-7\"; accepted: an integer from 0 to 18446744073709551615");
}

TEST_F(ProposerApi, RefusesBadChanges) {
  const std::string functions = "read, set, init, cas_value, add, append, delete";
  const std::pair<std::string, std::string> all[] = {
      {"", "400 the body is not JSON: it is empty; accepted: a JSON object"},
      {"{", "400 the body is not JSON: it ends too early; accepted: a JSON object"},
      {"\xff", "400 the body is not JSON from byte 1 on, '?'; accepted: a JSON object"},
      {R"({"change": add})",
       "400 the body is not JSON from byte 12 on, 'add}'; accepted: a JSON object"},
      {R"({"change":"add","args":{"by":1e999}})", "400 the body has a number that is too large"},
      {R"({"change":"add","args":{"by":1}})" + std::string(1, '\0') + "{}",
       "400 the body is not JSON from byte 33 on, '?{}'; accepted: a JSON object"},
      {R"({"change":"read","change":"delete"})",
       "400 the member \"change\" is there twice; accepted: once"},
      {R"({"change":"add","args":{"by":1,"by":2}})",
       "400 the member \"by\" is there twice; accepted: once"},
      {"[1]", "400 the body is not a JSON object"},
      {"{}", "400 \"change\" is missing; accepted: one of " + functions},
      {R"({"change":5})", "400 \"change\" is missing; accepted: one of " + functions},
      {R"({"change":"mul"})", "400 there is no change function \"mul\"; accepted: " + functions},
      {R"({"change":"add","with":1})",
       "400 unknown member \"with\" in the body; accepted: \"change\", \"args\""},
      {R"({"change":"add","args":[]})", "400 \"args\" is not a JSON object"},
      {R"({"change":"add"})", "400 args.by is missing"},
      {R"({"change":"add","args":{"by":1.5}})", "400 args.by; accepted: an integer of 64 bits"},
      {R"({"change":"add","args":{"by":"1"}})", "400 args.by; accepted: an integer of 64 bits"},
      {R"({"change":"add","args":{"by":9223372036854775808}})",
       "400 args.by; accepted: an integer of 64 bits"},
      {R"({"change":"add","args":{"by":1,"to":2}})",
       "400 unknown member \"to\" in the args of add; accepted: \"by\""},
      {R"({"change":"delete","args":{"by":1}})",
       "400 unknown member \"by\" in the args of delete; accepted: none"},
      {R"({"change":"set","args":{}})", "400 args.value is missing"},
      {R"({"change":"set","args":{"value":5}})",
       "400 args.value; accepted: a string, or {\"base64\": \"…\"}"},
      {R"({"change":"set","args":{"value":{"base64":"!"}}})",
       "400 args.value; accepted: a string, or {\"base64\": \"…\"}"},
      {R"({"change":"set","args":{"value":"123456789012345678901"}})",
       "413 args.value has 21 bytes; accepted: 20 at most"},
      {R"({"change":"cas_value","args":{"value":"x"}})", "400 args.expected is missing"}};
  for (const auto& [body, said] : all) EXPECT_EQ(refusal("POST", "/v1/kv/a", {}, body), said);
  const std::string deep = R"({"change":"set","args":{"value":)" + std::string(100'000, '[');
  EXPECT_EQ(refusal("POST", "/v1/kv/a", {}, deep),
            "400 the body is not JSON: it ends too early; accepted: a JSON object");
  EXPECT_EQ(refusal("POST", "/v1/kv/a", {}, deep + std::string(100'000, ']') + "}}"),
            "400 args.value; accepted: a string, or {\"base64\": \"…\"}");
}

TEST_F(ProposerApi, TellsWhatIsAccepted) {
  const std::tuple<const char*, const char*, const char*> all[] = {
      {"PATCH", "/v1/kv/a", "GET, HEAD, PUT, POST, DELETE, OPTIONS"},
      {"PUT", "/v1/kv", "GET, HEAD, OPTIONS"},
      {"DELETE", "/v1/acceptors", "GET, HEAD, PUT, OPTIONS"},
      {"GET", "/v1/acceptors/advance", "POST, OPTIONS"},
      {"HEAD", "/v1/acceptors/rescan", "POST, OPTIONS"},
      {"POST", "/readyz", "GET, HEAD, OPTIONS"}};
  for (const auto& [method, target, allow] : all) {
    EXPECT_EQ(refusal(method, target), "405 accepted: "s + allow);
    EXPECT_EQ(header(ask(method, target), "Allow"), allow);
    const http::Response options = ask("OPTIONS", target);
    EXPECT_EQ(options.status, 204u);
    EXPECT_EQ(header(options, "Allow"), allow);
  }
}

TEST_F(ProposerApi, Lists) {
  registers.listing = Listing{{{"a\"b", 3}, {"\xff", 9}}, true, "\xff"};
  const http::Response response = ask("GET", "/v1/kv?prefix=a%20b+c&after=%ff&limit=2&timeout=1s");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(registers.listed.at(0), "a b c|\xff|2|1000000");
  EXPECT_EQ(Json::parse(response.body), Json::parse(R"({"keys": [{"key": "a\"b", "version": 3},
      {"key": {"base64": "/w=="}, "version": 9}], "more": true, "after": {"base64": "/w=="}})"));
  registers.listing = Listing{};
  EXPECT_EQ(Json::parse(ask("GET", "/v1/kv").body),
            Json::parse(R"({"keys": [], "more": false, "after": ""})"));
  EXPECT_EQ(registers.listed.at(1), "||1000|5000000");
  registers.listing = fail(Code::unavailable, "no quorum");
  EXPECT_EQ(ask("GET", "/v1/kv").status, 503u);
}

Status three() {
  Status status;
  const Node a{"a", 0xa, "h:1"};
  const Node b{"b", 0xb, "h:2"};
  Configuration& now = status.configuration;
  now.version = 3;
  now.proposers = {a};
  now.prepare = {{a, b}, 2};
  now.accept = {{a}, 1};
  now.holding = {{{b}, 1}};
  now.goal = {"a", "b"};
  status.in_force = true;
  status.acceptors = {{a, true, 3, false, 5, 1500us}, {b, false, 0, false, 0, {}}};
  status.behind = {"b"};
  status.rescanned = 12;
  status.rescanning = true;
  return status;
}

TEST_F(ProposerApi, ShowsTheConfiguration) {
  registers.now = three();
  const http::Response response = ask("GET", "/v1/acceptors");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(header(response, "ETag"), "\"3\"");
  EXPECT_EQ(Json::parse(response.body), Json::parse(R"({"version": 3, "in_force": true,
      "complete": false,
      "proposers": [{"name": "a", "id": "000000000000000a", "address": "h:1"}],
      "prepare": {"nodes": ["a", "b"], "quorum": 2}, "accept": {"nodes": ["a"], "quorum": 1},
      "holding": [{"nodes": ["b"], "quorum": 1}], "goal": ["a", "b"],
      "acceptors": [
        {"name": "a", "id": "000000000000000a", "address": "h:1", "answers": true,
         "configuration": 3, "empty": false, "waiting": 5, "latency_ms": 1.5},
        {"name": "b", "id": "000000000000000b", "address": "h:2", "answers": false,
         "configuration": 0, "empty": false, "waiting": 0, "latency_ms": null}],
      "behind": ["b"], "rescan": {"running": true, "registers": 12}})"));
  registers.now.configuration.goal.clear();
  EXPECT_EQ(Json::parse(ask("GET", "/v1/acceptors").body)["goal"], nullptr);
}

TEST_F(ProposerApi, ChangesTheConfiguration) {
  registers.configured = three();
  const http::Headers match{{"if-match", "\"2\""}};
  http::Response response = ask("PUT", "/v1/acceptors", match,
                                R"({"prepare": {"nodes": ["a", "b"], "quorum": 2},
                                    "accept": {"nodes": ["a"], "quorum": 1},
                                    "proposers": ["a"], "goal": []})");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(header(response, "ETag"), "\"3\"");
  ASSERT_EQ(registers.steps.size(), 1u);
  const Registers::Step& step = registers.steps[0];
  EXPECT_EQ(step.from, 2u);
  EXPECT_EQ(step.prepare->nodes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(step.prepare->quorum, 2u);
  EXPECT_EQ(step.accept->quorum, 1u);
  EXPECT_EQ(step.proposers, std::vector<std::string>{"a"});
  EXPECT_TRUE(step.goal && step.goal->empty());
  EXPECT_EQ(ask("POST", "/v1/acceptors/advance", match).status, 200u);
  EXPECT_EQ(registers.advanced, std::vector<std::uint64_t>{2});
  registers.rescanned = Rescanned{12, true};
  response = ask("POST", "/v1/acceptors/rescan", {}, R"({"limit": 5})");
  EXPECT_EQ(Json::parse(response.body), Json::parse(R"({"registers": 12, "finished": true})"));
  ask("POST", "/v1/acceptors/rescan");
  EXPECT_EQ(registers.rescans, (std::vector<std::uint32_t>{5, 1000}));
}

TEST_F(ProposerApi, AStepThatIsNotTakenSaysWhy) {
  registers.now = three();
  const auto put = [&](const char* etag) {
    return ask("PUT", "/v1/acceptors", {{"if-match", etag}}, R"({"goal": ["a"]})");
  };
  registers.configured = fail(Code::conflict, "a rescan has to come first");
  http::Response response = put("\"3\"");
  EXPECT_EQ(response.status, 409u);
  EXPECT_EQ(Json::parse(response.body)["detail"], "a rescan has to come first");
  response = put("\"2\"");
  EXPECT_EQ(response.status, 412u) << "another version is in force";
  EXPECT_EQ(header(response, "ETag"), "\"3\"");
  const std::pair<Code, unsigned> all[] = {
      {Code::invalid, 400}, {Code::not_found, 400}, {Code::unavailable, 503}, {Code::unknown, 504}};
  for (const auto& [code, status] : all) {
    registers.configured = fail(code, "why");
    EXPECT_EQ(put("\"3\"").status, status);
    EXPECT_EQ(ask("POST", "/v1/acceptors/advance", {{"if-match", "\"3\""}}).status, status);
    registers.rescanned = fail(code, "why");
    EXPECT_EQ(ask("POST", "/v1/acceptors/rescan").status, status);
  }
}

TEST_F(ProposerApi, RefusesBadSteps) {
  const http::Headers match{{"if-match", "\"2\""}};
  const std::pair<const char*, const char*> all[] = {
      {"{", "400 the body is not JSON: it ends too early; accepted: a JSON object"},
      {"{}", "400 nothing to change; accepted: prepare, accept, proposers, goal"},
      {R"({"propose": 1})",
       "400 unknown member \"propose\" in the body; accepted: \"prepare\", \"accept\", "
       "\"proposers\", \"goal\""},
      {R"({"prepare": {"nodes": ["a"]}})",
       "400 prepare; accepted: {\"nodes\": [\"node1\", …], \"quorum\": 2}"},
      {R"({"prepare": {"nodes": ["a", "b", "a"], "quorum": 2}})",
       "400 prepare.nodes: a is there twice; accepted: each node once"},
      {R"({"accept": {"nodes": [], "quorum": 0}})",
       "400 accept.nodes is empty; accepted: one node at least"},
      {R"({"accept": {"nodes": ["a", 1], "quorum": 1}})",
       "400 accept.nodes; accepted: a list of nodes' names"},
      {R"({"accept": {"nodes": ["a", "b"], "quorum": 3}})",
       "400 accept.quorum is 3; accepted: an integer from 1 to 2, the number of its nodes"},
      {R"({"accept": {"nodes": ["a", "b"], "quorum": -1}})",
       "400 accept.quorum is -1; accepted: an integer from 1 to 2, the number of its nodes"},
      {R"({"accept": {"nodes": ["a", "b"], "quorum": [[2]]}})",
       "400 accept.quorum is array; accepted: an integer from 1 to 2, the number of its nodes"},
      {R"({"proposers": []})", "400 proposers is empty; accepted: one node at least"},
      {R"({"goal": ["a", "a"]})", "400 goal: a is there twice; accepted: each node once"},
      {R"({"goal": "a"})", "400 goal; accepted: a list of nodes' names"}};
  for (const auto& [body, said] : all)
    EXPECT_EQ(refusal("PUT", "/v1/acceptors", match, body), said);
  const std::string missing = "428 If-Match is missing; accepted: the ETag of GET /v1/acceptors";
  EXPECT_EQ(refusal("PUT", "/v1/acceptors", {}, R"({"goal": ["a"]})"), missing);
  EXPECT_EQ(refusal("POST", "/v1/acceptors/advance"), missing);
  for (const char* bad : {"*", "\"-1\"", "3"})
    EXPECT_TRUE(refusal("POST", "/v1/acceptors/advance", {{"if-match", bad}})
                    .starts_with("400 bad version "));
  EXPECT_EQ(refusal("POST", "/v1/acceptors/advance", match, R"({"x": 1})"),
            "400 unknown member \"x\" in the body; accepted: none");
  EXPECT_EQ(refusal("POST", "/v1/acceptors/rescan", {}, R"({"limit": 0})"),
            "400 limit is 0; accepted: an integer from 1 to 100000");
  EXPECT_TRUE(registers.advanced.empty() && registers.rescans.empty());
}

TEST_F(ProposerApi, TokensAreForEverythingButHealth) {
  will(How::done, 7, "v");
  registers.configured = three();
  api.set_tokens({"proposer", "use", "change"});
  EXPECT_EQ(ask("GET", "/healthz").status, 200u);
  EXPECT_EQ(ask("GET", "/v1/kv/a").status, 401u);
  EXPECT_EQ(ask("PUT", "/v1/kv/a", {}, "v").status, 401u);
  EXPECT_TRUE(registers.changes.empty());
  const http::Headers use{{"authorization", "Bearer use"}, {"if-match", "\"2\""}};
  const http::Headers change{{"authorization", "Bearer change"}, {"if-match", "\"2\""}};
  EXPECT_EQ(ask("PUT", "/v1/kv/a", use, "v").status, 204u);
  for (const char* target : {"/v1/acceptors/advance", "/v1/acceptors/rescan"}) {
    EXPECT_EQ(ask("POST", target, use).status, 403u);
    EXPECT_EQ(ask("POST", target, change, "", "10.0.0.1:1").status, 200u);
  }
  EXPECT_EQ(ask("GET", "/v1/acceptors", use).status, 200u);
  api.set_tokens({"proposer", "", ""});
  EXPECT_EQ(ask("POST", "/v1/acceptors/advance", change, "", "10.0.0.1:1").status, 403u);
  EXPECT_EQ(ask("PUT", "/v1/kv/a", {{"origin", "http://x"}}, "v").status, 403u) << "a web page";
}

TEST_F(ProposerApi, SaysWhetherItIsReady) {
  EXPECT_EQ(ask("GET", "/readyz").body, "ready\n");
  ready = fail(Code::unavailable, "no configuration yet");
  EXPECT_EQ(ask("GET", "/readyz").status, 503u);
  EXPECT_EQ(ask("GET", "/readyz").body, "not ready: no configuration yet\n");
  EXPECT_EQ(ask("HEAD", "/healthz").status, 200u);
}

TEST_F(ProposerApi, BoundsEachBody) {
  const auto limit = [&](const char* method, const char* target) {
    return api.body_limit({method, target, {}, {}, {}});
  };
  EXPECT_EQ(limit("PUT", "/v1/kv/a"), 20u);
  EXPECT_GE(limit("POST", "/v1/kv/a"), 2u * 6 * 20);
  EXPECT_EQ(limit("PUT", "/v1/acceptors"), 65536u);
}

}  // namespace
}  // namespace skep::proposer
