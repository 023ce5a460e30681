#include "net/http_parser.hpp"

#include <boost/beast/http/error.hpp>

namespace skep::http {
namespace {

namespace beast = boost::beast::http;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool is(std::string_view value, std::string_view word) {
  return std::equal(value.begin(), value.end(), word.begin(), word.end(),
                    [](char one, char other) { return lower(one) == other; });
}

// Of "http://host/path" the path: a client that means a proxy may send that (RFC 9112, 3.2.2).
std::string_view origin_form(std::string_view target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target;
}

}  // namespace

RequestParser::RequestParser(Request& request, const RequestBounds& bounds)
    : request_(request), bounds_(bounds) {
  eager(true);
  // Ours instead: the parser takes any header that comes in one piece.
  header_limit(std::numeric_limits<std::uint32_t>::max());
  body_limit(std::numeric_limits<std::uint64_t>::max());
}

void RequestParser::on_request_impl(verb, string_view method, string_view target, int version,
                                    error_code&) {
  request_.method.assign(method.data(), method.size());
  request_.target.assign(origin_form(view(target)));
  request_.headers.clear();
  request_.body.clear();
  version_ = version;
}

void RequestParser::on_field_impl(field, string_view name, string_view value, error_code& error) {
  if (is_header_done()) return;  // a trailer
  if (request_.headers.size() >= bounds_.headers)
    return refuse(431, "too_long", "too many headers; accepted: " + std::to_string(bounds_.headers),
                  error);
  std::array<char, 64> small{};
  std::string large;
  char* to = small.data();
  if (name.size() > small.size()) {
    large.resize(name.size());
    to = large.data();
  }
  std::transform(name.begin(), name.end(), to, lower);
  const std::string_view key(to, name.size());
  const bool repeated = request_.headers.contains(key);
  if (repeated && key == "host")
    return refuse(400, "invalid", "bad request: Host is there twice", error);
  std::string& whole = request_.headers[key];
  if (repeated) whole += ", ";
  whole.append(value.data(), value.size());
}

// What the parser lets pass: RFC 9112, 3.2 (Host), 6.1 (Transfer-Encoding), RFC 9110, 10.1.1
// (Expect).
void RequestParser::on_header_impl(error_code& error) {
  if (version_ > 10 && !request_.headers.contains("host"))
    return refuse(400, "invalid", "bad request: there is no Host", error);
  const std::string_view coding = request_.header("transfer-encoding");
  if (!coding.empty() && (version_ == 10 || !is(coding, "chunked")))
    return refuse(501, "unsupported",
                  "Transfer-Encoding: " + std::string(coding) + "; accepted: chunked, by HTTP/1.1",
                  error);
  limit_ = bounds_.body(request_);
  const auto length = content_length();
  if (length && *length > limit_) {
    error = beast::error::body_limit;
    return;
  }
  body_limit(limit_);
  const std::string_view expected = request_.header("expect");
  if (expected.empty() || version_ == 10) return;
  expects_ = is(expected, "100-continue");
  if (!expects_)
    refuse(417, "unsupported", "Expect: " + std::string(expected) + "; accepted: 100-continue",
           error);
}

std::size_t RequestParser::on_body_impl(string_view body, error_code& error) {
  if (!bounds_.hold(body.size())) {
    refuse(503, "unavailable", "too many bodies of requests are under way", error);
    own_->headers["Retry-After"] = "1";
    return 0;
  }
  request_.body.append(body.data(), body.size());
  return body.size();
}

void RequestParser::refuse(unsigned status, std::string_view code, std::string why,
                           error_code& error) {
  own_ = problem(status, code, why);
  error = beast::error::bad_value;
}

Response RequestParser::refusal(error_code error) const {
  if (own_) return *own_;
  if (error == beast::error::body_limit)
    return problem(413, "too_long",
                   "the body is too long; accepted: " + std::to_string(limit_) + " bytes");
  return problem(400, "invalid", "bad request: " + error.message());
}

}  // namespace skep::http
