// One TCP connection on the loop: the Stream under clients' connections (net/tcp.hpp) and under
// links between nodes (net/links.hpp). For files under net/ only, because it shows libuv.
//
// What a turn writes is offered to the kernel at the turn's end; what the kernel does not take
// waits in one write of libuv's, and what is written meanwhile queues behind it.
//
// A Socket may be destroyed at any time, in its own callbacks too: the connection is then dropped
// and no callback comes any more.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop.hpp"
#include "net/stream.hpp"

namespace skep {

struct CloseUv {
  void operator()(uv_tcp_t* handle) const;
};
// An initialised handle, closed and freed by the loop when its owner lets go of it.
using TcpHandle = std::unique_ptr<uv_tcp_t, CloseUv>;
TcpHandle make_tcp(Loop& loop);

// "127.0.0.1:5000" of an IPv4 or IPv6 socket address.
std::string show_sockaddr(const sockaddr_storage& address);

class Socket final : public Stream, private Flushable {
 public:
  // Called once, when the connection is gone for whatever reason but the Socket's destruction;
  // `why` is for a log, empty for an ordinary end. Never from within a call to the Socket.
  using Gone = std::function<void(std::string_view why)>;

  // `connected` is an open connection. More than `max_queued` bytes that the kernel does not take
  // end the connection.
  Socket(Loop& loop, TcpHandle connected, std::size_t max_queued);
  ~Socket() override;

  // Starts reading. The handler's on_bytes and on_drained are called, not its on_closed: `gone`
  // is. Both must outlive the Socket.
  void start(StreamHandler& handler, Gone gone);

  void write(std::string_view bytes) override;
  // As write(), without a copy: `append(std::string& out)` only appends.
  template <class Append> void write_with(Append&& append) {
    if (state_ != State::open) return;
    append(out_);
    appended();
  }
  std::size_t queued() const override;
  void pause_reading(bool paused) override;
  void close() override;
  // Drops the connection and what is queued.
  void abort(std::string_view why);
  std::string peer() const override { return peer_; }

  // Drops the connection when sent bytes are not acknowledged for that long.
  void drop_unacknowledged_after(Duration limit);
  // Bytes the kernel has ever taken: what to watch to see whether the peer reads.
  std::uint64_t sent() const;

 private:
  enum class State { open, draining, ending, gone };
  struct Write;

  void flush() override;
  void appended();
  void push();
  void written(int status);
  void finish();
  void drop();
  void notify();
  void read(ssize_t count, const uv_buf_t* buffer);
  uv_stream_t* stream() const { return reinterpret_cast<uv_stream_t*>(handle_.get()); }

  Loop& loop_;
  TcpHandle handle_;
  const std::size_t max_queued_;
  std::string peer_;
  StreamHandler* handler_ = nullptr;
  Gone gone_;
  std::string why_;
  State state_ = State::open;
  bool paused_ = false;
  bool peer_ended_ = false;
  std::string out_;            // not yet offered to the kernel
  Write* write_ = nullptr;     // what libuv is writing, if anything
  std::uint64_t offered_ = 0;  // bytes ever given to libuv
  Timers::Id linger_ = 0;
};

}  // namespace skep
