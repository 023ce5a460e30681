// Connecting to a "host:port" without blocking: looks the name up off the loop thread, then tries
// its addresses one after the other. For files under net/ only, because it shows libuv.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.hpp"
#include "net/base/error.hpp"
#include "net/socket.hpp"

namespace skep {

// Destroying it gives up; its `done` does not come any more.
class Dial final : private Flushable {
 public:
  // Called once, never from within the constructor; may destroy the Dial. Errors: Code::invalid for
  // a bad address, Code::unavailable when nothing answers there.
  using Done = std::function<void(Result<TcpHandle>)>;

  // How long to wait is the caller's business.
  Dial(Loop& loop, std::string_view address, Done done);
  ~Dial();

 private:
  struct LookUp;
  struct Connect;

  void flush() override;
  void found(int status, const addrinfo* list);
  void try_next(int status);
  void failed(Error error);

  Loop& loop_;
  const std::string address_;
  Done done_;
  LookUp* look_up_ = nullptr;
  Connect* connect_ = nullptr;
  TcpHandle handle_;
  std::vector<sockaddr_storage> left_;  // to be tried, the next one last
  Error error_;
};

}  // namespace skep
