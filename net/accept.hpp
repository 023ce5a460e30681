// A listening TCP socket. For files under net/ only, because it shows libuv.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/base/error.hpp"
#include "net/socket.hpp"

namespace skep {

class Acceptor {
 public:
  using Accepted = std::function<void(Result<TcpHandle>)>;

  // As TcpListener::open. `accepted` is called with each connection, or with why one could not be
  // accepted (no file descriptors left).
  static Result<std::unique_ptr<Acceptor>> open(Loop& loop, std::string_view address,
                                                Accepted accepted);
  const std::string& address() const { return address_; }

 private:
  explicit Acceptor(Loop& loop) : loop_(loop) {}
  void accept(int status);

  Loop& loop_;
  TcpHandle handle_;
  std::string address_;
  Accepted accepted_;
};

}  // namespace skep
