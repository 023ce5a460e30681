// The event loop of a node: one thread, libuv under it. It implements the parts of the environment
// (net/env.hpp) that need no peer: Clock, Timers, Random.
//
// A turn is: timers, posted functions, socket events; then what was asked for by at_turn_end();
// then the hooks of on_turn_end(), in the order in which they were added; then everything that
// asked with flush_later(): so what a whole turn wrote to a socket leaves in one piece.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/base/histogram.hpp"
#include "net/base/metrics.hpp"
#include "net/env.hpp"

struct uv_loop_s;

namespace skep {

class Loop;

// Something that wants to be called at the end of a turn in which it asked for it. May be destroyed
// at any time, its own flush() included.
class Flushable {
 public:
  Flushable() = default;
  Flushable(const Flushable&) = delete;
  Flushable& operator=(const Flushable&) = delete;

 protected:
  ~Flushable();

 private:
  friend class Loop;
  virtual void flush() = 0;
  Loop* waiting_in_ = nullptr;
};

class Loop final : public Clock, public Timers, public Random {
 public:
  // Throws std::runtime_error when the system refuses (start-up only). Ignores SIGPIPE for the
  // whole process: a write to a closed connection is an error value.
  Loop();
  // Everything that uses the loop (listeners, links) is destroyed before it.
  ~Loop() override;

  Time now() override;
  Time lately() override { return lately_; }
  WallMs wall() override;
  // Rounded up to the next millisecond by the kernel's wait; never early by now().
  Id after(Duration delay, std::function<void()> fire) override;
  void cancel(Id id) override;
  // Asked for while those of a turn are called: at the end of the next turn, which comes at once.
  void at_turn_end(std::function<void()> fire) override;
  // xoshiro256**, seeded from the kernel. For jitter and choices; secrets use fill_random().
  std::uint64_t next() override;

  // Runs until stop(). Once stopped it may be run again.
  void run();
  // On the loop thread: run() returns after this turn and its end. From elsewhere: post it.
  void stop();
  // One turn: waits for an event if there is none. For tests and start-up.
  void run_once();

  // From any thread, as long as the loop lives: calls `run` on the loop thread, in order.
  void post(std::function<void()> run);

  // From now on the signal calls `fire` on the loop thread instead of its default action. False if
  // the system refuses the signal.
  bool on_signal(int signal, std::function<void()> fire);

  // Called at the end of every turn, before what was written is sent. For as long as the loop
  // lives.
  void on_turn_end(std::function<void()> hook);
  // Calls `what.flush()` once at the end of this turn, or of the next if this turn's is under way.
  void flush_later(Flushable& what);

  // How long the loop was busy. Nothing else is done meanwhile: a long callback is a stall.
  struct Figures {
    Histogram callbacks;  // each of them
    Histogram turns;      // from the end of one wait to the beginning of the next
    Duration longest{};   // callback, ever
    Duration lately{};    // callback, in the last minute or the half of it
  };
  Figures figures() const;
  void report(Metrics& metrics) const;
  // Calls `stalled`, on the loop thread, after each callback that took longer than `limit`. `what`
  // is its kind: "a timer", "bytes".
  using Stalled = std::function<void(Duration took, std::string_view what)>;
  void on_stall(Duration limit, Stalled stalled);

  // For files under net/ only: lives for as long as a callback of libuv's, which it measures.
  class Measured {
   public:
    Measured(Loop& loop, std::string_view what) : loop_(loop), what_(what) {
      loop.begin_callback();
    }
    ~Measured() { loop_.end_callback(what_); }
    Measured(const Measured&) = delete;
    Measured& operator=(const Measured&) = delete;

   private:
    Loop& loop_;
    const std::string_view what_;
  };

  // For files under net/ only.
  uv_loop_s* uv();
  // The buffer that all sockets read into, one after the other.
  std::span<char> read_buffer() { return read_buffer_; }

 private:
  friend class Flushable;
  struct Handles;

  void begin_callback();
  void end_callback(std::string_view what);
  void end_turn();
  void flush_turn();
  void run_posted();
  void run_timers();
  void arm_timer();
  void forget(Flushable& what);

  struct Timer {
    Time at;
    std::function<void()> fire;
  };

  std::unique_ptr<Handles> uv_;
  std::vector<char> read_buffer_;
  std::uint64_t random_[4];

  std::unordered_map<Id, Timer> timers_;
  std::set<std::pair<Time, Id>> order_;  // of timers_, soonest first
  Id last_timer_ = 0;
  std::optional<Time> armed_;  // what the one libuv timer waits for

  std::mutex mutex_;  // guards posted_
  std::vector<std::function<void()>> posted_;

  // Of a steady clock, in nanoseconds.
  std::int64_t turn_began_ = 0;  // 0: it waits, or has not done anything yet
  std::int64_t measured_ = 0;    // up to here
  std::int64_t window_ends_ = 0;
  std::int64_t longest_ = 0;
  std::int64_t longest_before_ = 0;  // in the window before this one
  std::int64_t longest_now_ = 0;     // and in this one
  std::int64_t stall_ = INT64_MAX;
  Stalled stalled_;
  Histogram callbacks_;
  Histogram turns_;
  Time lately_{};

  bool stopping_ = false;
  std::vector<std::function<void()>> hooks_;
  std::vector<std::function<void()>> ends_;  // of at_turn_end()
  std::vector<std::function<void()>> ending_;
  std::vector<Flushable*> waiting_;   // asked for a flush; null: gone since
  std::vector<Flushable*> flushing_;  // of the round under way
};

// Random bytes fit for nonces and keys, from the kernel.
void fill_random(std::span<char> bytes);

}  // namespace skep
