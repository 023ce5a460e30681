// A load generator for registers, of this project or of etcd (through its JSON gateway), for what
// wrk cannot do: clients that read, then compare and set, each with its own key or all with one;
// every key written once; the longest time that a client waited between two successes. One thread.
//
// Prints one line of JSON: what succeeded, per second; latencies in microseconds, of an increment
// from its first read on; the longest gap; compare-and-sets that lost; errors.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/measure.hpp"

namespace skep::bench {
namespace {

constexpr int kSilence = 30'000;  // ms after which it is given up
constexpr int kLook = 5;          // ms between looks at clients whose patience is bounded

enum class Do : std::uint8_t {
  write,      // a random key
  fill,       // every key once, in order
  increment,  // each client its own counter: read, then compare and set
  hot,        // all clients one counter; ours by one request, as etcd has no such
};

struct Options {
  std::vector<std::string> nodes;  // "host:port"
  bool etcd = false;
  Do what = Do::write;
  std::size_t connections = 1;
  double seconds = 5;
  std::uint64_t keys = 10'000;
  std::size_t size = 100;
  std::uint64_t patience = 0;  // ms until a client asks again on another connection; 0: it waits
  bool random = false;         // each attempt goes to a node drawn anew; else a client keeps to one
};

Do parse_do(std::string_view text) {
  if (text == "write") return Do::write;
  if (text == "fill") return Do::fill;
  if (text == "increment") return Do::increment;
  if (text == "hot") return Do::hot;
  die("--do is write, fill, increment or hot");
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--random") {
      options.random = true;
      continue;
    }
    if (++i == argc) die("no value for " + std::string(name));
    const std::string_view value = argv[i];
    if (name == "--node")
      options.nodes.emplace_back(value);
    else if (name == "--api")
      options.etcd = value == "etcd";
    else if (name == "--do")
      options.what = parse_do(value);
    else if (name == "--connections")
      options.connections = number(value);
    else if (name == "--seconds")
      options.seconds = static_cast<double>(number(value));
    else if (name == "--keys")
      options.keys = number(value);
    else if (name == "--patience")
      options.patience = number(value);
    else if (name == "--size")
      options.size = number(value);
    else
      die("unknown option " + std::string(name));
  }
  if (options.nodes.empty()) die("no --node");
  if (options.connections == 0 || options.keys == 0) die("connections and keys are at least 1");
  return options;
}

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = at; i < at + 3; ++i)
      bits = bits << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
    for (int shift = 18; shift >= 0; shift -= 6) out += kDigits[bits >> shift & 63];
  }
  for (std::size_t i = 0; i < (3 - text.size() % 3) % 3; ++i) out[out.size() - 1 - i] = '=';
  return out;
}

std::string from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text.substr(0, text.find('='))) {
    bits = bits << 6 | static_cast<std::uint32_t>(kDigits.find(c));
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> have & 255);
  }
  return out;
}

// What stands between `before` and the next '"'; empty when it is not there.
std::string_view between(std::string_view text, std::string_view before) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + before.size());
  return text.substr(0, text.find('"'));
}

struct Response {
  int status = 0;
  std::string_view head, body;
  std::size_t size = 0;
};

// The first whole response in `in`, if there is one.
std::optional<Response> parse_response(std::string_view in) {
  const std::size_t end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  Response response{.status = 0, .head = in.substr(0, end), .body = {}, .size = end + 4};
  response.status = static_cast<int>(number(in.substr(9, 3)));
  if (response.head.find("chunked") != std::string_view::npos) {  // so etcd tells of errors
    const std::size_t last = in.find("\r\n0\r\n", end);
    if (last == std::string_view::npos) return std::nullopt;
    const std::size_t trailers = in.find("\r\n\r\n", last + 3);
    if (trailers == std::string_view::npos) return std::nullopt;
    response.size = trailers + 4;
    return response;
  }
  constexpr std::string_view kLength = "Content-Length: ";
  if (const std::size_t at = response.head.find(kLength); at != std::string_view::npos) {
    std::string_view length = response.head.substr(at + kLength.size());
    length = length.substr(0, length.find('\r'));
    response.body = in.substr(end + 4, number(length));
    response.size += number(length);
  }
  if (response.size > in.size()) return std::nullopt;
  return response;
}

// A register as it was read.
struct Seen {
  std::string version;  // empty: absent
  std::uint64_t counter = 0;
};

// How requests and responses look, of either kind.
class Api {
 public:
  explicit Api(bool etcd) : etcd_(etcd) {}

  std::string read(std::string_view key) const {
    if (etcd_) return request("POST", "/v3/kv/range", R"({"key":")" + base64(key) + "\"}");
    return request("GET", path(key), "");
  }
  std::string write(std::string_view key, std::string_view value) const {
    if (!etcd_) return request("PUT", path(key), value);
    return request("POST", "/v3/kv/put", put(key, value));
  }
  std::string compare_and_set(std::string_view key, const Seen& seen,
                              std::string_view value) const {
    if (!etcd_) {
      const std::string condition =
          seen.version.empty() ? "If-None-Match: *\r\n" : "If-Match: \"" + seen.version + "\"\r\n";
      return request("PUT", path(key), value, condition);
    }
    const std::string revision = seen.version.empty() ? "0" : seen.version;
    return request("POST", "/v3/kv/txn",
                   R"({"compare":[{"target":"MOD","key":")" + base64(key) + R"(","mod_revision":)" +
                       revision + R"(}],"success":[{"request_put":)" + put(key, value) + "}]}");
  }
  std::string add_one(std::string_view key) const {
    return request("POST", path(key), R"({"change":"add","args":{"by":1}})");
  }

  // None: an error.
  std::optional<Seen> seen(const Response& response) const {
    Seen out;
    if (!etcd_ && response.status == 404) return out;
    if (response.status != 200) return std::nullopt;
    std::string value(response.body);
    if (etcd_) {
      out.version = between(response.body, "\"mod_revision\":\"");
      value = from_base64(between(response.body, "\"value\":\""));
    } else {
      out.version = between(response.head, "ETag: \"");
    }
    if (!value.empty()) out.counter = number(value);
    return out;
  }
  enum class Wrote : std::uint8_t { done, lost, error };
  Wrote wrote(const Response& response, bool conditional) const {
    if (response.status == 412) return Wrote::lost;
    if (response.status / 100 != 2) return Wrote::error;
    if (!etcd_ || !conditional) return Wrote::done;
    return response.body.find("\"succeeded\":true") != std::string_view::npos ? Wrote::done
                                                                              : Wrote::lost;
  }

 private:
  static std::string path(std::string_view key) { return "/v1/kv/" + std::string(key); }
  static std::string put(std::string_view key, std::string_view value) {
    return R"({"key":")" + base64(key) + R"(","value":")" + base64(value) + "\"}";
  }
  static std::string request(std::string_view method, std::string_view path, std::string_view body,
                             std::string_view headers = "") {
    std::string out(method);
    out.append(" ").append(path).append(" HTTP/1.1\r\nHost: bench\r\n").append(headers);
    if (method != "GET") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return out.append("\r\n").append(body);
  }

  bool etcd_;
};

struct Client {
  std::size_t number = 0;
  std::vector<int> sockets;  // by node; -1: none
  std::size_t node = 0;      // the one that is asked
  std::string in;
  bool reading = false;  // what is under way is the read before a compare-and-set
  bool idle = true;
  Clock::time_point begun;    // of the operation
  Clock::time_point sent;     // the request under way
  Clock::time_point success;  // the last one
};

class Load {
 public:
  explicit Load(Options options)
      : options_(std::move(options)), api_(options_.etcd), value_(options_.size, 'x') {}

  void run() {
    epoll_ = epoll_create1(0);
    clients_.resize(options_.connections);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      clients_[i].number = i;
      clients_[i].node = i % options_.nodes.size();
      clients_[i].sockets.assign(options_.nodes.size(), -1);
    }
    begun_ = Clock::now();
    for (Client& client : clients_) {
      client.success = begun_;
      start(client);
    }
    epoll_event events[64];
    while (busy_ > 0) {
      const int count = epoll_wait(epoll_, events, 64, options_.patience > 0 ? kLook : kSilence);
      if (options_.patience > 0)
        give_up();
      else if (count == 0)
        die("no answer for " + std::to_string(kSilence) + " ms");
      for (int i = 0; i < count; ++i)
        receive(clients_[events[i].data.u64 / options_.nodes.size()],
                events[i].data.u64 % options_.nodes.size());
    }
    report();
  }

 private:
  bool more() const {
    if (options_.what == Do::fill) return filled_ < options_.keys;
    return std::chrono::duration<double>(Clock::now() - begun_).count() < options_.seconds;
  }

  static std::string key(std::uint64_t n) {
    char text[32];
    const int size =
        std::snprintf(text, sizeof text, "key:%012llu", static_cast<unsigned long long>(n));
    return {text, static_cast<std::size_t>(size)};
  }
  std::string counter(const Client& client) const {
    return options_.what == Do::hot ? "hot" : "counter:" + std::to_string(client.number);
  }
  // A counter is read first, unless one request adds to it.
  bool reads_first() const {
    return options_.what == Do::increment || (options_.what == Do::hot && options_.etcd);
  }

  // The client's next operation, if there is to be one.
  void start(Client& client) {
    if (!more()) return;
    client.begun = Clock::now();
    client.idle = false;
    ++busy_;
    attempt(client);
  }

  void attempt(Client& client) {
    if (options_.random) client.node = random_() % options_.nodes.size();
    client.reading = reads_first();
    switch (options_.what) {
      case Do::write: {
        const std::string variant = std::to_string(10 + random_() % 90);
        value_.replace(0, std::min(variant.size(), value_.size()), variant);
        return send(client, api_.write(key(random_() % options_.keys), value_));
      }
      case Do::fill: return send(client, api_.write(key(filled_++), value_));
      case Do::increment:
      case Do::hot:
        return send(client,
                    client.reading ? api_.read(counter(client)) : api_.add_one(counter(client)));
    }
  }

  // Clients that have waited for long enough. An event for what is closed here finds no socket.
  void give_up() {
    const Clock::time_point now = Clock::now();
    for (Client& client : clients_) {
      if (client.idle || now - client.sent < std::chrono::milliseconds(options_.patience)) continue;
      hang_up(client, client.node);
      client.in.clear();
      failed(client, "no answer in time");
    }
  }

  static void hang_up(Client& client, std::size_t node) {
    if (client.sockets[node] >= 0) close(client.sockets[node]);
    client.sockets[node] = -1;
  }

  void send(Client& client, std::string_view text) {
    client.sent = Clock::now();
    int& fd = client.sockets[client.node];
    if (fd < 0) {
      fd = dial(options_.nodes[client.node]);
      epoll_event event{EPOLLIN, {.u64 = client.number * options_.nodes.size() + client.node}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
    while (!text.empty()) {
      const ssize_t taken = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (taken <= 0) return;  // that it is lost comes as an event
      text.remove_prefix(static_cast<std::size_t>(taken));
    }
  }

  void receive(Client& client, std::size_t node) {
    char buffer[65536];
    const ssize_t got = recv(client.sockets[node], buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EBADF)) return;  // it was another connection's
    if (got <= 0) {
      hang_up(client, node);
      if (client.idle || node != client.node) return;
      client.in.clear();
      return failed(client, "a connection was lost");
    }
    client.in.append(buffer, static_cast<std::size_t>(got));
    const std::optional<Response> response = parse_response(client.in);
    if (!response) return;
    const std::string held = std::move(client.in);  // the response looks into it
    client.in.clear();
    answered(client, *parse_response(held));
  }

  void answered(Client& client, const Response& response) {
    if (client.reading) {
      const std::optional<Seen> seen = api_.seen(response);
      if (!seen) return failed(client, response.head);
      client.reading = false;
      return send(client,
                  api_.compare_and_set(counter(client), *seen, std::to_string(seen->counter + 1)));
    }
    switch (api_.wrote(response, reads_first())) {
      case Api::Wrote::done: break;
      case Api::Wrote::lost:
        ++lost_;
        if (more()) return attempt(client);
        return end(client);
      case Api::Wrote::error: return failed(client, response.head);
    }
    const Clock::time_point now = Clock::now();
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - client.begun);
    latencies_.add(static_cast<std::uint64_t>(took.count()));
    gap_ = std::max(gap_, now - client.success);
    client.success = now;
    end(client);
    start(client);
  }

  void failed(Client& client, std::string_view why) {
    if (errors_++ == 0) std::fprintf(stderr, "%.*s\n", static_cast<int>(why.size()), why.data());
    if (more()) return attempt(client);
    end(client);
  }

  void end(Client& client) {
    client.idle = true;
    --busy_;
  }

  void report() {
    for (const Client& client : clients_) gap_ = std::max(gap_, ended_at() - client.success);
    const double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    const auto gap = std::chrono::duration_cast<std::chrono::microseconds>(gap_);
    std::printf(
        "{\"rps\": %.1f, \"p50_us\": %llu, \"p99_us\": %llu, \"gap_us\": %lld, \"lost\": %llu, "
        "\"errors\": %llu}\n",
        static_cast<double>(latencies_.total()) / seconds,
        static_cast<unsigned long long>(latencies_.percentile(0.5)),
        static_cast<unsigned long long>(latencies_.percentile(0.99)),
        static_cast<long long>(gap.count()), static_cast<unsigned long long>(lost_),
        static_cast<unsigned long long>(errors_));
  }

  // A client that had no success at the end waited, too.
  Clock::time_point ended_at() const {
    if (options_.what == Do::fill) return begun_;
    return begun_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(options_.seconds));
  }

  const Options options_;
  const Api api_;
  std::string value_;
  int epoll_ = -1;
  std::vector<Client> clients_;
  std::size_t busy_ = 0;
  std::uint64_t filled_ = 0;
  Clock::time_point begun_;
  Clock::duration gap_{};
  Histogram latencies_;
  std::uint64_t lost_ = 0;
  std::uint64_t errors_ = 0;
  Random random_;
};

}  // namespace
}  // namespace skep::bench

int main(int argc, char** argv) {
  skep::bench::Load(skep::bench::parse(argc, argv)).run();
  return 0;
}
