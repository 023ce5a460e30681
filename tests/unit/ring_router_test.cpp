// Requests on their way to owners: those that nobody has told of, and what was begun at once.
#include <gtest/gtest.h>

#include "roles/ring/router.hpp"

namespace skep::ring {
namespace {

using namespace std::chrono_literals;

class RingRouter : public testing::Test {
 protected:
  // The answer to a request for arc 0, or "waits".
  std::string ask() {
    const std::string_view words[] = {"GET", "key"};
    said = "waits";
    const auto submitted = router.submit(now, {0, Op::command, false, 1, now + 1s, words});
    if (submitted.later != nullptr)
      submitted.later->done = [this](Answer&& answer) { said = answer.text; };
    return submitted.answer ? submitted.answer->text : said;
  }
  void answer(Outcome outcome, const std::string& text, const Record& record = {}) {
    Answer answer = failed(outcome, text);
    answer.more.make().record = record;
    router.on_answer(now, sent.back().attempt, std::move(answer));
  }
  struct Sending {
    NodeId to;
    std::uint64_t attempt;
    Epoch epoch;
    std::vector<std::string> words;
  };

  Time now{};
  NodeId likely = 0;
  bool begins = false;
  std::vector<Sending> sent;
  std::string said;
  Router router{
      1, 100,
      [this](Time, NodeId to, std::uint64_t attempt, const Request& request) {
        sent.push_back({to, attempt, request.epoch, {request.args.begin(), request.args.end()}});
        return Router::Sent{true, {}, begins};
      },
      [this](ArcId) { return likely; }};
};

TEST_F(RingRouter, WhoIsLikelyIsAskedWhileNobodyToldOfAnOwner) {
  likely = 7;
  EXPECT_EQ(ask(), "waits");
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].to, 7U);
  EXPECT_EQ(sent[0].epoch, 0U);  // so that it does nothing
  answer(Outcome::moved, "", Record{3, 9, {7, 9}, {}});
  router.on_tick(now);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].to, 9U);
  EXPECT_EQ(sent[1].epoch, 3U);
  EXPECT_EQ(sent[1].words, sent[0].words);
  answer(Outcome::done, "value");
  EXPECT_EQ(said, "value");
  EXPECT_EQ(ask(), "waits");
  EXPECT_EQ(sent.back().to, 9U);
}

TEST_F(RingRouter, WhoDoesNotKnowEitherIsAskedAgainAndNotAtOnce) {
  likely = 7;
  ask();
  answer(Outcome::moved, "");
  router.on_tick(now);
  EXPECT_EQ(sent.size(), 1U);
  now += 100ms;
  likely = 8;
  router.on_tick(now);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].to, 8U);
}

TEST_F(RingRouter, WithNobodyToAskItWaitsToBeToldAndSaysThatNothingWasDone) {
  EXPECT_EQ(ask(), "waits");
  EXPECT_TRUE(sent.empty());
  router.learn(now, 0, Record{1, 5, {5}, {}});
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].to, 5U);
  answer(Outcome::done, "value");
  EXPECT_EQ(said, "value");
}

TEST_F(RingRouter, WhatWasBegunIsNotSentAgainWhateverAnybodySays) {
  router.learn(now, 0, Record{1, 5, {5}, {}});
  begins = true;
  ask();
  answer(Outcome::moved, "", Record{2, 9, {9}, {}});
  EXPECT_EQ(said, "the key's owner contradicted itself");
  EXPECT_EQ(sent.size(), 1U);
  EXPECT_EQ(router.jobs(), 0U);
}

}  // namespace
}  // namespace skep::ring
