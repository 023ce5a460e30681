// Byte 0: the pieces; then what a client of the admin listener sends.
#include "net/http.hpp"

#include "net/base/assert.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {
namespace {

const http::Limits kLimits{200, 100, std::chrono::seconds(60)};

class NoTimers final : public Timers {
 public:
  Id after(Duration, std::function<void()>) override { return ++last_; }
  void cancel(Id) override {}

 private:
  Id last_ = 0;
};

class Client final : public Stream {
 public:
  void write(std::string_view bytes) override {
    SKEP_ASSERT(!closed);
    SKEP_ASSERT(bytes.starts_with("HTTP/1.1 "));
    ++answers;
  }
  std::size_t queued() const override { return 0; }
  void pause_reading(bool) override {}
  void close() override { closed = true; }
  void drop(std::string_view) override { close(); }
  std::string peer() const override { return "127.0.0.1:9"; }

  std::size_t answers = 0;
  bool closed = false;
};

struct Served {
  std::string requests;
  std::size_t answers = 0;
  bool closed = false;
};

Served serve(std::string_view bytes, std::uint8_t how) {
  NoTimers timers;
  Client client;
  Served served;
  const auto session = http::make_session(
      client, timers, kLimits, [&](const http::Request& request, http::Respond respond) {
        SKEP_ASSERT(request.body.size() <= kLimits.body_bytes);
        SKEP_ASSERT(request.target.size() <= kLimits.header_bytes);
        served.requests += request.method + ' ' + request.target + '\n';
        for (const auto& [name, value] : request.headers)
          served.requests += name + '=' + value + '\n';
        served.requests += request.body + '\n';
        respond({200, "text/plain", "answer"});
      });
  in_pieces(bytes, how, [&](std::string_view piece) { session->on_bytes(piece); });
  served.answers = client.answers;
  served.closed = client.closed;
  session->on_closed();
  return served;
}

}  // namespace

// However the bytes come, the same requests are handled. What is not HTTP may be noticed earlier or
// later, and so for another reason.
void http(std::string_view bytes) {
  Input input(bytes);
  const std::uint8_t how = input.byte();
  const Served whole = serve(input.rest(), 0);
  const Served cut = serve(input.rest(), how);
  SKEP_ASSERT(whole.requests == cut.requests);
  SKEP_ASSERT(!whole.closed || !cut.closed || whole.answers == cut.answers);
}

}  // namespace skep::fuzz
