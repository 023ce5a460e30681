#include "roles/admin/service.hpp"

namespace skep::admin {

namespace {

Options options_of(const conf::Loaded& loaded) {
  const conf::NodeConfig& config = loaded.config;
  return {config.name, config.cluster.name, conf::show(loaded.effective), config.admin.token,
          config.admin.admin_token};
}

http::ServerOptions server_options() {
  http::ServerOptions options;
  options.part = "admin";
  return options;
}

}  // namespace

Service::Service(Loop& loop, Log& log, const Cluster& cluster, const conf::Loaded& loaded,
                 Hooks hooks)
    : loop_(loop),
      log_(log),
      loaded_(loaded),
      admin_(options_of(loaded), std::move(hooks), cluster, loop),
      server_(loop, loop, admin_, server_options()) {}

void Service::reload() { admin_.set_options(options_of(loaded_)); }

Result<> Service::start() {
  const conf::AdminConfig& config = loaded_.config.admin;
  http::Listening listening;
  listening.part = "admin";
  listening.address = config.listen;
  listening.tls = {config.tls.cert, config.tls.key, config.tls.ca};
  listening.max_connections = config.max_connections;
  auto listener = http::listen(loop_, log_, listening, server_);
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  return {};
}

}  // namespace skep::admin
