// TLS without sockets: what the files may be, and two channels that talk to each other.
#include "net/tls.hpp"

#include "tests/unit/certificates.hpp"

namespace skep::tls {
namespace {

using testing::Authority;

struct TlsTest : ::testing::Test {
  std::string refusal(Files files, Peer peer = Peer::node) {
    auto context = Context::open(peer, std::move(files));
    return context ? "accepted" : context.error().message;
  }
  std::shared_ptr<Context> context(Peer peer, Files files) {
    auto opened = Context::open(peer, std::move(files));
    EXPECT_TRUE(opened) << opened.error().message;
    return opened.value_or(nullptr);
  }
  unit::TempDirectory directory;
  Authority ca{directory, "ca"};
  Authority other{directory, "other"};
};

// What each side makes of the other; empty: both are ready.
struct Outcome {
  std::string dialler;
  std::string acceptor;
};

// Carries bytes between the two until none are left.
struct Pair {
  Pair(const Context& client, const Context& server, const std::string& host = "127.0.0.1")
      : dialler(client.dial(host)), acceptor(server.accept()) {
    dialler->begin(to_acceptor);
  }
  Outcome run(std::size_t piece = 1 << 20) {
    Outcome outcome;
    while (!to_acceptor.empty() || !to_dialler.empty()) {
      carry(to_acceptor, *acceptor, at_acceptor, to_dialler, outcome.acceptor, piece);
      carry(to_dialler, *dialler, at_dialler, to_acceptor, outcome.dialler, piece);
    }
    return outcome;
  }
  static void carry(std::string& bytes, Channel& to, std::string& clear, std::string& back,
                    std::string& problem, std::size_t piece) {
    const std::string now = bytes.substr(0, piece);
    bytes.erase(0, piece);
    if (now.empty()) return;
    Result<> fed = to.feed(now, clear, back);
    if (!fed && problem.empty()) problem = fed.error().message;
  }
  bool ready() const { return dialler->ready() && acceptor->ready(); }

  std::unique_ptr<Channel> dialler, acceptor;
  std::string to_acceptor, to_dialler, at_acceptor, at_dialler;
};

TEST_F(TlsTest, EachBadFileHasItsOwnWords) {
  const Files good = ca.issue("good");
  EXPECT_EQ(refusal(good), "accepted");
  const auto with = [&](auto member, const std::filesystem::path& file) {
    Files files = good;
    files.*member = file;
    return refusal(files);
  };
  const auto says = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  says(with(&Files::cert, directory / "absent"), "absent cannot be read: No such file");
  says(with(&Files::cert, "/"), "the file / is not a regular file");
  says(with(&Files::cert, directory.write("text", "text")), "text holds no certificate; accepted");
  says(with(&Files::cert, directory.write("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n")),
       "cut holds a damaged certificate");
  says(with(&Files::key, good.cert), "good.crt can be read or changed by others");
  says(with(&Files::key, directory / "text"), "text holds no private key; accepted");
  says(with(&Files::key, ca.issue("next").key), "next.key holds another key than that of");
  says(with(&Files::ca, good.key), "good.key holds no certificate");
  ::chmod(good.key.c_str(), 0604);
  says(refusal(good), "good.key can be read or changed by others; accepted");
}

TEST_F(TlsTest, AKeyWithAPassphraseIsRefused) {
  Files files = ca.issue("locked");
  std::FILE* file = std::fopen(files.key.c_str(), "r");
  EVP_PKEY* key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  file = std::fopen(files.key.c_str(), "w");
  unsigned char word[] = "word";
  PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), word, 4, nullptr, nullptr);
  std::fclose(file);
  EVP_PKEY_free(key);
  EXPECT_NE(refusal(files).find("locked.key asks for a passphrase"), std::string::npos);
}

TEST_F(TlsTest, BytesGoBothWays) {
  auto server = context(Peer::client, ca.issue("server"));
  auto client = context(Peer::server, {{}, {}, ca.file()});
  server = context(Peer::client, {directory / "server.crt", directory / "server.key", {}});
  for (std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    Pair pair(*client, *server);
    const Outcome outcome = pair.run(piece);
    ASSERT_TRUE(pair.ready()) << outcome.dialler << outcome.acceptor;
    const std::string large(100'000, 'x');
    ASSERT_TRUE(pair.dialler->seal("ask", pair.to_acceptor));
    ASSERT_TRUE(pair.acceptor->seal(large, pair.to_dialler));
    pair.run(piece);
    EXPECT_EQ(pair.at_acceptor, "ask");
    EXPECT_EQ(pair.at_dialler, large);
    EXPECT_FALSE(pair.acceptor->ended());
    pair.dialler->end(pair.to_acceptor);
    pair.run(piece);
    EXPECT_TRUE(pair.acceptor->ended());
  }
}

TEST_F(TlsTest, AClientChecksWhoAnswers) {
  const Files own = ca.issue("server");
  auto server = context(Peer::client, {own.cert, own.key, {}});
  auto trusting = context(Peer::server, {{}, {}, ca.file()});
  auto strange = context(Peer::server, {{}, {}, other.file()});
  EXPECT_EQ(Pair(*strange, *server).run().dialler,
            "its certificate is not of a CA that is trusted here");
  EXPECT_EQ(Pair(*trusting, *server, "10.0.0.1").run().dialler,
            "its certificate is not for 10.0.0.1");
  EXPECT_EQ(Pair(*trusting, *server, "example.org").run().dialler,
            "its certificate is not for example.org");
  EXPECT_EQ(Pair(*trusting, *server, "localhost").run().dialler, "");
  const Files old = ca.issue("old", -1, -3);
  auto expired = context(Peer::client, {old.cert, old.key, {}});
  EXPECT_EQ(Pair(*trusting, *expired).run().dialler, "its certificate has expired");
  EXPECT_EQ(Pair(*trusting, *expired).run().acceptor,
            "it does not accept our certificate: that has expired");
}

TEST_F(TlsTest, APinnedCertificateIsTheOnlyOne) {
  const Files own = ca.issue("server", 365, -1, "DNS:elsewhere");
  auto server = context(Peer::client, {own.cert, own.key, {}});
  auto pinned = context(Peer::pinned, {{}, {}, own.cert});
  EXPECT_EQ(Pair(*pinned, *server).run().dialler, "");
  const Files twin = ca.issue("twin");
  auto impostor = context(Peer::client, {twin.cert, twin.key, {}});
  EXPECT_EQ(Pair(*pinned, *impostor).run().dialler,
            "its certificate is not of a CA that is trusted here");
}

TEST_F(TlsTest, NodesCheckEachOther) {
  auto one = context(Peer::node, ca.issue("one"));
  auto two = context(Peer::node, ca.issue("two", 365, -1, "DNS:anything"));
  Pair pair(*one, *two, "");
  EXPECT_EQ(pair.run().dialler, "");
  EXPECT_TRUE(pair.ready());
  // Of another CA, to one that trusts both: only the acceptor has something to say.
  Files foreign = other.issue("foreign");
  foreign.ca = ca.file();
  const Outcome refused = Pair(*context(Peer::node, foreign), *one, "").run();
  EXPECT_EQ(refused.acceptor, "its certificate is not of a CA that is trusted here");
  EXPECT_EQ(refused.dialler, "it does not accept our certificate: that is of no CA that it trusts");
  auto bare = context(Peer::server, {{}, {}, ca.file()});
  const Outcome none = Pair(*bare, *one).run();
  EXPECT_EQ(none.acceptor, "it shows no certificate, which this port asks for");
  EXPECT_EQ(none.dialler, "it asks for a certificate, and we have none to show");
}

TEST_F(TlsTest, OtherProtocolsAreToldApart) {
  const Files own = ca.issue("server");
  auto server = context(Peer::client, {own.cert, own.key, {}});
  const auto feed = [&](std::string_view bytes) {
    std::string clear, out;
    auto channel = server->accept();
    Result<> fed = channel->feed(bytes, clear, out);
    EXPECT_FALSE(fed);
    EXPECT_EQ(clear, "");
    EXPECT_FALSE(channel->ready());
    EXPECT_TRUE(channel->feed("more", clear, out)) << "one complaint is enough";
    return std::pair(fed ? "" : fed.error().message, out);
  };
  const auto [http, page] = feed("GET / HTTP/1.1\r\n");
  EXPECT_EQ(http, "it speaks HTTP to a port that takes TLS only");
  EXPECT_TRUE(page.starts_with("HTTP/1.1 400 ")) << page;
  const std::size_t body = page.find("\r\n\r\n") + 4;
  EXPECT_NE(page.find("Content-Length: " + std::to_string(page.size() - body)), std::string::npos);
  EXPECT_EQ(feed("*1\r\n$4\r\nPING\r\n").second, "-ERR this port speaks TLS only\r\n");
  const auto [noise, alert] = feed(std::string(100, '\0'));
  EXPECT_EQ(noise, "it speaks something else to a port that takes TLS only");
  EXPECT_EQ(alert.size(), 7u);
  EXPECT_EQ(alert.front(), '\x15');
  EXPECT_NE(feed("\x16\x03\x01garbage that goes on and on").first.find("TLS"), std::string::npos);
}

TEST_F(TlsTest, RandomGarbageAfterAHandshakeEndsTheChannel) {
  auto one = context(Peer::node, ca.issue("one"));
  Pair pair(*one, *one, "");
  pair.run();
  ASSERT_TRUE(pair.ready());
  std::string clear, out;
  EXPECT_FALSE(pair.acceptor->feed(std::string(64, '\x17'), clear, out));
  EXPECT_TRUE(pair.acceptor->seal("nothing comes of it", out));
}

TEST_F(TlsTest, ReloadTakesTheNewFilesOrKeepsTheOld) {
  const Files own = ca.issue("server");
  auto server = context(Peer::client, {own.cert, own.key, {}});
  auto client = context(Peer::server, {{}, {}, other.file()});
  EXPECT_NE(Pair(*client, *server).run().dialler, "");
  directory.write("server.crt", "nonsense", 0644);
  ASSERT_FALSE(server->reload());
  EXPECT_EQ(Pair(*context(Peer::server, {{}, {}, ca.file()}), *server).run().dialler, "");
  (void)other.issue("server");
  ASSERT_TRUE(server->reload());
  EXPECT_EQ(Pair(*client, *server).run().dialler, "");
}

TEST_F(TlsTest, ExpiryIsToldInTime) {
  EXPECT_EQ(context(Peer::node, ca.issue("long"))->expiry(), "");
  EXPECT_NE(context(Peer::node, ca.issue("soon", 10))->expiry().find("soon.crt expires on 20"),
            std::string::npos);
  EXPECT_NE(context(Peer::node, ca.issue("late", -1, -3))->expiry().find("has expired on"),
            std::string::npos);
  EXPECT_NE(context(Peer::node, ca.issue("early", 9, 3))->expiry().find("is not valid before"),
            std::string::npos);
}

}  // namespace
}  // namespace skep::tls
