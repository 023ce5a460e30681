// "host:port" taken apart. The host is a name, an IPv4 address, or an IPv6 address in brackets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/base/error.hpp"

namespace skep {

struct HostPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

// Code::invalid with a message that says what is accepted.
Result<HostPort> parse_address(std::string_view text);

// "host:port", an IPv6 host in brackets.
std::string show_address(const HostPort& address);

// Of "host:port" the host: who connected, without the port, which is another one each time.
std::string host_of(std::string_view address);

}  // namespace skep
