#include "net/loop.hpp"

#include <signal.h>
#include <sys/random.h>
#include <time.h>
#include <uv.h>

#include <bit>
#include <stdexcept>
#include <string>

#include "net/base/assert.hpp"

namespace skep {

namespace {

constexpr std::size_t kReadBuffer = 64 * 1024;    // what libuv itself would ask for
constexpr std::int64_t kWindow = 30'000'000'000;  // nanoseconds

std::int64_t steady_ns() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * std::int64_t{1'000'000'000} + ts.tv_nsec;
}

Duration from_ns(std::int64_t ns) {
  return std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(ns));
}

void check(int status, const char* what) {
  if (status < 0) throw std::runtime_error(std::string(what) + ": " + uv_strerror(status));
}

template <class Handle> uv_handle_t* base(Handle& handle) {
  return reinterpret_cast<uv_handle_t*>(&handle);
}

}  // namespace

struct Loop::Handles {
  struct Signal {
    Loop* loop;
    uv_signal_t handle;
    std::function<void()> fire;
  };
  uv_loop_t loop;
  uv_async_t posted;
  uv_prepare_t turn_end;  // runs last before the loop waits
  uv_idle_t busy;         // while started, the loop does not wait
  uv_timer_t timer;
  std::map<int, Signal> signals;
};

Flushable::~Flushable() {
  if (waiting_in_ != nullptr) waiting_in_->forget(*this);
}

Loop::Loop() : uv_(std::make_unique<Handles>()), read_buffer_(kReadBuffer) {
  signal(SIGPIPE, SIG_IGN);
  fill_random({reinterpret_cast<char*>(random_), sizeof random_});
  random_[0] |= 1;  // all zeros is the one state xoshiro never leaves
  check(uv_loop_init(&uv_->loop), "event loop");
  check(uv_async_init(&uv_->loop, &uv_->posted,
                      [](uv_async_t* handle) { static_cast<Loop*>(handle->data)->run_posted(); }),
        "event loop");
  uv_prepare_init(&uv_->loop, &uv_->turn_end);
  uv_idle_init(&uv_->loop, &uv_->busy);
  uv_timer_init(&uv_->loop, &uv_->timer);
  uv_->posted.data = uv_->turn_end.data = uv_->timer.data = this;
  uv_prepare_start(&uv_->turn_end,
                   [](uv_prepare_t* handle) { static_cast<Loop*>(handle->data)->end_turn(); });
}

Loop::~Loop() {
  for (auto& [number, signal] : uv_->signals) uv_close(base(signal.handle), nullptr);
  uv_close(base(uv_->posted), nullptr);
  uv_close(base(uv_->turn_end), nullptr);
  uv_close(base(uv_->busy), nullptr);
  uv_close(base(uv_->timer), nullptr);
  // Lets sockets that their owners have let go of finish closing.
  uv_run(&uv_->loop, UV_RUN_DEFAULT);
  SKEP_ASSERT(uv_loop_close(&uv_->loop) == 0);
}

uv_loop_s* Loop::uv() { return &uv_->loop; }

Time Loop::now() {
  timespec ts{};
  clock_gettime(CLOCK_BOOTTIME, &ts);
  lately_ = Time(std::chrono::duration_cast<Duration>(std::chrono::seconds(ts.tv_sec) +
                                                      std::chrono::nanoseconds(ts.tv_nsec)));
  return lately_;
}

WallMs Loop::wall() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             system_clock::now().time_since_epoch())
      .count();
}

Timers::Id Loop::after(Duration delay, std::function<void()> fire) {
  const Id id = ++last_timer_;
  // The clock's reading is rounded down to a microsecond, hence one more.
  const Time at = now() + std::max(delay, Duration::zero()) + Duration(1);
  timers_.emplace(id, Timer{at, std::move(fire)});
  order_.emplace(at, id);
  return id;
}

void Loop::cancel(Id id) {
  auto found = timers_.find(id);
  if (found == timers_.end()) return;
  order_.erase({found->second.at, id});
  timers_.erase(found);
}

void Loop::run_timers() {
  begin_callback();
  armed_.reset();
  const Time due = now();
  const Id last = last_timer_;  // timers set from here on wait for the next turn
  while (!order_.empty()) {
    const auto [at, id] = *order_.begin();
    if (at > due || id > last) break;
    order_.erase(order_.begin());
    auto fire = std::move(timers_.extract(id).mapped().fire);
    fire();
    end_callback("a timer");
  }
}

// libuv's own time may lag behind and does not count suspension; it only wakes us, and run_timers()
// looks at the clock.
void Loop::arm_timer() {
  if (order_.empty()) {
    if (armed_) uv_timer_stop(&uv_->timer);
    armed_.reset();
    return;
  }
  const Time at = order_.begin()->first;
  if (armed_ == at) return;
  armed_ = at;
  uv_update_time(&uv_->loop);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(at - now()).count();
  uv_timer_start(
      &uv_->timer, [](uv_timer_t* handle) { static_cast<Loop*>(handle->data)->run_timers(); },
      static_cast<std::uint64_t>(std::max<decltype(wait)>(wait, 0)), 0);
}

std::uint64_t Loop::next() {
  auto& s = random_;
  const std::uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const std::uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = std::rotl(s[3], 45);
  return result;
}

void Loop::run() {
  turn_began_ = 0;
  uv_run(&uv_->loop, UV_RUN_DEFAULT);
}

void Loop::stop() { stopping_ = true; }

void Loop::run_once() {
  turn_began_ = 0;
  uv_run(&uv_->loop, UV_RUN_ONCE);
}

void Loop::post(std::function<void()> run) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(run));
  }
  if (first) uv_async_send(&uv_->posted);
}

void Loop::run_posted() {
  std::vector<std::function<void()>> run;
  {
    std::lock_guard lock(mutex_);
    run.swap(posted_);
  }
  begin_callback();
  for (auto& each : run) {
    each();
    end_callback("what was posted");
  }
}

bool Loop::on_signal(int number, std::function<void()> fire) {
  auto [entry, added] = uv_->signals.try_emplace(number);
  entry->second.loop = this;
  entry->second.fire = std::move(fire);
  uv_signal_t& handle = entry->second.handle;
  if (!added) return uv_is_active(base(handle)) != 0;
  uv_signal_init(&uv_->loop, &handle);
  handle.data = &entry->second;
  const int status = uv_signal_start(
      &handle,
      [](uv_signal_t* fired, int) {
        auto* signal = static_cast<Handles::Signal*>(fired->data);
        const Measured measured(*signal->loop, "a signal");
        signal->fire();
      },
      number);
  return status == 0;
}

void Loop::at_turn_end(std::function<void()> fire) { ends_.push_back(std::move(fire)); }

void Loop::on_turn_end(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }

void Loop::flush_later(Flushable& what) {
  if (what.waiting_in_ != nullptr) return;
  what.waiting_in_ = this;
  waiting_.push_back(&what);
}

void Loop::forget(Flushable& what) {
  for (auto* list : {&waiting_, &flushing_})
    std::replace(list->begin(), list->end(), &what, static_cast<Flushable*>(nullptr));
}

void Loop::end_turn() {
  begin_callback();
  flush_turn();
  end_callback("the end of a turn");
  turns_.add(from_ns(measured_ - turn_began_));
  turn_began_ = 0;
}

void Loop::flush_turn() {
  ending_.swap(ends_);
  for (auto& each : ending_) each();
  ending_.clear();
  for (std::size_t i = 0; i < hooks_.size(); ++i) hooks_[i]();
  flushing_.swap(waiting_);
  for (std::size_t i = 0; i < flushing_.size(); ++i) {
    Flushable* each = std::exchange(flushing_[i], nullptr);
    if (each == nullptr) continue;
    each->waiting_in_ = nullptr;
    each->flush();
  }
  flushing_.clear();
  // A flush may have let somebody write again. That waits for the next turn, so that one
  // connection cannot hold the loop, but the next turn then comes at once.
  if (waiting_.empty() && ends_.empty()) {
    uv_idle_stop(&uv_->busy);
  } else {
    uv_idle_start(&uv_->busy, [](uv_idle_t*) {});
  }
  arm_timer();
  if (std::exchange(stopping_, false)) uv_stop(&uv_->loop);  // the wait that follows is not one
}

// One reading of the clock a callback: what follows another in the same turn begins where that
// ended. So what libuv does between the two counts as well.
void Loop::begin_callback() {
  if (turn_began_ == 0) turn_began_ = measured_ = steady_ns();
}

void Loop::end_callback(std::string_view what) {
  const std::int64_t now = steady_ns();
  const std::int64_t took = now - std::exchange(measured_, now);
  callbacks_.add(from_ns(took));
  if (now >= window_ends_) {
    longest_before_ = now - window_ends_ < kWindow ? longest_now_ : 0;
    longest_now_ = 0;
    window_ends_ = now + kWindow;
  }
  longest_now_ = std::max(longest_now_, took);
  longest_ = std::max(longest_, took);
  if (took > stall_) stalled_(from_ns(took), what);
}

Loop::Figures Loop::figures() const {
  return {callbacks_, turns_, from_ns(longest_), from_ns(std::max(longest_before_, longest_now_))};
}

void Loop::on_stall(Duration limit, Stalled stalled) {
  stall_ = std::chrono::nanoseconds(limit).count();
  stalled_ = std::move(stalled);
}

void Loop::report(Metrics& metrics) const {
  const Figures now = figures();
  metrics.histogram("skep_loop_callback_seconds", "How long each callback of the loop took.",
                    now.callbacks);
  metrics.histogram("skep_loop_turn_seconds",
                    "How long the loop was busy from one wait to the next.", now.turns);
  metrics.gauge("skep_loop_longest_callback_seconds", "The longest callback since the start.",
                in_seconds(now.longest));
  metrics.gauge("skep_loop_longest_callback_lately_seconds",
                "The longest callback of the last 30 to 60 seconds.", in_seconds(now.lately));
}

void fill_random(std::span<char> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), std::min<std::size_t>(bytes.size(), 256), 0);
    if (got < 0 && errno == EINTR) continue;
    SKEP_ASSERT(got > 0);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace skep
