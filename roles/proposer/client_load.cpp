#include "roles/proposer/client_load.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "net/http_connection.hpp"
#include "net/loop.hpp"
#include "net/process.hpp"
#include "net/resp_text.hpp"
#include "roles/proposer/client_ask.hpp"
#include "roles/proposer/client_latencies.hpp"

namespace skep::proposer {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr Duration kTimeout = 15s;   // longer than a proposer's own
constexpr Duration kPause = 20ms;    // after an error
constexpr Duration kRest = 1s;       // whoever is not there is not asked for so long, if others are
constexpr Duration kPatience = 60s;  // for the counters' last values

// What the clients were told of one counter.
struct Counter {
  std::string target;
  std::uint64_t sure = 0;   // increments
  std::uint64_t maybe = 0;  // and those of unknown outcome
};

struct Figures {
  std::uint64_t attempts = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t errors = 0;
};

// What all clients share.
struct Shared {
  const LoadOptions& options;
  Loop& loop;
  std::vector<Counter> counters{};
  Latencies read{}, write{}, increment{};
  std::uint64_t conflicts = 0;
  Duration longest_gap{};     // between two increments of one client
  std::string first_error{};  // what it was, for a person
  bool stopping = false;
};

class Client {
 public:
  Client(Shared& shared, std::size_t number) : shared_(shared), number_(number) {
    for (const Address& proposer : shared.options.proposers)
      connections_.push_back(
          std::make_unique<http::Connection>(shared.loop, proposer, shared.options.tls));
    rests_until_.resize(connections_.size());
  }

  void begin() {
    counted_ = shared_.loop.now();
    attempt();
  }
  bool idle() const { return idle_; }
  // Since the last call.
  Figures take_figures() { return std::exchange(figures_, {}); }
  const Figures& all() const { return all_; }

 private:
  void attempt() {
    if (shared_.stopping) {
      idle_ = true;
      return;
    }
    const bool own = shared_.options.own_keys;
    began_ = shared_.loop.now();
    proposer_ = own ? number_ % connections_.size() : draw_proposer();
    counter_ = &shared_.counters[own ? number_ : draw(shared_.counters.size())];
    count(&Figures::attempts);
    ask({.target = counter_->target}, [this](const auto& response) { was_read(response); });
  }

  std::size_t draw(std::size_t of) { return static_cast<std::size_t>(shared_.loop.next() % of); }
  // One that does not rest; any, if all do.
  std::size_t draw_proposer() {
    const auto awake = static_cast<std::size_t>(std::count_if(
        rests_until_.begin(), rests_until_.end(), [&](Time t) { return t <= began_; }));
    if (awake == 0) return draw(connections_.size());
    std::size_t left = draw(awake);
    std::size_t at = 0;
    while (rests_until_[at] > began_ || left-- > 0) ++at;
    return at;
  }

  void ask(http::Request request, http::Connection::Told told) {
    if (!shared_.options.token.empty())
      request.headers["authorization"] = "Bearer " + shared_.options.token;
    connections_[proposer_]->ask(request, kTimeout, std::move(told));
  }

  void was_read(const Result<http::Response>& response) {
    const bool absent = response && is_absent(*response);
    const auto value = response && response->status == 200 ? resp::to_integer(response->body)
                                                           : std::optional<std::int64_t>();
    const auto version = value ? version_of(*response) : std::nullopt;
    if (!absent && !version) return failed(response);
    read_ = shared_.loop.now();
    shared_.read.add(read_ - began_);
    count(&Figures::reads);
    http::Request write{.method = "PUT", .target = counter_->target};
    write.headers[absent ? "if-none-match" : "if-match"] = absent ? "*" : version_tag(*version);
    write.body = std::to_string(value.value_or(0) + 1);
    ask(std::move(write), [this](const auto& result) { was_written(result); });
  }

  void was_written(const Result<http::Response>& response) {
    if (response && response->status == 412) {
      ++shared_.conflicts;  // somebody else was first
      return attempt();
    }
    if (!response || response->status >= 300) {
      const bool maybe =
          response ? problem_of(*response).maybe_done : response.error().done() == Done::maybe;
      if (maybe) ++counter_->maybe;
      return failed(response);
    }
    const Time now = shared_.loop.now();
    shared_.write.add(now - read_);
    shared_.increment.add(now - began_);
    shared_.longest_gap = std::max(shared_.longest_gap, now - counted_);
    counted_ = now;
    ++counter_->sure;
    count(&Figures::writes);
    attempt();
  }

  void failed(const Result<http::Response>& response) {
    count(&Figures::errors);
    if (shared_.first_error.empty())
      shared_.first_error = response ? problem_of(*response).detail : response.error().message;
    if (!response) rests_until_[proposer_] = shared_.loop.now() + kRest;
    shared_.loop.after(kPause, [this] { attempt(); });
  }

  void count(std::uint64_t Figures::*what) {
    ++(figures_.*what);
    ++(all_.*what);
  }

  Shared& shared_;
  const std::size_t number_;
  std::vector<std::unique_ptr<http::Connection>> connections_;
  std::vector<Time> rests_until_;  // of each
  std::size_t proposer_ = 0;
  Counter* counter_ = nullptr;
  Time began_{}, read_{}, counted_{};
  Figures figures_, all_;
  bool idle_ = false;
};

class Load {
 public:
  Load(const LoadOptions& options, std::ostream& out, std::ostream& diagnostics)
      : options_(options), out_(out), diagnostics_(diagnostics), shared_{options, loop_} {
    // Keys of this run alone: others, of now or earlier, count in keys of theirs.
    const std::string run = std::to_string(loop_.next() % 1'000'000'000);
    for (std::size_t i = 0; i < options.keys; ++i)
      shared_.counters.push_back({"/v1/kv/load/" + run + '/' + std::to_string(i + 1)});
    for (std::size_t i = 0; i < options.clients; ++i)
      clients_.push_back(std::make_unique<Client>(shared_, i));
  }

  int run() {
    if (!options_.json)
      out_ << "# proposers: " << options_.proposers.size() << "\n# keys: " << options_.keys
           << "\n# clients: " << options_.clients << '\n'
           << std::flush;
    for (const int signal : {SIGINT, SIGTERM}) loop_.on_signal(signal, [this] { stop(); });
    if (options_.lasts) loop_.after(*options_.lasts, [this] { stop(); });
    loop_.on_turn_end([this] { stop_when_idle(); });
    began_ = loop_.now();
    for (const auto& client : clients_) client->begin();
    tell_at(1);
    loop_.run();
    tell_first_error();
    const std::string wrong =
        tried() ? verify() : "no increment was tried: no counter is checked\n";
    report(wrong.empty());
    if (wrong.empty()) return 0;
    diagnostics_ << wrong;
    return 1;
  }

 private:
  void stop() {
    if (!std::exchange(shared_.stopping, true)) ended_ = loop_.now();
  }
  void stop_when_idle() {
    if (!shared_.stopping) return;
    for (const auto& client : clients_)
      if (!client->idle()) return;
    loop_.stop();
  }

  void tell_at(std::uint64_t second) {
    const Duration left = began_ + std::chrono::seconds(second) - loop_.now();
    loop_.after(std::max(left, Duration::zero()), [this, second] {
      if (!options_.json) {
        out_ << second;
        for (const auto& client : clients_) {
          const Figures figures = client->take_figures();
          out_ << " [" << figures.attempts << '-' << figures.reads << '-' << figures.writes << ' '
               << figures.errors << ']';
        }
        out_ << '\n' << std::flush;
      }
      tell_first_error();
      if (!shared_.stopping) tell_at(second + 1);
    });
  }

  void tell_first_error() {
    if (shared_.first_error.empty() || std::exchange(told_error_, true)) return;
    diagnostics_ << "# the first error: " << shared_.first_error << '\n' << std::flush;
  }

  bool tried() const {
    return std::any_of(shared_.counters.begin(), shared_.counters.end(),
                       [](const Counter& counter) { return counter.sure + counter.maybe > 0; });
  }

  // What is wrong with the counters, for a person; empty: nothing. They go when they are right.
  std::string verify() {
    Proposers proposers(
        options_.proposers, options_.token,
        [this](const Address& node, const http::Request& request, Duration timeout) {
          return http::ask(node, request, timeout, options_.tls.get());
        });
    std::string wrong;
    const Time until = loop_.now() + kPatience;
    for (const Counter& counter : shared_.counters) {
      auto response = proposers.read({.target = counter.target});
      while (!response && loop_.now() < until) {
        std::this_thread::sleep_for(100ms);
        response = proposers.read({.target = counter.target});
      }
      wrong += check(counter, response);
    }
    if (!wrong.empty()) return wrong;
    for (const Counter& counter : shared_.counters)
      (void)proposers.change({.method = "DELETE", .target = counter.target}, false);
    return {};
  }

  static std::string check(const Counter& counter, const Result<http::Response>& response) {
    const std::string key = counter.target.substr(std::string_view("/v1/kv/").size());
    if (!response)
      return "the counter " + key + " cannot be read: " + response.error().message + '\n';
    const bool absent = is_absent(*response);
    const auto value = absent ? 0 : resp::to_integer(response->body);
    const bool known = value && *value >= 0 && (absent || response->status == 200);
    const auto is = static_cast<std::uint64_t>(value.value_or(0));
    if (known && is >= counter.sure && is <= counter.sure + counter.maybe) return {};
    std::string has_to_be = std::to_string(counter.sure);
    if (counter.maybe > 0) has_to_be += " to " + std::to_string(counter.sure + counter.maybe);
    return "WRONG: the counter " + key + " is " + (known ? std::to_string(is) : "no number") +
           ", and has to be " + has_to_be +
           (known && is < counter.sure ? ": increments were lost\n"
                                       : ": increments were done twice\n");
  }

  static Json show(const Latencies& latencies) {
    Json json{{"count", latencies.count()}};
    for (const auto& [name, part] :
         {std::pair("p50", 0.5), {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}})
      json[name] = latencies.percentile(part).count();
    json["max"] = latencies.longest().count();
    return json;
  }
  static std::string ms(Duration duration) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f ms",
                  static_cast<double>(duration.count()) / 1000);
    return text.data();
  }

  void report(bool right) {
    const double seconds = std::chrono::duration<double>(ended_ - began_).count();
    const double rate = static_cast<double>(shared_.increment.count()) / seconds;
    std::uint64_t attempts = 0, errors = 0, maybe = 0;
    for (const auto& client : clients_) {
      attempts += client->all().attempts;
      errors += client->all().errors;
    }
    for (const Counter& counter : shared_.counters) maybe += counter.maybe;
    if (options_.json) {
      out_ << Json{{"proposers", options_.proposers.size()},
                   {"keys", options_.keys},
                   {"clients", options_.clients},
                   {"seconds", seconds},
                   {"attempts", attempts},
                   {"increments", shared_.increment.count()},
                   {"per_second", rate},
                   {"conflicts", shared_.conflicts},
                   {"errors", errors},
                   {"unknown", maybe},
                   {"longest_gap_us", shared_.longest_gap.count()},
                   {"increment_us", show(shared_.increment)},
                   {"read_us", show(shared_.read)},
                   {"write_us", show(shared_.write)},
                   {"counters", right ? "right" : "wrong"}}
                  .dump()
           << '\n';
      return;
    }
    std::array<char, 32> per_second{};
    std::snprintf(per_second.data(), per_second.size(), "%.0f", rate);
    out_ << "# increments: " << shared_.increment.count() << ", " << per_second.data()
         << " a second; each took " << ms(shared_.increment.percentile(0.5)) << ", 99 % at most "
         << ms(shared_.increment.percentile(0.99)) << ", the longest "
         << ms(shared_.increment.longest()) << "\n# errors: " << errors
         << ", of which may have been done: " << maybe << '\n';
    if (right) out_ << "# every counter is right\n";
  }

  const LoadOptions& options_;
  std::ostream& out_;
  std::ostream& diagnostics_;
  Loop loop_;
  Shared shared_;
  std::vector<std::unique_ptr<Client>> clients_;
  Time began_{}, ended_{};
  bool told_error_ = false;
};

}  // namespace

int run_load(const LoadOptions& options, std::ostream& out, std::ostream& diagnostics) {
  raise_file_limit();
  return Load(options, out, diagnostics).run();
}

}  // namespace skep::proposer
