// Runs simulations: many seeds in parallel processes, or one with a trace.
//
//   sim ring|registers [--seeds N] [--from N] [--jobs N]   seeds from .. from + N - 1
//   sim ring|registers --seed N [--trace | --messages]     --messages: a trace with every message
//   sim scale [--nodes N] [--arcs N]                       a large ring, and a tenth of it crashing
//   --plant NAME    (sim_planted only) switches a planted bug on
//   --stop          ends at the first failure
//
// Exit: 0 all passed, 2 wrong usage, 10 a process crashed (an invariant of its own was broken),
// 11 something unsafe was seen, 12 a cluster did not settle; the gravest of several.
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>

#include "net/base/plant.hpp"
#include "tests/sim/registers_sim.hpp"
#include "tests/sim/ring_sim.hpp"
#include "tests/sim/scale_sim.hpp"

namespace skep::sim {
namespace {

enum Exit : int { kPassed = 0, kUsage = 2, kCrash = 10, kUnsafe = 11, kStuck = 12 };

struct Arguments {
  std::string_view what;  // "ring", "registers", "scale"
  std::uint64_t nodes = 100;
  std::uint64_t arcs = 256;
  std::uint64_t from = 1;
  std::uint64_t seeds = 100;
  std::size_t jobs = 2;
  bool one = false;
  bool trace = false;
  bool messages = false;
  bool stop = false;
  std::string plant;
};

std::string_view word(int exit) {
  return exit == kPassed   ? "passed"
         : exit == kUnsafe ? "UNSAFE"
         : exit == kStuck  ? "STUCK"
                           : "CRASH";
}

int run_seed(const Arguments& arguments, std::uint64_t seed) {
  std::function<void(std::string_view)> trace;
  if (arguments.trace)
    trace = [](std::string_view line) {
      std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
    };
  const bool messages = arguments.messages;
  const Report report = arguments.what == "ring"
                            ? RingSim(RingPlan::draw(seed), trace, messages).run()
                            : RegistersSim(RegistersPlan::draw(seed), trace, messages).run();
  const int exit = report.outcome == Outcome::passed   ? kPassed
                   : report.outcome == Outcome::unsafe ? kUnsafe
                                                       : kStuck;
  if (exit != kPassed || arguments.one)
    std::printf(
        "%s seed %llu: %s%.1fs of virtual time, %llu events, %llu messages, %llu of %llu "
        "operations answered\n",
        std::string(word(exit)).c_str(), static_cast<unsigned long long>(seed),
        report.what.empty() ? "" : (report.what + "; ").c_str(),
        static_cast<double>(report.lasted.count()) / 1e6,
        static_cast<unsigned long long>(report.events),
        static_cast<unsigned long long>(report.messages),
        static_cast<unsigned long long>(report.answered),
        static_cast<unsigned long long>(report.operations));
  std::fflush(stdout);
  return exit;
}

// Each seed in a process of its own: what breaks an assertion is one seed's end, not the run's.
int run_many(const Arguments& arguments) {
  const auto started = std::chrono::steady_clock::now();
  std::map<pid_t, std::uint64_t> running;
  std::map<int, std::size_t> count;
  std::uint64_t next = arguments.from;
  const std::uint64_t end = arguments.from + arguments.seeds;
  bool stopping = false;
  while (!running.empty() || (next < end && !stopping)) {
    if (running.size() < arguments.jobs && next < end && !stopping) {
      const pid_t child = fork();
      if (child < 0) {
        std::perror("fork");
        return kUsage;
      }
      if (child == 0) _exit(run_seed(arguments, next));
      running[child] = next++;
      continue;
    }
    int status = 0;
    const pid_t child = waitpid(-1, &status, 0);
    const auto found = running.find(child);
    if (found == running.end()) continue;
    const int exit = WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(kCrash);
    ++count[exit];
    if (exit != kPassed) {
      const std::string plant = arguments.plant.empty() ? "" : " --plant " + arguments.plant;
      std::printf("%s seed %llu; again: build/release/sim%s %s --seed %llu --trace%s\n",
                  std::string(word(exit)).c_str(), static_cast<unsigned long long>(found->second),
                  plant.empty() ? "" : "_planted", std::string(arguments.what).c_str(),
                  static_cast<unsigned long long>(found->second), plant.c_str());
      std::fflush(stdout);
      stopping = arguments.stop;
    }
    running.erase(found);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::printf("%llu seeds in %.1fs: %zu passed, %zu unsafe, %zu stuck, %zu crashed\n",
              static_cast<unsigned long long>(next - arguments.from), seconds, count[kPassed],
              count[kUnsafe], count[kStuck], count[kCrash]);
  for (const int exit : {kCrash, kUnsafe, kStuck})
    if (count[exit] > 0) return exit;
  return kPassed;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

int run_scale(const Arguments& arguments) {
  const auto began = std::chrono::steady_clock::now();
  const auto arcs = static_cast<std::uint16_t>(arguments.arcs);
  const ScaleReport report = ScaleSim(arguments.nodes, arcs, arguments.from).run();
  const auto show = [](const char* name, const ScaleReport::Rate& rate) {
    std::printf("  %-11s %9.1f frames %11.0f bytes a node and second\n", name, rate.frames,
                rate.bytes);
  };
  std::printf("%llu nodes, %u arcs\n", static_cast<unsigned long long>(arguments.nodes), arcs);
  std::printf("  settled in %.1f s; %.2f MiB a node\n", seconds(report.settled),
              static_cast<double>(report.memory) / (1 << 20));
  show("members", report.members);
  show("heartbeats", report.heartbeats);
  show("everything", report.all);
  std::printf("  %llu requests, %llu hops\n", static_cast<unsigned long long>(report.requests),
              static_cast<unsigned long long>(report.hops));
  std::printf(
      "  %zu nodes crashed; %zu arcs kept a majority, %zu did not; served after %.1f s, "
      "whole after %.1f s\n",
      report.crashed, report.kept, report.lost, seconds(report.served), seconds(report.whole));
  std::printf("%s%s (%.0f s)\n", report.wrong.empty() ? "passed" : "FAILED: ", report.wrong.c_str(),
              std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  return report.wrong.empty() ? kPassed : kStuck;
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  if (argc < 2) return std::nullopt;
  arguments.what = argv[1];
  if (arguments.what != "ring" && arguments.what != "registers" && arguments.what != "scale")
    return std::nullopt;
  for (int i = 2; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--trace" || flag == "--messages") {
      arguments.trace = true;
      arguments.messages = flag == "--messages";
      continue;
    }
    if (flag == "--stop") {
      arguments.stop = true;
      continue;
    }
    if (++i == argc) return std::nullopt;
    const std::string_view value = argv[i];
    if (flag == "--plant") {
      arguments.plant = value;
      continue;
    }
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
    if (flag == "--seed") {
      arguments.from = number;
      arguments.one = true;
    } else if (flag == "--nodes" && number >= 10 && number <= 10'000) {
      arguments.nodes = number;
    } else if (flag == "--arcs" && number > 0 && number <= ring::kSlots &&
               ring::kSlots % number == 0) {
      arguments.arcs = number;
    } else if (flag == "--seeds") {
      arguments.seeds = number;
    } else if (flag == "--from") {
      arguments.from = number;
    } else if (flag == "--jobs" && number > 0) {
      arguments.jobs = number;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

}  // namespace
}  // namespace skep::sim

int main(int argc, char** argv) {
  using namespace skep::sim;
  const auto arguments = parse(argc, argv);
  if (!arguments) {
    std::fputs(
        "usage: sim ring|registers [--seeds N] [--from N] [--jobs N] [--stop]\n"
        "       sim ring|registers --seed N [--trace | --messages]\n"
        "       sim scale [--nodes 10..10000] [--arcs N] [--seed N]\n"
        "       sim_planted takes --plant NAME as well\n",
        stderr);
    return kUsage;
  }
#ifdef SKEP_PLANTED
  skep::planted_bug() = arguments->plant;
#else
  if (!arguments->plant.empty()) {
    std::fputs("this build has no planted bugs; sim_planted has\n", stderr);
    return kUsage;
  }
#endif
  if (arguments->what == "scale") return run_scale(*arguments);
  return arguments->one ? run_seed(*arguments, arguments->from) : run_many(*arguments);
}
