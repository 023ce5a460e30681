#include "roles/admin/service.hpp"

namespace skep::admin {

namespace {

constexpr std::size_t kMaxConnections = 256;

}  // namespace

Service::Service(Loop& loop, Log& log, const Cluster& cluster, const conf::NodeConfig& config,
                 std::string shown_config, Hooks hooks)
    : loop_(loop),
      log_(log),
      listen_(config.admin.listen),
      admin_({config.name, config.cluster.name, std::move(shown_config), config.admin.token,
              config.admin.admin_token},
             std::move(hooks), cluster, loop) {}

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
