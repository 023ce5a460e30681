// The ring's shell, over a session on keys in memory.
#include <gtest/gtest.h>

#include <sstream>

#include "net/resp_reply.hpp"
#include "net/resp_words.hpp"
#include "roles/ring/session.hpp"
#include "roles/ring/shell.hpp"
#include "roles/ring/shell_show.hpp"
#include "tests/unit/memory_keyspace.hpp"

namespace skep::ring {
namespace {

class FixedClock final : public Clock {
 public:
  Time now() override { return Time{}; }
  WallMs wall() override { return 1'000'000; }
};
class NoRandom final : public Random {
 public:
  std::uint64_t next() override { return 0; }
};
class ReplyStream final : public Stream {
 public:
  void write(std::string_view bytes) override { replies.feed(bytes); }
  std::size_t queued() const override { return 0; }
  void pause_reading(bool) override {}
  void close() override {}
  void drop(std::string_view) override {}
  std::string peer() const override { return "test"; }
  resp::ReplyParser replies;
};

class RingShell : public testing::Test {
 protected:
  RingShell() { session->on_bytes("HELLO 3\r\n"), (void)stream.replies.next(); }

  Result<resp::Value> ask(std::span<const std::string_view> words) {
    if (lost) return fail(Code::unknown, "the connection was lost");
    std::string request;
    resp::encode_request(request, words);
    session->on_bytes(request);
    auto reply = stream.replies.next();
    EXPECT_TRUE(reply && *reply);
    return std::move(**reply);
  }
  // Exit code, what came out and the diagnostics: "0 ok\n".
  std::string run(std::string_view line) {
    out.str("");
    diagnostics.str("");
    Shell shell([this](auto words) { return ask(words); }, json, out, diagnostics, confirm);
    int exit = shell.run_line(line);
    return std::to_string(exit) + " " + out.str() + diagnostics.str();
  }

  MemoryKeyspace keyspace;
  FixedClock clock;
  NoRandom random;
  RespServer server{keyspace, clock, random, {}};
  ReplyStream stream;
  std::unique_ptr<StreamHandler> session = server.accept(stream);
  std::ostringstream out, diagnostics;
  Shell::Confirm confirm;
  bool json = false;
  bool lost = false;
};

TEST_F(RingShell, EntriesAreWrittenAndRead) {
  EXPECT_EQ(run("get k"), "1 no such entry\n");
  EXPECT_EQ(run("put k one"), "0 ok\n");
  EXPECT_EQ(run("put k two"), "1 entry exists; use update\n");
  EXPECT_EQ(run("get k"), "0 one\n");
  EXPECT_EQ(run("update k \"two words\""), "0 ok\n");
  EXPECT_EQ(run("get_update k three"), "0 two words\n");
  EXPECT_EQ(run("get_update absent x"), "1 no such entry\n");
  EXPECT_EQ(run("cas k two four"), "1 the entry is another: three\n");
  EXPECT_EQ(run("cas k three four"), "0 ok\n");
  EXPECT_EQ(run("cas absent x y"), "1 no such entry\n");
  EXPECT_EQ(run("remove_if k three"), "1 no such entry, or it is another\n");
  EXPECT_EQ(run("remove_if k four"), "0 ok\n");
  EXPECT_EQ(run("remove k"), "1 no such entry\n");
  EXPECT_EQ(run("update k ''"), "0 ok\n");
  EXPECT_EQ(run("get_remove k"), "0 \n");
}

TEST_F(RingShell, EntriesExpire) {
  run("put k v");
  EXPECT_EQ(run("get_expiry k"), "0 never\n");
  EXPECT_EQ(run("expires_from_now k 10"), "0 ok\n");
  EXPECT_EQ(run("get_expiry k"), "0 1970-01-01T00:16:50Z\n");
  EXPECT_EQ(run("expires_at k 2030-01-31T12:00:00Z"), "0 ok\n");
  EXPECT_EQ(run("get_expiry k"), "0 2030-01-31T12:00:00Z\n");
  EXPECT_EQ(run("expires_at k 2000000000"), "0 ok\n");
  EXPECT_EQ(run("expires_at k soon"),
            "2 accepted as TIME: 2030-01-31T12:00:00Z, or seconds since 1970\n");
  EXPECT_EQ(run("expires_from_now k -1"), "2 accepted as SECONDS: a whole number, 0 or more\n");
  EXPECT_EQ(run("expires_from_now absent 1"), "1 no such entry\n");
  EXPECT_EQ(run("expires_at k 1"), "0 ok\n");
  EXPECT_EQ(run("get_expiry k"), "1 no such entry\n");
}

TEST_F(RingShell, WhereOptionsStandIsSaid) {
  EXPECT_EQ(run("get a --daemon=b:1"), "2 accepted: get KEY; options stand before the command\n");
}

TEST_F(RingShell, SaysHowFarALongSearchIs) {
  int pages = 0;
  const auto pages_of_keys = [&](auto) -> Result<resp::Value> {
    std::vector<resp::Value> keys;
    for (int i = 0; i < 60'000; ++i)
      keys.push_back(resp::Value::bulk(std::to_string(pages * 60'000 + i)));
    return resp::Value::array({resp::Value::bulk(++pages == 4 ? "0" : std::to_string(pages)),
                               resp::Value::array(std::move(keys))});
  };
  Shell shell(pages_of_keys, false, out, diagnostics);
  EXPECT_EQ(shell.run_line("prefix_get ''"), 0);
  EXPECT_EQ(diagnostics.str(), "120000 found\n240000 found\n");
}

TEST_F(RingShell, PrefixesAndAll) {
  for (const char* key : {"a*1", "a*2", "ab"}) keyspace.entries[key] = {"v", 0};
  EXPECT_EQ(run("prefix_get a*"), "0 a*1\na*2\n");
  EXPECT_EQ(run("prefix_get x"), "1 no entry starts so\n");
  EXPECT_EQ(run("prefix_get a 2"), "0 a*1\na*2\n");
  EXPECT_EQ(run("prefix_get a 0"), "2 accepted as MAX: a whole number, 1 or more\n");
  EXPECT_EQ(run("remove_all"),
            "1 not done: remove_all asks, and nobody is at a terminal to answer; `remove_all yes` "
            "does not ask\n");
  confirm = [](std::string_view) { return "no"; };
  EXPECT_EQ(run("remove_all"), "1 not done\n");
  EXPECT_EQ(keyspace.entries.size(), 3u);
  confirm = [](std::string_view) { return "yes"; };
  EXPECT_EQ(run("remove_all"), "0 ok\n");
  EXPECT_TRUE(keyspace.entries.empty());
  confirm = {};
  run("put k v");
  EXPECT_EQ(run("remove_all now"), "2 accepted: remove_all [yes]\n");
  EXPECT_EQ(run("REMOVE_ALL yes"), "0 ok\n");
  EXPECT_TRUE(keyspace.entries.empty());
}

TEST_F(RingShell, WritingANodeOffAsks) {
  EXPECT_EQ(run("forget_node n2"),
            "1 not done: forget_node asks, and nobody is at a terminal to answer; with `yes` "
            "behind the name it does not ask\n");
  confirm = [](std::string_view) { return "no"; };
  EXPECT_EQ(run("forget_node n2"), "1 not done\n");
  EXPECT_EQ(run("forget_node n2 now"), "2 accepted: forget_node NODE [yes]\n");
  EXPECT_EQ(keyspace.forgets, 0);
  EXPECT_EQ(run("forget_node n2 yes"), "0 written off\n");
  EXPECT_EQ(keyspace.forgets, 1);
}

TEST_F(RingShell, FailuresSayWhetherItMayHaveBeenDone) {
  keyspace.failure = Error{Code::unavailable, "no majority"};
  EXPECT_EQ(run("put k v"), "1 not done: TRYAGAIN no majority\n");
  keyspace.failure = Error{Code::unknown, "no answer"};
  EXPECT_EQ(run("put k v"), "3 may have been done: UNCERTAIN no answer\n");
  EXPECT_EQ(run("get k"), "1 not done: TRYAGAIN no answer\n");
  lost = true;
  EXPECT_EQ(run("remove k"), "3 may have been done: the connection was lost\n");
  EXPECT_EQ(run("get k"), "1 not done: the connection was lost\n");
}

TEST_F(RingShell, WrongWordsSayWhatIsAccepted) {
  EXPECT_EQ(run("put k"), "2 accepted: put KEY VALUE\n");
  EXPECT_EQ(run("nosuch"), "2 unknown command 'nosuch'; `help` lists what there is\n");
  EXPECT_EQ(run("put k \"v"), "2 the quotes are not balanced\n");
  EXPECT_EQ(run(""), "0 ");
  std::string help = run("help");
  for (const std::string& word : Shell::words()) EXPECT_NE(help.find(word), std::string::npos);
}

TEST_F(RingShell, TheNodeIsLookedAtAndStopped) {
  EXPECT_EQ(run("node_status"), "0 ready: yes\narcs: 256\n");
  EXPECT_EQ(run("node_topology"), "0 NODES\n");
  server.show_config({{"ring.moves", "8"}, {"ring.password_file", ""}});
  EXPECT_EQ(run("node_config"), "0 ring.moves: 8\nring.password_file: not set\n");
  EXPECT_EQ(run("stop_node"), "0 stopping\n");
  EXPECT_EQ(keyspace.stops, 1);
}

TEST_F(RingShell, JsonIsOneValueALine) {
  json = true;
  EXPECT_EQ(run("put k \"a\\\"\\xff\""), "0 \"ok\"\n");
  EXPECT_EQ(run("get k"), "0 \"a\\\"\xef\xbf\xbd\"\n");
  EXPECT_EQ(run("prefix_get k"), "0 [\"k\"]\n");
  EXPECT_EQ(run("prefix_get x"), "0 []\n");
  server.show_config({{"ring.moves", "8"}, {"ring.password_file", ""}});
  EXPECT_EQ(run("node_config"), "0 {\"ring.moves\":\"8\",\"ring.password_file\":null}\n");
}

TEST(ShellShow, NestedRepliesAreIndented) {
  using resp::Value;
  Value value = Value::map({Value::bulk("a"), Value::array({Value::integer(1), Value::bulk("x")}),
                            Value::bulk("b"), Value::boolean(true)});
  EXPECT_EQ(show_plain(value), "a:\n  1\n  x\nb: yes");
  EXPECT_EQ(show_json(value), R"({"a":[1,"x"],"b":true})");
  EXPECT_EQ(show_time(1'500), "1970-01-01T00:00:01.500Z");
}

}  // namespace
}  // namespace skep::ring
