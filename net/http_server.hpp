// The server's side of HTTP/1.1 and 1.0: connections that stay open, pipelined requests, HEAD,
// chunked bodies, Expect: 100-continue (RFC 9112). The parsing is Boost.Beast's; the bytes come
// from our own streams.
//
// Answers leave in the order of their requests. Several pipelined requests are worked on at once as
// long as all of them only read (GET, HEAD, OPTIONS); another one waits for those before it, and
// those behind it wait for it. What is not HTTP, is too long or comes too slowly is answered with a
// problem document, and the connection closed.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "net/base/metrics.hpp"
#include "net/env.hpp"
#include "net/http.hpp"
#include "net/stream.hpp"
#include "net/tcp.hpp"

namespace skep::http {

using Respond = std::function<void(Response)>;

struct ServerOptions {
  std::string part;  // who serves, for figures: "admin"
  std::size_t header_bytes = std::size_t{16} << 10;
  std::size_t headers = 100;
  // A request has to be whole so long after its first byte.
  Duration request = std::chrono::seconds(30);
  std::size_t max_in_work = 64;  // requests of one connection
  // Bytes of answers that wait for a connection to take them, above which it is not read from.
  std::size_t max_unsent = std::size_t{1} << 20;
  // Bytes of bodies, of all connections together; above it, requests with one are refused.
  std::size_t max_bodies = std::size_t{256} << 20;
};

// What is served.
class Site {
 public:
  virtual ~Site() = default;
  // Calls `respond` exactly once, now or later; after the client has gone that does nothing.
  // `request` lives during the call; its body may be taken.
  virtual void handle(Request& request, Respond respond) = 0;
  // Bytes that the body of the request may have, of which method, target and headers are known.
  virtual std::size_t body_limit(const Request& request) const = 0;
};

struct RequestBounds;

class Server {
 public:
  // These must outlive it, and it its sessions.
  Server(Timers& timers, Clock& clock, Site& site, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The protocol of a new connection. TcpLimits::idle says how long it may be idle.
  std::unique_ptr<StreamHandler> accept(Stream& stream);

  // From now on each answer is the last one of its connection.
  void end() { ending_ = true; }

  void report(Metrics& metrics) const;

 private:
  friend class Session;

  Timers& timers_;
  Clock& clock_;
  Site& site_;
  const ServerOptions options_;
  const std::unique_ptr<RequestBounds> bounds_;
  bool ending_ = false;
  std::size_t bodies_ = 0;                  // bytes
  std::array<std::uint64_t, 6> answers_{};  // by the first digit of their status
  Histogram latency_;
};

struct Listening {
  std::string part;     // "admin"; also the section of the certificates
  std::string address;  // "host:port"
  tls::Files tls{};     // of a listener; none: no TLS is spoken
  std::size_t max_connections = 0;
  Duration idle = std::chrono::seconds(60);  // 0: for ever
};
// Listens, and says so in the log. As TcpListener::open().
Result<std::unique_ptr<TcpListener>> listen(Loop& loop, Log& log, const Listening& listening,
                                            Server& server);

}  // namespace skep::http
