// Connections of programs, against our own HTTP server and against one that misbehaves.
#include "net/http_connection.hpp"

#include <gtest/gtest.h>

#include "net/http_server.hpp"
#include "tests/unit/loopback.hpp"

namespace skep::http {
namespace {

using namespace std::chrono_literals;
using skep::testing::until;

// Answers every connection's bytes with what it was made with, then closes if it is to.
class Canned final : public StreamHandler {
 public:
  Canned(Stream& stream, std::string answer, bool close)
      : stream_(stream), answer_(std::move(answer)), close_(close) {}
  void on_bytes(std::string_view) override {
    stream_.write(answer_);
    if (close_) stream_.close();
  }
  void on_drained() override {}
  void on_closed() override {}

 private:
  Stream& stream_;
  const std::string answer_;
  const bool close_;
};

// Says what it was asked, or nothing.
class Echo final : public Site {
 public:
  void handle(Request& request, Respond respond) override {
    if (request.target == "/silent") return;
    respond({200,
             "text/plain",
             request.method + ' ' + request.target + ' ' + request.body,
             {{"etag", "\"7\""}}});
  }
  std::size_t body_limit(const Request&) const override { return 1000; }
};

class HttpConnection : public ::testing::Test {
 protected:
  std::unique_ptr<TcpListener> listen(TcpListener::Factory factory) {
    auto opened = TcpListener::open(loop, log, "test", "127.0.0.1:0", {}, std::move(factory));
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  std::unique_ptr<TcpListener> serve() {
    return listen([this](Stream& stream) {
      ++connections;
      return server.accept(stream);
    });
  }
  std::unique_ptr<TcpListener> can(const std::string& answer, bool close) {
    return listen([answer, close](Stream& stream) {
      return std::make_unique<Canned>(stream, answer, close);
    });
  }
  Result<Response> ask(Connection& connection, const Request& request, Duration timeout = 20s) {
    std::optional<Result<Response>> told;
    connection.ask(request, timeout, [&](Result<Response> result) { told = std::move(result); });
    EXPECT_TRUE(until(loop, [&] { return told.has_value(); }));
    return *told;
  }

  Loop loop;
  skep::testing::LinesLog log;
  Echo echo;
  Server server{loop, loop, echo, {}};
  int connections = 0;
};

TEST_F(HttpConnection, StaysOpenFromOneRequestToTheNext) {
  auto server = serve();
  Connection connection(loop, server->address());
  for (int i = 0; i < 3; ++i) {
    const std::string target = "/" + std::to_string(i);
    auto response = ask(connection, {.method = "PUT", .target = target, .body = "value"});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, "PUT " + target + " value");
    EXPECT_EQ(response->headers["etag"], "\"7\"");
  }
  auto head = ask(connection, {.method = "HEAD", .target = "/"});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(ask(connection, {})->body, "GET / ");
  EXPECT_EQ(connections, 1);
}

TEST_F(HttpConnection, AsksAgainFromWithinAnAnswer) {
  auto server = serve();
  Connection connection(loop, server->address());
  int answers = 0;
  std::function<void()> next = [&] {
    connection.ask({}, 20s, [&](Result<Response> response) {
      ASSERT_TRUE(response);
      if (++answers < 100) next();
    });
  };
  next();
  EXPECT_TRUE(until(loop, [&] { return answers == 100; }));
  EXPECT_EQ(connections, 1);
}

TEST_F(HttpConnection, DialsAgainAfterTheServerHasClosed) {
  auto server = can("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true);
  Connection connection(loop, server->address());
  for (int i = 0; i < 3; ++i) {
    auto response = ask(connection, {});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "ok");
    EXPECT_TRUE(until(loop, [&] { return server->connections() == 0; }));
    skep::testing::turn(loop);
  }
}

TEST_F(HttpConnection, AnAnswerMayEndWithTheConnection) {
  auto server = can("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it", true);
  Connection connection(loop, server->address());
  EXPECT_EQ(ask(connection, {})->body, "all of it");
}

TEST_F(HttpConnection, NobodyThereIsCertainlyNotDone) {
  std::string nowhere;
  { nowhere = serve()->address(); }
  Connection connection(loop, nowhere);
  EXPECT_EQ(ask(connection, {}).error().code, Code::unavailable);
}

TEST_F(HttpConnection, NoAnswerIsUnknown) {
  for (const char* answer :
       {"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal", "rubbish\r\n\r\n"}) {
    auto server = can(answer, true);
    Connection connection(loop, server->address());
    EXPECT_EQ(ask(connection, {}).error().code, Code::unknown) << answer;
  }
}

TEST_F(HttpConnection, SilenceIsUnknownAndTheNextRequestDialsAgain) {
  auto server = serve();
  Connection connection(loop, server->address());
  ASSERT_TRUE(ask(connection, {}));
  EXPECT_EQ(ask(connection, {.target = "/silent"}, 1ms).error().code, Code::unknown);
  EXPECT_TRUE(ask(connection, {}));
  EXPECT_EQ(connections, 2);
}

}  // namespace
}  // namespace skep::http
