// What a node owes to others in answers: the count, and what becomes of requests that ask for more.
#include "roles/ring/owed.hpp"
#include "tests/unit/ring_hive.hpp"

namespace skep::ring {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMost = 100'000;
constexpr std::size_t kValue = 30'000;  // three of them fit

TEST(Owed, CountsWhatIsPromisedMadeAndQueued) {
  Owed owed(kMost);
  EXPECT_TRUE(owed.make(1, 10, 60'000));
  EXPECT_FALSE(owed.make(1, 11, 60'000));
  EXPECT_TRUE(owed.make(2, 12, 60'000)) << "each node has its own bound";
  EXPECT_TRUE(owed.make(1, 10, 60'000)) << "the same answer counts once";
  EXPECT_TRUE(owed.make(1, 10, 100'000));
  EXPECT_FALSE(owed.make(1, 10, 100'010));
  owed.give(10);
  EXPECT_FALSE(owed.fits(1, 60'000)) << "it is on its way to the transport";
  owed.set_queued(1, 40'000);
  EXPECT_TRUE(owed.fits(1, 60'000));
  EXPECT_FALSE(owed.fits(1, 60'001));
  owed.set_queued(1, 50'000);
  EXPECT_TRUE(owed.fits(1, 60'000)) << "something else was sent";
  EXPECT_TRUE(owed.fits(1, 1)) << "a small one always fits";
  owed.set_queued(1, 0);
  EXPECT_TRUE(owed.fits(1, 10 * kMost)) << "a large one goes alone";
  EXPECT_TRUE(owed.make(1, 13, 10 * kMost));
  EXPECT_FALSE(owed.make(1, 14, 60'000));
  owed.give(13);
  owed.give(99);  // of a request that was promised nothing
  owed.set_queued(1, 0);
  EXPECT_TRUE(owed.make(1, 14, 60'000));
}

TEST(Owed, KnowsWhatACommandAnswers) {
  const auto bytes = [](std::vector<std::string_view> words) { return replied(words, kValue); };
  for (const char* whole : {"GET", "getdel", "GetEx"}) EXPECT_EQ(bytes({whole, "k"}), kValue);
  EXPECT_EQ(bytes({"GETSET", "k", "v"}), kValue);
  EXPECT_EQ(bytes({"SET", "k", "v", "XX", "get"}), kValue);
  EXPECT_EQ(bytes({"SET", "k", "v", "XX"}), 0U);
  EXPECT_EQ(bytes({"SET", "k", "GET"}), 0U);
  EXPECT_EQ(bytes({"GETRANGE", "k", "10", "19"}), 10U);
  EXPECT_EQ(bytes({"GETRANGE", "k", "0", "9223372036854775807"}), kValue);
  EXPECT_EQ(bytes({"SUBSTR", "k", "-5", "-1"}), kValue);
  for (const char* other : {"STRLEN", "DEL", "INCR", "nonsense"})
    EXPECT_EQ(bytes({other, "k"}), 0U);
  EXPECT_EQ(bytes({}), 0U);
}

// Three nodes, and a key of an arc that one of them owns, asked for through another.
class RingOwed : public ::testing::Test {
 protected:
  void SetUp() override {
    hive.options().max_owed = kMost;
    hive.options().max_value = 40'000;
    for (NodeId id : {1, 2, 3}) {
      hive.start(id);
      hive.run(seconds(2));
    }
    for (int i = 0; owner == 0 || owner == kAsker; ++i) {
      key = "key" + std::to_string(i);
      owner = owner_of(key);
    }
    for (int i = 0; arc_of_key(elsewhere) == arc_of_key(key) || owner_of(elsewhere) != owner; ++i)
      elsewhere = "other" + std::to_string(i);
    ASSERT_EQ(hive.command(kAsker, {"SET", key, value})->outcome, Outcome::done);
    ASSERT_EQ(hive.command(kAsker, {"SET", elsewhere, "s"})->outcome, Outcome::done);
  }
  ArcId arc_of_key(const std::string& of) const { return arc_of(slot_of(of), kArcs); }
  NodeId owner_of(const std::string& of) {
    for (NodeId id : {1, 2, 3})
      if (hive.core(id).find(arc_of_key(of))->serving()) return id;
    return 0;
  }
  void submit(std::vector<std::string> words) {
    const std::size_t place = answers.size();
    answers.emplace_back();
    hive.submit(kAsker, words, [this, place](Answer answer) {
      answers[place] = std::move(answer);
      order.push_back(place);
    });
  }
  // Of the answers so far, those that came.
  std::vector<std::string> told() const {
    std::vector<std::string> texts;
    for (const auto& answer : answers)
      if (answer)
        texts.push_back(answer->outcome == Outcome::done ? answer->text : "(" + answer->text + ")");
    return texts;
  }
  // As many answers as are allowed are on their way, and the transport does not get rid of them.
  void fill_transport() {
    hive.set_queued(kMost);
    for (std::size_t i = 0; i < kMost / kValue; ++i) submit({"GET", key});
    hive.run(milliseconds(50));
    ASSERT_EQ(told(), std::vector<std::string>(kMost / kValue, value));
    answers.clear();
    order.clear();
  }
  // To a request that comes to the owner from the other node, in this turn; without the transport.
  void ask(std::uint64_t request, std::vector<std::string_view> words, Effects& effects,
           Op op = Op::command) {
    const Request asked{arc_of_key(key),
                        hive.core(owner).find(arc_of_key(key))->epoch(),
                        op,
                        words[0] != "GET" && op == Op::command,
                        1,
                        5'000'000,
                        words};
    hive.core(owner).on_message(hive.now(), hive.wall(), kAsker, Type::request, request,
                                wire::encode(asked), effects);
  }
  static std::size_t answered(const Effects& effects) {
    std::size_t bytes = 0;
    for (const auto& send : effects.sends)
      if (send.type == Type::answer) bytes += send.payload.size();
    return bytes;
  }

  static constexpr std::uint16_t kArcs = 8;
  static constexpr NodeId kAsker = 2;
  Hive hive{kArcs};
  NodeId owner = 0;
  std::string key;
  std::string elsewhere;
  const std::string value = std::string(kValue, 'v');
  std::vector<std::optional<Answer>> answers;
  std::vector<std::size_t> order;
};

TEST_F(RingOwed, ATurnMakesNoMoreThanTheBound) {
  Effects effects;
  for (std::uint64_t i = 1; i <= 100; ++i) ask(i << 50, {"GET", key}, effects);
  EXPECT_EQ(effects.replies.size(), kMost / kValue) << "the others are not even made";
  hive.core(owner).flush(hive.now(), effects);
  EXPECT_LE(answered(effects), kMost);
  EXPECT_GE(answered(effects), kMost - kValue);
  EXPECT_TRUE(effects.replies.empty());
}

TEST_F(RingOwed, WhatDoesNotFitWaitsAndIsAnswered) {
  for (int i = 0; i < 20; ++i) submit({"GET", key});
  hive.run(seconds(1));
  EXPECT_EQ(told(), std::vector<std::string>(20, value));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(RingOwed, WhatTheTransportHasCounts) {
  fill_transport();
  hive.set_queued(kMost - kValue + 1);
  submit({"GET", key});
  submit({"SET", key, "new"});  // behind it: not done before
  submit({"STRLEN", key});
  submit({"GET", elsewhere});
  hive.run(seconds(1));
  EXPECT_EQ(told(), std::vector<std::string>{"s"}) << "of another arc, and small";
  hive.set_queued(kMost - kValue);
  hive.run(milliseconds(50));
  EXPECT_EQ(told(), (std::vector<std::string>{value, "OK", "", "s"}));
  EXPECT_EQ(answers[2]->number, 3U);
}

TEST_F(RingOwed, WhoWaitsTooLongHearsWhy) {
  fill_transport();
  submit({"GET", key});
  submit({"SET", key, "new"});
  hive.run(milliseconds(4500));
  EXPECT_TRUE(told().empty());
  hive.run(milliseconds(600));
  EXPECT_EQ(told(), std::vector<std::string>(2, "(" + std::string(kOwesTooMuch) + ")"));
  hive.set_queued(0);
  EXPECT_EQ(hive.command(kAsker, {"GET", key})->text, value) << "certainly not done";
}

// Reads that wait for a lease, and those behind them for one that had not grown yet.
TEST_F(RingOwed, WhatWaitsAtTheOwnerCounts) {
  for (NodeId id : {1, 2, 3})
    if (id != owner) {
      hive.cut(id, owner);
      hive.cut(owner, id);
    }
  hive.run(milliseconds(700));  // no lease is left
  ASSERT_FALSE(hive.core(owner).find(arc_of_key(key))->may_read(hive.now()));
  Effects effects;
  for (std::uint64_t i = 1; i <= 100; ++i) ask(i << 50, {"GET", key}, effects);
  EXPECT_EQ(hive.core(owner).find(arc_of_key(key))->waiting_requests(), kMost / kValue);
}

// They are not kept until it is their turn: they would come after what their asker does elsewhere.
TEST_F(RingOwed, WhoWaitsGoesToTheNextOwner) {
  fill_transport();
  submit({"GET", key});
  submit({"SET", key, "new"});
  hive.run(milliseconds(50));
  ASSERT_TRUE(told().empty());
  hive.core(owner).stop();
  hive.run(seconds(2));
  EXPECT_EQ(told(), (std::vector<std::string>{value, "OK"}));
  EXPECT_NE(owner_of(key), owner);
}

TEST_F(RingOwed, ManyWaitingAreRefused) {
  fill_transport();
  submit({"GET", key});
  for (int i = 0; i < 3; ++i) submit({"SET", key, value});
  hive.run(milliseconds(20));
  EXPECT_EQ(told(), std::vector<std::string>{"(" + std::string(kOwesTooMuch) + ")"});
  EXPECT_EQ(order, std::vector<std::size_t>{3}) << "the third write";
}

TEST_F(RingOwed, PagesOfAWalkCount) {
  for (int i = 0; i < 5000; ++i) {
    const std::string other = "page" + std::to_string(i);
    if (arc_of_key(other) == arc_of_key(key)) hive.command(kAsker, {"SET", other, "x"});
  }
  Effects effects;
  for (std::uint64_t i = 1; i <= 100; ++i) ask(i << 50, {"0", "100000"}, effects, Op::walk);
  EXPECT_GT(effects.replies.size(), 0U);
  EXPECT_LT(effects.replies.size(), 100U);
  hive.core(owner).flush(hive.now(), effects);
  EXPECT_LE(answered(effects), kMost);
}

}  // namespace
}  // namespace skep::ring
