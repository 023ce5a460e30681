#include "net/http.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <limits>
#include <optional>
#include <utility>

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
std::string serialize(beast::message<is_request, beast::string_body>& message, bool header_only) {
  std::string out;
  beast::serializer<is_request, beast::string_body> serializer(message);
  serializer.split(header_only);
  error_code error;
  while (!serializer.is_done() && !(header_only && serializer.is_header_done())) {
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

std::string serialize(const Response& response, bool keep_alive, bool header_only) {
  beast::response<beast::string_body> message;
  message.version(11);
  message.result(response.status);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.set(beast::field::content_type, response.type);
  message.keep_alive(keep_alive);
  message.body() = response.body;
  message.prepare_payload();
  return serialize(message, header_only);
}

class Session final : public StreamHandler {
 public:
  Session(Stream& stream, Timers& timers, Limits limits, Handle handle)
      : stream_(stream), timers_(timers), limits_(limits), handle_(std::move(handle)) {
    next_request();
    wait();
  }
  ~Session() override { timers_.cancel(timer_); }

  void on_bytes(std::string_view bytes) override {
    if (closing_) return;
    in_.append(bytes);
    if (answering_) return;
    if (!std::exchange(begun_, true)) wait();
    work();
  }
  void on_drained() override {}
  void on_closed() override {
    alive_.reset();
    closing_ = true;
    timers_.cancel(timer_);
  }
  Standing standing() const override { return answering_ ? Standing::busy : Standing::idle; }

 private:
  void next_request() {
    parser_.emplace();
    parser_->eager(true);
    // Ours instead: the parser takes any header that comes in one piece.
    parser_->header_limit(std::numeric_limits<std::uint32_t>::max());
    header_ = 0;
    parser_->body_limit(limits_.body_bytes);
  }

  // For a request, or for the rest of one: the bytes that come of it do not make that time longer.
  void wait() {
    timers_.cancel(timer_);
    timer_ = timers_.after(begun_ ? limits_.request : limits_.idle, [this] {
      timer_ = 0;
      if (!begun_) return close();
      refuse({408, {}, "the request did not come in time\n"});
    });
  }

  void close() {
    closing_ = true;
    timers_.cancel(timer_);
    in_.clear();
    stream_.close();
  }

  // What is read of the current header, and what of it waits, or may be of it.
  bool header_fits() const {
    if (parser_->is_header_done()) return true;
    const std::size_t end = in_.find("\r\n\r\n");
    std::size_t waits = end == std::string::npos ? in_.size() : end + 4;
    if (header_ > 0 && in_.starts_with("\r\n")) waits = 2;  // the fields have been read, or none is
    return header_ + waits <= limits_.header_bytes;
  }

  // Takes requests out of what came until one is being answered or more has to come.
  void work() {
    working_ = true;
    while (!answering_ && !closing_ && !in_.empty()) {
      if (!header_fits()) {
        refuse(beast::error::header_limit);
        break;
      }
      error_code error;
      const std::size_t read = parser_->put(boost::asio::buffer(in_), error);
      header_ += read;
      in_.erase(0, read);
      if (error == beast::error::need_more || (!error && !parser_->is_done())) break;
      if (error) {
        refuse(error);
      } else {
        begin();
      }
    }
    working_ = false;
  }

  void begin() {
    beast::request<beast::string_body> message = parser_->release();
    next_request();
    timers_.cancel(timer_);
    begun_ = false;
    answering_ = true;
    keep_alive_ = message.keep_alive();
    head_ = message.method() == beast::verb::head;
    stream_.pause_reading(true);
    Request request{std::string(view(message.method_string())), std::string(view(message.target())),
                    headers_of(message), std::move(message.body()), stream_.peer()};
    handle_(request, [session = std::weak_ptr<Session*>(alive_)](Response response) {
      if (auto alive = session.lock()) (*alive)->answer(response);
    });
  }

  void answer(const Response& response) {
    stream_.write(serialize(response, keep_alive_, head_));
    answering_ = false;
    if (!keep_alive_) return close();
    begun_ = !in_.empty();
    wait();
    stream_.pause_reading(false);
    if (!working_) work();
  }

  void refuse(error_code error) {
    Response response{400, {}, "bad request: " + error.message() + '\n'};
    if (error == beast::error::body_limit)
      response = {
          413,
          {},
          "the body is too long; accepted: " + std::to_string(limits_.body_bytes) + " bytes\n"};
    if (error == beast::error::header_limit)
      response = {
          431,
          {},
          "the header is too long; accepted: " + std::to_string(limits_.header_bytes) + " bytes\n"};
    refuse(std::move(response));
  }

  void refuse(Response response) {
    response.type = "text/plain; charset=utf-8";
    stream_.write(serialize(response, false, false));
    close();
  }

  Stream& stream_;
  Timers& timers_;
  const Limits limits_;
  const Handle handle_;
  std::shared_ptr<Session*> alive_ = std::make_shared<Session*>(this);
  std::optional<beast::request_parser<beast::string_body>> parser_;
  std::string in_;          // not yet parsed
  std::size_t header_ = 0;  // bytes of the current request that are parsed
  Timers::Id timer_ = 0;
  bool begun_ = false;  // bytes of a request have come
  bool answering_ = false;
  bool working_ = false;
  bool keep_alive_ = false;
  bool head_ = false;
  bool closing_ = false;
};

}  // namespace

std::unique_ptr<StreamHandler> make_session(Stream& stream, Timers& timers, Limits limits,
                                            Handle handle) {
  return std::make_unique<Session>(stream, timers, limits, std::move(handle));
}

std::string to_text(const Request& request, bool keep_alive) {
  beast::request<beast::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.target);
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  message.body() = request.body;
  message.prepare_payload();
  return serialize(message, false);
}

Result<Response> to_response(std::string_view bytes) {
  if (bytes.empty()) return fail(Code::invalid, "no answer");
  beast::response_parser<beast::string_body> parser;
  parser.eager(true);
  parser.body_limit(boost::none);
  error_code error;
  while (!bytes.empty() && !error && !parser.is_done())
    bytes.remove_prefix(parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error));
  if (!error && !parser.is_done()) parser.put_eof(error);
  if (error || !parser.is_done())
    return fail(Code::invalid, "not an answer of HTTP: " + error.message());
  auto message = parser.release();
  return Response{message.result_int(), std::string(view(message[beast::field::content_type])),
                  std::move(message.body()), headers_of(message)};
}

}  // namespace skep::http
