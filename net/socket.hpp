// One TCP connection on the loop: the Stream under clients' connections (net/tcp.hpp) and under
// links between nodes (net/links.hpp). For files under net/ only, because it shows libuv.
//
// With a tls::Channel what is written and read is clear text, and the other side sees TLS; nobody
// above needs to know.
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
#include "net/tls.hpp"

namespace skep {

struct CloseUv {
  void operator()(uv_tcp_t* handle) const;
};
// An initialised handle, closed and freed by the loop when its owner lets go of it.
using TcpHandle = std::unique_ptr<uv_tcp_t, CloseUv>;
TcpHandle make_tcp(Loop& loop);

// "127.0.0.1:5000" of an IPv4 or IPv6 socket address.
std::string show_sockaddr(const sockaddr_storage& address);

// Why a connection is gone.
struct Ended {
  enum class How : std::uint8_t {
    ordinary,  // one side has closed it
    lost,      // an error of the network
    slow,      // it did not read
    foreign,   // it speaks another protocol
    tls,       // it failed to speak TLS, or to show the right certificate
  };
  How how = How::ordinary;
  std::string why{};  // for a log; empty when ordinary
};

class Socket final : public Stream, private Flushable {
 public:
  // Called once, when the connection is gone for whatever reason but the Socket's destruction.
  // Never from within a call to the Socket.
  using Gone = std::function<void(const Ended& ended)>;

  // `connected` is an open connection. More than `max_queued` bytes that the kernel does not take
  // end the connection.
  Socket(Loop& loop, TcpHandle connected, std::size_t max_queued,
         std::unique_ptr<tls::Channel> tls = nullptr);
  ~Socket() override;

  // Starts reading. The handler's on_bytes and on_drained are called, not its on_closed: `gone`
  // is. Both must outlive the Socket.
  void start(StreamHandler& handler, Gone gone);

  void write(std::string_view bytes) override;
  // As write(), without a copy: `append(std::string& out)` only appends.
  template <class Append> void write_with(Append&& append) {
    if (state_ != State::open) return;
    append(tls_ == nullptr ? out_ : clear_);
    appended();
  }
  std::size_t queued() const override;
  void pause_reading(bool paused) override;
  void close() override;
  void drop(std::string_view why) override { abort({Ended::How::slow, std::string(why)}); }
  // Drops the connection and what is queued.
  void abort(Ended ended);
  // Gives back what it keeps for speed. To be called when nothing has happened for a while.
  void shrink();
  // What is written can be sent: always, but during a handshake of TLS.
  bool ready() const { return tls_ == nullptr || tls_->ready(); }
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
  void seal();
  void offer();
  void written(int status);
  void finish();
  void let_go();
  void notify();
  void read(ssize_t count, const uv_buf_t* buffer);
  void received(std::string_view bytes);
  void failed(const Error& error);
  uv_stream_t* stream() const { return reinterpret_cast<uv_stream_t*>(handle_.get()); }

  Loop& loop_;
  TcpHandle handle_;
  const std::size_t max_queued_;
  std::string peer_;
  StreamHandler* handler_ = nullptr;
  Gone gone_;
  Ended ended_;
  State state_ = State::open;
  bool paused_ = false;
  bool peer_ended_ = false;
  std::unique_ptr<tls::Channel> tls_;
  bool said_end_ = false;  // by TLS
  std::string clear_;      // for tls_, not sealed before sealed_
  std::size_t sealed_ = 0;
  std::string out_;            // not yet offered to the kernel
  Write* write_ = nullptr;     // what libuv is writing, if anything
  std::uint64_t offered_ = 0;  // bytes ever given to libuv
  Timers::Id linger_ = 0;
};

}  // namespace skep
