// The command line of the real executable: what it prints where, and its exit status.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/temp_directory.hpp"

namespace skep {
namespace {

namespace fs = std::filesystem;

struct Ran {
  int status = -1;
  std::string out;
  std::string diagnostics;
};

class Cli : public testing::Test {
 protected:
  // `words` as in a shell, in the test's directory.
  Ran server(const std::string& words, const std::string& input = "") {
    write("input", input);
    std::string command = "cd '" + directory_.path().string() + "' && '" SKEP_SERVER "' " + words +
                          " <input >out 2>diagnostics";
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out"), read("diagnostics")};
  }
  void write(const std::string& file, const std::string& text) { directory_.write(file, text); }
  bool exists(const std::string& file) const { return fs::exists(directory_ / file); }

 private:
  std::string read(const std::string& file) {
    std::stringstream text;
    text << std::ifstream(directory_ / file).rdbuf();
    return text.str();
  }

  unit::TempDirectory directory_;
};

TEST_F(Cli, AloneItPrintsItsUsageAndFails) {
  Ran alone = server("");
  EXPECT_EQ(alone.status, 2);
  EXPECT_EQ(alone.out, "");
  Ran help = server("--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.diagnostics, "");
  EXPECT_EQ(help.out, alone.diagnostics);
  EXPECT_EQ(help.out.substr(0, help.out.find('\n')), "usage: server COMMAND");
  for (std::size_t from = 0; from < help.out.size(); from = help.out.find('\n', from) + 1)
    EXPECT_LE(help.out.find('\n', from) - from, 100u);
}

TEST_F(Cli, SaysItsVersion) {
  EXPECT_EQ(server("version").out, "server " SKEP_VERSION "\n");
  EXPECT_EQ(server("version").status, 0);
}

TEST_F(Cli, RefusesWhatItDoesNotKnow) {
  Ran unknown = server("frobnicate");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_EQ(unknown.diagnostics,
            "server: there is no command 'frobnicate'; `server --help` lists what there is\n");
  write("node.toml", "");
  EXPECT_EQ(server("node.toml").diagnostics,
            "server: there is no command 'node.toml'; a node is run by `server --config FILE`; "
            "`server --help` lists what there is\n");
  EXPECT_EQ(server("check --frob x").status, 2);
  EXPECT_EQ(server("check").diagnostics, "which file? Accepted: a node.toml\n");
  EXPECT_EQ(server("check a b").diagnostics, "more words than it takes\n");
}

TEST_F(Cli, ChecksAConfiguration) {
  write("node.toml", "name = \"n1\"\n[ring]\nmoves = 0\nlisten = \"x\"\n");
  Ran bad = server("check node.toml");
  EXPECT_EQ(bad.status, 2);
  EXPECT_EQ(bad.out, "");
  EXPECT_EQ(bad.diagnostics,
            "node.toml:3:9: ring.moves: found 0; accepted: an integer from 1 to 256\n"
            "node.toml:4:10: ring.listen: found \"x\"; accepted: an IP address and a port, such as "
            "\"127.0.0.1:5000\"\n");
  Ran mended = server("check node.toml --set ring.moves=1 --set=ring.listen=127.0.0.1:1");
  EXPECT_EQ(mended.status, 0);
  EXPECT_EQ(mended.out, "valid: n1\n");
  const std::string mends = " --set ring.moves=1 --set=ring.listen=127.0.0.1:1";
  EXPECT_EQ(server("check --config node.toml" + mends).out, "valid: n1\n");
  EXPECT_EQ(server("--config node.toml").status, 2) << "a node does not start with it";
}

TEST_F(Cli, ANewNodeThatCannotListenLeavesNothingBehind) {
  // A socket that the system has bound to a free port, and that nobody is to listen beside.
  const int taken = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(taken, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(taken, 1), 0);
  ASSERT_EQ(::getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  write("node.toml", "name = \"n1\"\nroles = [\"admin\"]\n[admin]\nlisten = \"" + port + "\"\n");
  Ran ran = server("--config node.toml --set data=new");
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.diagnostics.find("cannot listen on " + port), std::string::npos);
  EXPECT_FALSE(exists("new"));
  ::close(taken);
}

TEST_F(Cli, SaysWhatHelpsANodeWhoseStoreIsDamaged) {
  write("node.toml", "name = \"n1\"\nroles = [\"acceptor\"]\ndata = \"data\"\n");
  write("data/state.db", "no store\n");
  write("data/journal/00000001.segment", "no journal\n");
  Ran ran = server("--config node.toml");
  EXPECT_EQ(ran.status, 1);
  for (const char* said : {"does not start: ", "data/journal/00000001.segment: is ",
                           ". Other nodes have what it held: `server acceptors shrink n1`, then "
                           "move /",
                           "/data away and start again"})
    EXPECT_NE(ran.diagnostics.find(said), std::string::npos) << ran.diagnostics;
}

TEST_F(Cli, ShowsTheEffectiveValues) {
  write("node.toml", "name = \"n1\"\n[ring]\nmoves = 2\n");
  Ran shown = server("config node.toml --set ring.weight=50");
  EXPECT_EQ(shown.status, 0);
  for (const char* line : {"name = \"n1\"  # node.toml:1\n", "\n\n[ring]\n",
                           "\n# password_file is not set\n", "\nmoves = 2  # node.toml:3\n",
                           "\nweight = 50  # --set\n", "\nlease = \"600ms\"  # default\n"})
    EXPECT_NE(shown.out.find(line), std::string::npos) << line << shown.out;
  // What it prints is a configuration again, and the same one.
  write("again.toml", shown.out);
  EXPECT_EQ(server("check again.toml").out, "valid: n1\n");
}

TEST_F(Cli, ClientsNeedAnAddress) {
  EXPECT_EQ(server("admin --connect nowhere help").diagnostics,
            "server: found --connect=nowhere; accepted: --connect=HOST:PORT[,HOST:PORT]…; `server "
            "--help` lists what there is\n");
  EXPECT_EQ(server("admin --connect nowhere help").status, 2);
  EXPECT_EQ(server("admin --connect").status, 2);
}

TEST_F(Cli, AClientThatReachesNobodyHasCertainlyDoneNothing) {
  // Nobody listens on port 1 of the loopback.
  Ran ran = server("admin 127.0.0.1:1 cluster leave");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.diagnostics.find("cannot connect to 127.0.0.1:1: Connection refused\n"),
            std::string::npos)
      << ran.diagnostics;
}

TEST_F(Cli, LinesComeFromAPipe) {
  Ran ran = server("admin", "help\n\nfrobnicate\n");
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.out.find("cluster join HOST:PORT"), std::string::npos);
  EXPECT_EQ(ran.diagnostics, "unknown command 'frobnicate'; `help` lists what there is\n");
  EXPECT_EQ(server("admin -e help").out, ran.out);
  EXPECT_EQ(server("admin help").out, ran.out);
}

}  // namespace
}  // namespace skep
