// What tests of real sockets need: a loop that is turned until something holds, and a raw client on
// the same loop.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.hpp"
#include "net/base/log.hpp"
#include "net/dial.hpp"
#include "net/loop.hpp"
#include "net/socket.hpp"

namespace skep::testing {

// Turns the loop until `holds`. False, and a failure, after half a minute: then it never will.
inline bool until(Loop& loop, const std::function<bool()>& holds) {
  bool expired = false;
  const auto watchdog = loop.after(std::chrono::seconds(30), [&] { expired = true; });
  while (!holds() && !expired) {
    loop.post([] {});  // what holds may come to hold at a turn's end, just before the loop waits
    loop.run_once();
  }
  loop.cancel(watchdog);
  EXPECT_FALSE(expired) << "it did not come to that";
  return !expired;
}

// Turns the loop `turns` times without waiting, for what must not happen.
inline void turn(Loop& loop, int turns = 20) {
  for (int i = 0; i < turns; ++i) {
    loop.post([] {});
    loop.run_once();
  }
}

struct LinesLog final : Log {
  void write(Level, std::string_view part, std::string_view text) override {
    lines.push_back(std::string(part) + ": " + std::string(text));
  }
  std::size_t count(std::string_view text) const {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(),
                      [&](const auto& line) { return line.find(text) != std::string::npos; }));
  }
  std::vector<std::string> lines;
};

// Connects at once; collects what it is sent.
class RawClient final : public StreamHandler {
 public:
  RawClient(Loop& loop, std::string_view address, const tls::Context* tls = nullptr)
      : dial_(loop, address, [this, &loop, tls, host = host_of(address)](Result<TcpHandle> handle) {
          if (!handle) {
            error = handle.error().message;
            closed = true;
            return;
          }
          socket.emplace(loop, std::move(*handle), std::size_t{256} << 20,
                         tls == nullptr ? nullptr : tls->dial(host));
          socket->start(*this, [this](const Ended& how) {
            ended = how;
            closed = true;
          });
          socket->write(unsent_);
        }) {}

  void send(std::string_view bytes) {
    if (socket) return socket->write(bytes);
    unsent_ += bytes;
  }
  void on_bytes(std::string_view bytes) override { received += bytes; }
  void on_drained() override { ++drained; }
  void on_closed() override {}

  std::string received;
  std::string error;
  bool closed = false;
  Ended ended;
  int drained = 0;
  std::optional<Socket> socket;

 private:
  std::string unsent_;
  Dial dial_;
};

}  // namespace skep::testing
