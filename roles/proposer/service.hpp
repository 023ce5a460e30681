// The proposer role of a node, with its listener for HTTP clients: what main opens when the roles
// name it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "conf/load.hpp"
#include "net/http_server.hpp"
#include "net/loop.hpp"
#include "net/role.hpp"
#include "roles/proposer/api.hpp"
#include "roles/proposer/proposer.hpp"

namespace skep::proposer {

class Service final : public Role {
 public:
  // These must outlive it; `env` is of `loop`. `ready` is the whole node's, for /readyz.
  Service(Env env, Loop& loop, Store& store, Membership& members, const conf::Loaded& loaded,
          std::function<Result<>()> ready);

  Result<> start() override;
  Result<> ready() const override { return proposer_.ready(); }
  void report(Metrics& metrics) const override;
  // The tokens.
  void reload() override;
  TcpListener* listener() override { return listener_.get(); }
  // Everybody who waits is told the outcome.
  void stop(Done done) override;

  // How the acceptors do, as JSON: what GET /v1/acceptors answers.
  void status(std::function<void(std::string)> told);

 private:
  Loop& loop_;
  Log& log_;
  const conf::Loaded& loaded_;
  Proposer proposer_;
  Api api_;
  http::Server server_;
  std::unique_ptr<TcpListener> listener_;
};

}  // namespace skep::proposer
