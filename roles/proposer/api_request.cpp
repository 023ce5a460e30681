#include "roles/proposer/api_request.hpp"

#include <charconv>
#include <limits>

#include "conf/units.hpp"
#include "net/base/checksum.hpp"
#include "net/wire.hpp"

namespace skep::proposer {
namespace {

constexpr Duration kMaxTimeout = std::chrono::minutes(10);
constexpr std::size_t kMaxIdempotencyKey = 256;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || at != end) return std::nullopt;
  return number;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, bool query) {
  std::string out;
  if (text.find_first_of(query ? "%+" : "%") == std::string_view::npos) return out.append(text);
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += query && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? digit_of(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return fail(Code::invalid, "bad percent-encoding: \"" + std::string(text.substr(i, 3)) +
                                     "\"; accepted: '%' and two hexadecimal digits");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Result<std::vector<Parameter>> parse_query(std::string_view query,
                                           std::span<const std::string_view> accepted) {
  std::vector<Parameter> parameters;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one.empty()) continue;
    const std::size_t equals = one.find('=');
    const std::string_view name = one.substr(0, equals);
    if (std::find(accepted.begin(), accepted.end(), name) == accepted.end()) {
      std::string known;
      for (std::string_view each : accepted) known.append(known.empty() ? "" : ", ").append(each);
      return fail(Code::invalid, "unknown parameter \"" + std::string(name) +
                                     "\"; accepted: " + (known.empty() ? "none" : known));
    }
    for (const Parameter& other : parameters)
      if (other.name == name)
        return fail(Code::invalid, "the parameter \"" + std::string(name) + "\" is there twice");
    auto value =
        percent_decode(equals == std::string_view::npos ? "" : one.substr(equals + 1), true);
    if (!value) return tl::unexpected(value.error());
    parameters.push_back({name, std::move(*value)});
  }
  return parameters;
}

Result<Duration> parse_timeout(std::string_view text) {
  const auto timeout = conf::parse_duration(text);
  if (timeout && *timeout > Duration::zero() && *timeout <= kMaxTimeout) return *timeout;
  return fail(Code::invalid, "bad timeout \"" + std::string(text) +
                                 "\"; accepted: a duration from \"1ms\" to \"10m\"");
}

Result<std::uint64_t> parse_number(std::string_view what, std::string_view text,
                                   std::uint64_t least, std::uint64_t most) {
  const auto number = number_of(text);
  if (number && *number >= least && *number <= most) return *number;
  return fail(Code::invalid, "bad " + std::string(what) + " \"" + std::string(text) +
                                 "\"; accepted: an integer from " + std::to_string(least) + " to " +
                                 std::to_string(most));
}

Result<> check_key(std::string_view key, std::uint64_t most) {
  if (key.empty()) return fail(Code::invalid, "there is no key behind /v1/kv/");
  if (key.front() == '\0') return fail(Code::invalid, "a key does not begin with a zero byte");
  if (key.size() <= most) return {};
  return fail(Code::full, "the key has " + std::to_string(key.size()) +
                              " bytes; accepted: " + std::to_string(most) + " at most");
}

std::string etag(std::uint64_t version) { return '"' + std::to_string(version) + '"'; }

Result<std::uint64_t> parse_etag(std::string_view text) {
  if (text.size() > 2 && text.front() == '"' && text.back() == '"') {
    const auto version = number_of(text.substr(1, text.size() - 2));
    if (version && *version > 0) return *version;
  }
  return fail(Code::invalid, "bad version " + std::string(text) +
                                 "; accepted: one ETag as it was told, such as \"7\" with its "
                                 "quotes");
}

bool lists_version(std::string_view etags, std::uint64_t version) {
  while (!etags.empty()) {
    std::string_view one = etags.substr(0, etags.find(','));
    etags.remove_prefix(std::min(etags.size(), one.size() + 1));
    one = trim(one);
    if (one == "*") return true;
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (const auto listed = parse_etag(one); listed && *listed == version) return true;
  }
  return false;
}

Result<> set_condition(const http::Request& request, Change& change) {
  const bool match = request.headers.contains("if-match");
  const bool none = request.headers.contains("if-none-match");
  if (match && none)
    return fail(Code::invalid, "If-Match and If-None-Match; accepted: one of them");
  if (none) {
    const std::string_view value = trim(request.header("if-none-match"));
    if (value != "*")
      return fail(Code::invalid,
                  "bad If-None-Match: " + std::string(value) + "; accepted: * for a change");
    change.condition = Condition::absent;
  }
  if (!match) return {};
  const std::string_view value = trim(request.header("if-match"));
  if (value == "*") {
    change.condition = Condition::present;
    return {};
  }
  const auto version = parse_etag(value);
  if (!version) return fail(Code::invalid, "If-Match: " + version.error().message + ", or *");
  change.condition = Condition::version;
  change.version = *version;
  return {};
}

Result<> set_identity(const http::Request& request, Request& change) {
  const std::string_view key = request.header("idempotency-key");
  if (request.headers.contains("idempotency-key")) {
    if (key.empty()) return fail(Code::invalid, "Idempotency-Key: there is nothing in it");
    if (key.size() > kMaxIdempotencyKey)
      return fail(Code::invalid, "Idempotency-Key: " + std::to_string(key.size()) +
                                     " bytes; accepted: " + std::to_string(kMaxIdempotencyKey) +
                                     " at most");
    // With the change: the key of another one does not make it a repeat.
    std::string name(key);
    name.push_back('\0');
    name += wire::encode(change.change);
    change.id = ChangeId{hash64(name, 1), hash64(name, 2) | 1};  // zero is nobody's
  }
  if (!request.headers.contains("idempotency-version")) return {};
  if (!change.id)
    return fail(Code::invalid, "Idempotency-Version is for a repeat with its Idempotency-Key");
  const auto base = parse_number("Idempotency-Version", request.header("idempotency-version"), 0,
                                 std::numeric_limits<std::uint64_t>::max());
  if (!base) return tl::unexpected(base.error());
  change.base = *base;
  return {};
}

}  // namespace skep::proposer
