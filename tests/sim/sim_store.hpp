// A store in memory, on a disk that is slow, stalls, fills up and loses power, in virtual time. It
// keeps the promises of store/store.hpp and no other: what survives a crash is drawn anew each time
// from all that the interface allows.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "store/store.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/virtual_time.hpp"

namespace skep::sim {

struct DiskOptions {
  Duration write_min = std::chrono::microseconds(20);
  Duration write_max = std::chrono::microseconds(500);
  Duration sync_min = std::chrono::microseconds(100);
  Duration sync_max = std::chrono::milliseconds(5);
  Duration flush_interval = std::chrono::seconds(1);
  std::size_t max_unfolded = std::size_t{64} << 20;  // bytes of batches that are not durable
};

class SimStore final : public Store {
 public:
  using Space = std::map<std::string, std::string, std::less<>>;
  enum class Crash : std::uint8_t {
    kill,      // the process dies: what was written stays, reported or not
    powercut,  // what was durable stays, and as much of the rest as chance has it
  };

  SimStore(VirtualTime& time, Process& process, Dice dice, DiskOptions options);

  std::uint64_t identity() const override { return identity_; }
  Opening opening() const override { return opening_; }
  Result<std::uint64_t> used() override;
  void make_room() override {}
  void submit(const Batch& batch, Durability durability, Reported reported) override;
  Result<std::optional<std::string>> get(std::string_view space, std::string_view key) override;
  Result<> scan(std::string_view space, std::string_view from, std::string_view to,
                const Visit& visit) override;
  Result<> replay(std::string_view space, const Replayed& visit) override;

  // What an earlier life has left on the disk. Before the first process.
  void preset(std::string_view space, std::string key, std::string value);
  // The process has died. Batches that were not reported never are.
  void crash(Crash how);
  // The process has ended in good order.
  void close();
  // The next process opens what is there.
  void reopen();
  // Until further notice the disk takes no new batches (Code::full), and those it has wait.
  void fill(bool full);
  // Nothing is written or synced until then.
  void stall_until(Duration until) { stalled_until_ = std::max(stalled_until_, until); }
  DiskOptions& options() { return options_; }

  // The medium decays: a bit of this durable row turns, in what the next read finds, too. False:
  // there is no such row, or it is just being written.
  bool damage(std::string_view space, std::string_view key);

  // For checkers: told of every batch that has become durable.
  std::function<void(const Batch&)> on_durable;
  // Null: there is nothing.
  const Space* durable(std::string_view space) const;
  // What a crash leaves for sure, after kill -9 (`written`) or a power cut
  // (`durable`).
  std::optional<std::string> survivor(Durability durability, std::string_view space,
                                      std::string_view key) const;

 private:
  struct Pending {
    Batch batch;
    Durability durability = Durability::written;
    Reported reported;
    std::size_t bytes = 0;
  };
  using Spaces = std::map<std::string, Space, std::less<>>;

  static void apply(Spaces& spaces, const Batch& batch);
  void keep(const Batch& batch);
  Duration latency(Duration from, Duration to);
  void pump();
  void wrote(std::size_t count);
  void synced(std::size_t count);
  bool sync_due() const;
  void report();
  void forget_pending();

  VirtualTime& time_;
  Process& process_;
  Dice dice_;
  DiskOptions options_;
  std::uint64_t identity_;
  Opening opening_{true, false, 0};

  Spaces current_;  // every submitted batch
  Spaces durable_;  // every synced batch
  // Between the two, in order: the first `written_` are in the journal, the first `reported_` told.
  std::deque<Pending> pending_;
  std::size_t written_ = 0;
  std::size_t reported_ = 0;
  std::size_t bytes_ = 0;
  bool busy_ = false;
  bool full_ = false;
  std::size_t refusals_ = 0;  // not yet reported
  Duration last_sync_{};
  Duration stalled_until_{};
  VirtualTime::Id flush_ = 0;
};

}  // namespace skep::sim
