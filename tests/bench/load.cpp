// A load generator for anything that speaks RESP, for what redis-benchmark cannot do: clients on
// several nodes at once, a write that counts only when WAIT has confirmed it, a load for a given
// time over many keys. One thread, so that it takes no more of the machine than redis-benchmark.
//
// Prints one line of JSON: requests per second, latencies in microseconds, error replies.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/resp_encode.hpp"
#include "roles/ring/slots.hpp"
#include "tests/bench/measure.hpp"

namespace skep::bench {
namespace {

struct Options {
  std::vector<std::string> nodes;  // "host:port"
  std::string command = "get";     // get, set, fill (every key once, in order)
  std::size_t connections = 50;
  std::size_t pipeline = 1;
  std::uint64_t requests = 100'000;
  double seconds = 0;  // instead of a number of requests
  std::uint64_t keys = 100'000;
  std::size_t size = 100;
  int wait = 0;        // replicas that a write waits for
  bool slots = false;  // each key straight to the node that CLUSTER SLOTS names
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--slots") {
      options.slots = true;
      continue;
    }
    if (++i == argc) die("no value for " + std::string(name));
    const std::string_view value = argv[i];
    if (name == "--node")
      options.nodes.emplace_back(value);
    else if (name == "--command")
      options.command = value;
    else if (name == "--connections")
      options.connections = number(value);
    else if (name == "--pipeline")
      options.pipeline = number(value);
    else if (name == "--requests")
      options.requests = number(value);
    else if (name == "--seconds")
      options.seconds = static_cast<double>(number(value));
    else if (name == "--keys")
      options.keys = number(value);
    else if (name == "--size")
      options.size = number(value);
    else if (name == "--wait")
      options.wait = static_cast<int>(number(value));
    else
      die("unknown option " + std::string(name));
  }
  if (options.nodes.empty()) die("no --node");
  if (options.connections == 0 || options.pipeline == 0 || options.keys == 0)
    die("connections, pipeline and keys are at least 1");
  return options;
}

// The size of the first whole reply in `in`, if there is one.
std::optional<std::size_t> reply_size(std::string_view in) {
  const std::size_t line = in.find("\r\n");
  if (line == std::string_view::npos) return std::nullopt;
  long count = 0;
  if (in[0] == '$' || in[0] == '*') std::from_chars(in.data() + 1, in.data() + line, count);
  std::size_t size = line + 2;
  if (in[0] == '$' && count >= 0) {
    size += static_cast<std::size_t>(count) + 2;
  } else if (in[0] == '*') {
    for (long i = 0; i < count; ++i) {
      const auto item = size < in.size() ? reply_size(in.substr(size)) : std::nullopt;
      if (!item) return std::nullopt;
      size += *item;
    }
  }
  return size <= in.size() ? std::optional(size) : std::nullopt;
}

// Which of the nodes has which slot.
std::vector<std::size_t> slot_map(const Options& options) {
  const int fd = dial(options.nodes[0]);
  constexpr std::string_view kAsk = "CLUSTER SLOTS\r\n";
  if (write(fd, kAsk.data(), kAsk.size()) < 0) die("cannot ask for the slots");
  std::string in;
  char buffer[65536];
  while (in.empty() || !reply_size(in)) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got <= 0) die("no answer to CLUSTER SLOTS");
    in.append(buffer, static_cast<std::size_t>(got));
  }
  close(fd);
  // Each range is: first, last, then nodes of which the first (host, port, …) is the master.
  std::vector<std::size_t> map(ring::kSlots, options.nodes.size());
  std::vector<std::string> lines;
  for (std::size_t at = 0, end = 0; (end = in.find("\r\n", at)) != std::string::npos; at = end + 2)
    lines.push_back(in.substr(at, end - at));
  for (std::size_t i = 0; i + 5 < lines.size(); ++i) {
    const bool range = lines[i][0] == ':' && lines[i + 1][0] == ':' && lines[i + 2][0] == '*' &&
                       lines[i + 3][0] == '$' && lines[i + 5][0] == ':';
    if (!range) continue;
    const std::string node = lines[i + 4] + ":" + lines[i + 5].substr(1);
    const auto found = std::find(options.nodes.begin(), options.nodes.end(), node);
    if (found == options.nodes.end()) die("CLUSTER SLOTS names " + node + ", which is not given");
    for (auto slot = number(lines[i].substr(1)); slot <= number(lines[i + 1].substr(1)); ++slot)
      map[slot] = static_cast<std::size_t>(found - options.nodes.begin());
  }
  return map;
}

struct Connection {
  int fd = -1;
  std::size_t node = 0;
  std::string in;
  std::size_t requests = 0;  // of the batch under way
  std::size_t due = 0;       // replies that it lacks
  Clock::time_point sent;
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), value_(options_.size, 'x') {
    if (options_.slots) slots_ = slot_map(options_);
  }

  void run() {
    epoll_ = epoll_create1(0);
    connections_.resize(options_.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connections_[i].node = i % options_.nodes.size();
      connections_[i].fd = dial(options_.nodes[connections_[i].node]);
      epoll_event event{EPOLLIN, {.u64 = i}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event);
    }
    begun_ = Clock::now();
    for (Connection& connection : connections_) send(connection);
    epoll_event events[64];
    while (busy_ > 0) {
      const int count = epoll_wait(epoll_, events, 64, -1);
      for (int i = 0; i < count; ++i) receive(connections_[events[i].data.u64]);
    }
    report();
  }

 private:
  bool more() const {
    if (options_.command == "fill") return begun_requests_ < options_.keys;
    if (options_.seconds > 0)
      return std::chrono::duration<double>(Clock::now() - begun_).count() < options_.seconds;
    return begun_requests_ < options_.requests;
  }

  std::string_view key(std::size_t node) {
    for (;;) {
      const auto n = options_.command == "fill" ? begun_requests_ : random_() % options_.keys;
      const int size =
          std::snprintf(key_, sizeof key_, "key:%012llu", static_cast<unsigned long long>(n));
      const std::string_view made(key_, static_cast<std::size_t>(size));
      if (slots_.empty() || slots_[ring::slot_of(made)] == node) return made;
    }
  }

  void send(Connection& connection) {
    out_.clear();
    connection.requests = 0;
    while (connection.requests < options_.pipeline && more()) {
      const std::string_view name = key(connection.node);
      const std::string_view words[] = {options_.command == "get" ? "GET" : "SET", name, value_};
      resp::encode_request(out_, {words, options_.command == "get" ? 2U : 3U});
      ++connection.requests;
      ++begun_requests_;
    }
    if (connection.requests == 0) return;
    connection.due = connection.requests;
    if (options_.wait > 0) {
      const std::string replicas = std::to_string(options_.wait);
      const std::string_view words[] = {"WAIT", replicas, "1000"};
      resp::encode_request(out_, words);
      ++connection.due;
    }
    ++busy_;
    connection.sent = Clock::now();
    for (std::string_view left = out_; !left.empty();) {
      const ssize_t taken = write(connection.fd, left.data(), left.size());
      if (taken <= 0) die("a connection was lost while writing");
      left.remove_prefix(static_cast<std::size_t>(taken));
    }
  }

  void receive(Connection& connection) {
    char buffer[65536];
    const ssize_t got = read(connection.fd, buffer, sizeof buffer);
    if (got <= 0) die("a connection was lost");
    connection.in.append(buffer, static_cast<std::size_t>(got));
    std::size_t at = 0;
    while (connection.due > 0 && at < connection.in.size()) {
      const std::string_view rest = std::string_view(connection.in).substr(at);
      const auto size = reply_size(rest);
      if (!size) break;
      if (rest[0] == '-') note_error(rest.substr(1, *size - 3));
      if (options_.wait > 0 && connection.due == 1 && rest[0] == ':' &&
          std::atoi(rest.data() + 1) < options_.wait)
        note_error("WAIT was not confirmed");
      at += *size;
      --connection.due;
    }
    connection.in.erase(0, at);
    if (connection.due > 0) return;
    const auto us =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - connection.sent);
    for (std::size_t i = 0; i < connection.requests; ++i)
      latencies_.add(static_cast<std::uint64_t>(us.count()));
    --busy_;
    if (more()) send(connection);
  }

  void note_error(std::string_view text) {
    if (errors_++ == 0) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  }

  void report() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    std::printf(
        "{\"rps\": %.0f, \"p50_us\": %llu, \"p99_us\": %llu, \"max_us\": %llu, \"errors\": %llu}\n",
        static_cast<double>(latencies_.total()) / seconds,
        static_cast<unsigned long long>(latencies_.percentile(0.5)),
        static_cast<unsigned long long>(latencies_.percentile(0.99)),
        static_cast<unsigned long long>(latencies_.longest()),
        static_cast<unsigned long long>(errors_));
  }

  const Options options_;
  const std::string value_;
  std::vector<std::size_t> slots_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::size_t busy_ = 0;
  std::uint64_t begun_requests_ = 0;
  Clock::time_point begun_;
  Histogram latencies_;
  std::uint64_t errors_ = 0;
  Random random_;
  std::string out_;
  char key_[32];
};

}  // namespace
}  // namespace skep::bench

int main(int argc, char** argv) {
  skep::bench::Load(skep::bench::parse(argc, argv)).run();
  return 0;
}
