// Who may do what on a listener that speaks HTTP: Bearer tokens (RFC 6750), and what is trusted
// without.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/http.hpp"

namespace skep::http {

struct Tokens {
  std::string section;      // of the configuration, where they stand: "admin"
  std::string token;        // empty: everybody may read and write
  std::string admin_token;  // to administer; empty: everybody on the loopback who may read
};

enum class Needs : std::uint8_t {
  nothing,
  to_read,
  to_write,       // what the listener is for
  to_administer,  // what changes the node or the cluster
};

// The refusal, 401 or 403; none: the request may go on. The admin token is good for all. A browser
// says where a page that sends comes from (Origin): no page may change anything, unless it knows a
// token.
std::optional<Response> refusal(const Request& request, Needs needs, const Tokens& tokens);

}  // namespace skep::http
