// What the load generators share: connections, latencies, chance.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace skep::bench {

using Clock = std::chrono::steady_clock;

[[noreturn]] inline void die(const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, why.c_str());
  std::exit(2);
}

inline std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    die("'" + std::string(text) + "' is not a number");
  return value;
}

// A blocking connection to "host:port"; -1: refused.
inline int try_dial(const std::string& node) {
  const auto colon = node.rfind(':');
  if (colon == std::string::npos) die("'" + node + "' is not host:port");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(number(node.substr(colon + 1))));
  if (inet_pton(AF_INET, node.substr(0, colon).c_str(), &address.sin_addr) != 1)
    die("'" + node + "' has no IPv4 address");
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

inline int dial(const std::string& node) {
  const int fd = try_dial(node);
  if (fd < 0) die("cannot connect to " + node + ": " + std::strerror(errno));
  return fd;
}

// Latencies in buckets that are a sixteenth of their value wide at most.
class Histogram {
 public:
  void add(std::uint64_t us) {
    ++counts_[bucket(us)];
    ++total_;
    longest_ = std::max(longest_, us);
  }
  std::uint64_t percentile(double share) const {
    auto left = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (left < counts_[i]) return value(i);
      left -= counts_[i];
    }
    return longest_;
  }
  std::uint64_t longest() const { return longest_; }
  std::uint64_t total() const { return total_; }

 private:
  static std::size_t bucket(std::uint64_t us) {
    std::size_t shift = 0;
    for (; us >= 32; us >>= 1) ++shift;
    return shift * 16 + us;
  }
  static std::uint64_t value(std::size_t bucket) {
    if (bucket < 32) return bucket;
    const std::size_t shift = bucket / 16 - 1;
    return (bucket - shift * 16) << shift;
  }
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(1024);
  std::uint64_t total_ = 0;
  std::uint64_t longest_ = 0;
};

// xorshift64*: enough for keys.
class Random {
 public:
  std::uint64_t operator()() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1DULL;
  }

 private:
  std::uint64_t state_ = 0x9E3779B97F4A7C15ULL;
};

}  // namespace skep::bench
