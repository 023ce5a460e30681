// The small languages inside configuration strings: durations, sizes and addresses. What is not
// exactly one of them is none of them: no spaces, no signs, no fractions, no overflow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/base/time.hpp"

namespace skep::conf {

// "250ms", "1s", "10m", "24h", "7d".
std::optional<Duration> parse_duration(std::string_view text);
// With the largest unit that needs no fraction; of at least a millisecond's precision.
std::string show_duration(Duration duration);

// "512B", "16KiB", "64MiB", "1GiB", "1TiB".
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string show_size(std::uint64_t bytes);

struct HostPort {
  std::string host;  // without the brackets of an IPv6 address
  std::uint16_t port = 0;
};
// "127.0.0.1:5000", "[::1]:5000", "node1.example:5000"; the port is 1 to 65535.
std::optional<HostPort> parse_address(std::string_view text);

// "node1@127.0.0.1:5000": a name and a dialable address, neither of which is looked at.
struct NamedNode {
  std::string_view name, address;
};
std::optional<NamedNode> parse_node(std::string_view text);

// An IPv4 or IPv6 address in numbers, as opposed to a name.
bool is_numeric(const std::string& host);
// Reached from this machine only: 127.0.0.0/8 or ::1.
bool is_loopback(const std::string& host);
// All of this machine's addresses at once: 0.0.0.0 or ::.
bool is_wildcard(const std::string& host);

}  // namespace skep::conf
