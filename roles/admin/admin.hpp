// The admin role: what a person, a script or a monitor asks of a node by HTTP, and what may be
// changed that way.
//
//   GET  /healthz   200 as long as the node answers          (no token needed)
//   GET  /readyz    200 when the ring is stable, else 503    (no token needed)
//   GET  /status    this node and the members list, JSON
//   GET  /ring      what the ring says of itself, JSON
//   GET  /acceptors how the acceptors of the registers do, JSON
//   GET  /metrics   figures, as Prometheus reads them
//   GET  /config    the effective configuration, TOML
//   POST /cluster/join {"peer": "host:port", "bring": true or false (the default)}
//   POST /ring/options {"durability": "commit", …}   options of the whole hive
//   POST /cluster/leave     answers when the node has left; then its process ends
//   POST /stop              answers at once; then the process ends
//
// A failure is a problem document (RFC 9457) with two members more: {"status", "detail": for a
// person, "code": stable, "done": "no" or "maybe"}. It knows the
// other parts of the node by its hooks only, which main wires.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "net/base/metrics.hpp"
#include "net/http_access.hpp"
#include "net/http_server.hpp"
#include "net/membership.hpp"
#include "net/resp.hpp"

namespace skep::admin {

using Done = std::function<void(Result<>)>;

struct Options {
  std::string node;
  std::string cluster;
  std::string config;       // what /config shows
  std::string token;        // to read; empty: everybody may
  std::string admin_token;  // to change; empty: everybody on the loopback who may read
};

struct Hooks {
  std::function<std::uint64_t()> cluster_id;  // 0: in none yet
  std::function<Result<>()> ready;            // an error says what is being waited for
  std::function<resp::Value()> ring;          // empty: this node has no ring
  // Changes options of the hive; tells of the nodes that live and do not go by it yet.
  using Settings = std::vector<std::pair<std::string, std::string>>;
  std::function<void(const Settings&, std::function<void(Result<std::vector<std::string>>)>)>
      change_options;  // empty: this node has no ring
  std::function<void(Metrics&)> metrics;
  // Says what is done: "joined", or "joining": this node starts anew to do it.
  std::function<void(const Address& peer, bool bring, std::function<void(Result<std::string>)>)>
      join;
  std::function<void(Done)> leave;  // done: left, and the process is about to end
  std::function<void()> end;        // ends the process, in order
  // Tells JSON; empty: this node has no proposer.
  std::function<void(std::function<void(std::string)>)> acceptors{};
};

class Admin final : public http::Site {
 public:
  // The members and the clock must outlive it.
  Admin(Options options, Hooks hooks, const Membership& members, Clock& clock);

  void set_options(Options options) { options_ = std::move(options); }
  void handle(http::Request& request, http::Respond respond) override;
  std::size_t body_limit(const http::Request&) const override { return std::size_t{64} << 10; }

 private:
  struct Route;
  static const std::vector<Route>& routes();

  void healthz(const http::Request& request, http::Respond respond);
  void readyz(const http::Request& request, http::Respond respond);
  void status(const http::Request& request, http::Respond respond);
  void ring(const http::Request& request, http::Respond respond);
  void acceptors(const http::Request& request, http::Respond respond);
  void metrics(const http::Request& request, http::Respond respond);
  void config(const http::Request& request, http::Respond respond);
  void change_options(const http::Request& request, http::Respond respond);
  void join(const http::Request& request, http::Respond respond);
  void leave(const http::Request& request, http::Respond respond);
  void stop(const http::Request& request, http::Respond respond);

  Options options_;
  const Hooks hooks_;
  const Membership& members_;
  Clock& clock_;
};

}  // namespace skep::admin
