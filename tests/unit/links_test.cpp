// Links between nodes over real loopback sockets: all nodes of a test turn on one loop.
#include "net/links.hpp"

#include <gtest/gtest.h>

#include "net/accept.hpp"
#include "tests/unit/certificates.hpp"
#include "tests/unit/loopback.hpp"

namespace skep {
namespace {

using namespace std::chrono_literals;
using testing::LinesLog;
using testing::RawClient;
using testing::turn;
using testing::until;

struct Got {
  NodeId from;
  Address address;
  std::uint16_t type;
  std::uint64_t request;
  std::string payload;
};

struct Node {
  Node(Loop& loop, LinkOptions options) {
    auto opened = Links::open(loop, log, std::move(options));
    EXPECT_TRUE(opened) << opened.error().message;
    links = std::move(*opened);
    links->on_message(Part::ring, keep(got));
    links->on_message(Part::link, keep(unsupported));
    links->on_down([this](NodeId peer) { down.push_back(peer); });
    links->on_up([this](const Hello& hello) { up.push_back(hello.node); });
  }
  static Transport::Receive keep(std::vector<Got>& into) {
    return [&into](NodeId from, const Address& address, const Message& m) {
      into.push_back({from, address, m.type, m.request, std::string(m.payload)});
    };
  }
  bool send(const Address& to, std::string_view payload, NodeId expect = 0) {
    return links->send(to, expect, {Part::ring, 1, 0, payload});
  }
  bool send(const Node& to, std::string_view payload) { return send(to.address(), payload); }
  const Address& address() const { return links->address(); }

  LinesLog log;
  std::vector<Got> got;
  std::vector<Got> unsupported;
  std::vector<NodeId> down;
  std::vector<std::string> up;
  std::unique_ptr<Links> links;
};

LinkOptions options(NodeId identity, Address listen = "127.0.0.1:0") {
  LinkOptions o;
  o.cluster = "skep";
  o.node = "n" + std::to_string(identity);
  o.identity = identity;
  o.incarnation = 1;
  o.cluster_id = 99;
  o.listen = std::move(listen);
  o.secret = "secret";
  o.first_redial = 1ms;
  o.last_redial = 5ms;
  return o;
}

// A raw client that has shaken hands as node 9 of the same cluster.
struct Peer9 {
  Peer9(Loop& loop, Node& node) : client(loop, node.address()) {
    Hello self;
    self.cluster = "skep";
    self.node = "n9";
    self.identity = 9;
    self.address = "127.0.0.1:9";
    self.cluster_id = 99;
    self.nonce = std::string(Hello::kNonce, 'n');
    Handshake handshake(Handshake::Side::dialler, self, "secret", node.address());
    client.send(handshake.begin());
    until(loop, [&] {
      auto step = handshake.feed(client.received);
      client.received.erase(0, step.used);
      client.send(step.send);
      return step.done;
    });
  }
  static std::string frame(std::string_view payload, std::uint8_t part = 2,
                           std::uint8_t version = wire::kProtocolVersion) {
    std::string out;
    wire::encode_frame(out, {version, part, 1, 0, payload});
    return out;
  }
  RawClient client;
};

struct LinksTest : ::testing::Test {
  // Until `from` has a connection there.
  void connect(Node& from, const Address& to) {
    until(loop, [&] { return from.send(to, "hello"); });
  }
  void connect(Node& from, Node& to) {
    connect(from, to.address());
    until(loop, [&] { return !to.got.empty(); });
    to.got.clear();
  }
  Loop loop;
};

TEST_F(LinksTest, CarryMessagesBothWaysOnOneConnection) {
  Node a(loop, options(1));
  Node b(loop, options(2));
  EXPECT_FALSE(a.send(b, "too early"));
  connect(a, b);
  EXPECT_TRUE(a.links->send(b.address(), 2, {Part::ring, 7, 42, "question"}));
  until(loop, [&] { return b.got.size() == 1; });
  EXPECT_EQ(b.got[0].from, 1u);
  EXPECT_EQ(b.got[0].address, a.address());
  EXPECT_EQ(b.got[0].type, 7);
  EXPECT_EQ(b.got[0].request, 42u);
  EXPECT_EQ(b.got[0].payload, "question");
  // The answer needs no connection of its own.
  EXPECT_TRUE(b.send(a, "answer"));
  until(loop, [&] { return a.got.size() == 1; });
  EXPECT_EQ(a.got[0].payload, "answer");
  EXPECT_EQ(a.links->up(), 1u);
  EXPECT_EQ(b.links->up(), 1u);
  EXPECT_EQ(a.up, std::vector<std::string>{"n2"});
  EXPECT_EQ(b.up, std::vector<std::string>{"n1"});
}

TEST_F(LinksTest, WritesOfManyTurnsKeepTheirOrder) {
  Node a(loop, options(1));
  Node b(loop, options(2));
  connect(a, b);
  // Large and small ones, so that some go at once and some wait for the kernel.
  constexpr std::size_t kMessages = 2000;
  std::size_t sent = 0;
  until(loop, [&] {
    for (int i = 0; i < 50 && sent < kMessages; ++i, ++sent)
      EXPECT_TRUE(a.send(b, std::to_string(sent) + std::string(sent % 7 == 0 ? 100'000 : 0, ' ')));
    return b.got.size() == kMessages;
  });
  for (std::size_t i = 0; i < b.got.size(); ++i) ASSERT_EQ(std::stoul(b.got[i].payload), i);
}

TEST_F(LinksTest, BothDialAtOnceAndOrderHoldsInEachDirection) {
  Node a(loop, options(1));
  Node b(loop, options(2));
  int sent_a = 0;
  int sent_b = 0;
  until(loop, [&] {
    if (sent_a < 500 && a.send(b, std::to_string(sent_a))) ++sent_a;
    if (sent_b < 500 && b.send(a, std::to_string(sent_b))) ++sent_b;
    return a.got.size() == 500 && b.got.size() == 500;
  });
  for (std::size_t i = 0; i < 500; ++i) {
    ASSERT_EQ(a.got[i].payload, std::to_string(i));
    ASSERT_EQ(b.got[i].payload, std::to_string(i));
  }
  EXPECT_TRUE(a.down.empty());
  EXPECT_TRUE(b.down.empty());
}

TEST_F(LinksTest, ALargeMessagePassesAndATooLargeOneIsRefusedHere) {
  LinkOptions small = options(1);
  small.max_frame = 1 << 20;
  Node a(loop, small);
  Node b(loop, options(2));
  connect(a, b);
  EXPECT_TRUE(a.send(b, std::string((1 << 20) - wire::kFrameHeader, 'x')));
  EXPECT_FALSE(a.send(b, std::string((1 << 20) - wire::kFrameHeader + 1, 'x')));
  EXPECT_EQ(a.log.count("above cluster.max_frame"), 1u);
  until(loop, [&] { return b.got.size() == 1; });
  // The other way the sender allows it and the receiver does not.
  EXPECT_TRUE(b.send(a, std::string(2 << 20, 'x')));
  until(loop, [&] { return !b.down.empty() && !a.down.empty(); });
  EXPECT_EQ(a.log.count("at most 1048576 are accepted"), 1u);
  EXPECT_TRUE(a.got.empty());
}

TEST_F(LinksTest, ReconnectAfterThePeerDied) {
  Node a(loop, options(1));
  auto b = std::make_unique<Node>(loop, options(2));
  connect(a, *b);
  const Address address = b->address();
  b.reset();
  until(loop, [&] { return !a.down.empty(); });
  EXPECT_EQ(a.down, std::vector<NodeId>{2});
  EXPECT_EQ(a.log.count("lost node \"n2\""), 1u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(a.send(address, "nobody there"));
    loop.after(10ms, [] {});
    loop.run_once();
  }
  LinkOptions again = options(2, address);
  again.incarnation = 2;
  Node restarted(loop, again);
  connect(a, restarted);
  EXPECT_LE(a.log.count("cannot reach"), 1u);
  EXPECT_EQ(a.up, (std::vector<std::string>{"n2", "n2"}));
}

TEST_F(LinksTest, UnreachableIsLoggedOnce) {
  Node a(loop, options(1));
  const Address nobody = Node(loop, options(2)).address();
  int attempts = 0;
  until(loop, [&] {
    EXPECT_FALSE(a.send(nobody, "x"));
    return ++attempts > 50 && a.log.count("cannot reach " + nobody) > 0;
  });
  EXPECT_EQ(a.log.count("cannot reach"), 1u);
}

TEST_F(LinksTest, AMessageForAnotherIdentityIsNotDelivered) {
  Node a(loop, options(1));
  Node b(loop, options(2));
  connect(a, b);
  EXPECT_FALSE(a.send(b.address(), "for three", 3));
  EXPECT_FALSE(a.send(b.address(), "for three", 3));
  EXPECT_TRUE(a.send(b.address(), "for two", 2));
  until(loop, [&] { return !b.got.empty(); });
  EXPECT_EQ(b.got[0].payload, "for two");
  EXPECT_EQ(a.log.count("another store than the one expected"), 1u);
}

TEST_F(LinksTest, WrongClusterVersionAndSecretAreRefusedAndLoggedOnce) {
  struct Case {
    std::function<void(LinkOptions&)> change;
    const char* text;
  };
  for (const Case& c : {Case{[](LinkOptions& o) { o.cluster = "hive"; }, "of cluster \"hive\""},
                        Case{[](LinkOptions& o) { o.cluster_id = 100; }, "cluster join"},
                        Case{[](LinkOptions& o) { o.secret = "other"; }, "another cluster secret"},
                        Case{[](LinkOptions& o) { o.secret = ""; }, "cluster.secret_file"}}) {
    Node a(loop, options(1));
    LinkOptions changed = options(2);
    c.change(changed);
    Node b(loop, changed);
    int tries = 0;
    until(loop, [&] {
      EXPECT_FALSE(a.send(b, "x"));
      return ++tries > 200 && a.log.count(c.text) > 0 && b.log.count(c.text) > 0;
    });
    EXPECT_EQ(a.log.count(c.text), 1u);
    EXPECT_EQ(b.log.count(c.text), 1u);
    EXPECT_TRUE(a.down.empty());
    EXPECT_TRUE(b.got.empty());
  }
}

TEST_F(LinksTest, WhoIsOfAnotherClusterIsToldWithTheWayThere) {
  Node a(loop, options(1));
  LinkOptions changed = options(2);
  changed.cluster_id = 100;
  changed.admin = "127.0.0.1:5001";
  Node b(loop, changed);
  const std::string way =
      "run here: server admin --connect 127.0.0.1:5001 cluster join " + a.address();
  EXPECT_EQ(b.links->is_elsewhere(a.address()), "");
  until(loop, [&] { return b.send(a, "x") || !b.links->is_elsewhere(a.address()).empty(); });
  EXPECT_TRUE(b.links->is_elsewhere(a.address()).ends_with(way));
  EXPECT_EQ(b.log.count(way), 1u);
  b.links->set_cluster_id(options(1).cluster_id);
  until(loop, [&] { return b.send(a, "x"); });
  EXPECT_EQ(b.links->is_elsewhere(a.address()), "");
}

TEST_F(LinksTest, ANodeThatFindsItselfUnderAnotherNameSaysSo) {
  LinkOptions o = options(1);
  Node a(loop, o);
  const Address by_name = "localhost" + a.address().substr(a.address().rfind(':'));
  until(loop, [&] {
    EXPECT_FALSE(a.send(by_name, "x"));
    return a.log.count("is this node itself") > 0;
  });
  EXPECT_FALSE(a.send(a.address(), "x"));
  EXPECT_TRUE(a.got.empty());
}

TEST_F(LinksTest, AMessageToThisNodeComesLaterIfItIsExpectedHere) {
  Node a(loop, options(1));
  EXPECT_FALSE(a.send(a.address(), "for somebody else", 2));
  EXPECT_TRUE(a.send(a.address(), "one", 1));
  EXPECT_TRUE(a.send(a.address(), "two", 1));
  EXPECT_TRUE(a.got.empty());
  until(loop, [&] { return !a.got.empty(); });
  ASSERT_EQ(a.got.size(), 2u);
  EXPECT_EQ(a.got[0].from, 1u);
  EXPECT_EQ(a.got[0].payload, "one");
  EXPECT_EQ(a.got[1].payload, "two");
}

TEST_F(LinksTest, APeerDialledByNameIsOnePeer) {
  Node a(loop, options(1));
  Node b(loop, options(2));
  const Address by_name = "localhost" + b.address().substr(b.address().rfind(':'));
  connect(a, by_name);
  EXPECT_TRUE(a.send(b.address(), "by address"));
  until(loop, [&] { return b.got.size() == 2; });
  EXPECT_EQ(a.links->up(), 1u);
}

TEST_F(LinksTest, APeerDialledByTwoNamesAtOnceSettlesOnOneConnection) {
  Node a(loop, options(1));
  Node b(loop, options(2));
  const Address by_name = "localhost" + b.address().substr(b.address().rfind(':'));
  const auto both = [&] {
    const bool first = a.send(by_name, "by name");
    return a.send(b.address(), "by address") && first;
  };
  until(loop, [&] { return both() && a.up.size() == 2 && a.links->up() == 1; });
  const std::size_t down = a.down.size();
  until(loop, [&] {
    EXPECT_TRUE(both());
    return b.got.size() > 500;
  });
  EXPECT_EQ(a.down.size(), down);
  EXPECT_EQ(a.links->up(), 1u);
}

TEST_F(LinksTest, JoiningAnotherClusterEndsTheLink) {
  LinkOptions fresh = options(1);
  fresh.cluster_id = 0;
  Node a(loop, fresh);
  Node b(loop, options(2));
  connect(a, b);
  a.links->set_cluster_id(99);
  EXPECT_TRUE(a.send(b, "still there"));
  until(loop, [&] { return b.got.size() == 1; });
  a.links->set_cluster_id(100);
  until(loop, [&] { return !a.down.empty() && !b.down.empty(); });
  EXPECT_EQ(a.log.count("cluster join"), 1u);
  EXPECT_EQ(b.log.count("cluster join"), 1u);
}

TEST_F(LinksTest, FoundingApartEndsTheLink) {
  LinkOptions fresh = options(1);
  fresh.cluster_id = 0;
  Node a(loop, fresh);
  fresh = options(2);
  fresh.cluster_id = 0;
  Node b(loop, fresh);
  connect(a, b);
  a.links->set_cluster_id(1);
  b.links->set_cluster_id(2);
  until(loop, [&] { return !a.down.empty() && !b.down.empty(); });
}

TEST_F(LinksTest, AnUnknownPartIsAnsweredUnsupportedIfItWasARequest) {
  Node a(loop, options(1));
  Node b(loop, options(2));
  connect(a, b);
  EXPECT_TRUE(a.links->send(b.address(), 0, {Part::replica, 3, 0, "no request"}));
  EXPECT_TRUE(a.links->send(b.address(), 0, {Part::replica, 4, 17, "request"}));
  until(loop, [&] { return !a.unsupported.empty(); });
  ASSERT_EQ(a.unsupported.size(), 1u);
  EXPECT_EQ(a.unsupported[0].request, 17u);
  const auto what = wire::decode<Unsupported>(a.unsupported[0].payload);
  ASSERT_TRUE(what);
  EXPECT_EQ(what->part, static_cast<std::uint8_t>(Part::replica));
  EXPECT_EQ(what->type, 4);
  EXPECT_TRUE(a.down.empty());
}

TEST_F(LinksTest, APeerThatDoesNotReadIsRefusedThenClosed) {
  LinkOptions o = options(1);
  o.max_frame = 1 << 20;
  o.max_queued = 4 << 20;
  o.stalled = 50ms;
  Node a(loop, o);
  Peer9 peer(loop, a);
  peer.client.socket->pause_reading(true);
  const std::string chunk(500'000, 'x');
  int sent = 0;
  until(loop, [&] {
    const bool taken = a.send("127.0.0.1:9", chunk);
    if (taken) ++sent;
    return !taken;
  });
  EXPECT_GT(sent, 4);
  EXPECT_EQ(a.links->up(), 1u);
  until(loop, [&] { return !a.down.empty(); });
  EXPECT_EQ(a.down, std::vector<NodeId>{9});
  EXPECT_EQ(a.log.count("has not read for 50 ms"), 1u);
}

TEST_F(LinksTest, HalfFramesAreJoined) {
  Node a(loop, options(1));
  Peer9 peer(loop, a);
  const std::string bytes = Peer9::frame("first") + Peer9::frame("second");
  for (char c : bytes) {
    peer.client.send(std::string(1, c));
    turn(loop, 2);
  }
  until(loop, [&] { return a.got.size() == 2; });
  EXPECT_EQ(a.got[0].payload, "first");
  EXPECT_EQ(a.got[1].payload, "second");
}

TEST_F(LinksTest, AFrameThatStopsHalfwayEndsTheLink) {
  LinkOptions o = options(1);
  o.stalled = 20ms;
  Node a(loop, o);
  Peer9 peer(loop, a);
  peer.client.send(Peer9::frame("whole") + Peer9::frame("half").substr(0, 15));
  until(loop, [&] { return peer.client.closed; });
  EXPECT_EQ(a.got.size(), 1u);
  EXPECT_EQ(a.log.count("stopped in the middle of a message"), 1u);
  EXPECT_EQ(a.down, std::vector<NodeId>{9});
}

TEST_F(LinksTest, ABadChecksumEndsTheLink) {
  Node a(loop, options(1));
  Peer9 peer(loop, a);
  std::string bad = Peer9::frame("bad");
  bad.back() ^= 1;
  peer.client.send(Peer9::frame("good") + bad + Peer9::frame("after"));
  until(loop, [&] { return !a.down.empty(); });
  ASSERT_EQ(a.got.size(), 1u);
  EXPECT_EQ(a.got[0].payload, "good");
  EXPECT_EQ(a.log.count("checksum is wrong"), 1u);
}

TEST_F(LinksTest, AnotherVersionThanAgreedAndUnknownControlMessagesEndTheLink) {
  Node a(loop, options(1));
  {
    Peer9 peer(loop, a);
    peer.client.send(Peer9::frame("x", 2, wire::kProtocolVersion + 1));
    until(loop, [&] { return a.down.size() == 1; });
    EXPECT_EQ(a.log.count("protocol version 2 where 1 is spoken"), 1u);
  }
  Peer9 peer(loop, a);
  std::string hello_again;
  encode_link_frame(hello_again, LinkType::hello, Hello{});
  peer.client.send(hello_again);
  until(loop, [&] { return a.down.size() == 2; });
  EXPECT_EQ(a.log.count("of an unknown kind"), 1u);
  EXPECT_TRUE(a.got.empty());
}

TEST_F(LinksTest, APeerThatConnectsAnewReplacesItsOldConnection) {
  Node a(loop, options(1));
  Peer9 old(loop, a);
  Peer9 anew(loop, a);
  until(loop, [&] { return old.client.closed; });
  EXPECT_EQ(a.links->up(), 1u);
  EXPECT_EQ(a.down, std::vector<NodeId>{9});
  EXPECT_TRUE(a.send("127.0.0.1:9", "to the new one"));
  until(loop, [&] { return anew.client.received.find("to the new one") != std::string::npos; });
}

TEST_F(LinksTest, HttpAndRespToTheClusterPortAreToldWhatItIs) {
  Node a(loop, options(1));
  RawClient browser(loop, a.address());
  browser.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  RawClient redis(loop, a.address());
  redis.send("*1\r\n$4\r\nPING\r\n");
  until(loop, [&] { return browser.closed && redis.closed; });
  EXPECT_TRUE(browser.received.starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(redis.received.starts_with("-ERR this is the cluster port"));
  EXPECT_EQ(a.log.count("speaks HTTP to the cluster port"), 1u);
  EXPECT_EQ(a.log.count("speaks RESP to the cluster port"), 1u);
}

// A server of something else: says `greeting` on the first bytes, or nothing.
struct Foreign {
  Foreign(Loop& loop, std::string greeting) {
    acceptor = std::move(
        *Acceptor::open(loop, "127.0.0.1:0", [this, &loop, greeting](Result<TcpHandle> handle) {
          struct Greeter final : StreamHandler {
            void on_bytes(std::string_view) override { socket->write(greeting); }
            void on_drained() override {}
            void on_closed() override {}
            std::string greeting;
            std::unique_ptr<Socket> socket;
          };
          auto greeter = std::make_shared<Greeter>();
          greeter->greeting = greeting;
          greeter->socket = std::make_unique<Socket>(loop, std::move(*handle), 1 << 20);
          greeter->socket->start(*greeter, [](const Ended&) {});
          clients.push_back(std::move(greeter));
        }));
  }
  std::vector<std::shared_ptr<StreamHandler>> clients;
  std::unique_ptr<Acceptor> acceptor;
};

TEST_F(LinksTest, ADialledPortThatIsNotAClusterPortIsNamed) {
  LinkOptions o = options(1);
  o.handshake = 100ms;
  Node a(loop, o);
  Foreign redis(loop, "-ERR unknown command\r\n");
  Foreign silent(loop, "");
  until(loop, [&] {
    EXPECT_FALSE(a.send(redis.acceptor->address(), "x"));
    EXPECT_FALSE(a.send(silent.acceptor->address(), "x"));
    return a.log.count(redis.acceptor->address() + " speaks RESP") > 0 &&
           a.log.count(silent.acceptor->address() + " did not finish the handshake") > 0;
  });
  EXPECT_EQ(a.log.count("speaks RESP"), 1u);
}

TEST_F(LinksTest, StrangersAreBounded) {
  LinkOptions o = options(1);
  o.max_unproven = 2;
  Node a(loop, o);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(std::make_unique<RawClient>(loop, a.address()));
  until(loop, [&] {
    return std::count_if(idle.begin(), idle.end(), [](const auto& c) { return c->closed; }) == 2;
  });
  EXPECT_EQ(a.log.count("too many connections to the cluster port"), 1u);
}

// Two nodes that cannot come together: turns until each has said so in its log.
struct LinksTls : LinksTest {
  LinkOptions with(NodeId identity, const tls::Files& files) {
    LinkOptions o = options(identity);
    o.tls = *tls::Context::open(tls::Peer::node, files);
    return o;
  }
  void refuse(Node& a, Node& b, const std::string& at_a, const std::string& at_b) {
    until(loop, [&] {
      EXPECT_FALSE(a.send(b, "x"));
      return a.log.count(at_a) > 0 && b.log.count(at_b) > 0;
    });
    turn(loop, 200);
    EXPECT_EQ(a.log.count(at_a), 1u);
    EXPECT_EQ(b.log.count(at_b), 1u) << ::testing::PrintToString(b.log.lines);
    EXPECT_TRUE(b.got.empty());
  }
  unit::TempDirectory directory;
  testing::Authority ca{directory, "ca"};
};

TEST_F(LinksTls, CarryMessagesBothWays) {
  Node a(loop, with(1, ca.issue("a")));
  Node b(loop, with(2, ca.issue("b")));
  connect(a, b);
  const std::string large(8 << 20, 'x');
  EXPECT_TRUE(a.send(b, large));
  EXPECT_TRUE(b.send(a, "answer"));
  until(loop, [&] { return a.got.size() == 1 && b.got.size() == 1; });
  EXPECT_EQ(b.got[0].payload, large);
  EXPECT_EQ(a.got[0].payload, "answer");
}

TEST_F(LinksTls, ANodeOfAnotherCaStaysOutside) {
  testing::Authority other(directory, "other");
  tls::Files foreign = other.issue("foreign");
  Node a(loop, with(1, foreign));
  Node b(loop, with(2, ca.issue("b")));
  refuse(a, b, "its certificate is not of a CA that is trusted here",
         "it does not accept our certificate");
  // One that trusts this cluster, and is not trusted by it.
  foreign.ca = ca.file();
  Node c(loop, with(3, foreign));
  refuse(c, b, "it does not accept our certificate: that is of no CA that it trusts",
         "no TLS with 127.0.0.1 (cluster.tls): its certificate is not of a CA that is trusted");
}

TEST_F(LinksTls, AnExpiredCertificateIsNamed) {
  Node a(loop, with(1, ca.issue("a", -1, -3)));
  Node b(loop, with(2, ca.issue("b")));
  EXPECT_EQ(a.log.count("a.crt has expired on "), 1u);
  refuse(a, b, "it does not accept our certificate: that has expired",
         "its certificate has expired");
}

TEST_F(LinksTls, ANodeWithoutIsToldWhatIsMissing) {
  Node plain(loop, options(1));
  Node b(loop, with(2, ca.issue("b")));
  refuse(plain, b, b.address() + " speaks TLS, and this node does not: cluster.tls has to be set",
         "no TLS with 127.0.0.1 (cluster.tls): it speaks something else to a port that takes TLS");
  Node c(loop, with(3, ca.issue("c")));
  refuse(c, plain, plain.address() + " closed the connection during the handshake",
         "127.0.0.1 speaks TLS, and this node does not: cluster.tls has to be set on every node");
}

TEST_F(LinksTls, AHandshakeThatStopsHalfwayIsClosed) {
  LinkOptions o = with(1, ca.issue("a"));
  o.handshake = 50ms;
  Node a(loop, o);
  RawClient silent(loop, a.address());
  RawClient noise(loop, a.address());
  noise.send(std::string("\x16\x03\x01\x00\x20", 5) + std::string(32, 'x'));
  until(loop, [&] { return silent.closed && noise.closed; });
  EXPECT_EQ(a.log.count("no TLS with 127.0.0.1 (cluster.tls): "), 1u);
}

TEST_F(LinksTest, ManyDifferentComplaintsAreNotAllInTheLog) {
  Node a(loop, options(1));
  for (int i = 1; i <= 100; ++i) {
    RawClient client(loop, a.address());
    std::string frame = Peer9::frame("x");
    frame[8] = static_cast<char>(i);  // the checksum is wrong, too
    frame[4] = static_cast<char>(i);
    client.send(i % 2 == 0 ? frame : std::string(64, static_cast<char>(i)));
    until(loop, [&] { return client.closed; });
  }
  EXPECT_LE(a.log.lines.size(), 40u);
  EXPECT_GE(a.log.lines.size(), 2u);
}

TEST_F(LinksTest, ATakenClusterPortIsAClearError) {
  Node a(loop, options(1));
  LinesLog log;
  auto second = Links::open(loop, log, options(2, a.address()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
}

}  // namespace
}  // namespace skep
