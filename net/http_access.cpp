#include "net/http_access.hpp"

namespace skep::http {
namespace {

// Takes as long for a wrong token as for the right one.
bool same_secret(std::string_view given, std::string_view expected) {
  unsigned differ = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    differ |= static_cast<unsigned char>(given[i]) ^
              static_cast<unsigned char>(expected[i % expected.size()]);
  return differ == 0;
}

bool on_loopback(std::string_view peer) {
  for (std::string_view start : {"127.", "[::1]:", "[::ffff:127."})
    if (peer.starts_with(start)) return true;
  return false;
}

Response forbidden(const std::string& why) { return problem(403, name(Code::permission), why); }

// `key` is where the token stands that has to be shown.
Response unauthorized(unsigned status, const std::string& what, const std::string& key) {
  Response response =
      problem(status, name(Code::permission),
              what + "show the token in the file of " + key + ": Authorization: Bearer …");
  if (status == 401) response.headers["WWW-Authenticate"] = "Bearer";
  return response;
}

std::string_view bearer(const Request& request) {
  constexpr std::string_view kScheme = "bearer ";
  std::string_view given = request.header("authorization");
  if (given.size() < kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i)
    if ((given[i] | 0x20) != kScheme[i]) return {};
  return given.substr(kScheme.size());
}

}  // namespace

std::optional<Response> refusal(const Request& request, Needs needs, const Tokens& tokens) {
  if (needs == Needs::nothing) return {};
  const bool administers = needs == Needs::to_administer;
  const bool from_page = needs != Needs::to_read && !request.header("origin").empty();
  if (from_page && (administers || tokens.token.empty()))
    return forbidden("changes are not accepted from web pages");
  const std::string_view given = bearer(request);
  if (!tokens.admin_token.empty() && same_secret(given, tokens.admin_token)) return {};
  const bool known = !tokens.token.empty() && same_secret(given, tokens.token);
  const std::string refused = known || given.empty() ? "" : "the token is refused; ";
  if (administers && !tokens.admin_token.empty())
    return unauthorized(known ? 403 : 401, refused + "to change something, ",
                        tokens.section + ".admin_token_file");
  if (!tokens.token.empty() && !known)
    return unauthorized(401, refused, tokens.section + ".token_file");
  if (administers && !on_loopback(request.peer))
    return forbidden("changes are accepted from the loopback only, as long as " + tokens.section +
                     ".admin_token_file is not set");
  return {};
}

}  // namespace skep::http
