// A program's connection to one HTTP server, on the loop: dialled when it is first needed, kept
// open from one request to the next, and dialled again after it was lost. For programs that keep
// many of them busy; one in front of a person may wait (http::ask).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http.hpp"
#include "net/loop.hpp"
#include "net/tls.hpp"

namespace skep::http {

class Connection {
 public:
  // Called once for each request, never from within ask(). Errors are those of http::ask().
  using Told = std::function<void(Result<Response>)>;

  // `address` is "host:port"; `tls` is null: none is spoken. The loop outlives the connection.
  Connection(Loop& loop, Address address, std::shared_ptr<const tls::Context> tls = nullptr);
  // Who waits is not told any more. Not from within `told`.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One request at a time: not before the last one was told, but from within that is in time.
  void ask(const Request& request, Duration timeout, Told told);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace skep::http
