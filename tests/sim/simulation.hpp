// What every run has, whatever role it is of: virtual time and a network, machines on both, a
// report, a trace, and the faults that any machine or network can have. All chance of a run comes
// from its seed by way of dice(), in the order of the calls: a change of that order changes what
// every seed means.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/machine.hpp"
#include "tests/sim/report.hpp"

namespace skep::sim {

class Simulation {
 public:
  using Trace = std::function<void(std::string_view line)>;

 protected:
  struct Networks {
    NetworkOptions good, bad;
  };
  // Prints each line of a trace, if given.
  Simulation(std::uint64_t seed, Networks networks, Trace trace);
  ~Simulation() = default;

  // The run's machines, in the order of their index; they outlive the run.
  void add(Machine& machine) { machines_.push_back(&machine); }

  bool traced() const { return trace_ != nullptr; }
  void note(const std::string& what);
  // "sim: node3 …"
  void note(const Machine& machine, const std::string& what);
  // For what the processes say; empty when nothing is traced.
  Machine::Print printer();
  void note_message(std::size_t from, std::size_t to, const Message& message);

  // The first failure is the run's.
  void fail(Outcome outcome, const std::string& what);
  bool failed() const { return report_.outcome != Outcome::passed; }
  // Prints what helps to understand a failure.
  virtual void explain(const std::function<void(const std::string& line)>& print) = 0;
  // Of the run that is over. What the clients found wrong counts for more than being stuck.
  Report finish(std::uint64_t asked, std::uint64_t answered, const std::string& wrong);

  // Calls `inject` with one of `faults`, again and again, until these are over.
  template <class Fault>
  void inject_faults(const std::vector<Fault>& faults, Duration every,
                     std::function<void(Fault)> inject) {
    if (faults.empty()) return;
    time_.after(dice_.between(Duration(1), 2 * every), nullptr,
                [this, &faults, every, inject = std::move(inject)] {
                  if (faults_over_) return;
                  inject(faults[dice_.below(faults.size())]);
                  inject_faults(faults, every, inject);
                });
  }
  // One that is up; null: none is.
  Machine* pick(bool also_paused);
  // What a machine's process is told of peers when it starts. The first machine founds the cluster;
  // and again, when it was killed before it had anything on disk.
  std::vector<Address> peers_of(const Machine& machine) const;

  enum class Cut : std::uint8_t { split, isolate, path };
  // Until some time later, `most` at most. `one` and `other` are machines, of which a split uses
  // none and an isolation the first.
  void cut(Cut how, std::size_t one, std::size_t other, Duration most);
  void mend_later(Duration least, Duration most);
  void bad_times();
  // The disk takes no writes, or stands still.
  void disturb_disk(Machine& machine, bool full, Duration length);
  // All faults end.
  void mend();

  Dice dice_;
  VirtualTime time_;
  SimNetwork network_;
  bool faults_over_ = false;
  Report report_;

 private:
  const Networks networks_;
  const Trace trace_;
  std::vector<Machine*> machines_;
};

}  // namespace skep::sim
