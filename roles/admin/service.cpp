#include "roles/admin/service.hpp"

namespace skep::admin {

namespace {

constexpr std::size_t kMaxConnections = 256;

Options options_of(const conf::NodeConfig& config, const std::string& shown) {
  return {config.name, config.cluster.name, shown, config.admin.token, config.admin.admin_token};
}

}  // namespace

Service::Service(Loop& loop, Log& log, const Cluster& cluster, const conf::NodeConfig& config,
                 const std::string& shown, Hooks hooks)
    : loop_(loop),
      log_(log),
      listen_(config.admin.listen),
      admin_(options_of(config, shown), std::move(hooks), cluster, loop) {}

void Service::reload(const conf::NodeConfig& config, const std::string& shown) {
  admin_.set_options(options_of(config, shown));
}

Result<> Service::start() {
  TcpLimits limits;
  limits.max_connections = kMaxConnections;
  auto listener =
      TcpListener::open(loop_, log_, "admin", listen_, std::move(limits), [this](Stream& stream) {
        return http::make_session(stream, loop_, {}, [this](const auto& request, auto respond) {
          admin_.handle(request, std::move(respond));
        });
      });
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  log_.write(Level::info, "admin", "listens on " + listener_->address());
  return {};
}

}  // namespace skep::admin
