// The loop's promises: timers, posted functions, hooks and flushes, in their order.
#include "net/loop.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

namespace skep {
namespace {

using namespace std::chrono_literals;

TEST(Loop, TimersFireInOrderAndNeverEarly) {
  Loop loop;
  const Time start = loop.now();
  std::vector<int> fired;
  loop.after(4ms, [&] {
    EXPECT_GE(loop.now() - start, Duration(4ms));
    fired.push_back(4);
    loop.stop();
  });
  loop.after(1ms, [&] {
    EXPECT_GE(loop.now() - start, Duration(1ms));
    fired.push_back(1);
  });
  loop.after(Duration::zero(), [&] { fired.push_back(0); });
  loop.run();
  EXPECT_EQ(fired, (std::vector<int>{0, 1, 4}));
}

TEST(Loop, CancelledTimerNeverFires) {
  Loop loop;
  bool fired = false;
  Timers::Id second = 0;
  const auto first = loop.after(1ms, [&] { loop.cancel(second); });
  second = loop.after(2ms, [&] { fired = true; });
  EXPECT_NE(first, second);
  loop.after(3ms, [&] { loop.stop(); });
  loop.cancel(0);
  loop.run();
  loop.cancel(first);
  EXPECT_FALSE(fired);
}

TEST(Loop, TimerSetByATimerLetsTheLoopTurn) {
  Loop loop;
  int turns = 0;
  int fired = 0;
  loop.on_turn_end([&] { ++turns; });
  std::function<void()> again = [&] {
    if (++fired == 5) return loop.stop();
    loop.after(Duration::zero(), again);
  };
  loop.after(Duration::zero(), again);
  loop.run();
  EXPECT_EQ(fired, 5);
  EXPECT_GE(turns, 5);
}

TEST(Loop, PostRunsInOrderFromAnotherThread) {
  Loop loop;
  std::vector<int> seen;
  const auto loop_thread = std::this_thread::get_id();
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i)
      loop.post([&, i] {
        EXPECT_EQ(std::this_thread::get_id(), loop_thread);
        seen.push_back(i);
      });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  other.join();
  ASSERT_EQ(seen.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

struct Flush final : Flushable {
  explicit Flush(std::function<void()> run) : run_(std::move(run)) {}
  void flush() override { run_(); }
  std::function<void()> run_;
};

TEST(Loop, HooksRunBeforeFlushesAndAFlushRunsOnceATurn) {
  Loop loop;
  std::string seen;
  Flush flush([&] { seen += 'f'; });
  loop.on_turn_end([&] { seen += 'h'; });
  loop.post([&] {
    loop.flush_later(flush);
    loop.flush_later(flush);
    seen += 'p';
  });
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(seen, "hphf");
}

TEST(Loop, FlushAskedForInAFlushComesNextTurnWithoutWaiting) {
  Loop loop;
  int flushed = 0;
  int turns = 0;
  std::optional<Flush> flush;
  flush.emplace([&] {
    if (++flushed == 3) return loop.stop();
    loop.flush_later(*flush);
  });
  loop.on_turn_end([&] { ++turns; });
  loop.flush_later(*flush);
  loop.run();
  EXPECT_EQ(flushed, 3);
  EXPECT_EQ(turns, 3);
}

TEST(Loop, DestroyedFlushableIsNotCalled) {
  Loop loop;
  auto second = std::make_unique<Flush>([] { FAIL() << "called after its end"; });
  Flush first([&] { second.reset(); });
  loop.flush_later(first);
  loop.flush_later(*second);
  Flush last([&] { loop.stop(); });
  loop.flush_later(last);
  loop.run();
  EXPECT_EQ(second, nullptr);
}

TEST(Loop, SignalsComeOnTheLoop) {
  Loop loop;
  bool first = false;
  ASSERT_TRUE(loop.on_signal(SIGUSR1, [&] { first = true; }));
  ASSERT_TRUE(loop.on_signal(SIGUSR1, [&] { loop.stop(); }));  // replaces
  EXPECT_FALSE(loop.on_signal(SIGKILL, [] {}));
  EXPECT_FALSE(loop.on_signal(SIGKILL, [] {}));
  raise(SIGUSR1);
  loop.run();
  EXPECT_FALSE(first);
}

TEST(Loop, RandomSequencesDiffer) {
  Loop one;
  Loop two;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) seen.insert({one.next(), two.next()});
  EXPECT_EQ(seen.size(), 200u);
}

// Busy for at least so long, by the clock that the loop measures with.
void spin(Duration least) {
  const auto until = std::chrono::steady_clock::now() + least;
  while (std::chrono::steady_clock::now() < until) continue;
}

TEST(Loop, MeasuresEachCallback) {
  Loop loop;
  loop.after(Duration::zero(), [] { spin(3ms); });
  loop.after(Duration::zero(), [] { spin(3ms); });
  loop.after(1ms, [&] { loop.stop(); });
  loop.run();
  const Loop::Figures figures = loop.figures();
  EXPECT_GE(figures.longest, Duration(3ms));
  EXPECT_EQ(figures.lately, figures.longest);
  EXPECT_GE(figures.callbacks.count(), 3u);
  EXPECT_GE(figures.callbacks.sum(), Duration(6ms));
  EXPECT_GE(figures.turns.count(), 1u);
  EXPECT_GE(figures.turns.sum() + Duration(static_cast<long>(figures.callbacks.count())),
            figures.callbacks.sum());
}

TEST(Loop, TellsOfStallsAndTheirKind) {
  Loop loop;
  std::vector<std::string> stalls;
  loop.on_stall(5ms, [&](Duration took, std::string_view what) {
    EXPECT_GT(took, Duration(5ms));
    stalls.emplace_back(what);
  });
  loop.post([] { spin(6ms); });
  loop.after(10ms, [&] {
    spin(6ms);
    loop.stop();
  });
  loop.run();
  // More, if the machine itself was slow.
  EXPECT_EQ(std::count(stalls.begin(), stalls.end(), "what was posted"), 1);
  EXPECT_EQ(std::count(stalls.begin(), stalls.end(), "a timer"), 1);
}

}  // namespace
}  // namespace skep
