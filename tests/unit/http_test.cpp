#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "net/http_access.hpp"
#include "net/http_server.hpp"
#include "net/http_text.hpp"

namespace skep::http {
namespace {

using namespace std::chrono_literals;

class FakeTimers final : public Timers, public Clock {
 public:
  Id after(Duration delay, std::function<void()> fire) override {
    pending[++last_] = {delay, std::move(fire)};
    return last_;
  }
  void cancel(Id id) override { pending.erase(id); }
  Time now() override { return Time(100s); }
  WallMs wall() override { return 0; }

  std::map<Id, std::pair<Duration, std::function<void()>>> pending;

 private:
  Id last_ = 0;
};

class FakeStream final : public Stream {
 public:
  void write(std::string_view bytes) override {
    if (!closed) out += bytes;
  }
  std::size_t queued() const override { return unsent; }
  void pause_reading(bool value) override {
    paused = value;
    ++pauses;
  }
  void close() override { closed = true; }
  void drop(std::string_view) override { closed = true; }
  std::string peer() const override { return "127.0.0.1:9"; }

  std::string out;
  std::size_t unsent = 0;
  int pauses = 0;
  bool paused = false;
  bool closed = false;
};

std::string answer(const std::string& text) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
         std::to_string(text.size()) + "\r\n\r\n" + text;
}

class HttpSession : public testing::Test, public Site {
 protected:
  HttpSession() { session = server.accept(stream); }
  ~HttpSession() override {
    session.reset();
    EXPECT_TRUE(timers.pending.empty());
  }

  void handle(Request& request, Respond respond) override {
    requests.push_back(request);
    if (at_once)
      respond({200, "text/plain", "answer to " + request.target, {}});
    else
      waiting.push_back(std::move(respond));
  }
  std::size_t body_limit(const Request& request) const override {
    return request.target == "/short" ? 3 : 100;
  }
  void feed(std::string_view bytes) { session->on_bytes(bytes); }
  std::string said() { return std::exchange(stream.out, ""); }
  static Response text(const std::string& body) { return {200, "text/plain", body, {}}; }
  static ServerOptions options() {
    ServerOptions options;
    options.part = "test";
    options.header_bytes = 200;
    options.headers = 10;
    options.max_in_work = 3;
    options.max_unsent = 1000;
    options.max_bodies = 150;
    return options;
  }

  FakeTimers timers;
  FakeStream stream;
  std::vector<Request> requests;
  std::vector<Respond> waiting;
  bool at_once = true;
  Server server{timers, timers, *this, options()};
  std::unique_ptr<StreamHandler> session;
};

TEST_F(HttpSession, AnswersARequest) {
  feed("POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Token:  t \r\nContent-Length: 4\r\n\r\nbody");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/a?b=c");
  EXPECT_EQ(requests[0].header("x-token"), "t");
  EXPECT_EQ(requests[0].header("absent"), "");
  EXPECT_EQ(requests[0].body, "body");
  EXPECT_EQ(requests[0].peer, "127.0.0.1:9");
  EXPECT_EQ(stream.out, answer("answer to /a?b=c"));
  EXPECT_FALSE(stream.closed);
  EXPECT_EQ(stream.pauses, 0);
  EXPECT_TRUE(timers.pending.empty()) << "no timer for a request that comes whole";
  EXPECT_EQ(session->standing(), StreamHandler::Standing::idle);
}

TEST_F(HttpSession, TakesBytesAsTheyCome) {
  std::string request =
      "PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n"
      "0\r\nX: ignored\r\n\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n"
      "PUT /z HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (char c : request) feed(std::string_view(&c, 1));
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].body, "abcde");
  EXPECT_EQ(requests[0].header("x"), "");
  EXPECT_EQ(requests[1].target, "/y");
  EXPECT_EQ(requests[1].body, "");
  EXPECT_EQ(requests[1].headers.size(), 1u);
}

TEST_F(HttpSession, TheRepeatedHeaderIsAList) {
  feed("GET / HTTP/1.1\r\nHost: x\r\nIf-Match: \"1\"\r\nif-match: \"2\"\r\n\r\n");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].header("if-match"), "\"1\", \"2\"");
}

TEST_F(HttpSession, TakesTheTargetOfAProxy) {
  feed(
      "GET http://x:1/a/b?c HTTP/1.1\r\nHost: x:1\r\n\r\nGET http://x HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].target, "/a/b?c");
  EXPECT_EQ(requests[1].target, "/");
}

TEST_F(HttpSession, AnswersPipelinedReadsInTheirOrder) {
  at_once = false;
  feed(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_EQ(requests.size(), 3u);
  waiting[2](text("three"));
  waiting[1](text("two"));
  EXPECT_EQ(stream.out, "");
  EXPECT_EQ(session->standing(), StreamHandler::Standing::busy);
  waiting[0](text("one"));
  const std::string two = answer("two");
  EXPECT_EQ(stream.out, answer("one") + two.substr(0, two.size() - 3) + answer("three"));
  EXPECT_EQ(session->standing(), StreamHandler::Standing::idle);
}

TEST_F(HttpSession, AChangeWaitsForWhatIsBeforeIt) {
  at_once = false;
  feed(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPUT /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
      "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(stream.paused) << "it is far enough ahead";
  EXPECT_TRUE(timers.pending.empty()) << "it waits for us";
  waiting[0](text("one"));
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].body, "x");
  waiting[1]({404, "text/plain", "two", {}});
  EXPECT_NE(stream.out.find("HTTP/1.1 404 Not Found\r\n"), std::string::npos);
  ASSERT_EQ(requests.size(), 3u);
  waiting[2](text("three"));
  EXPECT_FALSE(stream.paused);
  EXPECT_TRUE(stream.out.ends_with("\r\n\r\nthree"));
}

TEST_F(HttpSession, SoManyAreWorkedOnAtOnce) {
  at_once = false;
  std::string many;
  for (int i = 0; i < 5; ++i) many += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  feed(many);
  EXPECT_EQ(requests.size(), 3u);
  EXPECT_TRUE(stream.paused);
  waiting[1]({});
  EXPECT_EQ(requests.size(), 3u);
  waiting[0]({});
  EXPECT_EQ(requests.size(), 5u);
  EXPECT_FALSE(stream.paused);
  for (std::size_t i = 2; i < 5; ++i) waiting[i]({});
  EXPECT_EQ(session->standing(), StreamHandler::Standing::idle);
}

TEST_F(HttpSession, WhoDoesNotReadIsNotReadFrom) {
  stream.unsent = 1001;
  feed("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(requests.empty());
  EXPECT_TRUE(stream.paused);
  stream.unsent = 0;
  session->on_drained();
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_FALSE(stream.paused);
}

TEST_F(HttpSession, AnAnswerToNobodyIsLost) {
  at_once = false;
  feed("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  session->on_closed();
  session.reset();
  waiting[0](text("one"));
  EXPECT_EQ(stream.out, "");
}

TEST_F(HttpSession, ClosesWhenAsked) {
  feed(
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      "GET /not-handled HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_NE(stream.out.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, WhenTheServerEndsEachAnswerIsTheLast) {
  at_once = false;
  feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  server.end();
  waiting[0](text("one"));
  EXPECT_NE(stream.out.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, SpeaksHttp10) {
  feed("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(said().find("Connection: keep-alive\r\n"), std::string::npos);
  EXPECT_FALSE(stream.closed);
  feed("GET /2 HTTP/1.0\r\n\r\n");
  EXPECT_NE(said().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(stream.closed);
  EXPECT_EQ(requests.size(), 2u);
}

TEST_F(HttpSession, HeadGetsNoBody) {
  feed("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(stream.out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n");
}

TEST_F(HttpSession, AnAnswerWithoutABodySaysSoOrHasNoPlaceForOne) {
  at_once = false;
  feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting[0]({201, {}, {}, {{"ETag", "\"7\""}}});
  EXPECT_EQ(said(), "HTTP/1.1 201 Created\r\nETag: \"7\"\r\nContent-Length: 0\r\n\r\n");
  feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting[1]({204, {}, {}, {}});
  EXPECT_EQ(said(), "HTTP/1.1 204 No Content\r\n\r\n");
  feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting[2]({304, {}, {}, {}});
  EXPECT_EQ(said(), "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST_F(HttpSession, TellsAClientThatAsksToGoOn) {
  const std::string header =
      "PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ";
  feed(header + "4\r\n\r\n");
  EXPECT_EQ(said(), "HTTP/1.1 100 Continue\r\n\r\n");
  feed("bo");
  EXPECT_EQ(said(), "");
  feed("dy");
  EXPECT_EQ(said(), answer("answer to /"));
  feed(header + "4\r\n\r\nbody");
  EXPECT_EQ(said(), answer("answer to /")) << "it has not waited";
  feed(header + "0\r\n\r\n");
  EXPECT_EQ(said(), answer("answer to /"));
  feed(header + "101\r\n\r\n");
  EXPECT_TRUE(said().starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, TellsToGoOnBehindTheAnswersThatAreOwed) {
  at_once = false;
  feed(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
      "PUT /2 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(said(), "");
  EXPECT_TRUE(timers.pending.empty()) << "it waits for us";
  waiting[0](text("one"));
  EXPECT_EQ(said(), answer("one") + "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(timers.pending.size(), 1u);
  feed("x");
  EXPECT_EQ(requests.size(), 2u);
}

// Each is refused with its status, and the connection closed.
TEST_F(HttpSession, RefusesWhatItCannotTake) {
  const std::string long_header = "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(300, 'x');
  const std::pair<std::string, std::string> all[] = {
      {"*1\r\n$4\r\nPING\r\n", "400 Bad Request"},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "400 Bad Request"},
      {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
      {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400 Bad Request"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400 Bad Request"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       "400 Bad Request"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400 Bad Request"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
       "501 Not Implemented"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "501 Not Implemented"},
      {"POST / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n", "417 Expectation Failed"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", "413 Payload Too Large"},
      {"POST /short HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", "413 Payload Too Large"},
      {"POST /short HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
       "chunked\r\n\r\n2\r\nab\r\n2\r\nab\r\n",
       "413 Payload Too Large"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(300, 'x'),
       "431 Request Header Fields Too Large"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " +
           std::string(300, 'x'),
       "431 Request Header Fields Too Large"},
      {long_header, "431 Request Header Fields Too Large"},
      {"GET / HTTP/1.1\r\nHost: "
       "x\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\nH:\r\nI:\r\nJ:\r\n\r\n",
       "431 Request Header Fields Too Large"}};
  for (const auto& [bytes, status] : all) {
    FakeStream client;
    auto one = server.accept(client);
    one->on_bytes(bytes);
    EXPECT_EQ(client.out.substr(0, client.out.find('\r')), "HTTP/1.1 " + status) << bytes;
    EXPECT_NE(client.out.find("\r\nConnection: close\r\n"), std::string::npos) << bytes;
    EXPECT_NE(client.out.find("application/problem+json"), std::string::npos) << bytes;
    EXPECT_NE(client.out.find("\"done\": \"no\""), std::string::npos) << bytes;
    EXPECT_TRUE(client.closed);
    one->on_bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpSession, ARefusalComesBehindTheAnswersThatAreOwed) {
  at_once = false;
  feed("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n");
  EXPECT_EQ(stream.out, "");
  waiting[0](text("one"));
  EXPECT_TRUE(stream.out.starts_with(answer("one") + "HTTP/1.1 400 Bad Request\r\n")) << stream.out;
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, AHeaderMayBeSoLongAndNotLonger) {
  feed("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(168, 'x') + "\r\n\r\n");
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_FALSE(stream.closed);
  feed("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(169, 'x') + "\r\n\r\n");
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_TRUE(stream.out.find("HTTP/1.1 431 ") != std::string::npos) << stream.out;
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, TheBodiesOfAllTogetherAreBounded) {
  at_once = false;
  const std::string header = "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n";
  feed(header + std::string(100, 'x'));
  ASSERT_EQ(waiting.size(), 1u);
  FakeStream other;
  auto refused = server.accept(other);
  refused->on_bytes(header + std::string(60, 'x'));
  EXPECT_TRUE(other.out.starts_with("HTTP/1.1 503 ")) << other.out;
  EXPECT_NE(other.out.find("Retry-After: 1\r\n"), std::string::npos);
  waiting[0](text("one"));
  FakeStream third;
  auto taken = server.accept(third);
  taken->on_bytes(header + std::string(60, 'x'));
  taken->on_closed();  // what it had is free again
  feed(header + std::string(100, 'x'));
  EXPECT_EQ(waiting.size(), 2u);
}

TEST_F(HttpSession, ARequestThatComesByDropsHasItsTimeFromTheFirst) {
  feed("G");
  ASSERT_EQ(timers.pending.size(), 1u);
  const auto [first, timer] = *timers.pending.begin();
  EXPECT_EQ(timer.first, Duration(30s));
  for (char c : std::string("ET / HTTP/1.1\r\nX: y")) feed(std::string_view(&c, 1));
  ASSERT_EQ(timers.pending.size(), 1u);
  EXPECT_EQ(timers.pending.begin()->first, first) << "the time was begun again";
  EXPECT_EQ(session->standing(), StreamHandler::Standing::busy);
  const auto fire = timer.second;
  timers.pending.clear();
  fire();
  EXPECT_TRUE(stream.out.starts_with("HTTP/1.1 408 Request Timeout\r\n")) << stream.out;
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, TheRestOfAPipelinedRequestHasItsTimeToo) {
  feed("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HT");
  ASSERT_EQ(requests.size(), 1u);
  ASSERT_EQ(timers.pending.size(), 1u);
  EXPECT_EQ(timers.pending.begin()->second.first, Duration(30s));
  const auto first = timers.pending.begin()->first;
  feed("TP/1.1\r\nHost: x\r\n\r\nGET /3");
  ASSERT_EQ(timers.pending.size(), 1u);
  EXPECT_NE(timers.pending.begin()->first, first) << "another request";
}

TEST(HttpHeaders, KeepTheirMemoryAndNothingElse) {
  Headers headers{{"a", "1"}};
  headers["b"] = "2";
  headers["a"] += "1";
  EXPECT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers.find("a")->second, "11");
  headers.clear();
  EXPECT_TRUE(headers.empty());
  EXPECT_FALSE(headers.contains("a"));
  EXPECT_EQ(headers["c"], "");
  EXPECT_EQ(headers.size(), 1u);
}

TEST(HttpProblem, SaysWhatIsWrong) {
  const Response one = problem(504, "unknown", "a \"b\" \xff", "unknown", "\"base\": 7");
  EXPECT_EQ(one.type, "application/problem+json");
  EXPECT_EQ(one.body,
            "{\n  \"status\": 504,\n  \"detail\": \"a \\\"b\\\" \xef\xbf\xbd\",\n"
            "  \"code\": \"unknown\",\n  \"done\": \"unknown\",\n  \"base\": 7\n}\n");
}

// What status it is refused with; 0: it is not.
unsigned status_of(Needs needs, const Tokens& tokens, const std::string& token,
                   const std::string& peer = "127.0.0.1:1", const std::string& origin = "") {
  Request request;
  request.peer = peer;
  if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
  if (!origin.empty()) request.headers["origin"] = origin;
  const auto refused = refusal(request, needs, tokens);
  if (!refused) return 0;
  EXPECT_EQ(refused->status == 401, refused->headers.contains("WWW-Authenticate"));
  return refused->status;
}

TEST(HttpAccess, WithoutTokensTheMachineIsTrustedAndNoPage) {
  const Tokens none{"x", "", ""};
  EXPECT_EQ(status_of(Needs::to_write, none, "", "10.0.0.1:1"), 0u);
  EXPECT_EQ(status_of(Needs::to_write, none, "", "127.0.0.1:1", "http://evil.example"), 403u);
  EXPECT_EQ(status_of(Needs::to_read, none, "", "127.0.0.1:1", "http://evil.example"), 0u);
  EXPECT_EQ(status_of(Needs::to_administer, none, ""), 0u);
  EXPECT_EQ(status_of(Needs::to_administer, none, "", "[::1]:1"), 0u);
  EXPECT_EQ(status_of(Needs::to_administer, none, "", "10.0.0.1:1"), 403u);
}

TEST(HttpAccess, ATokenHasToBeShownWhereThereIsOne) {
  const Tokens one{"x", "read", ""};
  for (const char* wrong : {"", "rea", "readd", "Read"})
    EXPECT_EQ(status_of(Needs::to_write, one, wrong), 401u) << wrong;
  EXPECT_EQ(status_of(Needs::nothing, one, ""), 0u);
  EXPECT_EQ(status_of(Needs::to_write, one, "read", "10.0.0.1:1", "http://app.example"), 0u);
  EXPECT_EQ(status_of(Needs::to_administer, one, "read"), 0u);
  EXPECT_EQ(status_of(Needs::to_administer, one, "read", "10.0.0.1:1"), 403u);
  Request request;
  request.headers["authorization"] = "bEARER read";
  EXPECT_FALSE(refusal(request, Needs::to_read, one));
  request.headers["authorization"] = "read";
  EXPECT_TRUE(refusal(request, Needs::to_read, one));
}

TEST(HttpAccess, AWrongTokenIsToldFromNone) {
  const Tokens one{"x", "read", ""};
  Request request;
  const auto says_refused = [&] {
    return refusal(request, Needs::to_read, one)->body.find("the token is refused") !=
           std::string::npos;
  };
  EXPECT_FALSE(says_refused());
  request.headers["authorization"] = "Bearer wrong";
  EXPECT_TRUE(says_refused());
}

TEST(HttpAccess, TheAdminTokenIsGoodForAll) {
  for (const Tokens& tokens : {Tokens{"x", "read", "change"}, Tokens{"x", "", "change"}}) {
    EXPECT_EQ(status_of(Needs::to_administer, tokens, "change", "10.0.0.1:1"), 0u);
    EXPECT_EQ(status_of(Needs::to_read, tokens, "change"), 0u);
    EXPECT_EQ(status_of(Needs::to_administer, tokens, ""), 401u);
    EXPECT_EQ(status_of(Needs::to_administer, tokens, "change", "127.0.0.1:1", "http://x"), 403u);
  }
  EXPECT_EQ(status_of(Needs::to_administer, {"x", "read", "change"}, "read"), 403u);
}

TEST(HttpText, ARequestAsksToClose) {
  EXPECT_EQ(to_text({"POST", "/stop", {{"host", "h:1"}}, "{}", {}}, false),
            "POST /stop HTTP/1.1\r\nhost: h:1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
}

TEST(HttpText, AnAnswerIsWholeOrNothing) {
  std::string text =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: "
      "3\r\n\r\nabc";
  auto response = to_response(text);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 503u);
  EXPECT_EQ(response->type, "text/plain");
  EXPECT_EQ(response->body, "abc");
  for (std::size_t cut = 0; cut < text.size(); ++cut)
    EXPECT_FALSE(to_response(std::string_view(text).substr(0, cut))) << cut;
  EXPECT_EQ(to_response("HTTP/1.1 200 OK\r\n\r\nto the end")->body, "to the end");
  // To HEAD, a length without a body.
  response = to_response("HTTP/1.1 404 Not Found\r\nContent-Length: 90\r\n\r\n", true);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 404u);
}

}  // namespace
}  // namespace skep::http
