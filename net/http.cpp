#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>

#include "net/http_text.hpp"

namespace skep::http {
namespace {

namespace beast = boost::beast::http;
using boost::system::error_code;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

template <class Fields> Headers headers_of(const Fields& fields) {
  Headers headers;
  for (const auto& field : fields) headers[lower(view(field.name_string()))] = view(field.value());
  return headers;
}

template <bool is_request>
std::string serialize(beast::message<is_request, beast::string_body>& message) {
  std::string out;
  beast::serializer<is_request, beast::string_body> serializer(message);
  error_code error;
  while (!serializer.is_done()) {
    serializer.next(error, [&](error_code&, const auto& buffers) {
      std::size_t size = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers);
           it != boost::asio::buffer_sequence_end(buffers); ++it) {
        boost::asio::const_buffer buffer = *it;
        out.append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
      }
      serializer.consume(size);
    });
    if (error) break;  // a string in memory gives none
  }
  return out;
}

}  // namespace

std::string to_text(const Request& request, bool keep_alive) {
  beast::request<beast::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.target);
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  message.body() = request.body;
  message.prepare_payload();
  return serialize(message);
}

Result<Response> to_response(std::string_view bytes, bool head) {
  if (bytes.empty()) return fail(Code::invalid, "no answer");
  beast::response_parser<beast::string_body> parser;
  parser.eager(true);
  parser.skip(head);
  parser.body_limit(boost::none);
  error_code error;
  while (!bytes.empty() && !error && !parser.is_done())
    bytes.remove_prefix(parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error));
  if (!error && !parser.is_done()) parser.put_eof(error);
  if (error || !parser.is_done())
    return fail(Code::invalid, "no answer of HTTP: " + error.message());
  auto message = parser.release();
  return Response{message.result_int(), std::string(view(message[beast::field::content_type])),
                  std::move(message.body()), headers_of(message)};
}

}  // namespace skep::http
