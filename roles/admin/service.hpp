// The admin role of a node, with its listener: what main opens when the roles name it.
#pragma once

#include <memory>

#include "conf/load.hpp"
#include "net/cluster.hpp"
#include "net/loop.hpp"
#include "net/role.hpp"
#include "roles/admin/admin.hpp"

namespace skep::admin {

class Service final : public Role {
 public:
  // These must outlive it.
  Service(Loop& loop, Log& log, const Cluster& cluster, const conf::Loaded& loaded, Hooks hooks);

  Result<> start() override;
  void report(Metrics& metrics) const override { server_.report(metrics); }
  // The tokens, and what /config shows.
  void reload() override;
  TcpListener* listener() override { return listener_.get(); }

 private:
  Loop& loop_;
  Log& log_;
  const conf::Loaded& loaded_;
  Admin admin_;
  http::Server server_;
  std::unique_ptr<TcpListener> listener_;
};

}  // namespace skep::admin
