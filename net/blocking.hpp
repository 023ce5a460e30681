// A TCP connection for programs in front of a person, which may wait: the shells' clients. Not for
// a node. Speaks TLS if it is given a context.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "net/base/error.hpp"
#include "net/base/time.hpp"
#include "net/env.hpp"
#include "net/tls.hpp"

namespace skep {

class BlockingStream {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  static Deadline in(Duration timeout) { return std::chrono::steady_clock::now() + timeout; }

  // Tries the addresses of "host:port" in turn, then shakes hands. Code::invalid for a bad address,
  // Code::unavailable when nothing answers there in time, Code::permission when certificates are
  // not accepted. `tls` is null: none is spoken.
  static Result<BlockingStream> connect(const Address& address, Deadline deadline,
                                        const tls::Context* tls);
  BlockingStream(BlockingStream&& other) noexcept;
  BlockingStream& operator=(BlockingStream&& other) noexcept;
  ~BlockingStream();

  // Code::unknown when not all could be sent.
  Result<> send(std::string_view bytes, Deadline deadline);
  // Waits for bytes, some. None: the other side has ended the connection. Code::unknown when none
  // came in time or the connection was lost.
  Result<std::string> receive(Deadline deadline);
  // Something has come, the end of the connection for instance.
  bool has_news() const;

 private:
  explicit BlockingStream(int socket) : socket_(socket) {}
  Result<> shake_hands(Deadline deadline);
  Result<> send_raw(std::string_view bytes, Deadline deadline);
  Result<std::string> receive_raw(Deadline deadline);

  int socket_ = -1;
  std::unique_ptr<tls::Channel> tls_;
  std::string clear_;  // what came with the end of the handshake
};

}  // namespace skep
