#include "net/resp_client.hpp"

#include <utility>

#include "net/resp_encode.hpp"

namespace skep::resp {

Client::Client(Options options) : options_(std::move(options)) {}
Client::~Client() { close(); }

Result<Value> Client::call(std::span<const std::string_view> words) {
  // The server may have closed the connection since the last reply: then nothing is sent on it, and
  // what is asked next is not in doubt.
  if (stream_ && stream_->has_news()) close();
  if (auto connected = ensure_connected(); !connected) return tl::unexpected(connected.error());
  auto reply = exchange(words);
  if (!reply) close();
  return reply;
}

Result<> Client::ensure_connected() {
  if (stream_) return {};
  Result<> last = fail(Code::invalid, "no server is named; accepted: HOST:PORT[,HOST:PORT]…");
  for (const Address& server : options_.servers) {
    auto stream = BlockingStream::connect(server, BlockingStream::in(options_.connect_timeout),
                                          options_.tls.get());
    if (stream) {
      stream_.emplace(std::move(*stream));
      server_ = server;
      parser_ = {};
      last = greet();
      if (last) return last;
      close();
    } else {
      last = tl::unexpected(stream.error());
    }
  }
  return last;
}

Result<> Client::greet() {
  std::vector<std::string_view> hello{"HELLO", "3"};
  if (!options_.password.empty()) hello.insert(hello.end(), {"AUTH", "default", options_.password});
  auto reply = exchange(hello);
  if (!reply) {
    // Nothing was asked for yet but a greeting.
    Code code = reply.error().code == Code::unknown ? Code::unavailable : reply.error().code;
    return fail(code, reply.error().message);
  }
  if (!reply->is_error()) return {};
  bool password = reply->text.starts_with("NOAUTH") || reply->text.starts_with("WRONGPASS");
  if (!password) return fail(Code::unavailable, server_ + " answers: " + reply->text);
  return fail(Code::permission, options_.password.empty()
                                    ? server_ + " asks for a password (by --secret-file FILE)"
                                    : server_ + " refuses the password");
}

Result<Value> Client::exchange(std::span<const std::string_view> words) {
  std::string request;
  encode_request(request, words);
  Result<> sent = stream_->send(request, BlockingStream::in(options_.timeout));
  if (!sent) return fail(sent.error().code, server_ + ": " + sent.error().message);
  return read_reply();
}

Result<Value> Client::read_reply() {
  const auto deadline = BlockingStream::in(options_.timeout);
  for (;;) {
    auto reply = parser_.next();
    if (!reply) return fail(Code::invalid, server_ + ": " + reply.error().message);
    if (*reply && (*reply)->kind != Value::Kind::push) return std::move(**reply);
    if (*reply) continue;
    auto bytes = stream_->receive(deadline);
    if (!bytes) return fail(bytes.error().code, server_ + ": " + bytes.error().message);
    if (bytes->empty()) return fail(Code::unknown, "the connection with " + server_ + " was lost");
    parser_.feed(*bytes);
  }
}

void Client::close() {
  stream_.reset();
  server_.clear();
}

}  // namespace skep::resp
