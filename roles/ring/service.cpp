#include "roles/ring/service.hpp"

#include "conf/arguments.hpp"

namespace skep::ring {
namespace {

using resp::Value;

void put(std::vector<Value>& map, const char* name, Value value) {
  map.push_back(Value::bulk(name));
  map.push_back(std::move(value));
}

Value share_of(double part) {
  Value value;
  value.kind = Value::Kind::real;
  value.real = part;
  return value;
}

Value count(std::uint64_t number) { return Value::integer(static_cast<std::int64_t>(number)); }

Options options_of(const conf::RingConfig& from) {
  Options options;
  options.hive.arcs = static_cast<std::uint16_t>(from.arcs);
  options.hive.replication = static_cast<std::uint8_t>(from.replication);
  options.hive.lease_us = static_cast<std::uint64_t>(from.lease.count());
  for (const Durable each : {Durable::interval, Durable::commit, Durable::none})
    if (from.durability == name(each)) options.hive.durability = each;
  options.hive.takeover_empty_us = static_cast<std::uint64_t>(from.takeover_empty_after.count());
  options.heartbeat = from.heartbeat;
  options.takeover_after = from.takeover_after;
  options.replace_after = from.replace_after;
  options.request_timeout = from.request_timeout;
  options.max_value = from.max_value;
  options.max_memory = from.max_memory;
  options.max_entries = from.max_entries;
  options.max_disk = from.max_disk;
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

Service::Service(Env env, Loop& loop, Store& store, Cluster& cluster, const conf::Loaded& loaded,
                 Hooks hooks)
    : env_(env),
      loop_(loop),
      cluster_(cluster),
      loaded_(loaded),
      ring_(std::make_unique<Served>(env, store, cluster, options_of(loaded.config.ring),
                                     std::move(hooks))),
      resp_(std::make_unique<RespServer>(
          *ring_, loop, loop,
          resp_options_of(loaded.config.ring, loaded.config.name,
                          cluster.members().at(cluster.self()).address))) {
  reload();
}

Service::~Service() = default;

Result<> Service::start() {
  Result<> started = ring_->start();
  if (!started) return started;
  const conf::RingConfig& config = loaded_.config.ring;
  auto tls = tls::Context::open_if_any("ring", tls::Peer::client,
                                       {config.tls.cert, config.tls.key, config.tls.ca});
  if (!tls) return tl::unexpected(tls.error());
  auto listener = TcpListener::open(
      loop_, env_.log, "ring", config.listen, limits_of(config),
      [this](Stream& stream) { return resp_->accept(stream); }, std::move(*tls));
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  env_.log.write(Level::info, "ring", "listens on " + listener_->address());
  return {};
}

void Service::bring(Store& former, std::function<void()> done) {
  ring_->bring(former, std::move(done));
}

Result<std::uint64_t> Service::own_entries() const { return ring_->own_entries(); }

void Service::change_options(const Settings& settings, Ring::Changed done) {
  const auto change = [&](const HiveOptions& now) {
    return changed(now, settings, loaded_.config.ring.heartbeat);
  };
  ring_->change_options(change, std::move(done));
}

void Service::stop(Done done) {
  if (left_) return done({});
  ring_->Ring::stop(std::move(done));
}

void Service::leave(Done done) {
  ring_->Ring::leave([this, done = std::move(done)](Result<> result) {
    left_ = result.has_value();
    done(std::move(result));
  });
}

void Service::reload() {
  resp_->set_password(loaded_.config.ring.password);
  std::vector<std::pair<std::string, std::string>> shown;
  for (const conf::Effective& each : loaded_.effective) shown.emplace_back(each.key, each.value);
  resp_->show_config(std::move(shown));
}

void Service::report(Metrics& metrics) const {
  ring_->report(metrics);
  resp_->report(metrics);
}

Result<> Service::ready() const {
  const Ring::Status now = ring_->status();
  if (!now.started) return fail(Code::unavailable, "the ring's options are not known yet");
  if (now.written_off) return fail(Code::unavailable, std::string(kWrittenOff));
  if (now.refusing) return fail(Code::unavailable, "this node's store takes no writes at present");
  if (now.disk_full)
    return fail(Code::unavailable, "the store holds more than ring.max_disk: writes are refused");
  if (!now.ready) return fail(Code::unavailable, "some arcs of the ring have no owner");
  if (!now.stable) return fail(Code::unavailable, "the ring is moving arcs");
  return {};
}

std::string Service::name_of(NodeId node) const {
  const auto member = cluster_.members().find(node);
  return member == cluster_.members().end() ? "?" : member->second.name;
}

resp::Value Service::status() const {
  const Ring::Status now = ring_->status();
  const HiveOptions& hive = ring_->hive();
  std::vector<Value> status;
  put(status, "started", Value::boolean(now.started));
  put(status, "ready", Value::boolean(now.ready));
  put(status, "stable", Value::boolean(now.stable));
  put(status, "arcs", count(now.arcs));
  put(status, "owned", count(now.owned));
  put(status, "kept", count(now.kept));
  put(status, "keys_owned", count(now.keys_owned));
  put(status, "keys_kept", count(now.keys_kept));
  put(status, "requests", count(now.requests));
  put(status, "requests_waiting", count(now.waiting));
  put(status, "options_version", count(ring_->hive_version()));
  put(status, "replication", count(hive.replication));
  put(status, "durability", Value::bulk(std::string(name(hive.durability))));
  put(status, "lease_ms", count(hive.lease_us / 1000));
  put(status, "takeover_empty_ms", count(hive.takeover_empty_us / 1000));
  const Bringing& bringing = ring_->bringing();
  put(status, "bringing", Value::boolean(ring_->importing() || !bringing.done()));
  put(status, "bring_waiting", count(bringing.left()));
  put(status, "brought", count(bringing.figures().put));
  put(status, "brought_present", count(bringing.figures().present));
  put(status, "brought_expired", count(bringing.figures().expired));
  put(status, "nodes", nodes());
  put(status, "table", table());
  return Value::map(std::move(status));
}

// Who owns and keeps how many arcs, and the share of all keys that an owner answers for.
resp::Value Service::nodes() const {
  struct Share {
    std::size_t owned = 0;
    std::size_t kept = 0;
  };
  std::map<NodeId, Share> shares;
  for (const auto& [id, member] : cluster_.members())
    if (living(member.state)) shares[id];
  const std::vector<Ring::ArcStatus> arcs = ring_->arcs();
  for (const Ring::ArcStatus& arc : arcs) {
    if (arc.record.owner != 0) ++shares[arc.record.owner].owned;
    for (NodeId member : arc.record.everybody()) ++shares[member].kept;
  }
  std::vector<Value> nodes;
  for (const auto& [id, share] : shares) {
    std::vector<Value> node;
    put(node, "name", Value::bulk(name_of(id)));
    put(node, "owned", count(share.owned));
    put(node, "kept", count(share.kept));
    const double of_all =
        arcs.empty() ? 0 : static_cast<double>(share.owned) / static_cast<double>(arcs.size());
    put(node, "share", share_of(of_all));
    nodes.push_back(Value::map(std::move(node)));
  }
  return Value::array(std::move(nodes));
}

// As this node knows them; of the arcs that it does not keep, what it was told.
resp::Value Service::table() const {
  const std::vector<Ring::ArcStatus> arcs = ring_->arcs();
  std::vector<Value> table;
  for (std::size_t i = 0; i < arcs.size(); ++i) {
    const auto& [record, in_place] = arcs[i];
    const std::size_t slots = kSlots / arcs.size();
    std::vector<Value> arc;
    put(arc, "arc", count(i));
    put(arc, "slots",
        Value::bulk(std::to_string(i * slots) + "-" + std::to_string((i + 1) * slots - 1)));
    put(arc, "share", share_of(1.0 / static_cast<double>(arcs.size())));
    put(arc, "owner", record.owner == 0 ? Value::null() : Value::bulk(name_of(record.owner)));
    put(arc, "members", names(record.members));
    put(arc, "replaces", names(record.replaces));
    put(arc, "epoch", count(record.epoch));
    put(arc, "state", Value::bulk(state_of(record, in_place)));
    table.push_back(Value::map(std::move(arc)));
  }
  return Value::array(std::move(table));
}

resp::Value Service::names(const std::vector<NodeId>& nodes) const {
  std::vector<Value> names;
  for (NodeId node : nodes) names.push_back(Value::bulk(name_of(node)));
  std::sort(names.begin(), names.end(),
            [](const Value& one, const Value& other) { return one.text < other.text; });
  return Value::array(std::move(names));
}

const char* Service::state_of(const Record& record, bool in_place) const {
  if (record.epoch == 0) return "unknown";
  const auto owner = cluster_.members().find(record.owner);
  if (owner == cluster_.members().end() || !living(owner->second.state)) return "without owner";
  if (!record.settled()) return "changing";
  if (!in_place) return "to move";
  const bool whole = std::all_of(record.members.begin(), record.members.end(), [&](NodeId id) {
    const auto member = cluster_.members().find(id);
    return member != cluster_.members().end() && living(member->second.state);
  });
  return whole ? "stable" : "lacks a member";
}

}  // namespace skep::ring
