// One request of HTTP at a time, out of the bytes of a connection: Boost.Beast's parser, filling a
// Request that is used again and again. For net/http_server.cpp only.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace skep::http {

struct RequestBounds {
  std::size_t headers = 0;
  // Of a body; asked when the header is there.
  std::function<std::size_t(const Request&)> body;
  // More of a body is to be held; false: it cannot be.
  std::function<bool(std::size_t bytes)> hold;
};

class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  using error_code = boost::system::error_code;

  // Both must outlive it. The request's peer is left as it is.
  RequestParser(Request& request, const RequestBounds& bounds);

  // What to answer when put() says that there is an error.
  Response refusal(error_code error) const;
  // The client waits for "100 Continue" before it sends the body.
  bool expects() const { return expects_; }
  bool of_http_1_0() const { return version_ == 10; }

 private:
  using verb = boost::beast::http::verb;
  using field = boost::beast::http::field;
  using string_view = boost::beast::string_view;

  void on_request_impl(verb, string_view method, string_view target, int version,
                       error_code&) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(field, string_view name, string_view value, error_code& error) override;
  void on_header_impl(error_code& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code& error) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code& error) override {
    return on_body_impl(body, error);
  }
  void on_finish_impl(error_code&) override {}

  void refuse(unsigned status, std::string_view code, std::string why, error_code& error);

  Request& request_;
  const RequestBounds& bounds_;
  int version_ = 11;
  bool expects_ = false;
  std::size_t limit_ = 0;          // of the body
  std::optional<Response> own_{};  // the refusal, where the parser alone would have none
};

}  // namespace skep::http
