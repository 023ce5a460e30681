#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

#include "net/http.hpp"
#include "net/http_text.hpp"

namespace skep::http {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
constexpr std::size_t kMaxAnswer = std::size_t{64} << 20;

struct Descriptor {
  int fd = -1;
  Descriptor() = default;
  explicit Descriptor(int opened) : fd(opened) {}
  Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string system_message(int error) { return std::generic_category().message(error); }

// False: the time is over.
bool wait(int fd, short events, SteadyTime deadline) {
  for (;;) {
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waited{fd, events, 0};
    int ready = ::poll(&waited, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

int connect(int fd, const addrinfo& to, SteadyTime deadline) {
  if (::connect(fd, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait(fd, POLLOUT, deadline)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

Result<Descriptor> dial(const Address& address, SteadyTime deadline) {
  std::size_t colon = address.rfind(':');
  if (colon == std::string::npos)
    return fail(Code::invalid, "bad address \"" + address + "\"; accepted: host:port");
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failed = ::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found);
  if (failed != 0)
    return fail(Code::unavailable, "cannot find " + address + ": " + ::gai_strerror(failed));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int error = EHOSTUNREACH;
  for (const addrinfo* to = addresses.get(); to != nullptr; to = to->ai_next) {
    Descriptor socket(::socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    error = socket.fd < 0 ? errno : connect(socket.fd, *to, deadline);
    if (error == 0) return socket;
  }
  return fail(Code::unavailable, "cannot connect to " + address + ": " + system_message(error));
}

Result<> send_all(int fd, std::string_view bytes, SteadyTime deadline) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait(fd, POLLOUT, deadline)) return fail(Code::unknown, "the server does not read");
    } else if (errno != EINTR) {
      return fail(Code::unknown, system_message(errno));
    }
  }
  return {};
}

Result<std::string> receive_all(int fd, SteadyTime deadline) {
  std::string bytes;
  char chunk[16 * 1024];
  while (bytes.size() < kMaxAnswer) {
    ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
    if (got == 0) return bytes;
    if (got > 0) {
      bytes.append(chunk, static_cast<std::size_t>(got));
    } else if (errno == EAGAIN) {
      if (!wait(fd, POLLIN, deadline)) return fail(Code::unknown, "no answer in time");
    } else if (errno != EINTR) {
      return fail(Code::unknown, system_message(errno));
    }
  }
  return fail(Code::unknown, "the answer is too long");
}

}  // namespace

Result<Response> ask(const Address& address, const Request& request, Duration timeout) {
  SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  Result<Descriptor> socket = dial(address, deadline);
  if (!socket) return tl::unexpected(std::move(socket.error()));
  Request addressed = request;
  addressed.headers["host"] = address;
  Result<> sent = send_all(socket->fd, to_text(addressed), deadline);
  if (!sent) return tl::unexpected(std::move(sent.error()));
  Result<std::string> bytes = receive_all(socket->fd, deadline);
  if (!bytes) return tl::unexpected(std::move(bytes.error()));
  Result<Response> response = to_response(*bytes);
  if (!response) response.error().code = Code::unknown;
  return response;
}

}  // namespace skep::http
