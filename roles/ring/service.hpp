// The ring of a node, with its listener for clients: what main opens when the roles name it.
#pragma once

#include <functional>
#include <memory>

#include "conf/load.hpp"
#include "net/cluster.hpp"
#include "net/loop.hpp"
#include "net/role.hpp"
#include "roles/ring/resp_server.hpp"
#include "roles/ring/ring.hpp"
#include "roles/ring/service_options.hpp"

namespace skep::ring {

class Service final : public Role {
 public:
  // What RING STOP and RING LEAVE ask of the node as a whole.
  struct Hooks {
    std::function<void()> stop;
    std::function<void(Done)> leave;
  };

  // These must outlive it; `env` is of `loop`.
  Service(Env env, Loop& loop, Store& store, Cluster& cluster, const conf::Loaded& loaded,
          Hooks hooks);
  ~Service() override;

  // The ring asks the cluster whether this node is its founder.
  Result<> start() override;

  // Changes options of the whole hive, as Ring::change_options does it.
  void change_options(const Settings& settings, Ring::Changed done);

  // As Ring::bring and Ring::own_entries.
  void bring(Store& former, std::function<void()> done);
  Result<std::uint64_t> own_entries() const;

  // Passes ownership on, unless it has left; gives everything away, for good.
  void stop(Done done) override;
  void leave(Done done);

  // The password, and what RING CONFIG shows.
  void reload() override;

  Result<> ready() const override;
  // What the ring says of itself, as a map; in it "nodes" and "table", a map for each node and arc.
  resp::Value status() const;
  void report(Metrics& metrics) const override;
  TcpListener* listener() override { return listener_.get(); }

 private:
  class Served;

  resp::Value nodes() const;
  resp::Value table() const;
  resp::Value names(const std::vector<NodeId>& nodes) const;
  std::string name_of(NodeId node) const;
  const char* state_of(const Record& record, bool in_place) const;

  Env env_;
  Loop& loop_;
  const Cluster& cluster_;
  const conf::Loaded& loaded_;
  std::unique_ptr<Served> ring_;
  std::unique_ptr<RespServer> resp_;
  std::unique_ptr<TcpListener> listener_;
  bool left_ = false;
};

}  // namespace skep::ring
