// Listening for clients: accepts TCP connections and gives each a protocol (net/stream.hpp). Bounds
// what clients can take: the number of connections, and the bytes queued for one that does not read
// (it is closed, with a line in the log).
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

namespace skep {

struct TcpLimits {
  std::size_t max_connections = 10'000;
  // Per connection. A protocol that streams pauses its reading well below this.
  std::size_t max_queued = std::size_t{64} << 20;
  // Sent to a connection above max_connections before it is closed. In the listener's protocol,
  // such as "-ERR max number of clients reached\r\n"; may be empty.
  std::string refusal;
};

class TcpListener {
 public:
  // The stream outlives the handler. Null refuses the connection.
  using Factory = std::function<std::unique_ptr<StreamHandler>(Stream&)>;

  // Listens on "host:port"; port 0 takes a free one. A name is looked up in place: start-up only.
  // `part` is who listens, for the log ("ring"). Errors: Code::invalid for a bad address,
  // Code::conflict for a port that is taken, Code::permission, Code::io.
  static Result<std::unique_ptr<TcpListener>> open(Loop& loop, Log& log, std::string part,
                                                   std::string_view address, TcpLimits limits,
                                                   Factory factory);
  // Drops the connections that are left; their handlers' on_closed() is called.
  ~TcpListener();
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  // The address it listens on, with the real port.
  const Address& address() const;
  std::size_t connections() const;
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
