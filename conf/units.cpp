#include "conf/units.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

namespace skep::conf {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array<Unit, 5> kDurations{{{"d", 86'400'000'000},
                                          {"h", 3'600'000'000},
                                          {"m", 60'000'000},
                                          {"s", 1'000'000},
                                          {"ms", 1'000}}};
constexpr std::array<Unit, 5> kSizes{
    {{"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}}};
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

std::optional<std::uint64_t> parse_with(const std::array<Unit, 5>& units, std::string_view text) {
  std::uint64_t count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{}) return std::nullopt;
  std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units)
    if (suffix == unit.name && count <= kMost / unit.factor) return count * unit.factor;
  return std::nullopt;
}

std::string show_with(const std::array<Unit, 5>& units, std::uint64_t value) {
  for (const Unit& unit : units)
    if (value != 0 && value % unit.factor == 0)
      return std::to_string(value / unit.factor).append(unit.name);
  return std::to_string(value / units.back().factor).append(units.back().name);
}

bool host_name(std::string_view host) {
  if (host.empty() || host.size() > 253 || host.front() == '-' || host.front() == '.') return false;
  return std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  auto value = parse_with(kDurations, text);
  if (!value) return std::nullopt;
  return Duration(static_cast<Duration::rep>(*value));
}

std::string show_duration(Duration duration) {
  return show_with(kDurations, static_cast<std::uint64_t>(duration.count()));
}

std::optional<std::uint64_t> parse_size(std::string_view text) { return parse_with(kSizes, text); }

std::string show_size(std::uint64_t bytes) { return show_with(kSizes, bytes); }

std::optional<HostPort> parse_address(std::string_view text) {
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  std::string_view port = text.substr(colon + 1);
  HostPort parsed;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (error != std::errc{} || end != port.data() + port.size() || parsed.port == 0)
    return std::nullopt;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    parsed.host = host.substr(1, host.size() - 2);
    in6_addr bits;
    if (inet_pton(AF_INET6, parsed.host.c_str(), &bits) != 1) return std::nullopt;
    return parsed;
  }
  if (!host_name(host)) return std::nullopt;
  parsed.host = host;
  return parsed;
}

std::optional<NamedNode> parse_node(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  return NamedNode{text.substr(0, at), text.substr(at + 1)};
}

bool is_numeric(const std::string& host) {
  in6_addr bits;
  return inet_pton(AF_INET, host.c_str(), &bits) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &bits) == 1;
}

bool is_loopback(const std::string& host) {
  in_addr four;
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  in6_addr six;
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool is_wildcard(const std::string& host) {
  in_addr four;
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return four.s_addr == INADDR_ANY;
  in6_addr six;
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_UNSPECIFIED(&six);
}

}  // namespace skep::conf
