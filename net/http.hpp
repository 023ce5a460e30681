// HTTP/1.1, for what is small: requests and answers that are whole values, bounded in size. The
// parsing is Boost.Beast's; the bytes come from our own streams.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/base/error.hpp"
#include "net/env.hpp"
#include "net/stream.hpp"
#include "net/tls.hpp"

namespace skep::http {

// By lower-case name.
using Headers = std::map<std::string, std::string, std::less<>>;

struct Request {
  std::string method = "GET";
  std::string target = "/";  // path and query, as it came
  Headers headers{};         // each name once: of repeated ones, the last
  std::string body{};
  std::string peer{};  // who asks: "127.0.0.1:50412"

  // The header's value; absent: empty.
  std::string_view header(std::string_view name) const {
    auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  }
};

struct Response {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body{};
  Headers headers{};
};

struct Limits {
  std::size_t header_bytes = std::size_t{16} << 10;
  std::size_t body_bytes = std::size_t{64} << 10;
  // A connection on which nothing came for so long, and nothing is being answered, is closed.
  Duration idle = std::chrono::seconds(60);
  // A request has to be whole so long after its first byte.
  Duration request = std::chrono::seconds(30);
};

using Respond = std::function<void(Response)>;
// Calls `respond` exactly once, now or later; after the client has gone, or the session, that does
// nothing. `request` lives during the call.
using Handle = std::function<void(const Request& request, Respond respond)>;

// A connection's protocol on the server's side: one request after the other is handled, the next
// not before the last one is answered. What is not HTTP, or is too long, is answered with the
// status that says so, and the connection closed.
std::unique_ptr<StreamHandler> make_session(Stream& stream, Timers& timers, Limits limits,
                                            Handle handle);

// Asks the server at `address` ("host:port") and waits for the answer, for `timeout` at most. For
// programs in front of a person, not for a node. Code::unavailable: certainly nothing was done;
// Code::unknown: the request was sent and no answer came; Code::permission: the certificates were
// not accepted. `tls` is null: none is spoken.
Result<Response> ask(const Address& address, const Request& request, Duration timeout,
                     const tls::Context* tls = nullptr);

}  // namespace skep::http
