#include "roles/ring/resp_server.hpp"

#include "roles/ring/session.hpp"

namespace skep::ring {

RespServer::RespServer(Keyspace& keyspace, Clock& clock, Random& random, RespOptions options)
    : keyspace_(keyspace),
      clock_(clock),
      random_(random),
      options_(std::move(options)),
      started_(clock.now()) {}

std::unique_ptr<StreamHandler> RespServer::accept(Stream& stream) {
  ++figures_.connections;
  return std::make_unique<Session>(*this, stream);
}

Session* RespServer::find(std::uint32_t handle) const {
  auto found = sessions_.find(handle);
  return found == sessions_.end() ? nullptr : found->second;
}

std::uint32_t RespServer::add(Session& session) {
  while (!sessions_.emplace(++last_handle_, &session).second) continue;
  return last_handle_;
}

}  // namespace skep::ring
