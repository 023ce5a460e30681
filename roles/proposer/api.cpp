#include "roles/proposer/api.hpp"

#include <array>
#include <span>

#include "roles/proposer/api_request.hpp"
#include "roles/proposer/json.hpp"

namespace skep::proposer {
namespace {

using http::Needs;
using http::Respond;
using http::Response;

constexpr std::string_view kKeys = "/v1/kv/";
constexpr const char* kJson = "application/json";
constexpr std::uint32_t kListed = 1000;
constexpr std::uint64_t kMostListed = 10'000;
constexpr Duration kStatus = std::chrono::seconds(1);
constexpr Duration kSoon = std::chrono::milliseconds(10);
constexpr std::size_t kControlBody = std::size_t{64} << 10;

// An answer without a body.
Response nothing(unsigned status) { return {status, {}, {}, {}}; }

Response tagged(Response response, std::uint64_t version) {
  response.headers["ETag"] = etag(version);
  return response;
}

Response unavailable(std::string_view why) {
  Response response = http::problem(503, "unavailable", why);
  response.headers["Retry-After"] = "1";
  return response;
}

// 504: it may have been done, or may still be.
Response unknown(std::string_view why, std::optional<std::uint64_t> base = {}) {
  return http::problem(504, "unknown", why.empty() ? "it may have been done, or not" : why,
                       "unknown", base ? "\"base\": " + std::to_string(*base) : "");
}

Response failure(const Error& error) {
  switch (error.code) {
    case Code::invalid:
    case Code::unsupported:
    case Code::not_found: return http::problem(400, name(error.code), error.message);
    case Code::full: return http::problem(413, "too_long", error.message);
    case Code::conflict: return http::problem(409, name(error.code), error.message);
    case Code::permission: return http::problem(403, name(error.code), error.message);
    case Code::unknown: return unknown(error.message);
    case Code::unavailable:
    case Code::io:
    case Code::corrupt: break;
  }
  return unavailable(error.message);
}

Response absent() { return http::problem(404, "absent", "there is no such key"); }

// 412, with the ETag of what is there.
Response mismatch(bool present, std::uint64_t version) {
  if (!present) return http::problem(412, "mismatch", "there is no such key");
  return tagged(http::problem(412, "mismatch", "what is there has version " + etag(version)),
                version);
}

// Of a change that was not done, or not certainly.
Response refused(const Outcome& outcome) {
  switch (outcome.how) {
    case Outcome::How::mismatch: return mismatch(outcome.present, outcome.version);
    case Outcome::How::invalid: {
      Response response = http::problem(409, "not_applicable", outcome.why);
      return outcome.present ? tagged(std::move(response), outcome.version) : response;
    }
    case Outcome::How::unknown: return unknown(outcome.why, outcome.base);
    case Outcome::How::done:
    case Outcome::How::unavailable: break;
  }
  return unavailable(outcome.why);
}

Response of_read(Outcome& outcome, std::string_view match, std::string_view none_match) {
  if (outcome.how == Outcome::How::unknown) return unavailable(outcome.why);  // it changes nothing
  if (outcome.how != Outcome::How::done) return refused(outcome);
  const bool there = outcome.present && outcome.value.has_value();
  if (!match.empty() && !(there && lists_version(match, outcome.version)))
    return mismatch(there, outcome.version);
  if (!there) return absent();
  if (!none_match.empty() && lists_version(none_match, outcome.version))
    return tagged(nothing(304), outcome.version);
  return tagged({200, "application/octet-stream", std::move(*outcome.value), {}}, outcome.version);
}

Response of_put(const Outcome& outcome) {
  if (outcome.how != Outcome::How::done) return refused(outcome);
  return tagged(nothing(outcome.created ? 201 : 204), outcome.version);
}

Response of_delete(const Outcome& outcome) {
  return outcome.how == Outcome::How::done ? nothing(204) : refused(outcome);
}

Response of_post(const Outcome& outcome) {
  if (outcome.how != Outcome::How::done) return refused(outcome);
  Response response{200, kJson, show(outcome), {}};
  return outcome.present ? tagged(std::move(response), outcome.version) : response;
}

Response of_status(const Status& status) {
  return tagged({200, kJson, show(status), {}}, status.configuration.version);
}

}  // namespace

struct Api::Call {
  enum class Page : std::uint8_t { none, key, keys, acceptors, advance, rescan, healthz, readyz };

  explicit Call(http::Request& of) : request(of) {
    const std::string_view target = of.target;
    path = target.substr(0, target.find('?'));
    if (path.size() < target.size()) query = target.substr(path.size() + 1);
    if (path.starts_with(kKeys)) {
      page = Page::key;
      return;
    }
    constexpr std::array<std::pair<std::string_view, Page>, 6> kPages{
        {{"/v1/kv", Page::keys},
         {"/v1/acceptors", Page::acceptors},
         {"/v1/acceptors/advance", Page::advance},
         {"/v1/acceptors/rescan", Page::rescan},
         {"/healthz", Page::healthz},
         {"/readyz", Page::readyz}}};
    for (const auto& [known, is] : kPages)
      if (path == known) page = is;
  }

  // The parameter's value; null: it is not there.
  const std::string* parameter(std::string_view name) const {
    for (const Parameter& each : parameters)
      if (each.name == name) return &each.value;
    return nullptr;
  }

  http::Request& request;
  std::string_view path, query;
  Page page = Page::none;
  std::string key{};
  std::vector<Parameter> parameters{};
  Duration timeout{};
};

struct Api::Route {
  Call::Page page;
  std::string_view method;
  Needs needs;
  void (Api::*handle)(Call&, Respond);
  std::span<const std::string_view> parameters;
};

const Api::Route* Api::find(std::string_view method, const Call& call) {
  using Page = Call::Page;
  static constexpr std::array<std::string_view, 4> kAccepted{"timeout", "prefix", "after", "limit"};
  static constexpr std::span<const std::string_view> kNone(kAccepted.data(), 0);
  static constexpr std::span<const std::string_view> kTimeout(kAccepted.data(), 1);
  static constexpr std::span<const std::string_view> kList(kAccepted);
  static const std::array<Route, 11> kRoutes{
      {{Page::key, "GET", Needs::to_read, &Api::get, kTimeout},
       {Page::key, "PUT", Needs::to_write, &Api::put, kTimeout},
       {Page::key, "POST", Needs::to_write, &Api::post, kTimeout},
       {Page::key, "DELETE", Needs::to_write, &Api::remove, kTimeout},
       {Page::keys, "GET", Needs::to_read, &Api::list, kList},
       {Page::acceptors, "GET", Needs::to_read, &Api::acceptors, kTimeout},
       {Page::acceptors, "PUT", Needs::to_administer, &Api::configure, kTimeout},
       {Page::advance, "POST", Needs::to_administer, &Api::advance, kTimeout},
       {Page::rescan, "POST", Needs::to_administer, &Api::rescan, kTimeout},
       {Page::healthz, "GET", Needs::nothing, &Api::healthz, kNone},
       {Page::readyz, "GET", Needs::nothing, &Api::readyz, kNone}}};
  const auto found = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& route) {
    return route.page == call.page && route.method == method;
  });
  return found == kRoutes.end() ? nullptr : &*found;
}

Api::Api(Registers& registers, ApiOptions options, std::function<Result<>()> ready)
    : registers_(registers), options_(std::move(options)), ready_(std::move(ready)) {}

// A key's value comes as it is, or in JSON, where a byte may take six, or as base64.
std::size_t Api::body_limit(const http::Request& request) const {
  const std::string_view target = request.target;
  if (!target.starts_with(kKeys)) return kControlBody;
  if (request.method == "PUT") return options_.max_value;
  return request.method == "POST" ? 12 * options_.max_value + kControlBody : kControlBody;
}

void Api::handle(http::Request& request, Respond respond) {
  Call call(request);
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  const Route* route = find(method, call);
  if (route == nullptr) return respond(without_route(call));
  if (auto no = http::refusal(request, route->needs, options_.tokens))
    return respond(std::move(*no));
  if (Result<> ready = prepare(call, route->parameters); !ready)
    return respond(failure(ready.error()));
  (this->*route->handle)(call, std::move(respond));
}

// 404, 405, or what is accepted.
Response Api::without_route(const Call& call) {
  if (call.page == Call::Page::none)
    return http::problem(404, "no_such_page",
                         "no such page; there are: /v1/kv /v1/kv/{key} /v1/acceptors "
                         "/v1/acceptors/advance /v1/acceptors/rescan /healthz /readyz");
  std::string allow;
  for (std::string_view method : {"GET", "PUT", "POST", "DELETE"}) {
    if (find(method, call) == nullptr) continue;
    allow.append(method).append(method == "GET" ? ", HEAD, " : ", ");
  }
  allow += "OPTIONS";
  Response response = call.request.method == "OPTIONS"
                          ? nothing(204)
                          : http::problem(405, "method_not_allowed", "accepted: " + allow);
  response.headers["Allow"] = allow;
  return response;
}

Result<> Api::prepare(Call& call, std::span<const std::string_view> parameters) const {
  if (!call.query.empty()) {
    auto parsed = parse_query(call.query, parameters);
    if (!parsed) return tl::unexpected(parsed.error());
    call.parameters = std::move(*parsed);
  }
  call.timeout = options_.request_timeout;
  std::string_view given = call.request.header("request-timeout");
  if (const std::string* parameter = call.parameter("timeout")) given = *parameter;
  if (!given.empty()) {
    const auto timeout = parse_timeout(given);
    if (!timeout) return tl::unexpected(timeout.error());
    call.timeout = *timeout;
  }
  if (call.page != Call::Page::key) return {};
  auto key = percent_decode(call.path.substr(kKeys.size()), false);
  if (!key) return tl::unexpected(key.error());
  call.key = std::move(*key);
  return check_key(call.key, options_.max_key);
}

// Who is missing, where it is known why no answer came.
void Api::explain(Outcome& outcome) const {
  if (outcome.why != kLate) return;
  if (const Result<> now = ready_(); !now) outcome.why += "; " + now.error().message;
}

void Api::get(Call& call, Respond respond) {
  Request read;
  read.key = std::move(call.key);
  read.timeout = call.timeout;
  std::string match(call.request.header("if-match"));
  std::string none_match(call.request.header("if-none-match"));
  registers_.change(std::move(read), [respond = std::move(respond), match = std::move(match),
                                      none_match = std::move(none_match), this](Outcome outcome) {
    explain(outcome);
    respond(of_read(outcome, match, none_match));
  });
}

// A change of the call's key with what its headers say, if these are right.
void Api::change(Call& call, Change change, Response (*answer)(const Outcome&), Respond respond) {
  Request request;
  Result<> set = set_condition(call.request, change);
  request.change = std::move(change);
  if (set) set = set_identity(call.request, request);
  if (!set) return respond(failure(set.error()));
  request.key = std::move(call.key);
  request.timeout = call.timeout;
  registers_.change(std::move(request),
                    [respond = std::move(respond), answer, this](Outcome outcome) {
                      explain(outcome);
                      respond(answer(outcome));
                    });
}

void Api::put(Call& call, Respond respond) {
  if (call.request.headers.contains("content-range"))
    return respond(failure({Code::invalid, "Content-Range: a value is put as a whole"}));
  Change set;
  set.function = Function::set;
  set.value = std::move(call.request.body);
  change(call, std::move(set), of_put, std::move(respond));
}

void Api::remove(Call& call, Respond respond) {
  Change remove;
  remove.function = Function::remove;
  change(call, std::move(remove), of_delete, std::move(respond));
}

void Api::post(Call& call, Respond respond) {
  auto parsed = parse_change(call.request.body, options_.max_value);
  if (!parsed) return respond(failure(parsed.error()));
  change(call, std::move(*parsed), of_post, std::move(respond));
}

void Api::list(Call& call, Respond respond) {
  std::uint32_t limit = kListed;
  if (const std::string* given = call.parameter("limit")) {
    const auto number = parse_number("limit", *given, 1, kMostListed);
    if (!number) return respond(failure(number.error()));
    limit = static_cast<std::uint32_t>(*number);
  }
  const auto text = [&](std::string_view name) {
    const std::string* given = call.parameter(name);
    return given == nullptr ? std::string() : *given;
  };
  registers_.list(
      text("prefix"), text("after"), limit, call.timeout,
      [respond = std::move(respond)](const Result<Listing>& listing) {
        respond(listing ? Response{200, kJson, show(*listing), {}} : failure(listing.error()));
      });
}

void Api::acceptors(Call& call, Respond respond) {
  // Who is down should not be waited for as for a change.
  registers_.status(
      std::min(call.timeout, kStatus),
      [respond = std::move(respond)](const Status& status) { respond(of_status(status)); });
}

// With If-Match, with which each change of the configuration has to come.
template <class Begin> void Api::with_version(const Call& call, Respond respond, Begin begin) {
  if (!call.request.headers.contains("if-match"))
    return respond(http::problem(428, "version_required",
                                 "If-Match is missing; accepted: the ETag of GET /v1/acceptors"));
  const auto from = parse_etag(call.request.header("if-match"));
  if (!from) return respond(failure(from.error()));
  begin(*from, [this, from = *from, respond = std::move(respond)](const Result<Status>& result) {
    if (result) return respond(of_status(*result));
    if (result.error().code != Code::conflict) return respond(failure(result.error()));
    // The step is not safe now, or it is not the step after what is in force.
    registers_.status(kSoon, [=, error = result.error()](const Status& now) {
      const std::uint64_t version = now.configuration.version;
      respond(version == from ? failure(error)
                              : tagged(http::problem(412, "mismatch", error.message), version));
    });
  });
}

void Api::configure(Call& call, Respond respond) {
  auto step = parse_step(call.request.body);
  if (!step) return respond(failure(step.error()));
  with_version(call, std::move(respond), [&](std::uint64_t version, auto told) {
    step->from = version;
    registers_.configure(std::move(*step), call.timeout, std::move(told));
  });
}

void Api::advance(Call& call, Respond respond) {
  if (Result<> empty = parse_nothing(call.request.body); !empty)
    return respond(failure(empty.error()));
  with_version(call, std::move(respond), [&](std::uint64_t version, auto told) {
    registers_.advance(version, call.timeout, std::move(told));
  });
}

void Api::rescan(Call& call, Respond respond) {
  const auto limit = parse_rescan(call.request.body);
  if (!limit) return respond(failure(limit.error()));
  registers_.rescan(*limit, call.timeout,
                    [respond = std::move(respond)](const Result<Rescanned>& rescanned) {
                      respond(rescanned ? Response{200, kJson, show(*rescanned), {}}
                                        : failure(rescanned.error()));
                    });
}

void Api::healthz(Call&, Respond respond) { respond({.body = "ok\n"}); }

void Api::readyz(Call&, Respond respond) {
  const Result<> ready = ready_();
  if (ready) return respond({.body = "ready\n"});
  respond({.status = 503, .body = "not ready: " + ready.error().message + '\n'});
}

}  // namespace skep::proposer
