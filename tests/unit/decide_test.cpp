// Every one-key command: what it replies and does to a key, row by row.
#include "roles/ring/decide.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "net/resp_encode.hpp"
#include "roles/ring/commands.hpp"
#include "roles/ring/glob.hpp"

namespace skep::ring {
namespace {

constexpr WallMs kNow = 1'000'000;

struct Row {
  const char* words;   // separated by spaces; '' is an empty word
  const char* stored;  // null: absent
  WallMs expires;      // of what is stored
  const char* reply;   // as RESP2, without the last CRLF
  const char* after;   // "" no effect, "-" erased, else the new value, with @expiry if it expires
};

std::vector<std::string> split(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word == "''" ? "" : word);
  return words;
}

Decision run(const std::string& text, const char* value, WallMs expires,
             std::size_t max_value = kMaxValue) {
  auto words = split(text);
  std::vector<std::string_view> views(words.begin(), words.end());
  std::optional<Stored> stored;
  if (value != nullptr) stored = Stored{value, expires};
  Decision decision = decide(views, stored, kNow, max_value);
  decision.value = decision.put();
  decision.word = {};  // of the words here
  return decision;
}

std::string shown_effect(const Decision& decision) {
  if (decision.effect == Decision::Effect::none) return "";
  if (decision.effect == Decision::Effect::erase) return "-";
  std::string shown = decision.value;
  if (decision.expires != 0) shown += "@" + std::to_string(decision.expires);
  return shown;
}

void expect_rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    Decision decision = run(row.words, row.stored, row.expires);
    std::string reply;
    resp::encode(reply, decision.reply, resp::Version::resp2);
    std::string context = std::string(row.words) + " on " + (row.stored ? row.stored : "nothing");
    EXPECT_EQ(reply, std::string(row.reply) + "\r\n") << context;
    EXPECT_EQ(shown_effect(decision), row.after) << context;
  }
}

constexpr const char* kNil = "$-1";
constexpr const char* kSyntax = "-ERR syntax error";
constexpr const char* kNotInt = "-ERR value is not an integer or out of range";

struct JointRow {
  const char* words;
  std::vector<const char*> stored;  // of each key; null: absent
  const char* reply;
  const char* changes;  // "2=value@expiry 1-": what is put and erased at these places
};

void expect_joint(std::initializer_list<JointRow> rows) {
  for (const JointRow& row : rows) {
    auto words = split(row.words);
    std::vector<std::string_view> views(words.begin(), words.end());
    const JointKeys found = joint_keys(views);
    ASSERT_EQ(found.error, "") << row.words;
    ASSERT_EQ(found.keys.size(), row.stored.size()) << row.words;
    std::vector<std::optional<Stored>> stored;
    for (const char* value : row.stored)
      stored.push_back(value ? std::optional(Stored{value, 5'000'000}) : std::nullopt);
    JointDecision decision = decide_together(views, stored, kNow, 10);
    std::string reply;
    resp::encode(reply, decision.reply, resp::Version::resp2);
    EXPECT_EQ(reply, std::string(row.reply) + "\r\n") << row.words;
    std::string changes;
    for (const auto& change : decision.changes) {
      Decision one{{}, change.effect, change.value, change.expires};
      const std::string effect = shown_effect(one);
      changes += (changes.empty() ? "" : " ") + std::to_string(change.key) +
                 (effect == "-" ? effect : "=" + effect);
    }
    EXPECT_EQ(changes, row.changes) << row.words;
  }
}

TEST(Decide, Set) {
  expect_rows({
      {"SET k v", nullptr, 0, "+OK", "v"},
      {"set k v", "old", 5'000'000, "+OK", "v"},
      {"SET k v NX", "old", 0, kNil, ""},
      {"SET k v NX", nullptr, 0, "+OK", "v"},
      {"SET k v XX", nullptr, 0, kNil, ""},
      {"SET k v XX", "old", 0, "+OK", "v"},
      {"SET k v XX NX", "old", 0, kSyntax, ""},
      {"SET k v GET", "old", 0, "$3\r\nold", "v"},
      {"SET k v NX GET", "old", 0, "$3\r\nold", ""},
      {"SET k v NX GET", nullptr, 0, kNil, "v"},
      {"SET k v KEEPTTL", "old", 5'000'000, "+OK", "v@5000000"},
      {"SET k v KEEPTTL EX 1", "old", 5'000'000, kSyntax, ""},
      {"SET k v EX 10", nullptr, 0, "+OK", "v@1010000"},
      {"SET k v px 10", nullptr, 0, "+OK", "v@1000010"},
      {"SET k v EXAT 2000", nullptr, 0, "+OK", "v@2000000"},
      {"SET k v PXAT 2000001", nullptr, 0, "+OK", "v@2000001"},
      {"SET k v PXAT 1000000", "old", 0, "+OK", "-"},
      {"SET k v EXAT 1", nullptr, 0, "+OK", ""},
      {"SET k v EX 1 PX 1", nullptr, 0, kSyntax, ""},
      {"SET k v EX 1 EX 2", nullptr, 0, "+OK", "v@1002000"},
      {"SET k v EX", nullptr, 0, kSyntax, ""},
      {"SET k v EX x", nullptr, 0, kNotInt, ""},
      {"SET k v EX 0", nullptr, 0, "-ERR invalid expire time in 'set' command", ""},
      {"SET k v PX -1", nullptr, 0, "-ERR invalid expire time in 'set' command", ""},
      {"SET k v EX 9223372036854775807", nullptr, 0, "-ERR invalid expire time in 'set' command",
       ""},
      {"SET k v PX 9223372036854775807", nullptr, 0, "-ERR invalid expire time in 'set' command",
       ""},
      {"SET k v FOO", nullptr, 0, kSyntax, ""},
      {"SET k v PERSIST", nullptr, 0, kSyntax, ""},
      {"SET k", nullptr, 0, "-ERR wrong number of arguments for 'set' command", ""},
      {"SETNX k v", "old", 0, ":0", ""},
      {"SETNX k v", nullptr, 0, ":1", "v"},
      {"SETEX k 10 v", "old", 0, "+OK", "v@1010000"},
      {"SETEX k 0 v", "old", 0, "-ERR invalid expire time in 'setex' command", ""},
      {"PSETEX k 10 v", "old", 0, "+OK", "v@1000010"},
      {"PSETEX k x v", "old", 0, kNotInt, ""},
      {"GETSET k v", "old", 5'000'000, "$3\r\nold", "v"},
      {"GETSET k v", nullptr, 0, kNil, "v"},
  });
}

TEST(Decide, MemoryUsage) {
  expect_rows({
      {"MEMORY USAGE k", "value", 0, ":46", ""},
      {"MEMORY USAGE k SAMPLES 0", "value", 0, ":46", ""},
      {"MEMORY USAGE k", nullptr, 0, kNil, ""},
      {"MEMORY USAGE k SAMPLES", "value", 0, kSyntax, ""},
      {"MEMORY USAGE k FOO 1", "value", 0, kSyntax, ""},
      {"MEMORY USAGE k SAMPLES -1", "value", 0, kSyntax, ""},
  });
}

TEST(Decide, Together) {
  const char* no_key = "-ERR no such key";
  expect_joint({
      {"MSETNX a 1 b 2", {nullptr, nullptr}, ":1", "1=1 3=2"},
      {"msetnx a 1 b 2", {nullptr, "x"}, ":0", ""},
      {"MSETNX a 1 a 2", {nullptr, nullptr}, ":1", "1=1 3=2"},
      {"MSETNX a 12345678901",
       {nullptr},
       "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
       ""},
      {"RENAME a b", {"x", nullptr}, "+OK", "1- 2=x@5000000"},
      {"RENAME a b", {"x", "y"}, "+OK", "1- 2=x@5000000"},
      {"RENAME a b", {nullptr, "y"}, no_key, ""},
      {"RENAME a a", {"x", "x"}, "+OK", ""},
      {"RENAME a a", {nullptr, nullptr}, no_key, ""},
      {"RENAMENX a b", {"x", nullptr}, ":1", "1- 2=x@5000000"},
      {"RENAMENX a b", {"x", "y"}, ":0", ""},
      {"RENAMENX a b", {nullptr, "y"}, no_key, ""},
      {"RENAMENX a a", {"x", "x"}, ":0", ""},
      {"COPY a b", {"x", nullptr}, ":1", "2=x@5000000"},
      {"COPY a b", {"x", "y"}, ":0", ""},
      {"COPY a b replace DB 0", {"x", "y"}, ":1", "2=x@5000000"},
      {"COPY a b", {nullptr, "y"}, ":0", ""},
      {"COPY a a", {"x", "x"}, "-ERR source and destination objects are the same", ""},
      {"COPY a b DB", {"x", "y"}, kSyntax, ""},
      {"COPY a b FOO", {"x", "y"}, kSyntax, ""},
      {"COPY a b DB x", {"x", "y"}, kNotInt, ""},
      {"COPY a b DB 3", {"x", "y"}, "-ERR DB index is out of range", ""},
  });
}

TEST(Decide, OnlyCommandsOnKeysOfOneSlotAreDecidedTogether) {
  const auto error = [](const std::string& text) {
    auto words = split(text);
    std::vector<std::string_view> views(words.begin(), words.end());
    return joint_keys(views).error;
  };
  EXPECT_EQ(error("SET a b"), "ERR not a command on keys of one slot");
  EXPECT_EQ(error("MSETNX a"), "ERR wrong number of arguments for 'msetnx' command");
  EXPECT_EQ(error("MSETNX a 1 b"), "ERR wrong number of arguments for 'msetnx' command");
  EXPECT_EQ(error("RENAME a"), "ERR wrong number of arguments for 'rename' command");
  EXPECT_NE(error("NOSUCH a"), "");
  EXPECT_NE(error(""), "");
}

TEST(Decide, Conditions) {
  expect_rows({
      {"SET k v IFEQ old", "old", 0, "+OK", "v"},
      {"SET k v IFEQ other", "old", 0, kNil, ""},
      {"SET k v IFEQ old", nullptr, 0, kNil, ""},
      {"SET k v IFEQ old GET", "old", 0, "$3\r\nold", "v"},
      {"SET k v IFEQ other GET", "old", 0, "$3\r\nold", ""},
      {"SET k v IFEQ old EX 1", "old", 0, "+OK", "v@1001000"},
      {"SET k v IFEQ", "old", 0, kSyntax, ""},
      {"SET k v IFEQ old NX", "old", 0, kSyntax, ""},
      {"SET k v XX IFEQ old", "old", 0, kSyntax, ""},
      {"SET k v IFEQ ''", "", 0, "+OK", "v"},
      {"DELIFEQ k old", "old", 0, ":1", "-"},
      {"DELIFEQ k other", "old", 0, ":0", ""},
      {"DELIFEQ k old", nullptr, 0, ":0", ""},
      {"DELIFEQ k", "old", 0, "-ERR wrong number of arguments for 'delifeq' command", ""},
  });
}

TEST(Decide, Get) {
  expect_rows({
      {"GET k", nullptr, 0, kNil, ""},
      {"GET k", "v", 0, "$1\r\nv", ""},
      {"GETDEL k", "v", 0, "$1\r\nv", "-"},
      {"GETDEL k", nullptr, 0, kNil, ""},
      {"GETEX k", "v", 5'000'000, "$1\r\nv", ""},
      {"GETEX k PERSIST", "v", 5'000'000, "$1\r\nv", "v"},
      {"GETEX k PERSIST", "v", 0, "$1\r\nv", ""},
      {"GETEX k EX 1", "v", 0, "$1\r\nv", "v@1001000"},
      {"GETEX k PXAT 1", "v", 0, "$1\r\nv", "-"},
      {"GETEX k EX 0", "v", 0, "-ERR invalid expire time in 'getex' command", ""},
      {"GETEX k EX 0", nullptr, 0, kNil, ""},
      {"GETEX k NX", nullptr, 0, kSyntax, ""},
      {"GETEX k PERSIST EX 1", "v", 0, kSyntax, ""},
      {"STRLEN k", "abc", 0, ":3", ""},
      {"STRLEN k", nullptr, 0, ":0", ""},
      {"GETRANGE k 0 -1", "abc", 0, "$3\r\nabc", ""},
      {"GETRANGE k -2 100", "abc", 0, "$2\r\nbc", ""},
      {"GETRANGE k -1 -2", "abc", 0, "$0\r\n", ""},
      {"GETRANGE k 2 1", "abc", 0, "$0\r\n", ""},
      {"GETRANGE k -100 0", "abc", 0, "$1\r\na", ""},
      {"GETRANGE k 0 -100", "abc", 0, "$1\r\na", ""},
      {"SUBSTR k 3 3", "abc", 0, "$0\r\n", ""},
      {"GETRANGE k -9223372036854775808 9223372036854775807", "abc", 0, "$3\r\nabc", ""},
      {"GETRANGE k x 0", "abc", 0, kNotInt, ""},
      {"GETRANGE k 0 0", nullptr, 0, "$0\r\n", ""},
  });
}

TEST(Decide, Change) {
  expect_rows({
      {"APPEND k bc", "a", 5'000'000, ":3", "abc@5000000"},
      {"APPEND k bc", nullptr, 0, ":2", "bc"},
      {"SETRANGE k 1 XY", "abcd", 5'000'000, ":4", "aXYd@5000000"},
      {"SETRANGE k 3 XY", "abcd", 0, ":5", "abcXY"},
      {"SETRANGE k 0 ''", "abcd", 0, ":4", ""},
      {"SETRANGE k 5 ''", nullptr, 0, ":0", ""},
      {"SETRANGE k -1 x", "abcd", 0, "-ERR offset is out of range", ""},
      {"SETRANGE k 536870912 x", nullptr, 0,
       "-ERR string exceeds maximum allowed size (proto-max-bulk-len)", ""},
      {"SETRANGE k 9223372036854775807 x", nullptr, 0,
       "-ERR string exceeds maximum allowed size (proto-max-bulk-len)", ""},
  });
  EXPECT_EQ(run("SETRANGE k 2 x", nullptr, 0).value, std::string("\0\0x", 3));
}

TEST(Decide, Numbers) {
  constexpr const char* kOverflow = "-ERR increment or decrement would overflow";
  expect_rows({
      {"INCR k", nullptr, 0, ":1", "1"},
      {"INCR k", "9", 5'000'000, ":10", "10@5000000"},
      {"INCR k", "9223372036854775807", 0, kOverflow, ""},
      {"DECR k", "-9223372036854775808", 0, kOverflow, ""},
      {"INCR k", "01", 0, kNotInt, ""},
      {"INCR k", "+1", 0, kNotInt, ""},
      {"INCR k", "-0", 0, kNotInt, ""},
      {"INCR k", "", 0, kNotInt, ""},
      {"INCR k", "9223372036854775808", 0, kNotInt, ""},
      {"INCRBY k -5", "3", 0, ":-2", "-2"},
      {"INCRBY k x", "3", 0, kNotInt, ""},
      {"DECRBY k 5", "3", 0, ":-2", "-2"},
      {"DECRBY k -9223372036854775808", "3", 0, "-ERR decrement would overflow", ""},
      {"INCRBYFLOAT k 0.1", "10.5", 5'000'000, "$4\r\n10.6", "10.6@5000000"},
      {"INCRBYFLOAT k 5.0e3", nullptr, 0, "$4\r\n5000", "5000"},
      {"INCRBYFLOAT k -1", "1", 0, "$1\r\n0", "0"},
      {"INCRBYFLOAT k x", "1", 0, "-ERR value is not a valid float", ""},
      {"INCRBYFLOAT k nan", "1", 0, "-ERR value is not a valid float", ""},
      {"INCRBYFLOAT k inf", "1", 0, "-ERR increment would produce NaN or Infinity", ""},
      {"INCRBYFLOAT k 1", "", 0, "-ERR value is not a valid float", ""},
  });
}

TEST(Decide, KeysAndExpiry) {
  constexpr const char* kInvalid = "-ERR invalid expire time in 'expire' command";
  constexpr const char* kClash =
      "-ERR NX and XX, GT or LT options at the same time are not compatible";
  expect_rows({
      {"DEL k", "v", 0, ":1", "-"},
      {"UNLINK k", nullptr, 0, ":0", ""},
      {"EXISTS k", "v", 0, ":1", ""},
      {"TOUCH k", nullptr, 0, ":0", ""},
      {"TYPE k", "v", 0, "+string", ""},
      {"TYPE k", nullptr, 0, "+none", ""},
      {"EXPIRE k 10", "v", 0, ":1", "v@1010000"},
      {"EXPIRE k 10", nullptr, 0, ":0", ""},
      {"EXPIRE k -1", "v", 0, ":1", "-"},
      {"EXPIRE k 0", "v", 0, ":1", "-"},
      {"PEXPIRE k 10", "v", 0, ":1", "v@1000010"},
      {"EXPIREAT k 2000", "v", 0, ":1", "v@2000000"},
      {"PEXPIREAT k 0", "v", 0, ":1", "-"},
      {"PEXPIREAT k 2000000", "v", 0, ":1", "v@2000000"},
      {"EXPIRE k 10 NX", "v", 5'000'000, ":0", ""},
      {"EXPIRE k 10 XX", "v", 0, ":0", ""},
      {"EXPIRE k 10 XX", "v", 5'000'000, ":1", "v@1010000"},
      {"EXPIRE k 10 GT", "v", 0, ":0", ""},
      {"EXPIRE k 10 GT", "v", 1'010'000, ":0", ""},
      {"EXPIRE k 10 GT", "v", 1'009'999, ":1", "v@1010000"},
      {"EXPIRE k 10 LT", "v", 0, ":1", "v@1010000"},
      {"EXPIRE k 10 LT", "v", 1'010'000, ":0", ""},
      {"EXPIRE k 10 XX LT", "v", 5'000'000, ":1", "v@1010000"},
      {"EXPIRE k 10 NX LT", "v", 0, kClash, ""},
      {"EXPIRE k 10 GT LT", "v", 0, "-ERR GT and LT options at the same time are not compatible",
       ""},
      {"EXPIRE k 10 FOO", "v", 0, "-ERR Unsupported option FOO", ""},
      {"EXPIRE k x", "v", 0, kNotInt, ""},
      {"EXPIRE k 9223372036854775807", nullptr, 0, kInvalid, ""},
      {"EXPIRE k 9223372036854775", "v", 0, kInvalid, ""},
      {"EXPIRE k -9223372036854775808", "v", 0, kInvalid, ""},
      {"PEXPIRE k -9223372036854775808", "v", 0, ":1", "-"},
      {"TTL k", nullptr, 0, ":-2", ""},
      {"TTL k", "v", 0, ":-1", ""},
      {"TTL k", "v", 1'001'499, ":1", ""},
      {"TTL k", "v", 1'001'500, ":2", ""},
      {"PTTL k", "v", 1'001'500, ":1500", ""},
      {"EXPIRETIME k", "v", 1'001'500, ":1002", ""},
      {"PEXPIRETIME k", "v", 1'001'500, ":1001500", ""},
      {"PERSIST k", "v", 1'001'500, ":1", "v"},
      {"PERSIST k", "v", 0, ":0", ""},
      {"PERSIST k", nullptr, 0, ":0", ""},
  });
}

// What another node may send by mistake, or in a later version.
TEST(Decide, AnythingElseIsRefused) {
  expect_rows({
      {"", nullptr, 0, kSyntax, ""},
      {"NOSUCH k", nullptr, 0, "-ERR unknown command 'NOSUCH', with args beginning with: 'k' ", ""},
      {"FLUSHALL", "v", 0, "-ERR not a command on one key", ""},
      {"MGET k", "v", 0, "-ERR not a command on one key", ""},
      {"DEL k l", "v", 0, "-ERR a command on several keys is decided key by key", ""},
      {"CLIENT ID", "v", 0, "-ERR not a command on one key", ""},
      {"client|id x", "v", 0, "-ERR unknown command 'client|id', with args beginning with: 'x' ",
       ""},
  });
}

TEST(Decide, NoValueGrowsBeyondItsBound) {
  for (const char* words : {"SET k 12345", "SETNX k 12345", "SETEX k 9 12345", "PSETEX k 9 12345",
                            "GETSET k 12345", "APPEND k 12345", "SETRANGE k 4 1"}) {
    Decision decision = run(words, nullptr, 0, 4);
    EXPECT_EQ(decision.reply.text, "ERR string exceeds maximum allowed size (proto-max-bulk-len)")
        << words;
    EXPECT_EQ(decision.effect, Decision::Effect::none) << words;
    EXPECT_EQ(run(words, nullptr, 0, 5).effect, Decision::Effect::put) << words;
  }
}

TEST(Commands, TheTableIsConsistent) {
  for (const Command& command : commands()) {
    EXPECT_EQ(find_command(command.name), &command) << command.name;
    EXPECT_EQ(command.kind == Kind::key || command.verb == Verb::sum, command.decide != nullptr)
        << command.name;
    EXPECT_EQ(command.kind == Kind::joint, command.together != nullptr) << command.name;
    const bool on_keys =
        command.kind == Kind::key || command.kind == Kind::keys || command.kind == Kind::joint;
    EXPECT_EQ(on_keys && command.kind != Kind::keys, command.verb == Verb::none) << command.name;
    EXPECT_EQ(on_keys, command.first > 0) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
  }
}

TEST(Glob, MatchesAsRedisDoes) {
  for (auto [pattern, text] :
       std::initializer_list<std::pair<const char*, const char*>>{{"*", ""},
                                                                  {"a*c", "abbc"},
                                                                  {"h?llo", "hello"},
                                                                  {"h[ae]llo", "hallo"},
                                                                  {"h[^e]llo", "hallo"},
                                                                  {"h[b-a]llo", "hallo"},
                                                                  {"a\\*", "a*"},
                                                                  {"[\\]]", "]"},
                                                                  {"*a*b*", "xxaxxbxx"},
                                                                  {"[a", "a"},
                                                                  {"***", "x"},
                                                                  {"", ""}})
    EXPECT_TRUE(glob_match(pattern, text)) << pattern << " " << text;
  for (auto [pattern, text] :
       std::initializer_list<std::pair<const char*, const char*>>{{"", "a"},
                                                                  {"a*c", "abb"},
                                                                  {"h?llo", "hllo"},
                                                                  {"h[^e]llo", "hello"},
                                                                  {"a\\*", "ab"},
                                                                  {"[", "a"},
                                                                  {"?", ""},
                                                                  {"**", ""},
                                                                  {"a", "A"},
                                                                  {"*a", "ab"}})
    EXPECT_FALSE(glob_match(pattern, text)) << pattern << " " << text;
  // Many stars must not take for ever.
  std::string stars;
  for (int i = 0; i < 50; ++i) stars += "*a";
  EXPECT_FALSE(glob_match(stars + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace skep::ring
