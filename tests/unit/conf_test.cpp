#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "conf/keys.hpp"
#include "conf/load.hpp"
#include "conf/units.hpp"
#include "tests/unit/temp_directory.hpp"

namespace skep::conf {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A directory of configuration files that is the working directory while a test runs, so that the
// files' names in messages are short.
class ConfTest : public testing::Test {
 protected:
  ConfTest() : before_(fs::current_path()) { fs::current_path(directory_.path()); }
  ~ConfTest() override { fs::current_path(before_); }

  static void write(const fs::path& file, const std::string& text, mode_t mode = 0600) {
    if (file.has_parent_path()) fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
    ::chmod(file.c_str(), mode);
  }
  static tl::expected<Loaded, std::vector<Problem>> load(const std::string& text,
                                                         std::vector<std::string> sets = {}) {
    write("node.toml", text);
    return conf::load("node.toml", sets, "host1");
  }
  // All problems, a line each.
  static std::string refusal(const std::string& text, std::vector<std::string> sets = {}) {
    auto loaded = load(text, std::move(sets));
    std::string out;
    if (loaded) return "accepted";
    for (const Problem& problem : loaded.error()) out += show(problem) + '\n';
    return out;
  }
  static std::string effective(const Loaded& loaded, const std::string& key) {
    for (const Effective& e : loaded.effective)
      if (e.key == key) return e.value + " # " + e.origin;
    return "no such key";
  }

 private:
  fs::path before_;
  unit::TempDirectory directory_;
};

TEST_F(ConfTest, AnEmptyFileIsAllDefaults) {
  auto loaded = load("");
  ASSERT_TRUE(loaded);
  const NodeConfig& config = loaded->config;
  EXPECT_EQ(config.name, "host1");
  EXPECT_EQ(config.roles, (std::vector<std::string>{"ring", "admin"}));
  EXPECT_EQ(config.data, "data");
  EXPECT_EQ(config.cluster.address(), "127.0.0.1:5000");
  EXPECT_TRUE(config.cluster.peers.empty());
  EXPECT_EQ(config.cluster.max_frame, 64u << 20);
  EXPECT_EQ(config.ring.replication, 3u);
  EXPECT_EQ(config.ring.arcs, 256u);
  EXPECT_EQ(config.ring.heartbeat, 150ms);
  EXPECT_EQ(config.stop_timeout, 10s);
  EXPECT_EQ(effective(*loaded, "name"), "\"host1\" # the host's name");
  EXPECT_EQ(effective(*loaded, "ring.lease"), "\"600ms\" # default");
  EXPECT_EQ(effective(*loaded, "ring.password_file"), " # default");
}

TEST_F(ConfTest, ValuesKnowWhereTheyCameFrom) {
  auto loaded = load("name = 'n1'\n[ring]\nlease = \"2s\"\n",
                     {"ring.replication=1", "ring.listen=127.0.0.1:2900", "roles=ring"});
  ASSERT_FALSE(loaded);  // the lease is above takeover_after
  loaded = load("name = 'n1'\n[ring]\nlease = \"2s\"\n",
                {"ring.replication=1", "ring.listen=127.0.0.1:2900", "roles=ring",
                 "ring.takeover_after=3s", "cluster.peers=10.0.0.1:5000,10.0.0.2:5000"});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.ring.lease, 2s);
  EXPECT_EQ(loaded->config.ring.replication, 1u);
  EXPECT_TRUE(loaded->config.runs("ring"));
  EXPECT_FALSE(loaded->config.runs("admin"));
  EXPECT_EQ(loaded->config.cluster.peers,
            (std::vector<std::string>{"10.0.0.1:5000", "10.0.0.2:5000"}));
  EXPECT_EQ(effective(*loaded, "name"), "\"n1\" # node.toml:1");
  EXPECT_EQ(effective(*loaded, "ring.lease"), "\"2s\" # node.toml:3");
  EXPECT_EQ(effective(*loaded, "ring.listen"), "\"127.0.0.1:2900\" # --set");
  EXPECT_EQ(effective(*loaded, "roles"), "[\"ring\"] # --set");
}

TEST_F(ConfTest, EverythingWrongIsReportedAtOnce) {
  EXPECT_EQ(
      refusal("name = \"a b\"\n"
              "roles = [\"ring\", \"replica\"]\n"
              "stop_timeout = 10\n"
              "dta = \"x\"\n"
              "[cluster]\n"
              "listen = \"localhost:5000\"\n"
              "dead_after = \"1 s\"\n"
              "[ring]\n"
              "hearbeat = \"1s\"\n"
              "replication = 12\n"
              "arcs = 100\n"
              "  max_value = \"1MB\"\n"
              "durability = \"often\"\n"
              "[rng]\n"
              "x = 1\n"
              "[log]\n"
              "level = \"loud\"\n"
              "file = 7.5\n"),
      "node.toml:1:8: name: found \"a b\"; accepted: 1 to 64 letters, digits, '-', '_' and "
      "'.'\n"
      "node.toml:2:9: roles: found [\"ring\", \"replica\"]: role replica is not in this "
      "version; accepted: a list of \"ring\", \"acceptor\", \"proposer\", \"admin\", of one "
      "at least\n"
      "node.toml:3:16: stop_timeout: found 10; accepted: a duration from \"1s\" to \"10m\"\n"
      "node.toml:4:1: dta: unknown key; the nearest known one is data\n"
      "node.toml:6:10: cluster.listen: found \"localhost:5000\"; accepted: an IP address and "
      "a port, such as \"127.0.0.1:5000\"\n"
      "node.toml:7:14: cluster.dead_after: found \"1 s\"; accepted: a duration from "
      "\"200ms\" to \"1h\"\n"
      "node.toml:9:1: ring.hearbeat: unknown key; the nearest known one is ring.heartbeat\n"
      "node.toml:10:15: ring.replication: found 12; accepted: an integer from 1 to 9\n"
      "node.toml:11:8: ring.arcs: found 100; accepted: a power of two from 1 to 16384\n"
      "node.toml:12:15: ring.max_value: found \"1MB\"; accepted: a size (in B, KiB, MiB, GiB or "
      "TiB) from \"1KiB\" to "
      "\"256MiB\"\n"
      "node.toml:13:14: ring.durability: found \"often\"; accepted: "
      "\"interval\", \"commit\" or \"none\"\n"
      "node.toml:14:2: rng: unknown key; the nearest known one is ring\n"
      "node.toml:17:9: log.level: found \"loud\"; accepted: debug, info, warn or error, also "
      "per part, such as \"info,ring=debug\"\n"
      "node.toml:18:8: log.file: found 7.5; accepted: a path or \"stderr\"\n");
}

TEST_F(ConfTest, WrongTypes) {
  EXPECT_EQ(refusal("ring = 3\nname = true\ndata = \"\"\nroles = \"ring\"\n"
                    "[cluster]\npeers = [\"10.0.0.1:5000\", 5]\nname = { a = 1 }\n"),
            "node.toml:1:8: ring: found 3; accepted: a section, or the name of a TOML file that "
            "holds one\n"
            "node.toml:2:8: name: found true; accepted: 1 to 64 letters, digits, '-', '_' and "
            "'.'\n"
            "node.toml:3:8: data: found \"\"; accepted: a path\n"
            "node.toml:4:9: roles: found \"ring\"; accepted: a list of \"ring\", \"acceptor\", "
            "\"proposer\", \"admin\", of one at least\n"
            "node.toml:6:9: cluster.peers: found [\"10.0.0.1:5000\", 5]; accepted: a list of an "
            "address that others can dial, such as \"10.0.0.5:5000\"\n"
            "node.toml:7:8: cluster.name: found a table; accepted: 1 to 64 letters, digits, '-', "
            "'_' and '.'\n");
  EXPECT_EQ(refusal("roles = []\n"),
            "node.toml:1:9: roles: found []; accepted: a list of \"ring\", \"acceptor\", "
            "\"proposer\", \"admin\", of one at least\n");
  EXPECT_EQ(refusal("roles = [\"ring\", \"ring\"]\n"),
            "node.toml:1:9: roles: found [\"ring\", \"ring\"]: \"ring\" stands there twice; "
            "accepted: a list of \"ring\", \"acceptor\", \"proposer\", \"admin\", of one at "
            "least\n");
  EXPECT_EQ(refusal("[replica]\nlisten = \"127.0.0.1:5002\"\n"),
            "node.toml:1:2: replica: role replica is not in this version; accepted: leave its "
            "section out\n");
}

TEST_F(ConfTest, AFileThatIsNotTomlOrNotThere) {
  std::string refused = refusal("name = \"a\nroles = []\n");
  EXPECT_EQ(refused.substr(0, refused.find(" not TOML: ")), "node.toml:1:10:") << refused;
  for (const char* value : {"n1", "foo", "127.0.0.1:5000", "600ms", "/data", "[one]"}) {
    refused = refusal(std::string("name = ") + value + '\n');
    EXPECT_TRUE(refused.ends_with("; a string stands in quotes\n")) << refused;
  }
  EXPECT_EQ(refusal("[ring\n").find("quotes"), std::string::npos);
  auto absent = conf::load("absent.toml", {}, "host1");
  ASSERT_FALSE(absent);
  EXPECT_EQ(show(absent.error().at(0)), "absent.toml: cannot be read: No such file or directory");
  fs::create_directory("directory");
  auto directory = conf::load("directory", {}, "host1");
  ASSERT_FALSE(directory);
  EXPECT_EQ(show(directory.error().at(0)),
            "directory: is a directory; accepted: a file, such as directory/node.toml");
}

TEST_F(ConfTest, ASectionMayStandInAFileOfItsOwn) {
  write("shared/ring.toml", "replication = 5\npassword_file = \"secret\"\n");
  write("shared/secret", "hunter2\n");
  auto loaded = load("ring = \"shared/ring.toml\"\n", {"ring.moves=3"});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.ring.replication, 5u);
  EXPECT_EQ(loaded->config.ring.moves, 3u);
  EXPECT_EQ(loaded->config.ring.password, "hunter2");
  EXPECT_EQ(effective(*loaded, "ring.replication"), "5 # shared/ring.toml:1");
  EXPECT_EQ(effective(*loaded, "ring.password_file"), "\"secret\" # shared/ring.toml:2");

  write("shared/ring.toml", "\nreplication = 0\nlisen = 1\n");
  EXPECT_EQ(
      refusal("ring = \"shared/ring.toml\"\ncluster = \"absent.toml\"\n"),
      "node.toml:2:11: cluster: the file absent.toml cannot be read: No such file or "
      "directory\n"
      "shared/ring.toml:2:15: ring.replication: found 0; accepted: an integer from 1 to 9\n"
      "shared/ring.toml:3:1: ring.lisen: unknown key; the nearest known one is ring.listen\n");
}

TEST_F(ConfTest, PathsAreRelativeToTheirFile) {
  write("nodes/a.toml", "data = \"data\"\n[log]\nfile = \"node.log\"\n");
  auto loaded = conf::load("nodes/a.toml", {}, "host1");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.data, "nodes/data");
  EXPECT_EQ(loaded->config.log.file, "nodes/node.log");
  loaded =
      conf::load("nodes/a.toml", std::vector<std::string>{"data=here", "log.file=stderr"}, "host1");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.data, "here");
  EXPECT_EQ(loaded->config.log.file, "stderr");
}

TEST_F(ConfTest, SecretsMustBeKeptFromOthers) {
  write("open", "x\n", 0644);
  write("empty", "\n");
  write("long", "x\ny\n");
  const std::string here = fs::current_path().string();
  EXPECT_EQ(refusal("[ring]\npassword_file = \"open\"\n[cluster]\nsecret_file = \"empty\"\n"
                    "[admin]\ntoken_file = \"absent\"\nadmin_token_file = \"long\"\n"),
            "node.toml:2:17: ring.password_file: found \"open\": the file " + here +
                "/open can be read or changed by others; accepted: a file with one line that "
                "others cannot read (chmod 600)\n"
                "node.toml:4:15: cluster.secret_file: found \"empty\": the file " +
                here +
                "/empty is empty; accepted: a file with one line that others cannot read (chmod "
                "600)\n"
                "node.toml:6:14: admin.token_file: found \"absent\": the file " +
                here +
                "/absent cannot be read: No such file or directory; accepted: a file with one line "
                "that others cannot read (chmod 600)\n"
                "node.toml:7:20: admin.admin_token_file: found \"long\": the file " +
                here +
                "/long has more than one line; accepted: a file with one line that others cannot "
                "read (chmod 600)\n");
}

TEST_F(ConfTest, StrangersAreKeptOut) {
  EXPECT_EQ(refusal("[ring]\nlisten = \"0.0.0.0:2836\"\n"),
            "node.toml:2:10: ring.listen: found \"0.0.0.0:2836\", which other machines reach and "
            "nothing protects; accepted: an address of the loopback, such as \"127.0.0.1:2836\", "
            "or, beside it, the lines\n"
            "  [ring]\n"
            "  password_file = \"ring.password\"\n"
            "and the file, made by\n"
            "  (umask 077; openssl rand -hex 32 > ring.password)\n");
  write("ring.password", "hunter2\n");
  EXPECT_TRUE(load("[ring]\nlisten = \"0.0.0.0:2836\"\npassword_file = \"ring.password\"\n"));
  EXPECT_TRUE(load("[ring]\nlisten = \"[::1]:2836\"\n"));
  EXPECT_TRUE(load("roles = [\"admin\"]\n[ring]\nlisten = \"0.0.0.0:2836\"\n")) << "not running";
}

TEST_F(ConfTest, CertificatesOfACaKeepStrangersOutToo) {
  const std::string open = "[ring]\nlisten = \"0.0.0.0:2836\"\n";
  EXPECT_NE(refusal(open + "tls = {cert = \"a\", key = \"b\"}\n").find("nothing protects"),
            std::string::npos);
  auto loaded = load(open + "tls = {cert = \"a\", key = \"b\", client_ca = \"c\"}\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.ring.tls.ca, "c");
  EXPECT_TRUE(
      load("[cluster]\nlisten = \"10.0.0.5:5000\"\n"
           "tls.cert = \"a\"\ntls.key = \"b\"\ntls.ca = \"c\"\n"));
}

TEST_F(ConfTest, TlsIsWholeOrNotThere) {
  EXPECT_EQ(refusal("[cluster]\ntls = {cert = \"a\", key = \"b\"}\n"
                    "[ring]\ntls.cert = \"a\"\n[admin]\ntls.client_ca = \"c\"\n"),
            "node.toml:2:15: cluster.tls.cert: found without cluster.tls.ca; accepted: both, or "
            "neither\n"
            "node.toml:4:12: ring.tls.cert: found without ring.tls.key; accepted: both, or "
            "neither\n"
            "node.toml:6:17: admin.tls.client_ca: found without admin.tls.cert; accepted: both, or "
            "neither\n");
  write("tls.toml", "cert = \"a\"\nkey = \"b\"\n");
  auto loaded = load("[ring]\ntls = \"tls.toml\"\n");
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->config.ring.tls.on());
  EXPECT_NE(refusal("[ring]\ntls.crt = \"a\"\n").find("the nearest known one is ring.tls.cert"),
            std::string::npos);
}

TEST_F(ConfTest, ImpossibleCombinations) {
  EXPECT_EQ(refusal("[cluster]\npeers = [\"127.0.0.1:5000\"]\n"
                    "[ring]\nlisten = \"127.0.0.1:5001\"\nheartbeat = \"400ms\"\n"
                    "takeover_after = \"500ms\"\nmax_value = \"64MiB\"\n"),
            "node.toml:2:9: cluster.peers: found only this node's own address; accepted: other "
            "nodes' addresses, or [] to found a cluster\n"
            "node.toml:4:10: admin.listen: found \"127.0.0.1:5001\", whose port ring.listen has "
            "already; accepted: a port of its own\n"
            "node.toml:5:13: ring.lease: found \"600ms\"; accepted: at least 2 times "
            "ring.heartbeat, which is \"400ms\": a lease has to outlast a lost heartbeat\n"
            "node.toml:6:18: ring.takeover_after: found \"500ms\"; accepted: at least ring.lease, "
            "which is \"600ms\": nobody can take over before the lease is over\n"
            "node.toml:7:13: ring.max_value: found \"64MiB\"; accepted: less than a third of "
            "cluster.max_frame, which is \"64MiB\", or a larger cluster.max_frame\n");
  write("s", "x\n");
  EXPECT_EQ(refusal("[cluster]\nlisten = \"0.0.0.0:5000\"\nsecret_file = \"s\"\n"),
            "node.toml:2:10: cluster.listen: found \"0.0.0.0:5000\", which nobody can dial; "
            "accepted: one address, or, beside it, cluster.advertise with the address that others "
            "dial\n");
  EXPECT_TRUE(
      load("[cluster]\nlisten = \"0.0.0.0:5000\"\nsecret_file = \"s\"\n"
           "advertise = \"10.0.0.5:5000\"\n"));
}

constexpr const char* kProposer = "roles = [\"proposer\", \"admin\"]\n[proposer]\n";

TEST_F(ConfTest, TheInitialListsAreOfNodesWithAddresses) {
  auto loaded = load(std::string(kProposer) +
                     "initial_acceptors = [\"a@10.0.0.1:5000\", \"b@b.example:5000\"]\n"
                     "initial_proposers = [\"a@10.0.0.1:5000\"]\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.proposer.initial_acceptors,
            (std::vector<std::string>{"a@10.0.0.1:5000", "b@b.example:5000"}));
  EXPECT_EQ(loaded->config.proposer.max_value, 1u << 20);
  EXPECT_TRUE(load(kProposer)) << "a configuration may be stored";
  const std::string accepted =
      "; accepted: a list of a node's name and cluster address, such as "
      "\"node1@10.0.0.5:5000\"\n";
  for (const std::string bad :
       {"node1", "node1@", "@10.0.0.1:5000", "a b@10.0.0.1:5000", "a@10.0.0.1", "a@0.0.0.0:5000",
        "a@b@10.0.0.1:5000", "r1::a@10.0.0.1:5000"})
    EXPECT_EQ(refusal("[proposer]\ninitial_proposers = [\"" + bad + "\"]\n"),
              "node.toml:2:21: proposer.initial_proposers: found [\"" + bad + "\"]" + accepted);
  EXPECT_EQ(refusal("[proposer]\ninitial_acceptors = [\"a@10.0.0.1:5000\", \"node2\"]\n"),
            "node.toml:2:21: proposer.initial_acceptors: found [\"a@10.0.0.1:5000\", \"node2\"]: "
            "\"node2\" is none of these" +
                accepted);
}

TEST_F(ConfTest, NobodyIsTwiceInAnInitialList) {
  EXPECT_EQ(refusal(std::string(kProposer) +
                    "initial_acceptors = [\"a@10.0.0.1:5000\", \"b@10.0.0.2:5000\", "
                    "\"a@10.0.0.3:5000\"]\n"
                    "initial_proposers = [\"a@10.0.0.1:5000\", \"b@10.0.0.1:5000\"]\n"),
            "node.toml:3:21: proposer.initial_acceptors: found \"a@10.0.0.1:5000\" and "
            "\"a@10.0.0.3:5000\": the name a twice; accepted: each node once\n"
            "node.toml:4:21: proposer.initial_proposers: found \"a@10.0.0.1:5000\" and "
            "\"b@10.0.0.1:5000\": the address 10.0.0.1:5000 twice; accepted: each node once\n");
  EXPECT_EQ(refusal(std::string(kProposer) + "initial_acceptors = [\"a@10.0.0.1:5000\"]\n"),
            "node.toml:3:21: proposer.initial_acceptors: found without "
            "proposer.initial_proposers; accepted: both, or neither where a configuration is "
            "stored, or where the others are to take this node in\n");
}

TEST_F(ConfTest, AProposersListenerIsCheckedAsAnother) {
  EXPECT_EQ(refusal(std::string(kProposer) + "listen = \"127.0.0.1:5000\"\n"),
            "node.toml:3:10: proposer.listen: found \"127.0.0.1:5000\", whose port cluster.listen "
            "has already; accepted: a port of its own\n");
  EXPECT_EQ(refusal(std::string(kProposer) + "listen = \"0.0.0.0:8100\"\ntls.cert = \"a\"\n"),
            "node.toml:3:10: proposer.listen: found \"0.0.0.0:8100\", which other machines reach "
            "and nothing protects; accepted: an address of the loopback, such as "
            "\"127.0.0.1:8100\", or, beside it, the lines\n"
            "  [proposer]\n"
            "  token_file = \"proposer.token\"\n"
            "and the file, made by\n"
            "  (umask 077; openssl rand -hex 32 > proposer.token)\n"
            "node.toml:4:12: proposer.tls.cert: found without proposer.tls.key; accepted: both, or "
            "neither\n");
  EXPECT_EQ(refusal(std::string(kProposer) + "max_value = \"32MiB\"\n"),
            "node.toml:3:13: proposer.max_value: found \"32MiB\"; accepted: less than half of "
            "cluster.max_frame, which is \"64MiB\", or a larger cluster.max_frame\n");
}

TEST_F(ConfTest, OverridesAreCheckedLikeTheFile) {
  EXPECT_EQ(refusal("", {"ring.moves=many", "ring.listn=127.0.0.1:1", "ring", "name=\"x\" y"}),
            "--set name=\"x\" y: name: found \"\\\"x\\\" y\"; accepted: 1 to 64 letters, digits, "
            "'-', '_' and '.'\n"
            "--set ring: accepted: --set section.key=value\n"
            "--set ring.listn=127.0.0.1:1: ring.listn: unknown key; the nearest known one is "
            "ring.listen\n"
            "--set ring.moves=many: ring.moves: found \"many\"; accepted: an integer from 1 to "
            "256\n");
  auto loaded = load("", {"name=\"quoted\"", "name=last", "cluster.peers=[]"});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.name, "last");
}

// The template shows every key once, with the table's default, or, where there is none, an example
// behind '#' (but names its node); and it is what one copies, so it has to be accepted as it
// stands.
TEST(Template, ShowsEveryKeyWithItsDefault) {
  const std::string file = std::string(SKEP_SOURCE_DIR) + "/conf/node/node.toml";
  ASSERT_TRUE(conf::load(file, {}, "host1"));
  std::ifstream in(file);
  std::map<std::string, std::string> shown;
  const std::regex section("\\[(\\w+)\\]");
  const std::regex line("(# )?([\\w.]+) = (.*)");
  std::string text;
  std::string prefix;
  std::smatch match;
  while (std::getline(in, text)) {
    EXPECT_LE(text.size(), 100u) << text;
    if (std::regex_match(text, match, section)) prefix = match[1].str() + '.';
    if (!std::regex_match(text, match, line)) continue;
    std::string value = match[1].matched ? "" : match[3].str();
    EXPECT_TRUE(shown.emplace(prefix + match[2].str(), value).second) << text;
  }
  for (const Key& key : keys()) {
    auto found = shown.find(std::string(key.path));
    if (found == shown.end()) {
      ADD_FAILURE() << key.path << " is not in the template";
      continue;
    }
    EXPECT_EQ(found->second, key.path == "name" ? "\"node1\"" : key.fallback) << key.path;
    shown.erase(found);
  }
  for (const auto& [key, value] : shown) ADD_FAILURE() << key << " is not a key";
}

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("24h"), 24h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(show_duration(*parse_duration("1500ms")), "1500ms");
  EXPECT_EQ(show_duration(*parse_duration("120s")), "2m");
  for (const char* bad : {"", "1", "s", "-1s", "+1s", " 1s", "1 s", "1.5s", "1sec", "1S",
                          "9223372036854775807s", "99999999999999999999ms"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Units, Sizes) {
  EXPECT_EQ(parse_size("64MiB"), 64u << 20);
  EXPECT_EQ(parse_size("0B"), 0u);
  EXPECT_EQ(show_size(64u << 20), "64MiB");
  EXPECT_EQ(show_size(1000), "1000B");
  for (const char* bad : {"", "1", "1MB", "1mib", "-1B", "9007199254740992GiB"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Units, Addresses) {
  EXPECT_EQ(parse_address("[::1]:5000")->host, "::1");
  EXPECT_EQ(parse_address("node1.example:65535")->port, 65535);
  for (const char* bad :
       {"", ":1", "a:", "a", "a:0", "a:65536", "a:1x", "[::1:1", "::1:1", "a b:1", "[a]:1", "-a:1"})
    EXPECT_FALSE(parse_address(bad)) << bad;
  EXPECT_TRUE(is_loopback("127.8.0.1"));
  EXPECT_TRUE(is_loopback("::1"));
  EXPECT_FALSE(is_loopback("128.0.0.1"));
  EXPECT_FALSE(is_loopback("localhost"));
  EXPECT_TRUE(is_wildcard("0.0.0.0"));
  EXPECT_TRUE(is_wildcard("::"));
}

}  // namespace
}  // namespace skep::conf
