// The acceptor role of a node: what main opens when the roles name it. It has no listener of its
// own: proposers reach it on the cluster port.
#pragma once

#include "conf/config.hpp"
#include "net/role.hpp"
#include "roles/acceptor/acceptor.hpp"

namespace skep::acceptor {

class Service final : public Role {
 public:
  // Environment and store must outlive it.
  Service(Env env, Store& store, const conf::AcceptorConfig& config)
      : acceptor_(env, store, {config.cache}) {}

  Result<> start() override { return acceptor_.start(); }
  void report(Metrics& metrics) const override { acceptor_.report(metrics); }
  std::string_view configuration() const { return acceptor_.configuration(); }

 private:
  Acceptor acceptor_;
};

}  // namespace skep::acceptor
