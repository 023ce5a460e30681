// The admin role of a node, with its listener: what main opens when the roles name it.
#pragma once

#include <memory>
#include <string>

#include "conf/config.hpp"
#include "net/cluster.hpp"
#include "net/loop.hpp"
#include "net/tcp.hpp"
#include "roles/admin/admin.hpp"

namespace skep::admin {

class Service {
 public:
  // These must outlive it. `shown` is what /config shows.
  Service(Loop& loop, Log& log, const Cluster& cluster, const conf::NodeConfig& config,
          const std::string& shown, Hooks hooks);

  // Listens.
  Result<> start();
  // The tokens may change.
  void reload(const conf::NodeConfig& config, const std::string& shown);
  // After start().
  TcpListener& listener() { return *listener_; }

 private:
  Loop& loop_;
  Log& log_;
  const conf::AdminConfig config_;
  Admin admin_;
  std::unique_ptr<TcpListener> listener_;
};

}  // namespace skep::admin
