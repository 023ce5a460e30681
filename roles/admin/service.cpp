#include "roles/admin/service.hpp"

namespace skep::admin {

namespace {

constexpr std::string_view kRefusal =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    "Content-Length: 31\r\n\r\nmax number of clients reached\r\n";

Options options_of(const conf::NodeConfig& config, const std::string& shown) {
  return {config.name, config.cluster.name, shown, config.admin.token, config.admin.admin_token};
}

}  // namespace

Service::Service(Loop& loop, Log& log, const Cluster& cluster, const conf::NodeConfig& config,
                 const std::string& shown, Hooks hooks)
    : loop_(loop),
      log_(log),
      config_(config.admin),
      admin_(options_of(config, shown), std::move(hooks), cluster, loop) {}

void Service::reload(const conf::NodeConfig& config, const std::string& shown) {
  admin_.set_options(options_of(config, shown));
}

Result<> Service::start() {
  auto tls = tls::Context::open_if_any("admin", tls::Peer::client,
                                       {config_.tls.cert, config_.tls.key, config_.tls.ca});
  if (!tls) return tl::unexpected(tls.error());
  TcpLimits limits;
  limits.max_connections = config_.max_connections;
  limits.refusal = kRefusal;
  auto listener = TcpListener::open(
      loop_, log_, "admin", config_.listen, std::move(limits),
      [this](Stream& stream) {
        return http::make_session(stream, loop_, {}, [this](const auto& request, auto respond) {
          admin_.handle(request, std::move(respond));
        });
      },
      std::move(*tls));
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  log_.write(Level::info, "admin", "listens on " + listener_->address());
  return {};
}

}  // namespace skep::admin
