#include "net/socket.hpp"

#include <netinet/tcp.h>

#include <array>

#include "net/address.hpp"
#include "net/base/assert.hpp"

namespace skep {

namespace {

// Once closed by us, how long the other side may take to read what is left and to close as well.
constexpr Duration kLinger = std::chrono::seconds(2);
// A buffer that once grew beyond this is given back when it is empty.
constexpr std::size_t kKeptBuffer = 256 * 1024;
// What is sealed at once; the rest when the kernel has taken that.
constexpr std::size_t kSealedAtOnce = 1024 * 1024;
// An idle connection whose peer vanished is noticed after about this long.
constexpr unsigned kKeepAliveSeconds = 60;

}  // namespace

void CloseUv::operator()(uv_tcp_t* handle) const {
  handle->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) { delete reinterpret_cast<uv_tcp_t*>(closed); });
}

TcpHandle make_tcp(Loop& loop) {
  auto handle = std::make_unique<uv_tcp_t>();
  const int status = uv_tcp_init(loop.uv(), handle.get());
  SKEP_ASSERT(status == 0);  // makes no system call without an address family
  return TcpHandle(handle.release());
}

std::string show_sockaddr(const sockaddr_storage& address) {
  std::array<char, 64> host{};
  HostPort result;
  if (address.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
    uv_ip6_name(&six, host.data(), host.size());
    result.port = ntohs(six.sin6_port);
  } else {
    const auto& four = reinterpret_cast<const sockaddr_in&>(address);
    uv_ip4_name(&four, host.data(), host.size());
    result.port = ntohs(four.sin_port);
  }
  result.host = host.data();
  return show_address(result);
}

// A write that libuv has taken over; it may outlive the Socket.
struct Socket::Write {
  uv_write_t request;
  std::string bytes;
  Socket* socket;
};

Socket::Socket(Loop& loop, TcpHandle connected, std::size_t max_queued,
               std::unique_ptr<tls::Channel> tls)
    : loop_(loop), handle_(std::move(connected)), max_queued_(max_queued), tls_(std::move(tls)) {
  handle_->data = this;
  uv_tcp_nodelay(handle_.get(), 1);
  uv_tcp_keepalive(handle_.get(), 1, kKeepAliveSeconds);
  sockaddr_storage address{};
  int size = sizeof address;
  if (uv_tcp_getpeername(handle_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0)
    peer_ = show_sockaddr(address);
}

Socket::~Socket() {
  if (write_ != nullptr) write_->socket = nullptr;
  loop_.cancel(linger_);
}

void Socket::start(StreamHandler& handler, Gone gone) {
  handler_ = &handler;
  gone_ = std::move(gone);
  pause_reading(false);
  if (tls_ == nullptr) return;
  tls_->begin(out_);
  loop_.flush_later(*this);
}

void Socket::pause_reading(bool paused) {
  if (state_ != State::open) return;
  paused_ = paused;
  if (paused) {
    uv_read_stop(stream());
    return;
  }
  uv_read_start(
      stream(),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        auto into = static_cast<Socket*>(handle->data)->loop_.read_buffer();
        *buffer = uv_buf_init(into.data(), static_cast<unsigned>(into.size()));
      },
      [](uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
        if (count == 0) return;
        auto* socket = static_cast<Socket*>(handle->data);
        const Loop::Measured measured(socket->loop_, "bytes that came");
        socket->read(count, buffer);
      });
}

void Socket::read(ssize_t count, const uv_buf_t* buffer) {
  if (count > 0) {
    // After our close() what still comes is read and dropped: closing with unread input would make
    // the kernel throw away our last bytes.
    if (state_ == State::open)
      received({buffer->base, static_cast<std::size_t>(count)});  // may destroy us
    return;
  }
  if (count == UV_EOF && state_ != State::ending) {
    peer_ended_ = true;
    if (!ready()) {
      clear_.clear();  // can never be sent
      if (ended_.how == Ended::How::ordinary)
        ended_ = {Ended::How::lost, "it closed the connection during the handshake of TLS"};
      return close();
    }
    return loop_.flush_later(*this);
  }
  if (count != UV_EOF && ended_.how == Ended::How::ordinary)
    ended_ = {Ended::How::lost, uv_strerror(static_cast<int>(count))};
  let_go();
}

void Socket::received(std::string_view bytes) {
  if (tls_ == nullptr) return handler_->on_bytes(bytes);
  std::string clear;
  Result<> fed = tls_->feed(bytes, clear, out_);
  if (!fed) return failed(fed.error());
  peer_ended_ = tls_->ended();
  loop_.flush_later(*this);  // the handshake's next words, or what waited for its end
  if (!clear.empty()) handler_->on_bytes(clear);
}

// By TLS: the alert that says why is sent, then the connection ends.
void Socket::failed(const Error& error) {
  if (ended_.how == Ended::How::ordinary) ended_ = {Ended::How::tls, error.message};
  clear_.clear();
  sealed_ = 0;
  close();
}

std::size_t Socket::queued() const {
  if (state_ == State::gone) return 0;
  return clear_.size() - sealed_ + out_.size() + uv_stream_get_write_queue_size(stream());
}

std::uint64_t Socket::sent() const {
  return state_ == State::gone ? offered_ : offered_ - uv_stream_get_write_queue_size(stream());
}

void Socket::drop_unacknowledged_after(Duration limit) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  const auto value = static_cast<unsigned>(ms);
  int fd = -1;
  if (state_ != State::gone && uv_fileno(reinterpret_cast<uv_handle_t*>(handle_.get()), &fd) == 0)
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value);
}

void Socket::write(std::string_view bytes) {
  write_with([&](std::string& out) { out.append(bytes); });
}

void Socket::appended() {
  loop_.flush_later(*this);
  if (queued() <= max_queued_) return;
  push();  // within one turn the kernel has not been asked yet
  if (queued() > max_queued_)
    abort({Ended::How::slow, "it does not read: more than " + std::to_string(max_queued_) +
                                 " bytes are queued for it"});
}

void Socket::flush() {
  const bool had = !out_.empty() || !clear_.empty();
  push();
  if (state_ == State::gone) return notify();
  // It may have ended its half only, and read on until all is answered.
  if (peer_ended_ && handler_->standing() != StreamHandler::Standing::busy) close();
  if (state_ == State::ending || queued() > 0) return;
  if (state_ == State::draining) return finish();
  if (had) handler_->on_drained();  // may destroy us
}

// Offers what is written to the kernel, unless an earlier write still waits.
void Socket::push() {
  if (write_ != nullptr || state_ == State::gone) return;
  seal();
  if (!out_.empty()) offer();
  if (!clear_.empty() && write_ == nullptr && ready()) loop_.flush_later(*this);
}

void Socket::seal() {
  if (clear_.empty() || !tls_->ready()) return;
  const auto now = std::string_view(clear_).substr(sealed_, kSealedAtOnce);
  Result<> sealed = tls_->seal(now, out_);
  if (!sealed) return failed(sealed.error());
  sealed_ += now.size();
  if (sealed_ < clear_.size()) return;
  sealed_ = 0;
  clear_.clear();
  if (clear_.capacity() > kKeptBuffer) std::string().swap(clear_);
}

void Socket::offer() {
  uv_buf_t buffer = uv_buf_init(out_.data(), static_cast<unsigned>(out_.size()));
  int taken = uv_try_write(stream(), &buffer, 1);
  if (taken < 0 && taken != UV_EAGAIN) return abort({Ended::How::lost, uv_strerror(taken)});
  taken = std::max(taken, 0);
  offered_ += static_cast<std::uint64_t>(taken);
  if (static_cast<std::size_t>(taken) == out_.size()) {
    out_.clear();
    if (out_.capacity() > kKeptBuffer) std::string().swap(out_);
    return;
  }
  write_ = new Write{{}, std::exchange(out_, {}), this};  // it may be large: no copy of the rest
  write_->request.data = write_;
  const std::size_t left = write_->bytes.size() - static_cast<std::size_t>(taken);
  offered_ += left;
  buffer = uv_buf_init(write_->bytes.data() + taken, static_cast<unsigned>(left));
  uv_write(&write_->request, stream(), &buffer, 1, [](uv_write_t* request, int status) {
    std::unique_ptr<Write> done(static_cast<Write*>(request->data));
    if (done->socket == nullptr) return;
    const Loop::Measured measured(done->socket->loop_, "bytes that left");
    done->socket->written(status);
  });
}

void Socket::written(int status) {
  write_ = nullptr;
  if (status < 0) return abort({Ended::How::lost, uv_strerror(status)});
  if (!out_.empty() || (!clear_.empty() && ready())) {
    loop_.flush_later(*this);
  } else if (state_ == State::draining) {
    finish();
  } else {
    handler_->on_drained();  // may destroy us
  }
}

void Socket::close() {
  if (state_ != State::open) return;
  if (paused_) pause_reading(false);
  state_ = State::draining;
  linger_ = loop_.after(kLinger, [this] { let_go(); });
  loop_.flush_later(*this);
}

// Everything is sent: says so to the other side and waits for it to close too.
void Socket::finish() {
  if (tls_ != nullptr && !std::exchange(said_end_, true)) {
    tls_->end(out_);
    push();
    if (state_ == State::gone || queued() > 0) return;  // flush() or written() comes back here
  }
  state_ = State::ending;
  if (peer_ended_) return let_go();
  auto* request = new uv_shutdown_t;
  if (uv_shutdown(request, stream(), [](uv_shutdown_t* done, int) { delete done; }) == 0) return;
  delete request;
  let_go();
}

void Socket::abort(Ended ended) {
  if (state_ == State::gone) return;
  ended_ = std::move(ended);
  let_go();
}

void Socket::shrink() {
  for (std::string* buffer : {&out_, &clear_})
    if (buffer->empty()) std::string().swap(*buffer);
}

void Socket::let_go() {
  if (state_ == State::gone) return;
  state_ = State::gone;
  if (write_ != nullptr) std::exchange(write_, nullptr)->socket = nullptr;
  out_.clear();
  clear_.clear();
  sealed_ = 0;
  handle_.reset();
  loop_.cancel(linger_);
  loop_.flush_later(*this);  // for notify(), which must not come from within a call
}

void Socket::notify() {
  const auto gone = std::exchange(gone_, nullptr);
  const Ended ended = std::move(ended_);
  if (gone) gone(ended);  // may destroy us
}

}  // namespace skep
