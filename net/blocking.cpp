#include "net/blocking.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "net/address.hpp"

namespace skep {
namespace {

using Deadline = BlockingStream::Deadline;
constexpr std::size_t kAtOnce = std::size_t{64} << 10;

std::string system_text(int error) { return std::generic_category().message(error); }

// Waits for `events`; false when `deadline` has passed.
bool wait_for(int socket, short events, Deadline deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd polled{socket, events, 0};
    const int ready = ::poll(&polled, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// A connected socket, or the error number.
tl::expected<int, int> connect_to(const addrinfo& address, Deadline deadline) {
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return tl::unexpected(errno);
  int error = ::connect(socket, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    socklen_t size = sizeof error;
    if (!wait_for(socket, POLLOUT, deadline))
      error = ETIMEDOUT;
    else if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
      error = errno;
  }
  if (error != 0) {
    ::close(socket);
    return tl::unexpected(error);
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

Result<int> connect_to(const HostPort& server, const Address& address, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failed =
      ::getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &list);
  if (failed != 0)
    return fail(Code::unavailable, "cannot find " + address + ": " + ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, &::freeaddrinfo);
  int error = EHOSTUNREACH;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    auto socket = connect_to(*each, deadline);
    if (socket) return *socket;
    error = socket.error();
  }
  return fail(Code::unavailable, "cannot connect to " + address + ": " + system_text(error));
}

}  // namespace

Result<BlockingStream> BlockingStream::connect(const Address& address, Deadline deadline,
                                               const tls::Context* tls) {
  auto parsed = parse_address(address);
  if (!parsed) return tl::unexpected(parsed.error());
  auto socket = connect_to(*parsed, address, deadline);
  if (!socket) return tl::unexpected(socket.error());
  BlockingStream stream(*socket);
  if (tls == nullptr) return stream;
  stream.tls_ = tls->dial(parsed->host);
  if (Result<> shaken = stream.shake_hands(deadline); !shaken) {
    const Code code =
        shaken.error().code == Code::permission ? Code::permission : Code::unavailable;
    return fail(code, "no TLS with " + address + ": " + shaken.error().message);
  }
  return stream;
}

BlockingStream::BlockingStream(BlockingStream&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      tls_(std::move(other.tls_)),
      clear_(std::move(other.clear_)) {}

BlockingStream& BlockingStream::operator=(BlockingStream&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(tls_, other.tls_);
  std::swap(clear_, other.clear_);
  return *this;
}

BlockingStream::~BlockingStream() {
  if (socket_ >= 0) ::close(socket_);
}

Result<> BlockingStream::shake_hands(Deadline deadline) {
  std::string out;
  tls_->begin(out);
  for (;;) {
    if (Result<> sent = send_raw(out, deadline); !sent) return sent;
    if (tls_->ready()) return {};
    auto bytes = receive_raw(deadline);
    if (!bytes) return tl::unexpected(bytes.error());
    if (bytes->empty())
      return fail(Code::unavailable, "it closed the connection; does it speak TLS there?");
    out.clear();
    Result<> fed = tls_->feed(*bytes, clear_, out);
    if (fed) continue;
    (void)send_raw(out, deadline);  // tells it why; if that fails, there is nobody to tell
    return fed;
  }
}

Result<> BlockingStream::send(std::string_view bytes, Deadline deadline) {
  if (tls_ == nullptr) return send_raw(bytes, deadline);
  std::string out;
  Result<> sealed = tls_->seal(bytes, out);
  return sealed ? send_raw(out, deadline) : sealed;
}

Result<> BlockingStream::send_raw(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(socket_, POLLOUT, deadline)) return fail(Code::unknown, "it does not read");
    } else if (errno != EINTR) {
      return fail(Code::unknown, "the connection was lost: " + system_text(errno));
    }
  }
  return {};
}

Result<std::string> BlockingStream::receive(Deadline deadline) {
  if (tls_ == nullptr) return receive_raw(deadline);
  while (clear_.empty() && !tls_->ended()) {
    auto bytes = receive_raw(deadline);
    if (!bytes || bytes->empty()) return bytes;
    std::string out;
    Result<> fed = tls_->feed(*bytes, clear_, out);
    // Whoever asks for a certificate refuses ours, or that there is none, after the handshake.
    if (!fed) return tl::unexpected(fed.error());
    if (Result<> sent = send_raw(out, deadline); !sent) return tl::unexpected(sent.error());
  }
  return std::exchange(clear_, {});
}

Result<std::string> BlockingStream::receive_raw(Deadline deadline) {
  std::string bytes(kAtOnce, '\0');
  for (;;) {
    const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (got >= 0) {
      bytes.resize(static_cast<std::size_t>(got));
      return bytes;
    }
    if (errno == EAGAIN) {
      if (!wait_for(socket_, POLLIN, deadline)) return fail(Code::unknown, "no answer in time");
    } else if (errno != EINTR) {
      return fail(Code::unknown, "the connection was lost: " + system_text(errno));
    }
  }
}

bool BlockingStream::has_news() const {
  pollfd polled{socket_, POLLIN, 0};
  return !clear_.empty() || ::poll(&polled, 1, 0) != 0;
}

}  // namespace skep
