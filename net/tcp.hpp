// Listening for clients: accepts TCP connections, speaks TLS with them if it has certificates, and
// gives each a protocol (net/stream.hpp). Bounds what clients can take: the number of connections,
// the bytes queued for one that does not read, and how long each of these may go on: a handshake, a
// stranger's silence, a client's, bytes that a client does not take. What is above is closed, with
// a line in the log where the client is to blame.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/base/error.hpp"
#include "net/base/log.hpp"
#include "net/loop.hpp"
#include "net/stream.hpp"
#include "net/tls.hpp"

namespace skep {

struct TcpLimits {
  std::size_t max_connections = 10'000;
  // Per connection. A protocol that streams pauses its reading well below this.
  std::size_t max_queued = std::size_t{64} << 20;
  // Sent to a connection above max_connections before it is closed, if it is not to speak TLS. In
  // the listener's protocol, such as "-ERR max number of clients reached\r\n"; may be empty.
  std::string refusal{};
  Duration handshake = std::chrono::seconds(10);  // of TLS
  Duration strange = std::chrono::seconds(60);  // StreamHandler::Standing::stranger, since accepted
  Duration idle{};                              // Standing::idle, since bytes came; 0: for ever
  Duration stalled = std::chrono::seconds(60);  // bytes queued, and none of them taken
};

class TcpListener {
 public:
  // The stream outlives the handler. Null refuses the connection.
  using Factory = std::function<std::unique_ptr<StreamHandler>(Stream&)>;

  // Listens on "host:port"; port 0 takes a free one. A name is looked up in place: start-up only.
  // `part` is who listens, for the log ("ring"). `tls` is of Peer::client; null: none is spoken.
  // Errors: Code::invalid for a bad address,
  // Code::conflict for a port that is taken, Code::permission, Code::io.
  static Result<std::unique_ptr<TcpListener>> open(Loop& loop, Log& log, std::string part,
                                                   std::string_view address, TcpLimits limits,
                                                   Factory factory,
                                                   std::shared_ptr<tls::Context> tls = nullptr);
  // Drops the connections that are left; their handlers' on_closed() is called.
  ~TcpListener();
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  // The address it listens on, with the real port.
  const Address& address() const;
  std::size_t connections() const;
  // Reads the certificates again, if there are any, for connections from now on; says so in the
  // log. On failure all stays as it is.
  Result<> reload_tls();
  // Accepts no more; frees the port.
  void stop_accepting();
  // Every connection: sends what is queued, then closes.
  void close_connections();

 private:
  struct State;
  explicit TcpListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace skep
