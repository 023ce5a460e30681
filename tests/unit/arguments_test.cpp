#include "conf/arguments.hpp"

#include <gtest/gtest.h>

namespace skep::conf {
namespace {

Result<ClientWords> parsed(const Words& words) {
  return parse_client(words, "127.0.0.1:1", [](const NodeConfig& config) {
    return Listener{config.name, config.name, config.ring.tls};
  });
}

TEST(ClientArguments, NameANode) {
  EXPECT_EQ(parsed({})->nodes, Words{"127.0.0.1:1"});
  const Words expected{"a:1", "b:2"};
  EXPECT_EQ(parsed({"--connect", "a:1,b:2"})->nodes, expected);
  EXPECT_EQ(parsed({"--daemon=a:1,b:2"})->nodes, expected);
  EXPECT_EQ(parsed({"--proposers", "a:1,b:2"})->nodes, expected);
  EXPECT_EQ(parsed({"a:1,b:2"})->nodes, expected);
  EXPECT_TRUE(parsed({"a:1,b:2"})->command.empty());
}

TEST(ClientArguments, LeaveTheCommandAlone) {
  EXPECT_EQ(parsed({"put", "--json", "-5"})->command, (Words{"put", "--json", "-5"}));
  EXPECT_FALSE(parsed({"put", "--json", "-5"})->json);
  auto all = parsed({"--json", "--connect", "a:1", "get", "b:2"});
  EXPECT_TRUE(all->json);
  EXPECT_EQ(all->command, (Words{"get", "b:2"}));
  EXPECT_EQ(all->nodes, Words{"a:1"});
  EXPECT_EQ(parsed({"--", "--json"})->command, Words{"--json"});
  EXPECT_EQ(parsed({"-e", "get 'a b'"})->line, "get 'a b'");
  EXPECT_EQ(parsed({"get", "k"})->line, std::nullopt);
}

TEST(ClientArguments, ChooseTls) {
  EXPECT_FALSE(parsed({"get", "k"})->tls.on);
  auto client = parsed({"--tls", "get", "k"});
  EXPECT_TRUE(client->tls.on);
  EXPECT_EQ(client->command, (Words{"get", "k"}));
  client = parsed({"--ca", "ca.crt", "--cert", "c", "--key", "k", "a:1"});
  EXPECT_TRUE(client->tls.on);
  EXPECT_FALSE(client->tls.pinned);
  EXPECT_EQ(client->tls.files.ca, "ca.crt");
  EXPECT_EQ(client->tls.files.cert, "c");
  EXPECT_EQ(client->tls.files.key, "k");
  EXPECT_EQ(parsed({"--cert", "c"}).error().message,
            "accepted: --cert FILE and --key FILE, both or neither");
}

TEST(ClientArguments, SayWhatIsAccepted) {
  auto refusal = [](const Words& words) {
    auto client = parsed(words);
    return client ? "accepted" : client.error().message;
  };
  EXPECT_EQ(refusal({"--connect", "a"}),
            "found --connect=a; accepted: --connect=HOST:PORT[,HOST:PORT]…");
  EXPECT_EQ(refusal({"--daemon=a:1,"}),
            "found --daemon=a:1,; accepted: --daemon=HOST:PORT[,HOST:PORT]…");
  EXPECT_EQ(refusal({"-e", "a", "b"}), "accepted: one command, by -e or as words");
  EXPECT_EQ(refusal({"--frob", "x"}), "unrecognised option '--frob'");
  EXPECT_EQ(refusal({"--config", "absent.toml"}),
            "absent.toml: cannot be read: No such file or directory");
  EXPECT_EQ(refusal({"--secret-file", "absent"}),
            "the file absent cannot be read: No such file or directory");
}

TEST(Dialable, TakesTheAdvertisedHostForAWildcard) {
  EXPECT_EQ(dialable("127.0.0.1:2836", "10.0.0.5:5000"), "127.0.0.1:2836");
  EXPECT_EQ(dialable("0.0.0.0:2836", "10.0.0.5:5000"), "10.0.0.5:2836");
  EXPECT_EQ(dialable("[::]:2836", "[fe80::1]:5000"), "[fe80::1]:2836");
}

}  // namespace
}  // namespace skep::conf
