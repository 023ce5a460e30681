// The handshake, byte by byte: who is let in, who is refused, and with which words.
#include "net/hello.hpp"

#include <gtest/gtest.h>

namespace skep {
namespace {

using Side = Handshake::Side;

Hello node(std::string name, NodeId identity) {
  Hello hello;
  hello.cluster = "skep";
  hello.node = std::move(name);
  hello.identity = identity;
  hello.incarnation = 7;
  hello.address = "127.0.0.1:" + std::to_string(5000 + identity);
  hello.cluster_id = 99;
  hello.nonce = std::string(Hello::kNonce, static_cast<char>('a' + identity));
  return hello;
}

struct Outcome {
  Handshake::Step dialler;
  Handshake::Step acceptor;
};

// Lets the two talk until both are done, or one has failed and the other has been told.
Outcome shake(Handshake& dialler, Handshake& acceptor) {
  Outcome last;
  std::string to_acceptor = dialler.begin();
  std::string to_dialler = acceptor.begin();
  while (!to_acceptor.empty() || !to_dialler.empty()) {
    if (!to_acceptor.empty()) {
      last.acceptor = acceptor.feed(std::exchange(to_acceptor, ""));
      to_dialler += last.acceptor.send;
    }
    if (last.dialler.failed || to_dialler.empty()) break;
    last.dialler = dialler.feed(std::exchange(to_dialler, ""));
    to_acceptor += last.dialler.send;
    if (last.acceptor.failed) break;
  }
  return last;
}

Outcome shake(Hello dialler, Hello acceptor, std::string secret_d = "", std::string secret_a = "") {
  Handshake d(Side::dialler, std::move(dialler), std::move(secret_d), "127.0.0.1:5002");
  Handshake a(Side::acceptor, std::move(acceptor), std::move(secret_a), "127.0.0.1:41000");
  return shake(d, a);
}

void expect_refused(const Outcome& outcome, Code code, std::string_view in_both) {
  ASSERT_TRUE(outcome.dialler.failed);
  ASSERT_TRUE(outcome.acceptor.failed);
  EXPECT_FALSE(outcome.dialler.done);
  EXPECT_FALSE(outcome.acceptor.done);
  const auto& by = outcome.dialler.send.empty() ? outcome.acceptor : outcome.dialler;
  EXPECT_EQ(by.failed->code, code) << by.failed->message;
  for (const auto* step : {&outcome.dialler, &outcome.acceptor})
    EXPECT_NE(step->failed->message.find(in_both), std::string::npos) << step->failed->message;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    out += "0123456789abcdef"[static_cast<std::uint8_t>(c) >> 4];
    out += "0123456789abcdef"[static_cast<std::uint8_t>(c) & 15];
  }
  return out;
}

TEST(Hello, BothLearnWhoTheOtherIs) {
  Handshake dialler(Side::dialler, node("n1", 1), "secret", "127.0.0.1:5002");
  Handshake acceptor(Side::acceptor, node("n2", 2), "secret", "127.0.0.1:41000");
  const Outcome outcome = shake(dialler, acceptor);
  EXPECT_TRUE(outcome.dialler.done);
  EXPECT_TRUE(outcome.acceptor.done);
  EXPECT_EQ(dialler.peer().node, "n2");
  EXPECT_EQ(dialler.peer().identity, 2u);
  EXPECT_EQ(acceptor.peer().node, "n1");
  EXPECT_EQ(acceptor.peer().address, "127.0.0.1:5001");
  EXPECT_EQ(acceptor.peer().incarnation, 7u);
}

TEST(Hello, GoldenBytes) {
  Handshake dialler(Side::dialler, node("n1", 1), "secret", "127.0.0.1:5002");
  EXPECT_EQ(hex(dialler.begin()),
            "5e0000009723e72b0100010000000000000000000a0d0a534b45500d0a0d0a010104736b6570026e"
            "31010000000000000007000000000000000e3132372e302e302e313a353030316300000000000000"
            "011062626262626262626262626262626262");
  Handshake acceptor(Side::acceptor, node("n2", 2), "secret", "127.0.0.1:41000");
  const auto hello = acceptor.feed(dialler.begin());
  const auto proof = dialler.feed(hello.send);
  EXPECT_EQ(hex(proof.send),
            "310000000d31c6a4010002000000000000000000206c17fa8630892d44ab321f2edc8c1491c0bf48"
            "65e14d25deccdb0532faf1c61f");
  const auto last = acceptor.feed(proof.send);
  EXPECT_EQ(hex(last.send),
            "31000000dd47238a01000200000000000000000020b1f996811d3654bb2e3f4dd1e565521e98fced"
            "3f32c177529400cff8bce70764");
  std::string refuse;
  encode_link_frame(refuse, LinkType::refuse, Refuse{"no"});
  EXPECT_EQ(hex(refuse), "13000000e3339bd9010003000000000000000000026e6f");
  EXPECT_EQ(hex(wire::encode(Unsupported{5, 258})), "050201");
  EXPECT_EQ(hex(wire::encode(ClusterId{258})), "0201000000000000");
}

TEST(Hello, AnyCutOfTheBytesGivesTheSame) {
  Handshake dialler(Side::dialler, node("n1", 1), "s", "127.0.0.1:5002");
  Handshake acceptor(Side::acceptor, node("n2", 2), "s", "127.0.0.1:41000");
  const auto feed_slowly = [](Handshake& to, const std::string& bytes) {
    Handshake::Step step;
    std::string in;
    for (char c : bytes) {
      EXPECT_FALSE(step.done);
      in += c;
      step = to.feed(in);
      in.erase(0, step.used);
    }
    EXPECT_TRUE(in.empty());
    return step;
  };
  const auto hello = feed_slowly(acceptor, dialler.begin());
  const auto proof = feed_slowly(dialler, hello.send);
  const auto last = feed_slowly(acceptor, proof.send);
  EXPECT_TRUE(last.done);
  EXPECT_TRUE(feed_slowly(dialler, last.send).done);
}

TEST(Hello, MessagesBehindTheLastProofAreLeftInTheInput) {
  Handshake dialler(Side::dialler, node("n1", 1), "s", "127.0.0.1:5002");
  Handshake acceptor(Side::acceptor, node("n2", 2), "s", "127.0.0.1:41000");
  const auto proof = dialler.feed(acceptor.feed(dialler.begin()).send);
  const std::string last = acceptor.feed(proof.send).send;
  const auto step = dialler.feed(last + "message");
  EXPECT_TRUE(step.done);
  EXPECT_EQ(step.used, last.size());
}

TEST(Hello, AnotherClusterNameIsRefused) {
  Hello other = node("n2", 2);
  other.cluster = "hive";
  const Outcome outcome = shake(node("n1", 1), other);
  expect_refused(outcome, Code::conflict, "\"hive\"");
  expect_refused(outcome, Code::conflict, "\"skep\"");
}

TEST(Hello, AnotherClusterIdIsRefusedWithTheCommandThatJoins) {
  Hello other = node("n2", 2);
  other.cluster_id = 100;
  const Outcome outcome = shake(node("n1", 1), other);
  expect_refused(outcome, Code::conflict, kRunHere);
  EXPECT_TRUE(outcome.dialler.failed->message.ends_with("cluster join 127.0.0.1:5002"));
  EXPECT_TRUE(outcome.acceptor.failed->message.ends_with("cluster join 127.0.0.1:5001"));
}

TEST(Hello, NoClusterIdYetIsLetIn) {
  Hello other = node("n2", 2);
  other.cluster_id = 0;
  EXPECT_TRUE(shake(node("n1", 1), other).dialler.done);
  EXPECT_TRUE(shake(other, node("n1", 1)).dialler.done);
}

TEST(Hello, NoCommonVersionIsRefused) {
  Hello other = node("n2", 2);
  other.min_version = kMaxVersion + 1;
  other.max_version = kMaxVersion + 2;
  expect_refused(shake(node("n1", 1), other), Code::unsupported, "upgrade the older one");
  expect_refused(shake(other, node("n1", 1)), Code::unsupported, "protocol versions 2 to 3");
  other.min_version = kMaxVersion;
  EXPECT_TRUE(shake(node("n1", 1), other).dialler.done);
}

TEST(Hello, WrongSecretIsRefused) {
  expect_refused(shake(node("n1", 1), node("n2", 2), "right", "wrong"), Code::permission,
                 "another cluster secret");
  expect_refused(shake(node("n1", 1), node("n2", 2), "right", ""), Code::permission,
                 "cluster.secret_file");
  expect_refused(shake(node("n1", 1), node("n2", 2), "", "right"), Code::permission,
                 "cluster.secret_file");
}

TEST(Hello, AProofIsOfNoUseInAnotherHandshake) {
  Handshake acceptor(Side::acceptor, node("n2", 2), "secret", "127.0.0.1:41000");
  Handshake dialler(Side::dialler, node("n1", 1), "secret", "127.0.0.1:5002");
  const std::string hello = dialler.begin();
  const std::string proof = dialler.feed(acceptor.feed(hello).send).send;
  ASSERT_TRUE(acceptor.feed(proof).done);
  Hello later = node("n2", 2);
  later.nonce[0] = 'z';
  Handshake replayed(Side::acceptor, later, "secret", "127.0.0.1:41001");
  ASSERT_FALSE(replayed.feed(hello).failed);
  const auto step = replayed.feed(proof);
  ASSERT_TRUE(step.failed);
  EXPECT_EQ(step.failed->code, Code::permission);
}

TEST(Hello, TheAcceptorsProofIsNotTheDiallers) {
  // An acceptor that sends the dialler's own proof back knows no secret.
  Handshake dialler(Side::dialler, node("n1", 1), "secret", "127.0.0.1:5002");
  Handshake acceptor(Side::acceptor, node("n2", 2), "secret", "127.0.0.1:41000");
  const auto proof = dialler.feed(acceptor.feed(dialler.begin()).send);
  const auto step = dialler.feed(proof.send);
  ASSERT_TRUE(step.failed);
  EXPECT_EQ(step.failed->code, Code::permission);
}

TEST(Hello, WhoeverChangesAByteOnTheWayIsNoticed) {
  const auto changed = [](const std::string& frame, std::size_t at) {
    std::string payload = frame.substr(wire::kFrameHeader);
    payload[at] = static_cast<char>(payload[at] ^ 1);
    const auto taken = wire::take_frame(frame, Handshake::kMaxFrame);
    std::string out;
    wire::encode_frame(out, {1, taken->frame.part, taken->frame.type, 0, payload});
    return out;
  };
  Handshake probe(Side::dialler, node("n1", 1), "secret", "127.0.0.1:5002");
  const std::size_t size = probe.begin().size() - wire::kFrameHeader;
  for (std::size_t i = 0; i < size; ++i) {
    Handshake dialler(Side::dialler, node("n1", 1), "secret", "127.0.0.1:5002");
    Handshake acceptor(Side::acceptor, node("n2", 2), "secret", "127.0.0.1:41000");
    auto step = acceptor.feed(changed(dialler.begin(), i));
    if (step.failed) continue;
    step = dialler.feed(step.send);
    ASSERT_FALSE(step.failed);
    step = acceptor.feed(step.send);
    EXPECT_FALSE(step.done) << "byte " << i;
    ASSERT_TRUE(step.failed) << "byte " << i;
    EXPECT_EQ(step.failed->code, Code::permission);
  }
}

TEST(Hello, DiallingItselfIsNoticed) {
  const Outcome outcome = shake(node("n1", 1), node("n1", 1));
  ASSERT_TRUE(outcome.dialler.failed);
  EXPECT_NE(outcome.dialler.failed->message.find("is this node itself"), std::string::npos);
  EXPECT_FALSE(outcome.acceptor.done);
}

TEST(Hello, ACopiedDataDirectoryIsRefused) {
  Hello copy = node("n1", 1);
  copy.incarnation = 8;
  expect_refused(shake(node("n1", 1), copy), Code::conflict,
                 "a copy of the other's data directory");
}

TEST(Hello, HttpAndRespGetAnAnswerInTheirOwnTongue) {
  const auto accept = [](std::string_view bytes) {
    return Handshake(Side::acceptor, node("n2", 2), "", "127.0.0.1:41000").feed(bytes);
  };
  for (const char* bytes : {"GET / HTTP/1.1\r\n\r\n", "POST /x HTTP/1.1\r\n"}) {
    const auto step = accept(bytes);
    ASSERT_TRUE(step.failed);
    EXPECT_NE(step.failed->message.find("speaks HTTP to the cluster port"), std::string::npos);
    EXPECT_TRUE(step.send.starts_with("HTTP/1.1 400 ")) << step.send;
    EXPECT_NE(step.send.find("cluster port"), std::string::npos);
    EXPECT_TRUE(
        step.send.ends_with("HTTP is served by the admin and proposer roles on their own "
                            "ports.\n"))
        << step.send;
  }
  for (const char* bytes : {"*1\r\n$4\r\nPING\r\n", "PING\r\n"}) {
    const auto step = accept(bytes);
    ASSERT_TRUE(step.failed);
    EXPECT_NE(step.failed->message.find("speaks RESP to the cluster port"), std::string::npos);
    EXPECT_TRUE(step.send.starts_with("-ERR this is the cluster port")) << step.send;
    EXPECT_TRUE(step.send.ends_with("\r\n"));
  }
  const auto tls = accept(std::string("\x16\x03\x01\x02\x00\x01", 6));
  ASSERT_TRUE(tls.failed);
  EXPECT_NE(tls.failed->message.find("speaks TLS"), std::string::npos);
  EXPECT_TRUE(tls.send.empty());
}

TEST(Hello, ADialledPortThatSpeaksRespOrHttpIsNamed) {
  for (const auto& [bytes, protocol] : std::vector<std::pair<std::string, std::string>>{
           {"-ERR unknown command\r\n", "RESP"}, {"HTTP/1.1 400 Bad Request\r\n", "HTTP"}}) {
    Handshake dialler(Side::dialler, node("n1", 1), "", "127.0.0.1:2836");
    const auto step = dialler.feed(bytes);
    ASSERT_TRUE(step.failed);
    EXPECT_NE(step.failed->message.find("127.0.0.1:2836 speaks " + protocol), std::string::npos);
    EXPECT_NE(step.failed->message.find("cluster.listen"), std::string::npos);
    EXPECT_TRUE(step.send.empty());
  }
}

TEST(Hello, NonsenseIsRefused) {
  const auto feed = [](Hello hello, const auto& spoil) {
    Handshake dialler(Side::dialler, std::move(hello), "", "127.0.0.1:5002");
    std::string bytes = dialler.begin();
    spoil(bytes);
    return Handshake(Side::acceptor, node("n2", 2), "", "127.0.0.1:41000").feed(bytes);
  };
  const auto as_it_is = [](std::string&) {};
  ASSERT_FALSE(feed(node("n1", 1), as_it_is).failed);
  const auto bad_checksum = feed(node("n1", 1), [](std::string& b) { b.back() ^= 1; });
  ASSERT_TRUE(bad_checksum.failed);
  EXPECT_EQ(bad_checksum.failed->code, Code::corrupt);
  const auto too_long = feed(node("n1", 1), [](std::string& b) { b[1] = '\x7f'; });
  ASSERT_TRUE(too_long.failed);
  EXPECT_EQ(too_long.failed->code, Code::full);
  for (const auto& change : std::vector<std::function<void(Hello&)>>{
           [](Hello& h) { h.magic = "SKEP"; },
           [](Hello& h) { h.identity = 0; },
           [](Hello& h) { h.node = "a\nb"; },
           [](Hello& h) { h.cluster = ""; },
           [](Hello& h) { h.address = "nowhere"; },
           [](Hello& h) { h.address = "127.0.0.1:0"; },
           [](Hello& h) { h.node = std::string(300, 'n'); },
           [](Hello& h) { h.min_version = 2; },
       }) {
    Hello hello = node("n1", 1);
    change(hello);
    const auto step = feed(hello, as_it_is);
    ASSERT_TRUE(step.failed);
    EXPECT_NE(step.failed->message.find("malformed Hello"), std::string::npos);
  }
}

TEST(Hello, AMessageOutOfTurnIsRefused) {
  Handshake acceptor(Side::acceptor, node("n2", 2), "", "127.0.0.1:41000");
  std::string proof_first;
  encode_link_frame(proof_first, LinkType::proof, Proof{std::string(32, 'x')});
  const auto step = acceptor.feed(proof_first);
  ASSERT_TRUE(step.failed);
  EXPECT_NE(step.failed->message.find("out of turn"), std::string::npos);
  EXPECT_FALSE(step.send.empty());
}

TEST(Hello, AnUnprintableReasonIsNotShown) {
  EXPECT_EQ(reason(wire::encode(Refuse{"too old"})), "too old");
  EXPECT_EQ(reason(wire::encode(Refuse{"\x1b[2J"})), "for no readable reason");
  EXPECT_EQ(reason("junk"), "for no readable reason");
}

}  // namespace
}  // namespace skep
