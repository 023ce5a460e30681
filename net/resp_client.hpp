// A blocking RESP client, for the shell and for tests: one connection to the first of several
// servers that is there, made when it is needed and made again after it was lost.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/error.hpp"
#include "net/base/time.hpp"
#include "net/blocking.hpp"
#include "net/env.hpp"
#include "net/resp.hpp"
#include "net/resp_reply.hpp"

namespace skep::resp {

class Client {
 public:
  struct Options {
    std::vector<Address> servers;                        // tried in turn
    std::string password;                                // empty: none is said
    std::shared_ptr<const tls::Context> tls{};           // null: none is spoken
    Duration connect_timeout = std::chrono::seconds(5);  // for each server
    Duration timeout = std::chrono::seconds(30);         // for a reply
  };

  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends a request and waits for its reply, in RESP3; an error reply is a success here. Errors:
  // Code::unavailable when no server can be reached, Code::permission when one does not take the
  // password, Code::unknown when the connection was lost or no reply came in time, Code::invalid
  // when what answers does not speak RESP. After an error the connection is closed.
  Result<Value> call(std::span<const std::string_view> words);

  // The server of the current connection; empty when there is none.
  const Address& server() const { return server_; }

 private:
  Result<> ensure_connected();
  Result<> greet();
  Result<Value> exchange(std::span<const std::string_view> words);
  Result<Value> read_reply();
  void close();

  const Options options_;
  std::optional<BlockingStream> stream_;
  Address server_;
  ReplyParser parser_;
};

}  // namespace skep::resp
