// Byte 0: the pieces; then what a client of an HTTP listener sends.
#include "net/base/assert.hpp"
#include "net/http_server.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {
namespace {

class NoTimers final : public Timers, public Clock {
 public:
  Id after(Duration, std::function<void()>) override { return ++last_; }
  void cancel(Id) override {}
  Time now() override { return {}; }
  WallMs wall() override { return 0; }

 private:
  Id last_ = 0;
};

class Client final : public Stream {
 public:
  void write(std::string_view bytes) override {
    SKEP_ASSERT(!closed);
    said += bytes;
  }
  std::size_t queued() const override { return 0; }
  void pause_reading(bool) override {}
  void close() override { closed = true; }
  void drop(std::string_view) override { close(); }
  std::string peer() const override { return "127.0.0.1:9"; }

  std::string said;
  bool closed = false;
};

// Answers some requests at once, and others when it is told to.
class Echo final : public http::Site {
 public:
  explicit Echo(bool at_once) : at_once_(at_once) {}
  void handle(http::Request& request, http::Respond respond) override {
    SKEP_ASSERT(request.body.size() <= body_limit(request));
    SKEP_ASSERT(request.target.size() <= 200);
    seen += request.method + ' ' + request.target + '\n';
    for (const auto& [name, value] : request.headers) seen += name + '=' + value + '\n';
    seen += request.body + '\n';
    waiting_.emplace_back(std::move(respond), request.target);
    if (at_once_) answer();
  }
  std::size_t body_limit(const http::Request& request) const override {
    return request.method == "PUT" ? 50 : 100;
  }
  // The last one first.
  void answer() {
    while (!waiting_.empty()) {
      auto [respond, target] = std::move(waiting_.back());
      waiting_.pop_back();
      respond({200, "text/plain", target, {}});
    }
  }

  std::string seen;

 private:
  const bool at_once_;
  std::vector<std::pair<http::Respond, std::string>> waiting_;
};

struct Served {
  std::string requests;
  std::string said;
  bool closed = false;
};

Served serve(std::string_view bytes, std::uint8_t how, bool at_once) {
  NoTimers timers;
  Client client;
  Echo echo(at_once);
  http::ServerOptions options;
  options.header_bytes = 200;
  options.headers = 10;
  options.max_in_work = 4;
  options.max_bodies = 1000;
  http::Server server(timers, timers, echo, options);
  const auto session = server.accept(client);
  in_pieces(bytes, how, [&](std::string_view piece) { session->on_bytes(piece); });
  echo.answer();
  session->on_closed();
  return {echo.seen, client.said, client.closed};
}

}  // namespace

// However the bytes come, and whenever requests are answered, the same requests are handled and the
// same is said in the same order. What is not HTTP may be noticed earlier or later, and so for
// another reason; who need not be told to go on with its body is not.
void http(std::string_view bytes) {
  Input input(bytes);
  const std::uint8_t how = input.byte();
  const Served whole = serve(input.rest(), 0, true);
  const Served cut = serve(input.rest(), how, true);
  const Served later = serve(input.rest(), 0, false);
  // What stands around chunks is bounded where it has to be kept until more of it comes.
  if (cut.said.find("a chunk's header, or the trailer, is too long") != std::string::npos)
    SKEP_ASSERT(whole.requests.starts_with(cut.requests));
  else
    SKEP_ASSERT(whole.requests == cut.requests);
  SKEP_ASSERT(whole.requests == later.requests);
  SKEP_ASSERT(whole.said == later.said && whole.closed == later.closed);
  SKEP_ASSERT(whole.closed || cut.closed || whole.said == cut.said ||
              cut.said.find(" 100 Continue\r\n") != std::string::npos);
}

}  // namespace skep::fuzz
