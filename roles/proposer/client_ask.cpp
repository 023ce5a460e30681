#include "roles/proposer/client_ask.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "net/base/assert.hpp"

namespace skep::proposer {
namespace {

using Json = nlohmann::json;

// Longer than a proposer takes to say that it does not know.
constexpr Duration kTimeout = std::chrono::seconds(15);

bool is_success(const http::Response& response) {
  return response.status >= 200 && response.status < 300;
}

// A refusal that stays true even if an earlier try of the same request is still under way: what
// asks for a version that has passed can never be done.
bool is_past(const http::Request& request, const http::Response& response) {
  return response.status == 412 && request.header("if-match").starts_with('"');
}

}  // namespace

Proposers::Proposers(std::vector<Address> addresses, std::string token, Ask ask)
    : addresses_(std::move(addresses)), token_(std::move(token)), ask_(std::move(ask)) {
  SKEP_ASSERT(!addresses_.empty());
}

void Proposers::know(const std::vector<Address>& addresses) {
  for (const Address& address : addresses)
    if (std::find(addresses_.begin(), addresses_.end(), address) == addresses_.end())
      addresses_.push_back(address);
}

Result<http::Response> Proposers::ask(const http::Request& request) {
  if (token_.empty()) return ask_(addresses_[at_], request, kTimeout);
  http::Request shown = request;
  shown.headers["authorization"] = "Bearer " + token_;
  return ask_(addresses_[at_], shown, kTimeout);
}

Result<http::Response> Proposers::read(http::Request request) {
  // What a proposer says tells more than who cannot be connected to.
  Error error;
  for (std::size_t tries = 0; tries < addresses_.size(); ++tries) {
    auto response = ask(request);
    const bool elsewhere =  // a HEAD is answered without a word
        response && response->status == 404 && request.method != "HEAD" && !is_absent(*response);
    if (response && response->status < 500 && !elsewhere) return response;
    std::string why;
    if (elsewhere) why.append(addresses_[at_]).append(" is no proposer's listener: ");
    why += response ? problem_of(*response).detail : response.error().message;
    if (response || error.message.empty()) error = {Code::unavailable, std::move(why)};
    at_ = (at_ + 1) % addresses_.size();
  }
  return tl::unexpected(std::move(error));
}

Result<http::Response> Proposers::change(http::Request request, bool repeatable,
                                         std::optional<std::uint64_t> base) {
  bool maybe = false;  // an earlier try may have been done
  Error error;
  for (std::size_t tries = 0; tries < (maybe ? 2 : 1) * addresses_.size(); ++tries) {
    auto response = ask(request);
    if (response && is_success(*response)) return response;
    const Problem problem =
        response ? problem_of(*response)
                 : Problem{response.error().message, response.error().done() == Done::maybe};
    const bool settled = response && response->status < 500 && !problem.maybe_done;
    if (settled && (!maybe || is_past(request, *response))) return response;
    if (!response && response.error().code == Code::permission && !maybe) return response;
    if (!maybe ? response || error.message.empty() : problem.maybe_done)
      error.message = problem.detail;
    if (settled) break;
    at_ = (at_ + 1) % addresses_.size();
    if (!problem.maybe_done) continue;
    if (!std::exchange(maybe, true) && problem.base) base = problem.base;
    if (!repeatable || !base) break;
    request.headers["idempotency-version"] = std::to_string(*base);
  }
  error.code = maybe ? Code::unknown : Code::unavailable;
  return tl::unexpected(std::move(error));
}

Problem problem_of(const http::Response& response) {
  Problem problem;
  const Json body = Json::parse(response.body, nullptr, false);
  problem.detail = http::reason(response);
  const auto found = body.is_object() ? body.find("done") : body.end();
  const std::string done =
      found != body.end() && found->is_string() ? found->get<std::string>() : "";
  problem.maybe_done =
      done.empty() ? response.status >= 500 && response.status != 503 : done != "no";
  if (body.is_object() && body.contains("base") && body["base"].is_number_unsigned())
    problem.base = body["base"].get<std::uint64_t>();
  return problem;
}

bool is_absent(const http::Response& response) {
  if (response.status != 404) return false;
  const Json body = Json::parse(response.body, nullptr, false);
  return body.is_object() && body.contains("code") && body["code"] == "absent";
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return encoded;
}

std::optional<std::uint64_t> version_of(const http::Response& response) {
  const auto found = response.headers.find("etag");
  if (found == response.headers.end() || !found->second.starts_with('"')) return std::nullopt;
  std::uint64_t version = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [stop, error] = std::from_chars(found->second.data() + 1, end, version);
  if (error != std::errc() || stop == end || *stop != '"') return std::nullopt;
  return version;
}

std::string version_tag(std::uint64_t version) { return '"' + std::to_string(version) + '"'; }

}  // namespace skep::proposer
