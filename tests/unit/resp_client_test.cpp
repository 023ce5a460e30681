// The blocking client against a RESP server on a real socket, in a thread of its own.
#include "net/resp_client.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "net/loop.hpp"
#include "net/tcp.hpp"
#include "roles/ring/resp_server.hpp"
#include "tests/unit/loopback.hpp"
#include "tests/unit/memory_keyspace.hpp"

namespace skep::resp {
namespace {

// What answers every byte with the same ones.
struct Parrot final : StreamHandler {
  Parrot(Stream& to, std::string words) : stream(to), text(std::move(words)) {}
  void on_bytes(std::string_view) override { stream.write(text); }
  void on_drained() override {}
  void on_closed() override {}
  Stream& stream;
  std::string text;
};

// Greets, and goes when it is asked for something.
struct Deserter final : StreamHandler {
  explicit Deserter(Stream& to) : stream(to) {}
  void on_bytes(std::string_view bytes) override {
    if (bytes.find("HELLO") != std::string_view::npos)
      stream.write("%0\r\n");
    else
      stream.close();
  }
  void on_drained() override {}
  void on_closed() override {}
  Stream& stream;
};

class ClientTest : public ::testing::Test {
 protected:
  void serve(const std::string& password = {}) {
    ring::RespOptions options;
    options.password = password;
    server = std::make_unique<ring::RespServer>(keyspace, loop, loop, options);
    listen([this](Stream& stream) { return server->accept(stream); });
  }
  void listen(TcpListener::Factory factory) {
    auto opened = TcpListener::open(loop, log, "ring", "127.0.0.1:0", {}, std::move(factory));
    ASSERT_TRUE(opened);
    listener = std::move(*opened);
    thread = std::thread([this] { loop.run(); });
  }
  void on_loop(std::function<void()> what) { loop.post(std::move(what)); }
  ~ClientTest() override {
    loop.post([this] { loop.stop(); });
    if (thread.joinable()) thread.join();
  }
  Result<Value> call(Client& client, std::vector<std::string_view> words) {
    return client.call(words);
  }

  Loop loop;
  skep::testing::LinesLog log;
  ring::MemoryKeyspace keyspace;
  std::unique_ptr<ring::RespServer> server;
  std::unique_ptr<TcpListener> listener;
  std::thread thread;
};

TEST_F(ClientTest, AsksAndIsAnswered) {
  serve();
  Client client({.servers = {listener->address()}, .password = {}});
  const std::string large(3'000'000, 'x');
  EXPECT_EQ(call(client, {"SET", "k", large}).value(), Value::status("OK"));
  EXPECT_EQ(call(client, {"GET", "k"}).value(), Value::bulk(large));
  EXPECT_EQ(call(client, {"GET", "absent"}).value(), Value::null());
  EXPECT_TRUE(call(client, {"NOSUCH"}).value().is_error());
  EXPECT_EQ(client.server(), listener->address());
}

TEST_F(ClientTest, TriesTheServersInTurn) {
  serve();
  // A port that was free a moment ago.
  Address nobody;
  {
    Loop other;
    auto taken =
        TcpListener::open(other, log, "x", "127.0.0.1:0", {}, [](Stream&) { return nullptr; });
    ASSERT_TRUE(taken);
    nobody = (*taken)->address();
  }
  Client client({.servers = {nobody, listener->address()}, .password = {}});
  EXPECT_EQ(call(client, {"PING"}).value(), Value::status("PONG"));
  Client lonely({.servers = {nobody}, .password = {}});
  auto failed = call(lonely, {"PING"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::unavailable);
  EXPECT_EQ(failed.error().message, "cannot connect to " + nobody + ": Connection refused");
}

TEST_F(ClientTest, SaysThePassword) {
  serve("secret");
  Client good({.servers = {listener->address()}, .password = "secret"});
  EXPECT_EQ(call(good, {"PING"}).value(), Value::status("PONG"));
  Client bad({.servers = {listener->address()}, .password = "wrong"});
  EXPECT_EQ(call(bad, {"PING"}).error().message, listener->address() + " refuses the password");
  Client silent({.servers = {listener->address()}, .password = {}});
  auto failed = call(silent, {"PING"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::permission);
  EXPECT_EQ(failed.error().message,
            listener->address() + " asks for a password (by --secret-file FILE)");
}

TEST_F(ClientTest, AConnectionThatWasClosedMeanwhileIsMadeAgain) {
  serve();
  Client client({.servers = {listener->address()}, .password = {}});
  EXPECT_TRUE(call(client, {"PING"}));
  EXPECT_EQ(call(client, {"QUIT"}).value(), Value::status("OK"));
  std::promise<void> closed;
  std::function<void()> look = [&] {
    if (listener->connections() == 0)
      closed.set_value();
    else
      loop.after(std::chrono::milliseconds(1), look);
  };
  on_loop(look);
  closed.get_future().wait();
  EXPECT_EQ(call(client, {"PING"}).value(), Value::status("PONG"));
}

TEST_F(ClientTest, ALostReplyIsUnknown) {
  listen([](Stream& stream) { return std::make_unique<Deserter>(stream); });
  Client client({.servers = {listener->address()}, .password = {}});
  auto failed = call(client, {"SET", "k", "v"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::unknown);
  EXPECT_EQ(client.server(), "");
}

TEST_F(ClientTest, WhatIsNotRespIsSaid) {
  listen([](Stream& stream) {
    return std::make_unique<Parrot>(stream, "HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  Client client({.servers = {listener->address()}, .password = {}});
  auto failed = call(client, {"PING"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::invalid);
  EXPECT_EQ(failed.error().message,
            listener->address() +
                ": the server speaks HTTP, not RESP: it is an admin's or a proposer's listener");
}

}  // namespace
}  // namespace skep::resp
