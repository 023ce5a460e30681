#include "net/http_connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <limits>
#include <optional>
#include <utility>

#include "net/address.hpp"
#include "net/base/assert.hpp"
#include "net/base/text.hpp"
#include "net/dial.hpp"
#include "net/http_text.hpp"
#include "net/socket.hpp"

namespace skep::http {
namespace {

namespace beast = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kMaxQueued = std::size_t{64} << 20;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

Response to_response(beast::response<beast::string_body>&& message) {
  Response response{message.result_int(), std::string(view(message[beast::field::content_type]))};
  for (const auto& field : message) {
    std::string name(view(field.name_string()));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    response.headers[std::move(name)] = view(field.value());
  }
  response.body = std::move(message.body());
  return response;
}

}  // namespace

class Connection::State final : public StreamHandler {
 public:
  State(Loop& loop, Address address, std::shared_ptr<const tls::Context> tls)
      : loop_(loop), address_(std::move(address)), tls_(std::move(tls)) {}
  ~State() override { loop_.cancel(timer_); }

  void ask(const Request& request, Duration timeout, Told told) {
    SKEP_ASSERT(!told_);
    told_ = std::move(told);
    Request addressed = request;
    addressed.headers["host"] = address_;
    unsent_ = to_text(addressed, true);
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(std::numeric_limits<std::uint32_t>::max());
    parser_->body_limit(boost::none);
    parser_->skip(request.method == "HEAD");
    begun_ = false;
    timer_ = loop_.after(timeout, [this] {
      timer_ = 0;
      end({socket_ ? Code::unknown : Code::unavailable, "no answer from " + address_ + " in time"});
    });
    if (socket_) return send();
    dial_.emplace(loop_, address_,
                  [this](Result<TcpHandle> handle) { dialled(std::move(handle)); });
  }

 private:
  void dialled(Result<TcpHandle> handle) {
    if (!handle)
      return end({Code::unavailable, "cannot connect to " + std::move(handle.error().message)});
    dial_.reset();
    std::unique_ptr<tls::Channel> channel;
    if (tls_ != nullptr) channel = tls_->dial(host_of(address_));
    socket_.emplace(loop_, std::move(*handle), kMaxQueued, std::move(channel));
    socket_->start(*this, [this](const Ended& ended) { lost(ended); });
    send();
  }

  void send() { socket_->write(std::exchange(unsent_, {})); }

  void on_bytes(std::string_view bytes) override {
    if (!told_) return drop();  // an answer that nobody has asked for
    in_.append(bytes);
    begun_ = true;
    error_code error;
    while (!in_.empty() && !error && !parser_->is_done())
      in_.erase(0, parser_->put(boost::asio::buffer(in_), error));
    if (error == beast::error::need_more) return;
    if (error)
      return end({Code::unknown, address_ + ": no answer of HTTP: " + error.message() +
                                     "; it says: " + excerpt(bytes)});
    if (parser_->is_done()) answer();
  }
  void on_drained() override {}
  void on_closed() override {}

  void lost(const Ended& ended) {
    const bool secured = socket_->ready();
    drop();
    if (!told_) return;
    error_code error;
    if (begun_) parser_->put_eof(error);
    if (begun_ && !error && parser_->is_done()) return answer();
    if (ended.how == Ended::How::tls && !secured)
      return end({Code::permission, "no TLS with " + address_ + ": " + ended.why});
    end({secured ? Code::unknown : Code::unavailable,
         address_ + " closed the connection" + (ended.why.empty() ? "" : ": ") + ended.why});
  }

  void answer() {
    auto message = parser_->release();
    if (!message.keep_alive()) drop();
    Response response = to_response(std::move(message));
    response.peer = address_;
    tell(std::move(response));
  }

  void end(Error error) {
    drop();
    tell(tl::unexpected(std::move(error)));
  }

  void drop() {
    dial_.reset();
    socket_.reset();
    in_.clear();
  }

  // The last thing that a call does: what is told may ask again.
  void tell(Result<Response> result) {
    loop_.cancel(timer_);
    const Told told = std::exchange(told_, nullptr);
    told(std::move(result));
  }

  Loop& loop_;
  const Address address_;
  const std::shared_ptr<const tls::Context> tls_;
  std::optional<Dial> dial_;
  std::optional<Socket> socket_;
  std::string unsent_;
  std::string in_;  // not yet parsed
  std::optional<beast::response_parser<beast::string_body>> parser_;
  bool begun_ = false;  // bytes of the answer have come
  Timers::Id timer_ = 0;
  Told told_;
};

Connection::Connection(Loop& loop, Address address, std::shared_ptr<const tls::Context> tls)
    : state_(std::make_unique<State>(loop, std::move(address), std::move(tls))) {}

Connection::~Connection() = default;

void Connection::ask(const Request& request, Duration timeout, Told told) {
  state_->ask(request, timeout, std::move(told));
}

}  // namespace skep::http
