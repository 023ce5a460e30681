// Clients' connections over real loopback sockets.
#include "net/tcp.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.hpp"
#include "tests/unit/certificates.hpp"
#include "tests/unit/loopback.hpp"

namespace skep {
namespace {

using namespace std::chrono_literals;
using testing::LinesLog;
using testing::RawClient;
using testing::turn;
using testing::until;

// Sends back what comes, and notes what happens to it.
struct Echo final : StreamHandler {
  struct Seen {
    std::vector<Stream*> open;
    std::vector<std::string> reads;
    int drained = 0;
    int closed = 0;
    int quiet = 0;
    StreamHandler::Standing standing = StreamHandler::Standing::idle;
  };
  Echo(Stream& to, Seen& note) : stream(to), seen(note) { seen.open.push_back(&stream); }
  void on_bytes(std::string_view bytes) override {
    seen.reads.emplace_back(bytes);
    stream.write(bytes);
    if (bytes.find("bye") != std::string_view::npos) stream.close();
  }
  void on_drained() override { ++seen.drained; }
  Standing standing() const override { return seen.standing; }
  void on_quiet() override { ++seen.quiet; }
  void on_closed() override {
    std::erase(seen.open, &stream);
    ++seen.closed;
  }
  Stream& stream;
  Seen& seen;
};

struct Tcp : ::testing::Test {
  void open(TcpLimits limits = {}, std::shared_ptr<tls::Context> tls = nullptr) {
    auto opened = TcpListener::open(
        loop, log, "ring", "127.0.0.1:0", std::move(limits),
        [this](Stream& s) { return std::make_unique<Echo>(s, seen); }, std::move(tls));
    ASSERT_TRUE(opened) << opened.error().message;
    listener = std::move(*opened);
  }
  Loop loop;
  LinesLog log;
  Echo::Seen seen;
  std::unique_ptr<TcpListener> listener;
};

TEST_F(Tcp, AnswersAndTellsTheRealPort) {
  open();
  EXPECT_FALSE(listener->address().ends_with(":0"));
  RawClient client(loop, listener->address());
  client.send("ping");
  until(loop, [&] { return client.received == "ping"; });
  EXPECT_EQ(listener->connections(), 1u);
  EXPECT_EQ(seen.drained, 1);
  EXPECT_TRUE(seen.open.at(0)->peer().starts_with("127.0.0.1:"));
  EXPECT_EQ(seen.open.at(0)->queued(), 0u);
}

TEST_F(Tcp, ATakenPortIsAClearError) {
  open();
  auto second = TcpListener::open(loop, log, "ring", listener->address(), {},
                                  [](Stream&) { return nullptr; });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_NE(second.error().message.find(listener->address()), std::string::npos);
  EXPECT_NE(second.error().message.find("another process has this port"), std::string::npos);
}

TEST_F(Tcp, ABadOrForeignAddressIsAClearError) {
  const auto refuse = [](Stream&) { return nullptr; };
  auto bad = TcpListener::open(loop, log, "ring", "127.0.0.1", {}, refuse);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("accepted is host:port"), std::string::npos);
  auto foreign = TcpListener::open(loop, log, "ring", "192.0.2.1:0", {}, refuse);
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("does not have this address"), std::string::npos);
}

TEST_F(Tcp, CloseSendsWhatIsQueuedFirst) {
  open();
  RawClient client(loop, listener->address());
  client.send("bye");
  until(loop, [&] { return client.closed; });
  EXPECT_EQ(client.received, "bye");
  until(loop, [&] { return seen.closed == 1; });
  EXPECT_EQ(listener->connections(), 0u);
}

TEST_F(Tcp, CloseDeliversALargeAnswerThatTheKernelDoesNotTakeAtOnce) {
  open();
  RawClient client(loop, listener->address());
  client.send("x");
  until(loop, [&] { return client.received == "x"; });
  const std::string large(20 << 20, 'y');
  seen.open.at(0)->write(large);
  seen.open.at(0)->close();
  seen.open.at(0)->write("after the close");
  until(loop, [&] { return client.closed && seen.closed == 1; });
  EXPECT_EQ(client.received.size(), 1 + large.size());
}

TEST_F(Tcp, AClientThatEndsItsHalfGetsTheAnswerThatIsNotThereYet) {
  open();
  seen.standing = StreamHandler::Standing::busy;
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(parse_address(listener->address())->port);
  ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  ASSERT_EQ(::send(client, "a word", 6, 0), 6);
  ASSERT_EQ(::shutdown(client, SHUT_WR), 0);
  until(loop, [&] { return !seen.reads.empty(); });
  turn(loop);
  ASSERT_EQ(seen.closed, 0);
  seen.standing = StreamHandler::Standing::idle;
  seen.open.at(0)->write(", answered");
  until(loop, [&] { return seen.closed == 1; });
  std::string received(100, '\0');
  received.resize(static_cast<std::size_t>(
      std::max<ssize_t>(::recv(client, received.data(), received.size(), MSG_WAITALL), 0)));
  EXPECT_EQ(received, "a word, answered");
  ::close(client);
}

TEST_F(Tcp, AClientThatEndsItsHalfGetsItsAnswers) {
  open();
  RawClient client(loop, listener->address());
  client.send("last words");
  until(loop, [&] { return client.socket.has_value(); });
  client.socket->close();  // sends, then ends its half
  until(loop, [&] { return seen.closed == 1; });
  EXPECT_EQ(seen.reads, std::vector<std::string>{"last words"});
}

TEST_F(Tcp, OneTurnsWritesLeaveTogetherAndInOrder) {
  open();
  RawClient client(loop, listener->address());
  client.send("x");
  until(loop, [&] { return client.received == "x"; });
  client.received.clear();
  const int drained = seen.drained;
  for (char c = 'a'; c <= 'z'; ++c) seen.open.at(0)->write(std::string(1, c));
  EXPECT_EQ(seen.open.at(0)->queued(), 26u);
  until(loop, [&] { return client.received.size() == 26; });
  EXPECT_EQ(client.received, "abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(seen.drained, drained + 1);
}

TEST_F(Tcp, AClientThatDoesNotReadIsClosedWithALine) {
  TcpLimits limits;
  limits.max_queued = 1 << 20;
  open(limits);
  RawClient client(loop, listener->address());
  client.send("x");
  until(loop, [&] { return client.received == "x"; });
  client.socket->pause_reading(true);
  const std::string chunk(64 * 1024, 'z');
  until(loop, [&] {
    if (!seen.open.empty()) seen.open[0]->write(chunk);
    return seen.closed == 1;
  });
  EXPECT_EQ(log.count("it does not read"), 1u);
  EXPECT_EQ(listener->connections(), 0u);
}

TEST_F(Tcp, PausedReadingDeliversNothingUntilResumed) {
  open();
  RawClient client(loop, listener->address());
  client.send("x");
  until(loop, [&] { return client.received == "x"; });
  seen.open.at(0)->pause_reading(true);
  client.send("y");
  until(loop, [&] { return client.drained == 2; });
  turn(loop);
  EXPECT_EQ(seen.reads.size(), 1u);
  seen.open.at(0)->pause_reading(false);
  until(loop, [&] { return client.received == "xy"; });
}

TEST_F(Tcp, AboveTheLimitARefusalIsSentAndLoggedOnce) {
  TcpLimits limits;
  limits.max_connections = 1;
  limits.refusal = "-ERR max number of clients reached\r\n";
  open(limits);
  RawClient first(loop, listener->address());
  first.send("x");
  until(loop, [&] { return first.received == "x"; });
  RawClient second(loop, listener->address());
  RawClient third(loop, listener->address());
  until(loop, [&] { return second.closed && third.closed; });
  EXPECT_EQ(second.received, limits.refusal);
  EXPECT_EQ(third.received, limits.refusal);
  EXPECT_EQ(log.count("the limit of 1 is reached"), 1u);
  first.socket->close();
  until(loop, [&] { return listener->connections() == 0; });
  RawClient fourth(loop, listener->address());
  fourth.send("x");
  until(loop, [&] { return fourth.received == "x"; });
}

TEST_F(Tcp, AnIdleClientIsClosedIfThatIsWanted) {
  TcpLimits limits;
  limits.idle = 20ms;
  open(limits);
  seen.standing = StreamHandler::Standing::busy;
  RawClient client(loop, listener->address());
  client.send("x");
  until(loop, [&] { return client.received == "x"; });
  const Time since = loop.now();
  until(loop, [&] { return loop.now() - since > 10 * limits.idle; });
  EXPECT_FALSE(client.closed) << "it waited for us";
  seen.standing = StreamHandler::Standing::idle;
  until(loop, [&] { return client.closed && seen.closed == 1; });
  EXPECT_TRUE(log.lines.empty());
}

TEST_F(Tcp, AStrangerHasToSayWhoItIsInTimeHoweverMuchItTalks) {
  TcpLimits limits;
  limits.strange = 50ms;
  open(limits);
  seen.standing = StreamHandler::Standing::stranger;
  RawClient client(loop, listener->address());
  until(loop, [&] {
    client.send(".");
    return client.closed;
  });
  EXPECT_EQ(log.count("connection from 127.0.0.1 closed: it did not authenticate within 50 ms"),
            1u);
}

TEST_F(Tcp, AClientThatTakesNothingForSomeTimeIsClosedWithALine) {
  TcpLimits limits;
  limits.stalled = 50ms;
  open(limits);
  RawClient client(loop, listener->address());
  client.send("x");
  until(loop, [&] { return client.received == "x"; });
  client.socket->pause_reading(true);
  seen.open.at(0)->write(std::string(32 << 20, 'z'));
  until(loop, [&] { return seen.closed == 1; });
  EXPECT_EQ(log.count("it has not read for 50 ms; "), 1u);
}

TEST_F(Tcp, TlsOnAPortWithoutIsNamed) {
  open();
  for (int i = 0; i < 5; ++i) {
    RawClient client(loop, listener->address());
    client.send("\x16\x03\x01 and so on");
    until(loop, [&] { return client.closed; });
    EXPECT_EQ(client.received, "");
  }
  EXPECT_EQ(log.count("it speaks TLS to a port without: ring.tls is not set here"), 1u);
  EXPECT_EQ(log.lines.size(), 1u);
  EXPECT_TRUE(seen.reads.empty());
}

struct TcpTls : Tcp {
  void open_tls(TcpLimits limits = {}) {
    const tls::Files files = ca.issue("server");
    server = *tls::Context::open(tls::Peer::client, {files.cert, files.key, {}});
    open(std::move(limits), server);
  }
  unit::TempDirectory directory;
  testing::Authority ca{directory, "ca"};
  std::shared_ptr<tls::Context> server;
  std::shared_ptr<tls::Context> client_context =
      *tls::Context::open(tls::Peer::server, {{}, {}, ca.file()});
};

TEST_F(TcpTls, AProtocolDoesNotNotice) {
  open_tls();
  RawClient client(loop, listener->address(), client_context.get());
  client.send("ping");
  until(loop, [&] { return client.received == "ping"; });
  EXPECT_EQ(seen.reads, std::vector<std::string>{"ping"});
  const std::string large(20 << 20, 'y');
  seen.open.at(0)->write(large);
  EXPECT_EQ(seen.open.at(0)->queued(), large.size());
  until(loop, [&] { return client.received.size() == 4 + large.size(); });
  client.send("bye");
  until(loop, [&] { return client.closed && seen.closed == 1; });
  EXPECT_TRUE(client.received.ends_with("bye"));
  EXPECT_TRUE(log.lines.empty()) << log.lines[0];
}

TEST_F(TcpTls, CloseDeliversALargeAnswer) {
  open_tls();
  RawClient client(loop, listener->address(), client_context.get());
  client.send("x");
  until(loop, [&] { return client.received == "x"; });
  const std::string large(20 << 20, 'y');
  seen.open.at(0)->write(large);
  seen.open.at(0)->close();
  until(loop, [&] { return client.closed && seen.closed == 1; });
  EXPECT_EQ(client.received.size(), 1 + large.size());
}

TEST_F(TcpTls, AClientThatEndsItsHalfGetsNothingLostAndIsGone) {
  open_tls();
  RawClient client(loop, listener->address(), client_context.get());
  client.send("last words");
  until(loop, [&] { return client.received == "last words"; });
  client.socket->close();
  until(loop, [&] { return seen.closed == 1; });
  EXPECT_TRUE(log.lines.empty());
}

TEST_F(TcpTls, PlainClientsGetAWordAndTheLogALine) {
  open_tls();
  RawClient redis(loop, listener->address());
  redis.send("*1\r\n$4\r\nPING\r\n");
  RawClient browser(loop, listener->address());
  browser.send("GET / HTTP/1.1\r\n\r\n");
  until(loop, [&] { return redis.closed && browser.closed; });
  EXPECT_EQ(redis.received, "-ERR this port speaks TLS only\r\n");
  EXPECT_TRUE(browser.received.starts_with("HTTP/1.1 400 ")) << browser.received;
  until(loop, [&] { return seen.closed == 2; });
  EXPECT_EQ(log.count("it speaks RESP to a port that takes TLS only"), 1u);
  EXPECT_EQ(log.count("it speaks HTTP to a port that takes TLS only"), 1u);
  EXPECT_TRUE(seen.reads.empty());
}

TEST_F(TcpTls, HalfAHandshakeIsClosedInTime) {
  TcpLimits limits;
  limits.handshake = 50ms;
  open_tls(limits);
  RawClient silent(loop, listener->address());
  RawClient half(loop, listener->address());
  std::string hello;
  client_context->dial("localhost")->begin(hello);
  half.send(hello.substr(0, hello.size() / 2));
  until(loop, [&] { return silent.closed && half.closed; });
  EXPECT_EQ(log.count("it did not finish the handshake of TLS within 50 ms"), 1u);
}

TEST_F(TcpTls, WhoDoesNotTrustTheCertificateIsInTheLog) {
  open_tls();
  testing::Authority other(directory, "other");
  auto strange = *tls::Context::open(tls::Peer::server, {{}, {}, other.file()});
  RawClient client(loop, listener->address(), strange.get());
  until(loop, [&] { return client.closed && seen.closed == 1; });
  EXPECT_EQ(client.ended.how, Ended::How::tls);
  EXPECT_EQ(client.ended.why, "its certificate is not of a CA that is trusted here");
  EXPECT_EQ(log.count("it does not accept our certificate"), 1u);
}

TEST_F(TcpTls, NewConnectionsSeeReloadedCertificates) {
  open_tls();
  RawClient before(loop, listener->address(), client_context.get());
  before.send("x");
  until(loop, [&] { return before.received == "x"; });
  testing::Authority other(directory, "other");
  (void)other.issue("server");
  ASSERT_TRUE(listener->reload_tls());
  auto trusts_other = *tls::Context::open(tls::Peer::server, {{}, {}, other.file()});
  RawClient after(loop, listener->address(), trusts_other.get());
  after.send("y");
  before.send("z");
  until(loop, [&] { return after.received == "y" && before.received == "xz"; });
  directory.write("server.key", "");
  auto reloaded = listener->reload_tls();
  ASSERT_FALSE(reloaded);
  EXPECT_NE(reloaded.error().message.find("ring.tls: the file "), std::string::npos);
}

TEST_F(Tcp, StoppingDropsWhatIsLeft) {
  open();
  RawClient client(loop, listener->address());
  client.send("x");
  until(loop, [&] { return client.received == "x"; });
  const Address address = listener->address();
  listener->stop_accepting();
  RawClient late(loop, address);
  until(loop, [&] { return late.closed; });
  EXPECT_NE(late.error.find("connection refused"), std::string::npos) << late.error;
  listener.reset();
  EXPECT_EQ(seen.closed, 1);
  until(loop, [&] { return client.closed; });
}

TEST_F(Tcp, NamesAreLookedUp) {
  open();
  const auto port = parse_address(listener->address())->port;
  RawClient client(loop, "localhost:" + std::to_string(port));
  client.send("x");
  until(loop, [&] { return client.received == "x"; });
}

TEST(Dial, AHostThatDoesNotExistIsAnError) {
  Loop loop;
  RawClient client(loop, "host.invalid:5000");
  until(loop, [&] { return client.closed; });
  EXPECT_NE(client.error.find("host.invalid:5000: cannot look up the host"), std::string::npos);
}

TEST(Dial, ABadAddressIsAnErrorButNotAtOnce) {
  Loop loop;
  RawClient client(loop, "nowhere");
  EXPECT_FALSE(client.closed);
  until(loop, [&] { return client.closed; });
  EXPECT_NE(client.error.find("has no port"), std::string::npos);
}

TEST_F(Tcp, AnAbandonedDialIsSilent) {
  open();
  {
    Dial while_looking_up(loop, listener->address(), [](Result<TcpHandle>) { FAIL(); });
  }
  auto dial = std::make_unique<Dial>(loop, listener->address(), [](Result<TcpHandle>) { FAIL(); });
  std::optional<RawClient> other;
  other.emplace(loop, listener->address());
  turn(loop, 1);
  dial.reset();
  other->send("x");
  until(loop, [&] { return other->received == "x"; });
}

TEST_F(Tcp, AHandlerMayDropItsStreamsSocketInACallback) {
  open();
  struct Fragile final : StreamHandler {
    explicit Fragile(std::unique_ptr<Socket> s) : socket(std::move(s)) {
      socket->start(*this, [](const Ended&) { FAIL(); });
      socket->write("x");
    }
    void on_bytes(std::string_view) override { socket.reset(); }
    void on_drained() override { ++drained; }
    void on_closed() override {}
    int drained = 0;
    std::unique_ptr<Socket> socket;
  };
  std::unique_ptr<Fragile> fragile;
  Dial dial(loop, listener->address(), [&](Result<TcpHandle> handle) {
    ASSERT_TRUE(handle);
    fragile = std::make_unique<Fragile>(std::make_unique<Socket>(loop, std::move(*handle), 1000));
  });
  until(loop, [&] { return fragile && !fragile->socket && seen.closed == 1; });
  EXPECT_EQ(fragile->drained, 1);
}

TEST(Address, PartsAndRefusals) {
  EXPECT_EQ(parse_address("node1.example:5000"), (HostPort{"node1.example", 5000}));
  EXPECT_EQ(parse_address("[::1]:0"), (HostPort{"::1", 0}));
  EXPECT_EQ(show_address({"::1", 5000}), "[::1]:5000");
  EXPECT_EQ(show_address({"127.0.0.1", 1}), "127.0.0.1:1");
  for (const char* bad : {"", "host", ":1", "host:", "host:65536", "host:-1", "host:1x", "::1:5000",
                          "[]:1", "host: 1"})
    EXPECT_FALSE(parse_address(bad)) << bad;
}

}  // namespace
}  // namespace skep
