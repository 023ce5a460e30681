#include "net/http.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "net/http_text.hpp"

namespace skep::http {
namespace {

using namespace std::chrono_literals;

class FakeTimers final : public Timers {
 public:
  Id after(Duration delay, std::function<void()> fire) override {
    pending[++last_] = {delay, std::move(fire)};
    return last_;
  }
  void cancel(Id id) override { pending.erase(id); }

  std::map<Id, std::pair<Duration, std::function<void()>>> pending;

 private:
  Id last_ = 0;
};

class FakeStream final : public Stream {
 public:
  void write(std::string_view bytes) override {
    if (!closed) out += bytes;
  }
  std::size_t queued() const override { return 0; }
  void pause_reading(bool value) override { paused = value; }
  void close() override { closed = true; }
  void drop(std::string_view) override { closed = true; }
  std::string peer() const override { return "127.0.0.1:9"; }

  std::string out;
  bool paused = false;
  bool closed = false;
};

class HttpSession : public testing::Test {
 protected:
  void feed(std::string_view bytes) { session->on_bytes(bytes); }

  FakeTimers timers;
  FakeStream stream;
  std::vector<Request> requests;
  std::vector<Respond> waiting;
  bool at_once = true;
  std::unique_ptr<StreamHandler> session = make_session(
      stream, timers, {200, 100, 60s}, [this](const Request& request, Respond respond) {
        requests.push_back(request);
        if (at_once)
          respond({200, "text/plain", "answer to " + request.target});
        else
          waiting.push_back(std::move(respond));
      });
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
  EXPECT_EQ(stream.out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\n"
            "answer to /a?b=c");
  EXPECT_FALSE(stream.closed);
  EXPECT_FALSE(stream.paused);
}

TEST_F(HttpSession, TakesBytesAsTheyCome) {
  std::string request =
      "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /y HTTP/1.1\r\n\r\n";
  for (char c : request) feed(std::string_view(&c, 1));
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].body, "abcde");
  EXPECT_EQ(requests[1].target, "/y");
}

TEST_F(HttpSession, HandlesTheNextRequestAfterTheAnswer) {
  at_once = false;
  feed("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(stream.paused);
  waiting[0]({200, "text/plain", "one"});
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].target, "/2");
  EXPECT_TRUE(stream.out.ends_with("\r\n\r\none"));
  waiting[1]({404, "text/plain", "two"});
  EXPECT_NE(stream.out.find("HTTP/1.1 404 Not Found\r\n"), std::string::npos);
  EXPECT_FALSE(stream.paused);
}

TEST_F(HttpSession, AnAnswerToNobodyIsLost) {
  at_once = false;
  feed("GET /1 HTTP/1.1\r\n\r\n");
  session->on_closed();
  session.reset();
  waiting[0]({200, "text/plain", "one"});
  EXPECT_EQ(stream.out, "");
  EXPECT_TRUE(timers.pending.empty());
}

TEST_F(HttpSession, ClosesWhenAsked) {
  feed("GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET /not-handled HTTP/1.1\r\n\r\n");
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_NE(stream.out.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, HeadGetsNoBody) {
  feed("HEAD /h HTTP/1.1\r\n\r\n");
  EXPECT_EQ(stream.out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n");
}

TEST_F(HttpSession, RefusesWhatIsNotHttp) {
  feed("*1\r\n$4\r\nPING\r\n");
  EXPECT_TRUE(stream.out.starts_with("HTTP/1.1 400 Bad Request\r\n")) << stream.out;
  EXPECT_TRUE(stream.closed);
  feed("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpSession, RefusesALongBody) {
  feed("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n");
  EXPECT_TRUE(stream.out.starts_with("HTTP/1.1 413 Payload Too Large\r\n")) << stream.out;
  EXPECT_TRUE(stream.out.ends_with("the body is too long; accepted: 100 bytes\n")) << stream.out;
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, RefusesALongHeader) {
  feed("GET / HTTP/1.1\r\nX: " + std::string(300, 'x'));
  EXPECT_TRUE(stream.out.starts_with("HTTP/1.1 431 ")) << stream.out;
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, RefusesALongHeaderInOnePieceToo) {
  feed("GET / HTTP/1.1\r\nX: " + std::string(177, 'x') + "\r\n\r\n");
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_FALSE(stream.closed);
  feed("GET / HTTP/1.1\r\nX: " + std::string(178, 'x') + "\r\n\r\n");
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_TRUE(stream.out.find("HTTP/1.1 431 ") != std::string::npos) << stream.out;
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, ClosesAnIdleConnectionButNotAWaitingOne) {
  at_once = false;
  ASSERT_EQ(timers.pending.size(), 1u);
  feed("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(timers.pending.empty());
  waiting[0]({});
  ASSERT_EQ(timers.pending.size(), 1u);
  EXPECT_EQ(timers.pending.begin()->second.first, Duration(60s));
  timers.pending.begin()->second.second();
  EXPECT_TRUE(stream.closed);
  EXPECT_EQ(stream.out.find("408"), std::string::npos);
}

TEST_F(HttpSession, ARequestThatComesByDropsHasItsTimeFromTheFirst) {
  feed("G");
  ASSERT_EQ(timers.pending.size(), 1u);
  const auto [first, timer] = *timers.pending.begin();
  EXPECT_EQ(timer.first, Duration(30s));
  for (char c : std::string("ET / HTTP/1.1\r\nX: y")) feed(std::string_view(&c, 1));
  ASSERT_EQ(timers.pending.size(), 1u);
  EXPECT_EQ(timers.pending.begin()->first, first) << "the time was begun again";
  timer.second();
  EXPECT_TRUE(stream.out.starts_with("HTTP/1.1 408 Request Timeout\r\n")) << stream.out;
  EXPECT_TRUE(stream.closed);
}

TEST_F(HttpSession, TheRestOfAPipelinedRequestHasItsTimeToo) {
  feed("GET /1 HTTP/1.1\r\n\r\nGET /2 HT");
  ASSERT_EQ(requests.size(), 1u);
  ASSERT_EQ(timers.pending.size(), 1u);
  EXPECT_EQ(timers.pending.begin()->second.first, Duration(30s));
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
}

}  // namespace
}  // namespace skep::http
