// The order in which a node ends, with clients on real loopback sockets.
#include "net/ending.hpp"

#include <gtest/gtest.h>

#include "tests/unit/loopback.hpp"

namespace skep {
namespace {

using testing::LinesLog;
using testing::RawClient;
using testing::turn;
using testing::until;

struct Silent final : StreamHandler {
  explicit Silent(std::vector<Stream*>& all, Stream& stream) { all.push_back(&stream); }
  void on_bytes(std::string_view) override {}
  void on_drained() override {}
  void on_closed() override {}
};

struct EndingTest : ::testing::Test {
  EndingTest() {
    auto opened = TcpListener::open(loop, log, "ring", "127.0.0.1:0", {}, [this](Stream& stream) {
      return std::make_unique<Silent>(streams, stream);
    });
    listener = std::move(*opened);
  }
  Ending::Steps steps() {
    Ending::Steps steps;
    steps.listeners = {listener.get()};
    steps.pass_on = [this](Ending::Done done) { passed_on = std::move(done); };
    steps.close = [this] { ++closed; };
    return steps;
  }

  Loop loop;
  LinesLog log;
  std::vector<Stream*> streams;
  std::unique_ptr<TcpListener> listener;
  Ending ending{loop, log};
  Ending::Done passed_on;
  int closed = 0;
};

TEST_F(EndingTest, PassesOnThenDrainsThenCloses) {
  RawClient client(loop, listener->address());
  until(loop, [&] { return streams.size() == 1; });
  ending.begin("by a signal", std::chrono::hours(1), steps());
  ending.begin("by RING STOP", std::chrono::hours(1), steps());
  EXPECT_EQ(log.count("stops by"), 1u);
  RawClient late(loop, listener->address());
  until(loop, [&] { return late.closed; });
  EXPECT_NE(late.error, "");
  ASSERT_TRUE(passed_on);
  EXPECT_FALSE(client.closed);
  streams[0]->write("what is owed");
  passed_on({});
  EXPECT_EQ(closed, 0);
  until(loop, [&] { return closed > 0; });
  until(loop, [&] { return client.closed; });
  EXPECT_EQ(client.received, "what is owed");
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(log.count("not everything"), 0u);
}

TEST_F(EndingTest, ClosesWhenTheTimeIsOverWhateverIsNotDone) {
  ending.begin("by a signal", std::chrono::milliseconds(1), steps());
  until(loop, [&] { return closed > 0; });
  EXPECT_EQ(log.count("not everything was done within stop_timeout"), 1u);
  passed_on(fail(Code::unavailable, "nobody took it"));
  turn(loop);
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(log.count("does not stop in order: nobody took it"), 1u);
}

}  // namespace
}  // namespace skep
