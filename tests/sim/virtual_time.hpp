// Virtual time: one queue of events for everything that is simulated. Nothing waits: the time is
// that of the event that runs, and between two events nothing happens. Events of the same time run
// in the order in which they were added, so a run is the same whenever its seed is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

#include "net/env.hpp"
#include "tests/sim/dice.hpp"

namespace skep::sim {

// A process of a simulated machine, as far as time goes. Its events belong to one life of it: they
// vanish when it dies, and wait while it is paused.
struct Process {
  std::size_t host = 0;    // which one it is, for whoever asks
  std::uint64_t life = 0;  // odd: it runs
  Duration paused_until{};

  bool running() const { return life % 2 == 1; }
  void start() { ++life; }
  void die() {
    ++life;
    paused_until = Duration(0);
  }
};

class VirtualTime {
 public:
  using Fire = std::function<void()>;
  using Id = std::uint64_t;

  // True time since the run began.
  Duration now() const { return now_; }
  std::uint64_t events() const { return events_; }

  // Runs `fire` at `at` (or now, if that is over). A process's events need it alive; without one it
  // is the simulator's own. `process` outlives the queue.
  Id at(Duration at, Process* process, Fire fire);
  Id after(Duration delay, Process* process, Fire fire) {
    return this->at(now_ + delay, process, std::move(fire));
  }
  void cancel(Id id);

  // Runs the next event. False: there is none, or it is after `until`, which is the time now.
  // `ran` is the process that it belonged to, or null.
  bool step(Duration until, Process*& ran);

 private:
  struct Slot {
    Id id = 0;  // 0: free, or cancelled
    Process* process = nullptr;
    std::uint64_t life = 0;
    Fire fire;
  };
  struct Entry {
    Duration at;
    Id id;
    std::uint32_t slot;
    bool operator>(const Entry& other) const {
      return at != other.at ? at > other.at : id > other.id;
    }
  };
  static constexpr unsigned kSlotBits = 24;

  Duration now_{};
  std::uint64_t events_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

// A machine's clocks: the monotonic one runs a little too fast or too slow, the wall clock jumps.
class SimClock final : public Clock {
 public:
  explicit SimClock(const VirtualTime& time) : time_(time) {}

  // `rate` in parts per million away from true. The readings go on from `start` at this moment.
  void boot(std::int64_t rate, Duration start);
  void jump_wall(std::int64_t milliseconds) { wall_offset_ += milliseconds; }

  Time now() override { return Time(start_ + elapsed()); }
  WallMs wall() override { return kEpochMs + time_.now().count() / 1000 + wall_offset_; }
  // How long it truly takes until this clock has moved on by `local`.
  Duration true_delay(Duration local) const {
    if (local.count() <= 0) return Duration(0);
    return Duration(local.count() * 1'000'000 / (1'000'000 + rate_) + 1);
  }

 private:
  static constexpr WallMs kEpochMs = 1'700'000'000'000;
  Duration elapsed() const {
    const std::int64_t truly = (time_.now() - booted_).count();
    return Duration(truly + truly * rate_ / 1'000'000);
  }

  const VirtualTime& time_;
  std::int64_t rate_ = 0;
  Duration booted_{};
  Duration start_{};
  WallMs wall_offset_ = 0;
};

// A process's timers, by its machine's clock; they may be late.
class SimTimers final : public Timers {
 public:
  SimTimers(VirtualTime& time, SimClock& clock, Process& process, Dice dice)
      : time_(time), clock_(clock), process_(process), dice_(dice) {}
  Id after(Duration delay, std::function<void()> fire) override;
  void cancel(Id id) override { time_.cancel(id); }

  Duration lateness{};  // at most

 private:
  VirtualTime& time_;
  SimClock& clock_;
  Process& process_;
  Dice dice_;
};

}  // namespace skep::sim
