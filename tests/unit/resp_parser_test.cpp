// Requests and replies out of streams that come in any pieces.
#include "net/resp_parser.hpp"

#include <gtest/gtest.h>

#include <random>

#include "net/resp_encode.hpp"
#include "net/resp_reply.hpp"

namespace skep::resp {
namespace {

using Words = std::vector<std::string>;
using Next = RequestParser::Next;

struct Parsed {
  std::vector<Words> requests;
  std::string error;
};

// Feeds `bytes` cut at `cut`, then in single bytes from there if `slowly`.
Parsed parse(std::string_view bytes, std::size_t cut, bool slowly, RequestLimits limits = {}) {
  RequestParser parser(limits);
  Parsed parsed;
  auto feed = [&](std::string_view piece) {
    parser.feed(piece);
    Next next;
    while ((next = parser.next()) == Next::request)
      parsed.requests.emplace_back(parser.args().begin(), parser.args().end());
    if (next == Next::broken) parsed.error = parser.error();
  };
  feed(bytes.substr(0, cut));
  if (!slowly)
    feed(bytes.substr(cut));
  else
    for (char c : bytes.substr(cut)) feed(std::string_view(&c, 1));
  return parsed;
}

void expect_at_every_cut(std::string_view bytes, const std::vector<Words>& requests,
                         std::string_view error = {}) {
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    for (bool slowly : {false, true}) {
      Parsed parsed = parse(bytes, cut, slowly);
      EXPECT_EQ(parsed.requests, requests) << "cut at " << cut;
      EXPECT_EQ(parsed.error, error) << "cut at " << cut;
    }
  }
}

TEST(RequestParser, ArraysAndInlineCommandsAtEveryCut) {
  using namespace std::string_literals;
  expect_at_every_cut(
      "*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n*0\r\n*-1\r\nPING\r\n\r\nSET k \"a\\x41\\n\" 'it\\'s'\n"
      "*1\r\n$0\r\n\r\n  ECHO   x\t\"\"  \r\n",
      {{"GET", "a\r\nb"}, {"PING"}, {"SET", "k", "aA\n", "it's"}, {""}, {"ECHO", "x", ""}});
  expect_at_every_cut("GET a\0b\r\nPING\r\n"s, {{"GET", "a"}, {"PING"}});
  expect_at_every_cut("a\"b c\" d'e'\n", {{"ab c", "de"}});
}

TEST(RequestParser, ProtocolErrorsAreRedisOnes) {
  const Words ping{"PING"};
  expect_at_every_cut("PING\r\n*x\r\n", {ping}, "Protocol error: invalid multibulk length");
  expect_at_every_cut("*01\r\n", {}, "Protocol error: invalid multibulk length");
  expect_at_every_cut("*1048577\r\n", {}, "Protocol error: invalid multibulk length");
  expect_at_every_cut("*1\r\nfoo\r\n", {}, "Protocol error: expected '$', got 'f'");
  expect_at_every_cut("*1\r\n$-1\r\n", {}, "Protocol error: invalid bulk length");
  expect_at_every_cut("*1\r\n$536870913\r\n", {}, "Protocol error: invalid bulk length");
  expect_at_every_cut("GET \"a\r\n", {}, "Protocol error: unbalanced quotes in request");
  expect_at_every_cut("GET 'a'b\r\nPING\r\n", {}, "Protocol error: unbalanced quotes in request");
}

TEST(RequestParser, LongLinesAreRefused) {
  const std::string line(70000, 'a');
  EXPECT_EQ(parse(line, 1000, false).error, "Protocol error: too big inline request");
  EXPECT_EQ(parse(line + "\r\n", 0, false).error, "Protocol error: too big inline request");
  EXPECT_EQ(parse("*" + line, 1000, false).error, "Protocol error: too big mbulk count string");
  EXPECT_EQ(parse("*1\r\n$" + line, 9, false).error, "Protocol error: too big bulk count string");
}

TEST(RequestParser, LimitsCanBeSet) {
  const RequestLimits limits{.max_bulk = 4, .max_args = 2, .max_inline = 100, .max_request = 20};
  EXPECT_EQ(parse("*3\r\n", 0, false, limits).error, "Protocol error: invalid multibulk length");
  EXPECT_EQ(parse("*1\r\n$5\r\n", 0, false, limits).error, "Protocol error: invalid bulk length");
  EXPECT_EQ(parse("a bb ccc dddd eeeee ffffff", 0, false, limits).error,
            "Protocol error: too big request");
  const std::string whole = "*2\r\n$4\r\naaaa\r\n$4\r\nbbbb\r\n";
  EXPECT_EQ(parse(whole, whole.size(), false, limits).error, "Protocol error: too big request");
}

TEST(RequestParser, StrangersAreKeptShort) {
  RequestParser parser;
  parser.set_strict(true);
  parser.feed("*11\r\n");
  EXPECT_EQ(parser.next(), Next::broken);
  EXPECT_EQ(parser.error(), "Protocol error: unauthenticated multibulk length");
  RequestParser other;
  other.set_strict(true);
  other.feed("*1\r\n$16385\r\n");
  EXPECT_EQ(other.next(), Next::broken);
  EXPECT_EQ(other.error(), "Protocol error: unauthenticated bulk length");
}

TEST(RequestParser, ARequestOutlivesWhatComesBehindIt) {
  RequestParser parser;
  parser.feed("*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPI");
  ASSERT_EQ(parser.next(), Next::request);
  parser.feed(std::string(100000, ' ') + "x");
  EXPECT_EQ(parser.args()[1], "hi");
}

// Whatever comes, in whatever pieces: the same requests and the same error.
TEST(RequestParser, AnyBytesMeanTheSameInAnyPieces) {
  constexpr std::string_view kAlphabet = "**$$$1123\r\n\r\n\r\n\"'\\ aP";
  std::minstd_rand random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(1 + random() % 60, ' ');
    for (char& c : bytes) c = kAlphabet[random() % kAlphabet.size()];
    if (round % 2 == 0) bytes = "*2\r\n$3\r\nGET\r\n" + bytes;
    const Parsed whole = parse(bytes, bytes.size(), false);
    const Parsed cut = parse(bytes, random() % bytes.size(), round % 4 < 2);
    EXPECT_EQ(whole.requests, cut.requests) << bytes;
    EXPECT_EQ(whole.error, cut.error) << bytes;
  }
}

// Every kind of reply, as a server writes it in either version, and back.
TEST(Reply, RoundTripsAtEveryCut) {
  const Value value = Value::array(
      {Value::status("OK"), Value::error("ERR no"), Value::integer(-9), Value::bulk("a\r\nb"),
       Value::null(), Value::array({}), Value::map({Value::bulk("k"), Value::set({Value::null()})}),
       Value::boolean(true), Value::verbatim("text"), Value{Value::Kind::real, {}, 0, 2.5, {}}});
  std::string bytes;
  encode(bytes, value, Version::resp3);
  encode(bytes, Value::push({Value::bulk("x")}), Version::resp3);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ReplyParser parser;
    std::vector<Value> values;
    for (auto piece :
         {std::string_view(bytes).substr(0, cut), std::string_view(bytes).substr(cut)}) {
      parser.feed(piece);
      for (;;) {
        auto next = parser.next();
        ASSERT_TRUE(next) << next.error().message;
        if (!*next) break;
        values.push_back(std::move(**next));
      }
    }
    EXPECT_EQ(values, (std::vector<Value>{value, Value::push({Value::bulk("x")})})) << cut;
  }
}

TEST(Reply, Resp2SaysTheNearestThing) {
  std::string bytes;
  encode(bytes, Value::map({Value::boolean(true), Value::null()}), Version::resp2);
  encode(bytes, Value{Value::Kind::real, {}, 0, 0.1, {}}, Version::resp2);
  encode(bytes, Value::verbatim("a"), Version::resp2);
  encode(bytes, Value::set({Value::error("ERR a\r\nb")}), Version::resp2);
  EXPECT_EQ(bytes, "*2\r\n:1\r\n$-1\r\n$3\r\n0.1\r\n$1\r\na\r\n*1\r\n-ERR a  b\r\n");
}

TEST(Reply, WhatIsNotRespIsSaid) {
  for (std::string_view bytes :
       {"HTTP/1.1 400\r\n", "\r\n", ":x\r\n", "$-2\r\n", "%\r\n", "#y\r\n"}) {
    ReplyParser parser;
    parser.feed(bytes);
    EXPECT_FALSE(parser.next()) << bytes;
  }
  ReplyParser deep;
  for (int i = 0; i < 100; ++i) deep.feed("*1\r\n");
  EXPECT_FALSE(deep.next());
}

}  // namespace
}  // namespace skep::resp
