#include "roles/proposer/service.hpp"

#include "roles/proposer/json.hpp"

namespace skep::proposer {
namespace {

constexpr Duration kStatus = std::chrono::seconds(2);

Options options_of(const conf::ProposerConfig& from) {
  Options options;
  options.initial_acceptors = from.initial_acceptors;
  options.initial_proposers = from.initial_proposers;
  options.max_key = from.max_key;
  options.max_value = from.max_value;
  options.cache = from.cache;
  return options;
}

ApiOptions api_options_of(const conf::ProposerConfig& from) {
  ApiOptions options;
  options.tokens = {"proposer", from.token, from.admin_token};
  options.request_timeout = from.request_timeout;
  options.max_key = from.max_key;
  options.max_value = from.max_value;
  return options;
}

http::ServerOptions server_options_of(const conf::ProposerConfig& from) {
  http::ServerOptions options;
  options.part = "proposer";
  // Two keys in a query, each byte of which may be percent-encoded.
  options.header_bytes += 6 * from.max_key;
  options.max_bodies += 8 * from.max_value;
  return options;
}

}  // namespace

Service::Service(Env env, Loop& loop, Store& store, Membership& members, const conf::Loaded& loaded,
                 std::function<Result<>()> ready)
    : loop_(loop),
      log_(env.log),
      loaded_(loaded),
      proposer_(env, store, members, options_of(loaded.config.proposer)),
      api_(proposer_, api_options_of(loaded.config.proposer), std::move(ready)),
      server_(loop, loop, api_, server_options_of(loaded.config.proposer)) {}

Result<> Service::start() {
  Result<> started = proposer_.start();
  if (!started) return started;
  const conf::ProposerConfig& config = loaded_.config.proposer;
  http::Listening listening;
  listening.part = "proposer";
  listening.address = config.listen;
  listening.tls = {config.tls.cert, config.tls.key, config.tls.ca};
  listening.max_connections = config.max_connections;
  listening.idle = config.idle_timeout;
  auto listener = http::listen(loop_, log_, listening, server_);
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  return {};
}

void Service::report(Metrics& metrics) const {
  proposer_.report(metrics);
  server_.report(metrics);
}

void Service::reload() { api_.set_tokens(api_options_of(loaded_.config.proposer).tokens); }

void Service::stop(Done done) {
  server_.end();
  proposer_.stop();
  done({});
}

void Service::status(std::function<void(std::string)> told) {
  proposer_.status(kStatus, [told = std::move(told)](const Status& status) { told(show(status)); });
}

}  // namespace skep::proposer
