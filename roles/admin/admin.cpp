#include "roles/admin/admin.hpp"

#include <nlohmann/json.hpp>

#include "net/json.hpp"
#include "roles/admin/json.hpp"
#include "roles/admin/metrics.hpp"

namespace skep::admin {
namespace {

using Json = nlohmann::ordered_json;

http::Response json(unsigned status, const Json& body) {
  return {status, "application/json", show(body)};
}

unsigned status_of(Code code) {
  switch (code) {
    case Code::invalid: return 400;
    case Code::permission: return 403;
    case Code::not_found: return 404;
    case Code::conflict: return 409;
    case Code::unsupported: return 501;
    case Code::unavailable: return 503;
    case Code::unknown: return 504;
    case Code::full: return 507;
    case Code::io:
    case Code::corrupt: break;
  }
  return 500;
}

http::Response failure(const Error& error, unsigned status) {
  return {status, "application/problem+json", show(to_problem(error, status))};
}

http::Response failure(const Error& error) { return failure(error, status_of(error.code)); }

// As a whole reply to a command that either is done or failed.
Done reply_with(http::Respond respond, const char* done) {
  return [respond = std::move(respond), done](Result<> result) {
    respond(result ? json(200, {{"done", done}}) : failure(result.error()));
  };
}

}  // namespace

struct Admin::Route {
  std::string_view method;
  std::string_view path;
  http::Needs needs;
  void (Admin::*handle)(const http::Request&, http::Respond);
};

const std::vector<Admin::Route>& Admin::routes() {
  using http::Needs;
  static const std::vector<Route> kRoutes{
      {"GET", "/healthz", Needs::nothing, &Admin::healthz},
      {"GET", "/readyz", Needs::nothing, &Admin::readyz},
      {"GET", "/status", Needs::to_read, &Admin::status},
      {"GET", "/ring", Needs::to_read, &Admin::ring},
      {"GET", "/acceptors", Needs::to_read, &Admin::acceptors},
      {"GET", "/metrics", Needs::to_read, &Admin::metrics},
      {"GET", "/config", Needs::to_read, &Admin::config},
      {"POST", "/ring/options", Needs::to_administer, &Admin::change_options},
      {"POST", "/cluster/join", Needs::to_administer, &Admin::join},
      {"POST", "/cluster/leave", Needs::to_administer, &Admin::leave},
      {"POST", "/stop", Needs::to_administer, &Admin::stop},
  };
  return kRoutes;
}

Admin::Admin(Options options, Hooks hooks, const Membership& members, Clock& clock)
    : options_(std::move(options)), hooks_(std::move(hooks)), members_(members), clock_(clock) {}

void Admin::handle(http::Request& request, http::Respond respond) {
  std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  auto route = std::find_if(routes().begin(), routes().end(),
                            [&](const Route& r) { return r.path == path; });
  if (route == routes().end()) {
    std::string known;
    for (const Route& r : routes()) known += ' ' + std::string(r.path);
    return respond(failure({Code::not_found, "no such page; there are:" + known}));
  }
  if (route->method != method) {
    http::Response refusal =
        failure({Code::invalid, "accepted: " + std::string(route->method)}, 405);
    refusal.headers["Allow"] = route->method;
    return respond(std::move(refusal));
  }
  auto refused =
      http::refusal(request, route->needs, {"admin", options_.token, options_.admin_token});
  if (refused) return respond(std::move(*refused));
  (this->*route->handle)(request, std::move(respond));
}

void Admin::healthz(const http::Request&, http::Respond respond) { respond({.body = "ok\n"}); }

void Admin::readyz(const http::Request&, http::Respond respond) {
  Result<> ready = hooks_.ready();
  if (ready) return respond({.body = "ready\n"});
  respond({.status = 503, .body = "not ready: " + ready.error().message + '\n'});
}

void Admin::status(const http::Request&, http::Respond respond) {
  Time now = clock_.now();
  Json members = Json::array();
  const MemberList& all = members_.members();
  for (auto at = all.begin(); at != all.end(); ++at)
    members.push_back(to_json(at->second, now - at.since()));
  std::uint64_t cluster = hooks_.cluster_id();
  Result<> ready = hooks_.ready();
  respond(json(200, {{"node", options_.node},
                     {"id", hex(members_.self())},
                     {"version", SKEP_VERSION},
                     {"cluster", options_.cluster},
                     {"cluster_id", cluster == 0 ? Json(nullptr) : Json(hex(cluster))},
                     {"ready", ready.has_value()},
                     {"waits_for", ready ? Json(nullptr) : Json(ready.error().message)},
                     {"members", std::move(members)}}));
}

void Admin::ring(const http::Request&, http::Respond respond) {
  if (!hooks_.ring) return respond(failure({Code::not_found, "this node has no ring role"}));
  respond(json(200, to_json(hooks_.ring())));
}

void Admin::acceptors(const http::Request&, http::Respond respond) {
  if (!hooks_.acceptors)
    return respond(failure({Code::not_found, "this node has no proposer role, which knows them"}));
  hooks_.acceptors([respond = std::move(respond)](std::string shown) {
    respond({200, "application/json", std::move(shown)});
  });
}

void Admin::change_options(const http::Request& request, http::Respond respond) {
  if (!hooks_.change_options)
    return respond(failure({Code::not_found, "this node has no ring role"}));
  constexpr const char* kAccepted =
      R"(accepted: {"durability": "commit", …}, the values as a configuration has them)";
  const auto body = parse_json_object(request.body);
  if (!body) return respond(failure({Code::invalid, body.error().message + "; " + kAccepted}));
  Hooks::Settings settings;
  for (const auto& [name, value] : body->items()) {
    if (!value.is_string() && !value.is_number_unsigned())
      return respond(failure({Code::invalid, kAccepted}));
    settings.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  hooks_.change_options(settings, [respond = std::move(respond)](const auto& missing) {
    respond(missing ? json(200, {{"done", "set"}, {"not_yet", *missing}})
                    : failure(missing.error()));
  });
}

void Admin::metrics(const http::Request&, http::Respond respond) {
  MetricsText text;
  hooks_.metrics(text);
  respond({200, MetricsText::kType, text.text()});
}

void Admin::config(const http::Request&, http::Respond respond) {
  respond({.body = options_.config});
}

void Admin::join(const http::Request& request, http::Respond respond) {
  constexpr const char* kAccepted = R"(accepted: {"peer": "host:port", "bring": true or false})";
  const auto body = parse_json_object(request.body);
  if (!body) return respond(failure({Code::invalid, body.error().message + "; " + kAccepted}));
  const auto peer = body->find("peer");
  const auto bring = body->find("bring");
  const bool brings = bring != body->end();
  if (peer == body->end() || !peer->is_string() || (brings && !bring->is_boolean()) ||
      body->size() != (brings ? 2 : 1))
    return respond(failure({Code::invalid, kAccepted}));
  hooks_.join(peer->get<std::string>(), brings && bring->get<bool>(),
              [respond = std::move(respond)](const Result<std::string>& done) {
                respond(done ? json(200, {{"done", *done}}) : failure(done.error()));
              });
}

void Admin::leave(const http::Request&, http::Respond respond) {
  hooks_.leave(reply_with(std::move(respond), "left"));
}

void Admin::stop(const http::Request&, http::Respond respond) {
  respond(json(200, {{"done", "stopping"}}));
  hooks_.end();
}

}  // namespace skep::admin
