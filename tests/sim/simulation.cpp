#include "tests/sim/simulation.hpp"

#include <algorithm>
#include <cstdio>

#include "tests/sim/show_message.hpp"

namespace skep::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

Simulation::Simulation(std::uint64_t seed, Networks networks, Trace trace)
    : dice_(seed),
      network_(time_, dice_.fork()),
      networks_(std::move(networks)),
      trace_(std::move(trace)) {
  network_.options = networks_.good;
}

void Simulation::note(const std::string& what) {
  if (!trace_) return;
  char when[32];
  std::snprintf(when, sizeof when, "%10.6f ", static_cast<double>(time_.now().count()) / 1e6);
  trace_(when + what);
}

void Simulation::note(const Machine& machine, const std::string& what) {
  note("sim: " + Machine::name(machine.index()) + " " + what);
}

Machine::Print Simulation::printer() {
  if (!trace_) return {};
  return [this](std::size_t node, std::string_view part, std::string_view text) {
    note(Machine::name(node) + " " + std::string(part) + ": " + std::string(text));
  };
}

void Simulation::note_message(std::size_t from, std::size_t to, const Message& message) {
  note(Machine::name(from) + " > " + Machine::name(to) + " " + show_message(message));
}

void Simulation::fail(Outcome outcome, const std::string& what) {
  if (failed()) return;
  report_.outcome = outcome;
  report_.what = what;
  if (!trace_) return;
  note("FAILED " + what);
  explain([this](const std::string& line) { note(line); });
}

Report Simulation::finish(std::uint64_t asked, std::uint64_t answered, const std::string& wrong) {
  if (report_.outcome != Outcome::unsafe && !wrong.empty()) {
    report_.outcome = Outcome::passed;
    fail(Outcome::unsafe, wrong);
  }
  report_.events = time_.events();
  report_.messages = network_.messages();
  report_.operations = asked;
  report_.answered = answered;
  report_.lasted = time_.now();
  return report_;
}

Machine* Simulation::pick(bool also_paused) {
  std::vector<Machine*> candidates;
  for (Machine* machine : machines_)
    if (machine->up() && (also_paused || !machine->paused())) candidates.push_back(machine);
  return candidates.empty() ? nullptr : candidates[dice_.below(candidates.size())];
}

std::vector<Address> Simulation::peers_of(const Machine& machine) const {
  std::vector<Address> peers;
  const bool founder = machine.index() == 0 && machine.fate() == Machine::Fate::fresh;
  const bool nobody = std::none_of(machines_.begin(), machines_.end(),
                                   [](Machine* other) { return other->in_a_cluster(); });
  if (founder || (nobody && machine.index() == 0)) return peers;
  for (const Machine* other : machines_)
    if (other != &machine) peers.push_back(Machine::address(other->index()));
  return peers;
}

void Simulation::cut(Cut how, std::size_t one, std::size_t other, Duration most) {
  const std::size_t size = machines_.size();
  std::string shown;
  if (how == Cut::path) {
    const bool both = dice_.chance(0.5);
    network_.cut(one, other, true);
    if (both) network_.cut(other, one, true);
    shown = "path " + std::to_string(one) + (both ? "-" : ">") + std::to_string(other);
  } else {
    std::vector<bool> side(size);
    for (std::size_t i = 0; i < size; ++i)
      side[i] = how == Cut::split ? dice_.chance(0.5) : i == one;
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = 0; j < size; ++j)
        if (side[i] != side[j]) network_.cut(i, j, true);
    shown = how == Cut::split ? "split " : "isolate ";
    for (const bool in : side) shown += in ? '1' : '0';
  }
  note("sim: " + shown);
  mend_later(milliseconds(100), most);
}

void Simulation::mend_later(Duration least, Duration most) {
  time_.after(dice_.between(least, most), nullptr, [this] {
    note("sim: the network is whole");
    network_.heal();
  });
}

void Simulation::bad_times() {
  note("sim: the network is bad");
  network_.options = networks_.bad;
  time_.after(dice_.between(seconds(1), seconds(6)), nullptr, [this] {
    if (faults_over_) return;
    note("sim: the network is good");
    network_.options = networks_.good;
  });
}

void Simulation::disturb_disk(Machine& machine, bool full, Duration length) {
  note(machine, std::string(full ? "disk_full" : "disk_stall") + " for " +
                    std::to_string(length.count() / 1000) + "ms");
  if (!full) return machine.store()->stall_until(time_.now() + length);
  machine.store()->fill(true);
  const std::uint64_t life = machine.life();
  time_.after(length, nullptr, [&machine, life] {
    if (machine.life() == life) machine.store()->fill(false);
  });
}

void Simulation::mend() {
  note("sim: the faults are over");
  faults_over_ = true;
  network_.heal();
  network_.options = networks_.good;
  network_.options.held_up = 0;
  for (Machine* machine : machines_)
    if (machine->up()) machine->store()->fill(false);
}

}  // namespace skep::sim
