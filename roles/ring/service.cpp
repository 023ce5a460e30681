#include "roles/ring/service.hpp"

#include "conf/arguments.hpp"

namespace skep::ring {
namespace {

Options options_of(const conf::RingConfig& from) {
  Options options;
  options.hive.arcs = static_cast<std::uint16_t>(from.arcs);
  options.hive.replication = static_cast<std::uint8_t>(from.replication);
  options.hive.lease_us = static_cast<std::uint64_t>(from.lease.count());
  options.heartbeat = from.heartbeat;
  options.takeover_after = from.takeover_after;
  options.replace_after = from.replace_after;
  options.request_timeout = from.request_timeout;
  options.max_value = from.max_value;
  options.moves = static_cast<std::uint32_t>(from.moves);
  return options;
}

RespOptions resp_options_of(const conf::RingConfig& from, const std::string& node,
                            const Address& advertised) {
  RespOptions options;
  options.password = from.password;
  options.limits.max_bulk = from.max_value;
  options.limits.max_request = (std::size_t{64} << 20) + 4 * from.max_value;
  options.listen = conf::dialable(from.listen, advertised);
  options.node = node;
  options.max_memory = from.max_client_memory;
  options.settings = {{"maxclients", std::to_string(from.max_connections)}};
  return options;
}

TcpLimits limits_of(const conf::RingConfig& from) {
  TcpLimits limits;
  limits.max_connections = from.max_connections;
  limits.max_queued += 2 * from.max_value;
  limits.refusal = "-ERR max number of clients reached\r\n";
  limits.idle = from.idle_timeout;
  limits.stalled = from.unread_timeout;
  return limits;
}

}  // namespace

// The ring, of which RING STOP and RING LEAVE end the node.
class Service::Served final : public Ring {
 public:
  Served(Env env, Store& store, Cluster& cluster, Options options, Hooks hooks)
      : Ring(env, store, cluster, options), hooks_(std::move(hooks)) {}
  void stop(Service::Done done) override {
    done({});
    hooks_.stop();
  }
  void leave(Service::Done done) override { hooks_.leave(std::move(done)); }

 private:
  const Hooks hooks_;
};

Service::Service(Env env, Loop& loop, Store& store, Cluster& cluster,
                 const conf::NodeConfig& config, Hooks hooks)
    : env_(env),
      loop_(loop),
      config_(config.ring),
      ring_(
          std::make_unique<Served>(env, store, cluster, options_of(config.ring), std::move(hooks))),
      resp_(std::make_unique<RespServer>(
          *ring_, loop, loop,
          resp_options_of(config.ring, config.name,
                          cluster.members().at(cluster.self()).address))) {}

Service::~Service() = default;

Result<> Service::start() {
  Result<> started = ring_->start();
  if (!started) return started;
  auto tls = tls::Context::open_if_any("ring", tls::Peer::client,
                                       {config_.tls.cert, config_.tls.key, config_.tls.ca});
  if (!tls) return tl::unexpected(tls.error());
  auto listener = TcpListener::open(
      loop_, env_.log, "ring", config_.listen, limits_of(config_),
      [this](Stream& stream) { return resp_->accept(stream); }, std::move(*tls));
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  env_.log.write(Level::info, "ring", "listens on " + listener_->address());
  return {};
}

void Service::stop(Done done) { ring_->Ring::stop(std::move(done)); }

void Service::leave(Done done) { ring_->Ring::leave(std::move(done)); }

void Service::reload(const conf::Loaded& loaded) {
  resp_->set_password(loaded.config.ring.password);
  std::vector<std::pair<std::string, std::string>> shown;
  for (const conf::Effective& each : loaded.effective) shown.emplace_back(each.key, each.value);
  resp_->show_config(std::move(shown));
}

void Service::report(Metrics& metrics) const {
  ring_->report(metrics);
  resp_->report(metrics);
}

Result<> Service::ready() const {
  const Ring::Status now = ring_->status();
  if (!now.started) return fail(Code::unavailable, "the ring's options are not known yet");
  if (!now.ready) return fail(Code::unavailable, "some arcs of the ring have no owner");
  if (!now.stable) return fail(Code::unavailable, "the ring is moving arcs");
  return {};
}

resp::Value Service::status() const {
  using resp::Value;
  const Ring::Status now = ring_->status();
  const HiveOptions& hive = ring_->hive();
  std::vector<Value> status;
  auto put = [&](const char* name, Value value) {
    status.push_back(Value::bulk(name));
    status.push_back(std::move(value));
  };
  auto count = [](auto number) { return Value::integer(static_cast<std::int64_t>(number)); };
  put("started", Value::boolean(now.started));
  put("ready", Value::boolean(now.ready));
  put("stable", Value::boolean(now.stable));
  put("arcs", count(now.arcs));
  put("owned", count(now.owned));
  put("kept", count(now.kept));
  put("keys", count(now.keys));
  put("requests", count(now.jobs));
  put("replication", count(hive.replication));
  put("lease_ms", count(hive.lease_us / 1000));
  return Value::map(std::move(status));
}

}  // namespace skep::ring
