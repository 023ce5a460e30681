// `server kv`, over proposers that answer what a test tells them to.
#include <gtest/gtest.h>

#include <deque>
#include <sstream>

#include "roles/proposer/shell.hpp"
#include "roles/proposer/shell_show.hpp"
#include "tests/unit/temp_directory.hpp"

namespace skep::proposer {
namespace {

using namespace std::string_literals;

http::Response answer(unsigned status, std::string body = "", http::Headers headers = {}) {
  return {status, "application/json", std::move(body), std::move(headers)};
}

http::Response absent() { return answer(404, R"({"code":"absent"})"); }

class ProposerShell : public testing::Test {
 protected:
  Result<http::Response> ask(const Address& node, const http::Request& request) {
    std::string said = node + ' ' + request.method + ' ' + request.target;
    for (const auto& [name, value] : std::map(request.headers.begin(), request.headers.end()))
      if (name != "content-type") said += ' ' + name + '=' + value;
    asked.push_back(said + (request.body.empty() ? "" : ' ' + request.body));
    EXPECT_FALSE(answers.empty()) << asked.back();
    if (answers.empty()) return fail(Code::unavailable, "the test has no more answers");
    auto next = std::move(answers.front());
    answers.pop_front();
    if (next) next->peer = node;
    return next;
  }
  // Exit code, what came out, and the diagnostics behind a bar: "0 value|version 7".
  std::string run(std::string_view line) {
    asked.clear();
    out.str("");
    std::ostringstream diagnostics;
    std::istringstream in("from\0stdin\n"s);
    Proposers proposers(nodes, token, [this](const auto& node, const auto& request, Duration) {
      return ask(node, request);
    });
    Shell shell(
        proposers, json, [] { return "id"; }, one_command ? &in : nullptr, out, diagnostics);
    const int exit = shell.run_line(line);
    EXPECT_TRUE(answers.empty());
    std::string said = out.str() + '|' + diagnostics.str();
    return std::to_string(exit) + ' ' + said;
  }
  using Strings = std::vector<std::string>;

  std::ostringstream out;
  std::vector<Address> nodes{"a:1"};
  std::string token;
  bool json = false;
  bool one_command = true;
  std::deque<Result<http::Response>> answers;
  Strings asked;
};

TEST_F(ProposerShell, AValueComesAloneAndItsVersionBesideIt) {
  answers = {answer(200, "value", {{"etag", "\"7\""}})};
  EXPECT_EQ(run("get 'a b/c?'"), "0 value\n|version 7\n");
  EXPECT_EQ(asked, Strings{"a:1 GET /v1/kv/a%20b/c%3F"});
  answers = {answer(200, "value", {{"etag", "\"7\""}})};
  EXPECT_EQ(run("get a -"), "0 value|version 7\n");
  answers = {absent()};
  EXPECT_EQ(run("get a"), "1 |there is no such key\n");
  json = true;
  answers = {answer(200, "\xff", {{"etag", "\"7\""}})};
  EXPECT_EQ(run("get a"), "0 {\"key\":\"a\",\"version\":7,\"value\":{\"base64\":\"/w==\"}}\n|");
}

TEST_F(ProposerShell, ValuesComeFromWordsFilesAndStandardInput) {
  unit::TempDirectory directory;
  directory.write("value", "in a file\n");
  const std::string file = (directory / "value").string();
  const std::pair<std::string, std::string> values[] = {
      {"word", "word"},        {"\"two words\"", "two words"},
      {"-", "from\0stdin\n"s}, {"@" + file, "in a file\n"},
      {"@@at", "@at"},         {"''", ""}};
  for (const auto& [word, value] : values) {
    answers = {answer(204, "", {{"etag", "\"8\""}})};
    EXPECT_EQ(run("set a " + word), "0 version 8\n|");
    EXPECT_EQ(asked,
              Strings{"a:1 PUT /v1/kv/a idempotency-key=id" + (value.empty() ? "" : ' ' + value)});
  }
  EXPECT_EQ(run("set a @/does/not/exist"), "2 |cannot read /does/not/exist\n");
  one_command = false;
  EXPECT_EQ(run("set a -"), "2 |'-' reads a value from standard input, where the commands are\n");
  answers = {answer(200, "\n\0 bytes"s, {{"etag", "\"8\""}})};
  EXPECT_EQ(run("get a @" + file), "0 |version 8\n");
  answers = {answer(204, "", {{"etag", "\"9\""}})};
  run("set a @" + file);
  EXPECT_EQ(asked, Strings{"a:1 PUT /v1/kv/a idempotency-key=id \n\0 bytes"s});
}

TEST_F(ProposerShell, EachChangeIsItsOwnRequest) {
  const std::tuple<const char*, const char*, const char*> all[] = {
      {"create a v", "PUT /v1/kv/a idempotency-key=id if-none-match=* v", "version 8"},
      {"update a v", "PUT /v1/kv/a idempotency-key=id if-match=* v", "version 8"},
      {"cas a 7 v", "PUT /v1/kv/a idempotency-key=id if-match=\"7\" v", "version 8"},
      {"cas a '\"7\"' v", "PUT /v1/kv/a idempotency-key=id if-match=\"7\" v", "version 8"},
      {"delete a", "DELETE /v1/kv/a idempotency-key=id", "deleted"},
      {"delete a 7", "DELETE /v1/kv/a idempotency-key=id if-match=\"7\"", "deleted"},
      {"cas_value a \"\\xff\" v",
       R"(POST /v1/kv/a idempotency-key=id {"change":"cas_value",)"
       R"("args":{"expected":{"base64":"/w=="},"value":"v"}})",
       "version 8"},
      {"append a v", R"(POST /v1/kv/a idempotency-key=id {"change":"append","args":{"value":"v"}})",
       "version 8"},
      {"add a", R"(POST /v1/kv/a idempotency-key=id {"change":"add","args":{"by":1}})", "5"},
      {"add a -3", R"(POST /v1/kv/a idempotency-key=id {"change":"add","args":{"by":-3}})", "5"}};
  for (const auto& [line, request, said] : all) {
    answers = {answer(200, R"({"version":8,"value":"5","present":true})", {{"etag", "\"8\""}})};
    const std::string diagnostics = said == "5"s ? "version 8\n" : "";
    EXPECT_EQ(run(line), "0 "s + said + "\n|" + diagnostics) << line;
    EXPECT_EQ(asked, Strings{"a:1 "s + request});
  }
}

TEST_F(ProposerShell, ARefusalSaysWhatIsThere) {
  answers = {
      answer(412, R"({"detail":"another version is there","done":"no"})", {{"etag", "\"9\""}})};
  EXPECT_EQ(run("cas a 7 v"), "1 |not done: another version is there\n");
  answers = {answer(413, R"({"detail":"at most 1 MiB","done":"no"})")};
  EXPECT_EQ(run("set a v"), "1 |not done: at most 1 MiB\n");
  answers = {answer(403, "<html>")};
  EXPECT_EQ(run("get a"), "1 |not done: a:1 answers with HTTP status 403\n");
  answers = {http::Response{400, "text/plain", "the cluster port\n"}};
  EXPECT_EQ(run("get a"), "1 |not done: a:1 answers with HTTP status 400: the cluster port\n");
  answers = {answer(401, R"({"detail":"the token is refused"})")};
  EXPECT_EQ(run("get a"), "1 |not done: the token is refused (by --token-file FILE)\n");
}

TEST_F(ProposerShell, ReadsGoOnToTheNextProposer) {
  nodes = {"a:1", "b:1", "c:1"};
  answers = {fail(Code::unknown, "lost"), answer(503), answer(200, "v", {{"etag", "\"7\""}})};
  EXPECT_EQ(run("get a"), "0 v\n|version 7\n");
  EXPECT_EQ(asked.back(), "c:1 GET /v1/kv/a");
  answers = {answer(503), fail(Code::unavailable, "refused"),
             answer(503, R"({"detail":"no quorum"})")};
  EXPECT_EQ(run("get a"), "1 |not done: no quorum\n");
}

TEST_F(ProposerShell, ARefusedChangeIsTriedAtTheNextProposer) {
  nodes = {"a:1", "b:1"};
  answers = {answer(404), fail(Code::unavailable, "refused"), answer(201, "", {{"etag", "\"1\""}})};
  EXPECT_EQ(run("set a v"), "0 version 1\n|");
  EXPECT_EQ(asked, (Strings{"a:1 HEAD /v1/kv/a", "a:1 PUT /v1/kv/a idempotency-key=id v",
                            "b:1 PUT /v1/kv/a idempotency-key=id v"}));
  answers = {answer(404), answer(503, R"({"detail":"no quorum","done":"no"})"),
             fail(Code::unavailable, "nobody there")};
  EXPECT_EQ(run("set a v"), "1 |not done: no quorum\n");
}

TEST_F(ProposerShell, WhoIsNoProposerIsNotBelieved) {
  answers = {answer(404, R"({"detail":"there is no such page","code":"no_such_page"})")};
  EXPECT_EQ(run("get a"), "1 |not done: a:1 is no proposer's listener: there is no such page\n");
  nodes = {"a:1", "b:1"};
  answers = {answer(404, "<html>"), absent()};
  EXPECT_EQ(run("get a"), "1 |there is no such key\n");
}

TEST_F(ProposerShell, WhatCannotBeReadIsNotWritten) {
  EXPECT_EQ(run("set a @/"), "2 |cannot read /\n");
  EXPECT_EQ(run("set a @/absent"), "2 |cannot read /absent\n");
}

TEST_F(ProposerShell, WhatCannotBePrintedIsSaid) {
  answers = {answer(200, "value", {{"etag", "\"7\""}})};
  out.setstate(std::ios::badbit);
  EXPECT_EQ(run("get a -"), "3 |version 7\nstandard output does not take what was to be printed\n");
}

TEST_F(ProposerShell, AnUnknownOutcomeIsRepeatedSoThatItIsKnownAsARepeat) {
  nodes = {"a:1", "b:1"};
  answers = {answer(200, "", {{"etag", "\"7\""}}), fail(Code::unknown, "lost"),
             answer(204, "", {{"etag", "\"8\""}})};
  EXPECT_EQ(run("set a v"), "0 version 8\n|");
  EXPECT_EQ(asked.back(), "b:1 PUT /v1/kv/a idempotency-key=id idempotency-version=7 v");
  // A proposer that knows the version better.
  answers = {answer(200, "", {{"etag", "\"7\""}}),
             answer(504, R"({"detail":"no quorum","done":"unknown","base":9})"),
             answer(204, "", {{"etag", "\"10\""}})};
  EXPECT_EQ(run("set a v"), "0 version 10\n|");
  EXPECT_EQ(asked.back(), "b:1 PUT /v1/kv/a idempotency-key=id idempotency-version=9 v");
}

TEST_F(ProposerShell, WhatStaysUnknownIsSaidSo) {
  // Where nothing tells the version, a repeat might be done twice.
  answers = {fail(Code::unknown, "lost")};
  EXPECT_EQ(run("add a"), "3 |may have been done: lost\n");
  answers = {answer(504, R"({"detail":"no quorum","done":"unknown"})")};
  EXPECT_EQ(run("add a"), "3 |may have been done: no quorum\n");
  // A certain refusal of the repeat says nothing of the first.
  answers = {answer(504, R"({"detail":"no quorum","done":"unknown","base":9})"),
             fail(Code::unavailable, "nobody there")};
  EXPECT_EQ(run("add a"), "3 |may have been done: no quorum\n");
  answers = {answer(504, R"({"detail":"no quorum","done":"unknown","base":9})"),
             answer(412, R"({"detail":"it is there","done":"no"})")};
  EXPECT_EQ(run("create a v"), "3 |may have been done: no quorum\n");
  // But a version that has passed does not come again.
  answers = {answer(504, R"({"detail":"no quorum","done":"unknown","base":9})"),
             answer(412, R"({"detail":"another version","done":"no"})", {{"etag", "\"12\""}})};
  EXPECT_EQ(run("cas a 9 v"), "1 |not done: another version\n");
}

TEST_F(ProposerShell, ListsPageByPage) {
  answers = {answer(200, R"({"keys":[{"key":"a","version":3},{"key":"b c","version":4}],)"
                         R"("more":true,"after":"b c"})"),
             answer(200, R"({"keys":[{"key":{"base64":"/w=="},"version":5}],)"
                         R"("more":false,"after":{"base64":"/w=="}})")};
  EXPECT_EQ(run("list"), "0 a\t3\n\"b c\"\t4\n\"\\xff\"\t5\n|");
  EXPECT_EQ(asked, (Strings{"a:1 GET /v1/kv?limit=1000&prefix=",
                            "a:1 GET /v1/kv?limit=1000&prefix=&after=b%20c"}));
  json = true;
  answers = {answer(200, R"({"keys":[{"key":"a","version":3}],"more":false,"after":"a"})")};
  EXPECT_EQ(run("list a"), "0 {\"key\":\"a\",\"version\":3}\n|");
  for (const char* bad :
       {"rubbish", "[]", R"({"keys":[1],"more":false})", R"({"keys":[],"more":true})"}) {
    answers = {answer(200, bad)};
    EXPECT_EQ(run("list"), "1 |not done: a malformed answer\n") << bad;
  }
}

TEST_F(ProposerShell, WrongWordsSayWhatIsAccepted) {
  EXPECT_EQ(run("set a"), "2 |accepted: set KEY VALUE\n");
  EXPECT_EQ(run("get ''"), "2 |a key is not empty\n");
  EXPECT_EQ(run("cas a x v"), "2 |accepted as VERSION: a whole number, 1 or more\n");
  EXPECT_EQ(run("cas a -1 v"), "2 |accepted as VERSION: a whole number, 1 or more\n");
  EXPECT_EQ(run("add a 99999999999999999999"),
            "2 |accepted as NUMBER: a whole number of 64 bits\n");
  EXPECT_EQ(run("frob"), "2 |unknown command 'frob'; `help` lists what there is\n");
  const std::string help = run("help");
  for (const std::string& word : Shell::words()) EXPECT_NE(help.find(word), std::string::npos);
}

TEST_F(ProposerShell, TheTokenIsShown) {
  token = "secret";
  answers = {absent()};
  run("get a");
  EXPECT_EQ(asked, Strings{"a:1 GET /v1/kv/a authorization=Bearer secret"});
}

}  // namespace
}  // namespace skep::proposer
