#include "net/resp_client.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "net/address.hpp"
#include "net/resp_encode.hpp"

namespace skep::resp {
namespace {

using Clock = std::chrono::steady_clock;

std::string system_text(int error) { return std::generic_category().message(error); }

// Waits for `events`; false when `deadline` has passed.
bool wait_for(int socket, short events, Clock::time_point deadline) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left < 0) left = 0;
    pollfd polled{socket, events, 0};
    int ready = ::poll(&polled, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

// A connected socket, or the error number.
tl::expected<int, int> connect_to(const addrinfo& address, Clock::time_point deadline) {
  int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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
  int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

Result<int> connect_to(const Address& server, Duration timeout) {
  auto parsed = parse_address(server);
  if (!parsed) return tl::unexpected(parsed.error());
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  int failed =
      ::getaddrinfo(parsed->host.c_str(), std::to_string(parsed->port).c_str(), &hints, &list);
  if (failed != 0)
    return fail(Code::unavailable, "cannot find " + server + ": " + ::gai_strerror(failed));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, &::freeaddrinfo);
  const auto deadline = Clock::now() + timeout;
  int error = 0;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    auto socket = connect_to(*each, deadline);
    if (socket) return *socket;
    error = socket.error();
  }
  return fail(Code::unavailable, "cannot connect to " + server + ": " + system_text(error));
}

}  // namespace

Client::Client(Options options) : options_(std::move(options)) {}
Client::~Client() { close(); }

Result<Value> Client::call(std::span<const std::string_view> words) {
  if (socket_ >= 0 && is_stale()) close();
  if (auto connected = ensure_connected(); !connected) return tl::unexpected(connected.error());
  auto reply = exchange(words);
  if (!reply) close();
  return reply;
}

// The server may have closed the connection since the last reply: then nothing is sent on it, and
// what is asked next is not in doubt.
bool Client::is_stale() const {
  pollfd polled{socket_, POLLIN, 0};
  return ::poll(&polled, 1, 0) != 0;
}

Result<> Client::ensure_connected() {
  if (socket_ >= 0) return {};
  Result<> last = fail(Code::invalid, "no server is named; accepted: HOST:PORT[,HOST:PORT]…");
  for (const Address& server : options_.servers) {
    auto socket = connect_to(server, options_.connect_timeout);
    if (socket) {
      socket_ = *socket;
      server_ = server;
      parser_ = {};
      last = greet();
      if (last) return last;
      close();
    } else {
      last = tl::unexpected(socket.error());
    }
  }
  return last;
}

Result<> Client::greet() {
  std::vector<std::string_view> hello{"HELLO", "3"};
  if (!options_.password.empty()) hello.insert(hello.end(), {"AUTH", "default", options_.password});
  auto reply = exchange(hello);
  if (!reply) {
    // Nothing was asked for yet but a greeting.
    Code code = reply.error().code == Code::unknown ? Code::unavailable : reply.error().code;
    return fail(code, reply.error().message);
  }
  if (!reply->is_error()) return {};
  bool password = reply->text.starts_with("NOAUTH") || reply->text.starts_with("WRONGPASS");
  if (!password) return fail(Code::unavailable, server_ + " answers: " + reply->text);
  return fail(Code::permission, options_.password.empty() ? server_ + " asks for a password"
                                                          : server_ + " refuses the password");
}

Result<Value> Client::exchange(std::span<const std::string_view> words) {
  std::string request;
  encode_request(request, words);
  std::string_view left = request;
  const auto deadline = Clock::now() + options_.timeout;
  while (!left.empty()) {
    ssize_t sent = ::send(socket_, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      left.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(socket_, POLLOUT, deadline))
        return fail(Code::unknown, server_ + " does not take the request");
    } else if (errno != EINTR) {
      return fail(Code::unknown, "the connection with " + server_ + " was lost");
    }
  }
  return read_reply();
}

Result<Value> Client::read_reply() {
  const auto deadline = Clock::now() + options_.timeout;
  std::string bytes(std::size_t{64} << 10, '\0');
  for (;;) {
    auto reply = parser_.next();
    if (!reply) return fail(Code::invalid, server_ + ": " + reply.error().message);
    if (*reply && (*reply)->kind != Value::Kind::push) return std::move(**reply);
    if (*reply) continue;
    ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (got > 0) {
      parser_.feed(std::string_view(bytes).substr(0, static_cast<std::size_t>(got)));
    } else if (got < 0 && errno == EAGAIN) {
      if (!wait_for(socket_, POLLIN, deadline))
        return fail(Code::unknown, "no answer from " + server_ + " in time");
    } else if (got == 0 || errno != EINTR) {
      return fail(Code::unknown, "the connection with " + server_ + " was lost");
    }
  }
}

void Client::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  server_.clear();
}

}  // namespace skep::resp
