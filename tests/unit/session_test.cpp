// RESP sessions over keys in memory: order, bounds, both versions, what happens at the end.
#include "roles/ring/session.hpp"

#include <gtest/gtest.h>

#include "roles/ring/slots.hpp"
#include "tests/unit/memory_keyspace.hpp"

namespace skep::ring {
namespace {

class FixedClock final : public Clock {
 public:
  Time now() override { return Time(std::chrono::seconds(100)); }
  WallMs wall() override { return 1'234'567; }
};
class Counter final : public Random {
 public:
  std::uint64_t next() override { return next_++; }

 private:
  std::uint64_t next_ = 0;
};
class TestStream final : public Stream {
 public:
  void write(std::string_view bytes) override { sent += bytes; }
  std::size_t queued() const override { return slow ? sent.size() : 0; }
  void pause_reading(bool pause) override { paused = pause; }
  void close() override { closed = true; }
  void drop(std::string_view why) override { dropped = why; }
  std::string peer() const override { return "127.0.0.1:1"; }

  std::string sent;
  bool slow = false;  // nothing of what is sent is taken
  bool paused = false;
  bool closed = false;
  std::string dropped;
};

class SessionTest : public testing::Test {
 protected:
  void open() {
    options.listen = "127.0.0.1:2836";
    session.reset();  // it has to go before its server
    server = std::make_unique<RespServer>(keyspace, clock, random, options);
    session = server->accept(stream);
  }
  // What is sent for these bytes.
  std::string say(std::string_view bytes) {
    stream.sent.clear();
    session->on_bytes(bytes);
    return stream.sent;
  }
  void answer(std::size_t which) {
    auto outcome = std::move(keyspace.held[which]);
    keyspace.held.erase(keyspace.held.begin() + static_cast<std::ptrdiff_t>(which));
    outcome();
  }

  RespOptions options;  // for open()
  MemoryKeyspace keyspace;
  FixedClock clock;
  Counter random;
  TestStream stream;
  std::unique_ptr<RespServer> server;
  std::unique_ptr<StreamHandler> session;
};

TEST_F(SessionTest, APipelineCutAnywhereIsAnsweredTheSame) {
  const std::string requests =
      "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\nGET a\r\nNOSUCH 1 2\r\nMGET a b\r\nDEL a b\r\n"
      "GET\r\nDBSIZE\r\nPING\r\n";
  const std::string replies =
      "+OK\r\n$2\r\n\r\n\r\n-ERR unknown command 'NOSUCH', with args beginning with: '1' '2' \r\n"
      "*2\r\n$2\r\n\r\n\r\n$-1\r\n:1\r\n-ERR wrong number of arguments for 'get' command\r\n:0\r\n"
      "+PONG\r\n";
  for (std::size_t cut = 0; cut <= requests.size(); ++cut) {
    open();
    std::string sent = say(std::string_view(requests).substr(0, cut));
    sent += say(std::string_view(requests).substr(cut));
    EXPECT_EQ(sent, replies) << cut;
  }
}

TEST_F(SessionTest, RepliesComeInTheOrderOfTheRequests) {
  open();
  keyspace.hold = true;
  EXPECT_EQ(say("SET a 1\r\nGET a\r\nPING\r\nMGET a a\r\nINCR a\r\n"), "");
  ASSERT_EQ(keyspace.held.size(), 5u);
  answer(4);  // INCR
  answer(2);  // a part of MGET
  EXPECT_EQ(stream.sent, "");
  answer(0);  // SET
  EXPECT_EQ(stream.sent, "+OK\r\n");
  answer(0);  // GET
  EXPECT_EQ(stream.sent, "+OK\r\n$1\r\n1\r\n+PONG\r\n");
  answer(0);
  EXPECT_EQ(stream.sent, "+OK\r\n$1\r\n1\r\n+PONG\r\n*2\r\n$1\r\n1\r\n$1\r\n1\r\n:2\r\n");
}

TEST_F(SessionTest, RequestsAreRefusedWhileAllClientsTogetherHoldTooMuch) {
  options.max_memory = 1000;
  open();
  EXPECT_EQ(say("SET a " + std::string(550, 'x') + "\r\n"), "+OK\r\n");
  EXPECT_EQ(server->held(), 0u);
  stream.slow = true;
  EXPECT_TRUE(say("GET a\r\n").starts_with("$550"));
  session->on_bytes("GET a\r\n");
  EXPECT_GT(server->held(), 1000u);
  TestStream other_stream;
  auto other = server->accept(other_stream);
  other->on_bytes("SET b 1\r\nPING\r\n");
  EXPECT_TRUE(other_stream.sent.starts_with("-TRYAGAIN requests and replies")) << other_stream.sent;
  EXPECT_TRUE(other_stream.sent.ends_with("+PONG\r\n"));
  EXPECT_EQ(stream.dropped, "");
  stream.sent.clear();
  session->on_drained();
  other_stream.sent.clear();
  other->on_bytes("SET b 1\r\n");
  EXPECT_EQ(other_stream.sent, "+OK\r\n");
}

TEST_F(SessionTest, TheLargestClientIsDroppedWhenRefusingDoesNotHelp) {
  options.max_memory = 1000;
  open();
  TestStream other_stream;
  auto other = server->accept(other_stream);
  other->on_bytes("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$900\r\n" + std::string(600, 'x'));
  session->on_bytes("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$900\r\n" + std::string(800, 'x'));
  EXPECT_EQ(stream.dropped, "");
  other->on_bytes(std::string(100, 'x'));
  EXPECT_NE(stream.dropped.find("ring.max_client_memory"), std::string::npos);
  EXPECT_EQ(other_stream.dropped, "");
  EXPECT_LT(server->held(), 1000u);
  session->on_closed();
  other->on_bytes(std::string(200, 'x') + "\r\n");
  EXPECT_EQ(other_stream.sent, "+OK\r\n");
  EXPECT_EQ(server->held(), 0u);
}

TEST_F(SessionTest, TheListenerKnowsWhatASessionWaitsFor) {
  using Standing = StreamHandler::Standing;
  options.password = "secret";
  open();
  EXPECT_EQ(session->standing(), Standing::stranger);
  say("AUTH secret\r\n");
  EXPECT_EQ(session->standing(), Standing::idle);
  keyspace.hold = true;
  say("GET a\r\n");
  EXPECT_EQ(session->standing(), Standing::busy);
  session->on_quiet();  // nothing that is in use goes
  answer(0);
  EXPECT_EQ(stream.sent, "$-1\r\n");
  session->on_quiet();
  EXPECT_EQ(session->standing(), Standing::idle);
  keyspace.hold = false;
  EXPECT_EQ(say("SET a 1\r\nGET a\r\n"), "+OK\r\n$1\r\n1\r\n");
}

TEST_F(SessionTest, WholeRingCommandsWaitAndHoldWhatIsBehind) {
  open();
  keyspace.hold = true;
  say("SET a 1\r\nDBSIZE\r\nSET b 2\r\n");
  EXPECT_EQ(keyspace.held.size(), 1u);
  EXPECT_TRUE(stream.paused);
  answer(0);
  ASSERT_EQ(keyspace.held.size(), 1u);  // the count
  answer(0);
  EXPECT_EQ(stream.sent, "+OK\r\n:1\r\n");
  ASSERT_EQ(keyspace.held.size(), 1u);  // the second SET
  answer(0);
  EXPECT_EQ(stream.sent, "+OK\r\n:1\r\n+OK\r\n");
  EXPECT_FALSE(stream.paused);
}

TEST_F(SessionTest, WhatIsInFlightIsBounded) {
  options.max_in_flight = 10;
  open();
  keyspace.hold = true;
  std::string requests, replies;
  for (int i = 0; i < 100; ++i) {
    requests += "INCR n\r\n";
    replies += ":" + std::to_string(i + 1) + "\r\n";
  }
  say(requests);
  EXPECT_EQ(keyspace.held.size(), 10u);
  EXPECT_TRUE(stream.paused);
  while (!keyspace.held.empty()) answer(keyspace.held.size() - 1);
  EXPECT_EQ(stream.sent, replies);
  EXPECT_FALSE(stream.paused);
}

TEST_F(SessionTest, ARequestThatIsTooLargeForOneKeyIsRefused) {
  options.limits.max_bulk = 100;
  open();
  std::string request = "SET k v";
  for (int i = 0; i < 200; ++i) request += " EX 1";
  EXPECT_EQ(say(request + "\r\nPING\r\n"),
            "-ERR the request is too large for one key\r\n+PONG\r\n");
  const std::string large(100, 'x');
  EXPECT_EQ(say("SET k " + large + "\r\nSET k " + large + " IFEQ " + large + "\r\n"),
            "+OK\r\n+OK\r\n");
}

TEST_F(SessionTest, AClientThatDoesNotReadIsNotReadFrom) {
  options.max_unsent = 1000;
  open();
  stream.slow = true;
  keyspace.entries["k"] = {std::string(300, 'x'), 0};
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += "GET k\r\n";
  say(requests);
  EXPECT_TRUE(stream.paused);
  EXPECT_LT(stream.sent.size(), 2000u);
  std::string all;
  while (stream.paused) {
    all += std::exchange(stream.sent, {});
    session->on_drained();
  }
  all += stream.sent;
  EXPECT_EQ(all.size(), 50 * (300 + sizeof "$300\r\n\r\n" - 1));
}

TEST_F(SessionTest, LargeRepliesAreAskedForAFewAtATime) {
  options.max_unsent = 1000;
  open();
  keyspace.hold = true;
  keyspace.entries["k"] = {std::string(700, 'x'), 0};
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += "GET k\r\n";
  say(requests);
  EXPECT_EQ(keyspace.held.size(), 16u);  // their size is not known yet
  std::size_t replies = 0;
  stream.slow = true;
  while (!keyspace.held.empty() || !stream.sent.empty()) {
    while (!keyspace.held.empty()) answer(0);
    EXPECT_LT(stream.sent.size(), 2000u);
    replies += std::exchange(stream.sent, {}).size();
    session->on_drained();
    EXPECT_LE(keyspace.held.size(), 2u);
  }
  EXPECT_EQ(replies, 100 * (700 + sizeof "$700\r\n\r\n" - 1));
  EXPECT_FALSE(stream.paused);
}

TEST_F(SessionTest, LargeRequestsAreHandedOnAFewAtATime) {
  options.max_unsent = 1000;
  open();
  keyspace.hold = true;
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += "SET k " + std::string(600, 'x') + "\r\n";
  say(requests);
  for (int i = 0; i < 10; ++i) {
    ASSERT_FALSE(keyspace.held.empty());
    EXPECT_LE(keyspace.held.size(), 2u);
    answer(0);
  }
  EXPECT_TRUE(keyspace.held.empty());
  EXPECT_EQ(stream.sent.size(), 10 * (sizeof "+OK\r\n" - 1));
}

TEST_F(SessionTest, ALongMgetIsAnsweredInOrderAndAnExcessiveOneRefused) {
  options.limits.max_bulk = std::size_t{16} << 20;
  for (bool hold : {false, true}) {
    open();
    keyspace.hold = hold;
    keyspace.entries["k"] = {"v", 0};
    keyspace.entries["large"] = {std::string(std::size_t{1} << 20, 'x'), 0};
    std::string request = "MGET", reply = "*500\r\n", excessive = "MGET";
    for (int i = 0; i < 500; ++i) {
      request += i % 3 == 0 ? " k" : " none";
      reply += i % 3 == 0 ? "$1\r\nv\r\n" : "$-1\r\n";
      excessive += " large";
    }
    stream.sent.clear();
    session->on_bytes(request + "\r\nINCR n\r\n" + excessive + "\r\nPING\r\n");
    EXPECT_EQ(keyspace.held.size(), hold ? 16u : 0u);
    std::size_t asked = 0;
    for (; !keyspace.held.empty(); ++asked) answer(0);
    EXPECT_LT(asked, 600u);
    keyspace.entries.erase("n");
    // Not EXPECT_EQ, which would take minutes to show a difference of this size.
    EXPECT_TRUE(stream.sent ==
                reply + ":1\r\n-ERR the values are too large for one reply\r\n+PONG\r\n")
        << stream.sent.size();
  }
}

TEST_F(SessionTest, ABrowserCannotBeMadeToSendCommands) {
  open();
  say("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a 1\r\n");
  EXPECT_TRUE(stream.closed);
  EXPECT_TRUE(keyspace.entries.empty());
  stream.closed = false;
  open();
  say("GET / HTTP/1.1\r\nhost: localhost\r\n\r\nSET a 1\r\n");
  EXPECT_TRUE(stream.closed);
  EXPECT_TRUE(keyspace.entries.empty());
}

TEST_F(SessionTest, ASessionMayCloseBeforeItsAnswersCome) {
  open();
  keyspace.hold = true;
  say("GET a\r\nMGET a b\r\n");
  session->on_closed();
  answer(0);
  session.reset();
  while (!keyspace.held.empty()) answer(0);
  EXPECT_EQ(stream.sent, "");
  EXPECT_TRUE(server->sessions().empty());
}

TEST_F(SessionTest, QuitAnswersWhatCameBeforeAndNothingAfter) {
  open();
  keyspace.hold = true;
  say("SET a 1\r\nQUIT\r\nSET b 1\r\n");
  EXPECT_FALSE(stream.closed);
  answer(0);
  EXPECT_EQ(stream.sent, "+OK\r\n+OK\r\n");
  EXPECT_TRUE(stream.closed);
  EXPECT_EQ(keyspace.entries.count("b"), 0u);
}

TEST_F(SessionTest, AProtocolErrorClosesAfterTheRepliesBefore) {
  open();
  EXPECT_EQ(say("PING\r\n*1\r\nx\r\nPING\r\n"),
            "+PONG\r\n-ERR Protocol error: expected '$', got 'x'\r\n");
  EXPECT_TRUE(stream.closed);
  EXPECT_EQ(say("PING\r\n"), "");
}

TEST_F(SessionTest, FailuresSayWhetherItMayHaveBeenDone) {
  open();
  keyspace.failure = Error{Code::unavailable, "no majority"};
  EXPECT_EQ(say("SET a 1\r\nMSET a 1 b 2\r\n"),
            "-TRYAGAIN no majority\r\n-TRYAGAIN no majority\r\n");
  keyspace.failure = Error{Code::unknown, "no answer"};
  EXPECT_EQ(say("SET a 1\r\nGET a\r\n"), "-UNCERTAIN no answer\r\n-TRYAGAIN no answer\r\n");
}

TEST_F(SessionTest, AHalfDoneRequestIsUncertain) {
  class FailsSecond final : public MemoryKeyspace {
   public:
    void run(Args args, std::size_t key, bool write, Done done) override {
      if (args[key] == "b") return done(fail(Code::unavailable, "no majority"));
      MemoryKeyspace::run(args, key, write, std::move(done));
    }
  } half;
  RespServer other(half, clock, random, {});
  auto client = other.accept(stream);
  stream.sent.clear();
  client->on_bytes("MSET a 1 b 2\r\nMGET a b\r\n");
  EXPECT_EQ(stream.sent,
            "-UNCERTAIN some of the keys may have been written: TRYAGAIN no majority\r\n"
            "-TRYAGAIN no majority\r\n");
}

TEST_F(SessionTest, Resp3IsSpokenFromHelloOn) {
  open();
  EXPECT_EQ(
      say("GET a\r\nHELLO 3 SETNAME me\r\nGET a\r\nCLIENT GETNAME\r\nRESET\r\nGET a\r\n"),
      "$-1\r\n%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto"
      "\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster"
      "\r\n$7\r\nmodules\r\n*0\r\n_\r\n$2\r\nme\r\n+RESET\r\n$-1\r\n");
  EXPECT_EQ(say("HELLO 4\r\nHELLO x\r\nHELLO 2 FOO\r\n"),
            "-NOPROTO unsupported protocol version\r\n"
            "-ERR Protocol version is not an integer or out of range\r\n"
            "-ERR Syntax error in HELLO option 'FOO'\r\n");
}

TEST_F(SessionTest, APasswordIsAskedFor) {
  options.password = "secret";
  open();
  const std::string no = "-NOAUTH Authentication required.\r\n";
  const std::string wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  EXPECT_EQ(say("GET a\r\nPING\r\nFLUSHALL\r\n"), no + no + no);
  EXPECT_EQ(say("AUTH nope\r\nAUTH secre\r\nAUTH secretsecret\r\nAUTH other secret\r\n"),
            wrong + wrong + wrong + wrong);
  EXPECT_EQ(say("AUTH a b c\r\nAUTH secret\r\nGET a\r\n"), "-ERR syntax error\r\n+OK\r\n$-1\r\n");
  EXPECT_EQ(say("RESET\r\nGET a\r\n"), "+RESET\r\n" + no);
  EXPECT_TRUE(say("HELLO 3 AUTH default secret\r\n").starts_with("%7\r\n"));
  EXPECT_EQ(say("GET a\r\n"), "_\r\n");
}

TEST_F(SessionTest, ScanAndKeysWalkEverything) {
  open();
  for (int i = 0; i < 2500; ++i) keyspace.entries["k" + std::to_string(i)] = {"v", 0};
  EXPECT_TRUE(say("KEYS *\r\n").starts_with("*2500\r\n"));
  EXPECT_TRUE(say("KEYS k1?\r\n").starts_with("*10\r\n"));
  EXPECT_EQ(say("SCAN 0 COUNT 1 MATCH k0\r\n"), "*2\r\n$1\r\n1\r\n*1\r\n$2\r\nk0\r\n");
  EXPECT_EQ(say("SCAN 2498 COUNT 5 TYPE list\r\n"), "*2\r\n$1\r\n0\r\n*0\r\n");
  EXPECT_EQ(say("SCAN x\r\nSCAN 0 COUNT 0\r\nSCAN 0 COUNT\r\nSCAN 0 COUNT x\r\n"),
            "-ERR invalid cursor\r\n-ERR syntax error\r\n-ERR syntax error\r\n"
            "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(say("FLUSHALL\r\nRANDOMKEY\r\nDBSIZE\r\nFLUSHDB X\r\n"),
            "+OK\r\n$-1\r\n:0\r\n-ERR syntax error\r\n");
  EXPECT_EQ(say("SET only 1\r\nRANDOMKEY\r\n"), "+OK\r\n$4\r\nonly\r\n");
}

TEST_F(SessionTest, KeysIsBoundedInItsReply) {
  options.max_keys_reply = 100;
  open();
  for (int i = 0; i < 200; ++i) keyspace.entries["k" + std::to_string(i)] = {"v", 0};
  EXPECT_EQ(say("KEYS *\r\n"),
            "-ERR too many keys for one reply; SCAN tells them a page at a time\r\n");
}

TEST_F(SessionTest, ClientsAreListedAndKilled) {
  open();
  TestStream other_stream;
  auto other = server->accept(other_stream);
  EXPECT_EQ(say("CLIENT ID\r\n"), ":1\r\n");
  std::string list = say("CLIENT LIST\r\n");
  EXPECT_NE(list.find("id=1 addr=127.0.0.1:1 laddr=127.0.0.1:2836"), std::string::npos) << list;
  EXPECT_NE(list.find("\nid=2 "), std::string::npos) << list;
  EXPECT_EQ(say("CLIENT KILL ID 7\r\nCLIENT KILL ID 2\r\n"), ":0\r\n:1\r\n");
  EXPECT_TRUE(other_stream.closed);
  EXPECT_FALSE(stream.closed);
  EXPECT_EQ(say("CLIENT KILL 1.2.3.4:5\r\nCLIENT SETNAME a\x01\r\nCLIENT NOSUCH\r\n"),
            "-ERR No such client\r\n"
            "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
            "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n");
}

TEST_F(SessionTest, InfoTellsWhatIsKnown) {
  open();
  keyspace.entries["a"] = {"1", 0};
  std::string info = say("INFO\r\n");
  for (const char* line :
       {"# Server\r\n", "# Clients\r\nconnected_clients:1\r\n", "# Memory\r\n",
        "total_connections_received:1\r\n", "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n"})
    EXPECT_NE(info.find(line), std::string::npos) << line;
  EXPECT_EQ(say("INFO keyspace\r\n"),
            "$44\r\n# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n\r\n");
  EXPECT_EQ(say("CONFIG GET SA* port\r\n"),
            "*4\r\n$4\r\nsave\r\n$0\r\n\r\n$4\r\nport\r\n$4\r\n2836\r\n");
}

TEST_F(SessionTest, TheReplyOfAStopIsSentBeforeItsConsequences) {
  open();
  std::string sent_before;
  keyspace.on_stopped = [&] { sent_before = stream.sent; };
  say("PING\r\nRING STOP\r\n");
  EXPECT_EQ(sent_before, "+PONG\r\n+OK\r\n");
}

TEST_F(SessionTest, TheRingIsStoppedAndDescribed) {
  open();
  EXPECT_EQ(say("RING NODES\r\nRING STOP\r\nRING LEAVE\r\n"),
            "$5\r\nNODES\r\n+OK\r\n-TRYAGAIN the last node cannot leave\r\n");
  EXPECT_EQ(keyspace.stops, 1);
}

TEST_F(SessionTest, TheCommandTableTellsItself) {
  open();
  EXPECT_EQ(say("COMMAND INFO get nosuch\r\n"),
            "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*3\r\n"
            "+@read\r\n+@string\r\n+@fast\r\n*0\r\n*0\r\n*0\r\n$-1\r\n");
  EXPECT_TRUE(say("COMMAND\r\n").starts_with("*"));
  EXPECT_TRUE(
      say("COMMAND DOCS set\r\n").starts_with("*2\r\n$3\r\nset\r\n*4\r\n$7\r\nsummary\r\n"));
}

TEST_F(SessionTest, NothingIsDoneBetweenARefusedMultiAndItsEnd) {
  open();
  const std::string refused = "-ERR not done: MULTI was refused; EXEC or DISCARD ends this\r\n";
  const std::string aborted = "-EXECABORT Transaction discarded because MULTI is not supported\r\n";
  EXPECT_TRUE(say("MULTI\r\n").starts_with("-ERR MULTI is not supported"));
  EXPECT_EQ(say("SET a 1\r\nPING\r\nFLUSHALL\r\nEXEC\r\n"), refused + refused + refused + aborted);
  EXPECT_TRUE(keyspace.entries.empty());
  EXPECT_EQ(say("EXEC\r\nDISCARD\r\n"),
            "-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n");
  say("MULTI\r\n");
  EXPECT_EQ(say("DISCARD\r\nSET a 1\r\n"), "+OK\r\n+OK\r\n");
  say("MULTI\r\n");
  EXPECT_EQ(say("RESET\r\nGET a\r\n"), "+RESET\r\n$1\r\n1\r\n");
  EXPECT_TRUE(say("WATCH a\r\n").starts_with("-ERR WATCH is not supported"));
  EXPECT_EQ(say("UNWATCH\r\n"), "+OK\r\n");
}

TEST_F(SessionTest, KeysOfSeveralSlotsAreNotWrittenTogether) {
  open();
  const std::string crossed = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
  EXPECT_EQ(say("MSETNX a 1 b 2\r\nRENAME a b\r\nRENAMENX a b\r\nCOPY a b\r\n"),
            crossed + crossed + crossed + crossed);
  EXPECT_EQ(say("MSETNX {t}a 1 {t}b 2\r\nMSETNX {t}b 1 {t}c 2\r\n"), ":1\r\n:0\r\n");
  EXPECT_EQ(say("RENAME {t}a {t}c\r\nMGET {t}a {t}c\r\n"), "+OK\r\n*2\r\n$-1\r\n$1\r\n1\r\n");
  EXPECT_EQ(say("MSETNX a\r\nMSETNX a 1 a\r\n"),
            "-ERR wrong number of arguments for 'msetnx' command\r\n"
            "-ERR wrong number of arguments for 'msetnx' command\r\n");
}

TEST_F(SessionTest, SlotsTellTheirKeys) {
  open();
  say("MSET {t}a 1 {t}b 2 other 3\r\n");
  const std::string slot = std::to_string(slot_of("t"));
  EXPECT_EQ(say("CLUSTER KEYSLOT x{t}\r\n"), ":" + slot + "\r\n");
  EXPECT_EQ(say("CLUSTER COUNTKEYSINSLOT " + slot + "\r\n"), ":2\r\n");
  EXPECT_EQ(say("CLUSTER GETKEYSINSLOT " + slot + " 1\r\n"), "*1\r\n$4\r\n{t}a\r\n");
  EXPECT_EQ(say("CLUSTER COUNTKEYSINSLOT 16384\r\nCLUSTER GETKEYSINSLOT 1 -1\r\n"),
            "-ERR Invalid slot\r\n-ERR Invalid slot or number of keys\r\n");
  EXPECT_EQ(say("CLUSTER MYID\r\n"), "-TRYAGAIN this node is in no cluster yet\r\n");
}

TEST_F(SessionTest, CommandsTellOfThemselves) {
  open();
  EXPECT_EQ(say("COMMAND GETKEYS MSET a 1 b 2\r\n"), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(say("COMMAND GETKEYS COPY a b REPLACE\r\n"), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(say("COMMAND GETKEYS PING x\r\n"), "-ERR The command has no key arguments\r\n");
  EXPECT_EQ(say("COMMAND GETKEYS NOSUCH x\r\n"), "-ERR Invalid command specified\r\n");
  EXPECT_EQ(say("COMMAND LIST FILTERBY PATTERN RENAME*\r\n"),
            "*2\r\n$6\r\nrename\r\n$8\r\nrenamenx\r\n");
  EXPECT_EQ(say("COMMAND LIST FILTERBY MODULE x\r\n"), "*0\r\n");
  EXPECT_EQ(say("COMMAND LIST FOO\r\n"), "-ERR syntax error\r\n");
  for (const char* container : {"COMMAND", "CLIENT", "CONFIG", "CLUSTER", "RING"}) {
    const std::string help = say(std::string(container) + " HELP\r\n");
    EXPECT_NE(help.find(std::string("+") + container + " <subcommand>"), std::string::npos);
    EXPECT_NE(help.find("+HELP\r\n"), std::string::npos);
  }
  EXPECT_TRUE(say("CONFIG SET a b\r\n").starts_with("-ERR CONFIG SET is not supported"));
}

TEST_F(SessionTest, InfoCountsCommandsAndTheirFailures) {
  open();
  say("GET a\r\nSET a x\r\nINCR a\r\nCLIENT NO-EVICT maybe\r\n");
  const std::string info = say("INFO commandstats\r\n");
  EXPECT_NE(info.find("cmdstat_get:calls=1,usec=0,usec_per_call=0.00,failed_calls=0\r\n"),
            std::string::npos);
  EXPECT_NE(info.find("cmdstat_incr:calls=1,usec=0,usec_per_call=0.00,failed_calls=1\r\n"),
            std::string::npos);
  EXPECT_NE(
      info.find("cmdstat_client|no-evict:calls=1,usec=0,usec_per_call=0.00,failed_calls=1\r\n"),
      std::string::npos);
  EXPECT_EQ(say("INFO\r\n").find("Commandstats"), std::string::npos);
  EXPECT_NE(say("INFO cluster\r\n").find("cluster_enabled:1\r\n"), std::string::npos);
  EXPECT_NE(say("INFO persistence\r\n").find("loading:1\r\n"), std::string::npos);
}

}  // namespace
}  // namespace skep::ring
