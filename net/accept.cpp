#include "net/accept.hpp"

#include <cstring>

#include "net/address.hpp"

namespace skep {

namespace {

constexpr int kBacklog = 1024;

// The first address that the host stands for.
Result<sockaddr_storage> look_up(Loop& loop, const HostPort& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  uv_getaddrinfo_t request;
  const int status = uv_getaddrinfo(loop.uv(), &request, nullptr, address.host.c_str(),
                                    std::to_string(address.port).c_str(), &hints);
  if (status < 0)
    return fail(Code::invalid, "cannot look up \"" + address.host + "\": " + uv_strerror(status));
  sockaddr_storage found{};
  std::memcpy(&found, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
  uv_freeaddrinfo(request.addrinfo);
  return found;
}

tl::unexpected<Error> refused(int status, std::string_view address) {
  const std::string where = "cannot listen on " + std::string(address) + ": ";
  switch (status) {
    case UV_EADDRINUSE:
      return fail(Code::conflict, where +
                                      "another process has this port; stop it or configure "
                                      "another port");
    case UV_EACCES:
      return fail(Code::permission, where +
                                        "ports below 1024 need a privilege; configure a higher "
                                        "one");
    case UV_EADDRNOTAVAIL:
      return fail(Code::invalid, where +
                                     "this machine does not have this address; use one of its "
                                     "own, or 0.0.0.0 for all of them");
    default: return fail(Code::io, where + uv_strerror(status));
  }
}

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::open(Loop& loop, std::string_view address,
                                                 Accepted accepted) {
  auto parsed = parse_address(address);
  if (!parsed) return tl::unexpected(parsed.error());
  auto found = look_up(loop, *parsed);
  if (!found) return tl::unexpected(found.error());
  std::unique_ptr<Acceptor> acceptor(new Acceptor(loop));
  acceptor->handle_ = make_tcp(loop);
  acceptor->accepted_ = std::move(accepted);
  uv_tcp_t* handle = acceptor->handle_.get();
  handle->data = acceptor.get();
  int status = uv_tcp_bind(handle, reinterpret_cast<const sockaddr*>(&*found), 0);
  if (status == 0)
    status = uv_listen(reinterpret_cast<uv_stream_t*>(handle), kBacklog,
                       [](uv_stream_t* listening, int error) {
                         auto* acceptor = static_cast<Acceptor*>(listening->data);
                         const Loop::Measured measured(acceptor->loop_, "a new connection");
                         acceptor->accept(error);
                       });
  if (status < 0) return refused(status, address);
  sockaddr_storage bound{};
  int size = sizeof bound;
  uv_tcp_getsockname(handle, reinterpret_cast<sockaddr*>(&bound), &size);
  acceptor->address_ = show_sockaddr(bound);
  return acceptor;
}

void Acceptor::accept(int status) {
  TcpHandle client = make_tcp(loop_);
  if (status == 0)
    status = uv_accept(reinterpret_cast<uv_stream_t*>(handle_.get()),
                       reinterpret_cast<uv_stream_t*>(client.get()));
  if (status < 0)
    accepted_(fail(Code::io, std::string("cannot accept a connection: ") + uv_strerror(status)));
  else
    accepted_(std::move(client));
}

}  // namespace skep
