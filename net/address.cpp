#include "net/address.hpp"

#include <charconv>

namespace skep {

Result<HostPort> parse_address(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::invalid, "\"" + std::string(text.substr(0, 256)) + "\" " + std::string(why) +
                                   "; accepted is host:port, such as 127.0.0.1:5000 or [::1]:5000");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse("has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse("has an IPv6 address without brackets");
  }
  if (host.empty() || host.size() > 255 || host.find_first_of("[]") != std::string_view::npos)
    return refuse("has no host");
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
    return refuse("has no port from 0 to 65535");
  return HostPort{std::string(host), port};
}

std::string show_address(const HostPort& address) {
  const bool six = address.host.find(':') != std::string::npos;
  return (six ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string host_of(std::string_view address) {
  const auto parsed = parse_address(address);
  return parsed ? parsed->host : std::string(address);
}

}  // namespace skep
