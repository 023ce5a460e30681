// What a commit of the store costs: so many writers, each of which waits for its write before it
// makes the next one.
//
//   bench_store DIRECTORY written|durable WRITERS SECONDS
//
// Prints a line: writes and groups (appends to the journal) per second, how long a writer waited,
// and the processor time of the store's threads per group.
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

#include "store/sqlite_store.hpp"

namespace {

using namespace skep;
using Clock = std::chrono::steady_clock;

// The loop thread's queue.
class Loop {
 public:
  void post(std::function<void()> what) {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(what));
    wake_.notify_one();
  }
  void turn() {
    std::vector<std::function<void()>> all;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !posted_.empty(); });
      all.swap(posted_);
    }
    for (const auto& what : all) what();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> posted_;
};

class Groups final : public Metrics {
 public:
  std::uint64_t count = 0;
  void counter(std::string_view, std::string_view, double, Labels) override {}
  void gauge(std::string_view, std::string_view, double, Labels) override {}
  void histogram(std::string_view name, std::string_view, const Histogram& value, Labels) override {
    if (name == "skep_store_commit_seconds") count = value.count();
  }
};

double processor_time(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("bench_store DIRECTORY written|durable WRITERS SECONDS\n", stderr);
    return 2;
  }
  const Durability durability =
      std::strcmp(argv[2], "durable") == 0 ? Durability::durable : Durability::written;
  const auto writers = static_cast<std::size_t>(std::atoi(argv[3]));
  Loop loop;
  StoreOptions options;
  options.directory = argv[1];
  options.cluster = options.node = "bench";
  options.post = [&](std::function<void()> what) { loop.post(std::move(what)); };
  auto store = SqliteStore::open(std::move(options));
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    return 1;
  }

  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + std::chrono::seconds(std::atoi(argv[4]));
  const double before = processor_time(RUSAGE_SELF) - processor_time(RUSAGE_THREAD);
  std::uint64_t made = 0;
  std::size_t busy = 0;
  std::vector<double> waits;
  const std::function<void()> write = [&] {
    const Clock::time_point from = Clock::now();
    if (from >= end) return;
    Batch batch;
    batch.put("bench", "key" + std::to_string(++made % 100'000), std::string(100, 'x'));
    ++busy;
    (*store)->submit(batch, durability, [&, from](const Result<>& ok) {
      if (!ok) std::abort();
      --busy;
      waits.push_back(std::chrono::duration<double, std::micro>(Clock::now() - from).count());
      write();
    });
  };
  for (std::size_t i = 0; i < writers; ++i) write();
  while (busy > 0) loop.turn();

  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const double spent = processor_time(RUSAGE_SELF) - processor_time(RUSAGE_THREAD) - before;
  Groups groups;
  (*store)->report(groups);
  std::sort(waits.begin(), waits.end());
  const auto at = [&](double share) {
    return waits[static_cast<std::size_t>(share * static_cast<double>(waits.size() - 1))];
  };
  const auto count = static_cast<double>(groups.count);
  std::printf(
      "%-8s %4zu writers %9.0f writes/s %9.0f groups/s  wait p50 %7.1f p99 %7.1f us  "
      "%5.1f us of processor time a group\n",
      argv[2], writers, static_cast<double>(waits.size()) / seconds, count / seconds, at(0.5),
      at(0.99), spent * 1e6 / count);
  static_cast<void>((*store)->close());
}
