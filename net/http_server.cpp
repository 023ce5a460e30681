#include "net/http_server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <charconv>

#include "net/base/assert.hpp"
#include "net/http_session.hpp"

namespace skep::http {
namespace {

namespace beast = boost::beast::http;

// A buffer that once grew beyond this is given back when it is empty.
constexpr std::size_t kKeptBuffer = std::size_t{64} << 10;

// What is left of a chunked body has so many bytes at least, "0\r\n\r\n". Beast 1.74 asserts that
// it is given these when it has seen the first three of them.
constexpr std::size_t kLeastChunks = 5;

void empty(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptBuffer) std::string().swap(buffer);
}

// Whether an answer of that status says how long its body is (RFC 9110, 8.6).
bool has_length(unsigned status) { return status >= 200 && status != 204 && status != 304; }

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// For a connection that gets no session.
std::string too_many() {
  const Response response = problem(503, "unavailable", "too many connections");
  std::string out = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n";
  append_field(out, "Content-Type", response.type);
  append_field(out, "Content-Length", std::to_string(response.body.size()));
  return out + "\r\n" + response.body;
}

}  // namespace

Session::Session(Server& server, Stream& stream) : server_(server), stream_(stream) {
  parser_.emplace(request_, *server_.bounds_);
}

Session::~Session() { on_closed(); }

void Session::on_closed() {
  alive_.reset();
  closing_ = true;
  server_.timers_.cancel(timer_);
  server_.bodies_ -= request_.body.size();
  request_.body.clear();
  for (const Slot& slot : slots_) server_.bodies_ -= slot.body;
  slots_.clear();
}

void Session::on_bytes(std::string_view bytes) {
  if (closing_) return;
  if (in_.empty()) {
    const std::size_t taken = take(bytes);
    if (closing_) return;
    in_.append(bytes.substr(taken));
    settle();
  } else {
    in_.append(bytes);
    go_on();
  }
}

void Session::on_drained() { go_on(); }

void Session::on_quiet() {
  if (standing() != Standing::idle) return;
  for (std::string* buffer : {&in_, &head_, &request_.target, &request_.body})
    std::string().swap(*buffer);
  request_.headers = {};
  std::vector<Slot>().swap(slots_);
}

StreamHandler::Standing Session::standing() const {
  return slots_.empty() && !half_way() ? Standing::idle : Standing::busy;
}

// Of a request that is not being worked on, something has come.
bool Session::half_way() const { return parser_->got_some() || !in_.empty(); }

// Nothing more can be taken for now: a request waits for the answers to those before it, or the
// client for its place among them; or answers do not leave.
bool Session::full() const {
  return parser_->is_done() || last_ || slots_.size() >= server_.options_.max_in_work ||
         stream_.queued() > server_.options_.max_unsent;
}

void Session::go_on() {
  if (working_ || closing_) return;
  if (parser_->is_done() && may_begin()) begin();
  if (!closing_ && !in_.empty()) {
    const std::size_t taken = take(in_);
    if (!closing_) in_.erase(0, taken);
    if (in_.empty()) empty(in_);
  }
  settle();
}

// Takes requests out of the bytes as far as that goes.
std::size_t Session::take(std::string_view bytes) {
  working_ = true;
  std::size_t taken = 0;
  while (!closing_ && taken < bytes.size() && !full()) {
    const std::string_view rest = bytes.substr(taken);
    if (!parser_->got_some() && (rest.front() == '\r' || rest.front() == '\n')) {
      ++taken;  // an empty line before a request (RFC 9112, 2.2)
      continue;
    }
    if (!header_fits(rest)) {
      refuse(problem(431, "too_long",
                     "the header is too long; accepted: " +
                         std::to_string(server_.options_.header_bytes) + " bytes"));
      break;
    }
    if (parser_->is_header_done() && parser_->chunked() && rest.size() < kLeastChunks) break;
    boost::system::error_code error;
    const std::size_t read = parser_->put(boost::asio::buffer(rest.data(), rest.size()), error);
    taken += read;
    header_ += read;
    if (error && error != beast::error::need_more) {
      refuse(parser_->refusal(error));
    } else if (parser_->is_done()) {
      if (may_begin()) begin();
    } else {
      // Sizes of chunks, and what may stand behind these, are bounded like a header.
      if (parser_->is_header_done() && bytes.size() - taken > server_.options_.header_bytes)
        refuse(problem(431, "too_long", "a chunk's header, or the trailer, is too long"));
      break;
    }
  }
  working_ = false;
  return taken;
}

// What is read of the current header, and what of it waits, or may be of it.
bool Session::header_fits(std::string_view rest) const {
  const std::size_t most = server_.options_.header_bytes;
  if (parser_->is_header_done()) return true;
  if (header_ + rest.size() <= most) return true;
  const std::size_t end = rest.substr(0, most).find("\r\n\r\n");
  std::size_t waits = end == std::string_view::npos ? rest.size() : end + 4;
  if (header_ > 0 && rest.starts_with("\r\n")) waits = 2;  // the fields have been read, or none is
  return header_ + waits <= most;
}

// Requests that only read may be worked on together (RFC 9112, 9.3.2).
bool Session::may_begin() const {
  if (slots_.empty()) return true;
  return slots_.back().safe && is_safe() && slots_.size() < server_.options_.max_in_work;
}

bool Session::is_safe() const {
  return request_.method == "GET" || request_.method == "HEAD" || request_.method == "OPTIONS";
}

// The request that is whole.
void Session::begin() {
  if (request_.peer.empty()) request_.peer = stream_.peer();
  Slot slot;
  slot.since = server_.clock_.lately();
  slot.safe = is_safe();
  slot.head = request_.method == "HEAD";
  slot.http_1_0 = parser_->of_http_1_0();
  slot.keep_alive = parser_->keep_alive();
  slot.body = request_.body.size();
  last_ = !slot.keep_alive;
  slots_.push_back(std::move(slot));
  const bool nested = std::exchange(working_, true);
  const std::uint64_t number = first_ + slots_.size() - 1;
  server_.site_.handle(request_,
                       [session = std::weak_ptr<Session*>(alive_), number](Response response) {
                         if (auto alive = session.lock()) (*alive)->answer(number, response);
                       });
  working_ = nested;
  empty(request_.body);
  parser_.emplace(request_, *server_.bounds_);
  header_ = 0;
  continued_ = false;
}

void Session::answer(std::uint64_t number, const Response& response) {
  if (closing_) return;
  const std::size_t at = static_cast<std::size_t>(number - first_);
  SKEP_ASSERT(number >= first_ && at < slots_.size() && !slots_[at].answered);
  Slot& slot = slots_[at];
  slot.answered = true;
  server_.latency_.add(server_.clock_.lately() - slot.since);
  ++server_.answers_[std::min<std::size_t>(response.status / 100, 5)];
  server_.bodies_ -= std::exchange(slot.body, 0);
  if (at > 0) return write_head(slot, response, slot.text);
  head_.clear();
  write_head(slot, response, head_);
  stream_.write(head_);
  if (has_body(slot, response)) stream_.write(response.body);
  if (pop() && !working_) go_on();
}

// The first answer has left, and with it those that waited for it. False: so has the connection.
bool Session::pop() {
  std::size_t left = 0;
  bool stays = true;
  do {
    if (left > 0) stream_.write(slots_[left].text);
    stays = slots_[left++].keep_alive && !server_.ending_;
  } while (stays && left < slots_.size() && slots_[left].answered);
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(left));
  first_ += left;
  if (!stays) close();
  return stays;
}

bool Session::has_body(const Slot& slot, const Response& response) {
  return !slot.head && has_length(response.status) && !response.body.empty();
}

// With the body, but for the first in the line, whose body need not be copied for that.
void Session::write_head(const Slot& slot, const Response& response, std::string& out) const {
  const auto reason = beast::obsolete_reason(static_cast<beast::status>(response.status));
  out.append("HTTP/1.1 ");
  append_number(out, response.status);
  out.append(1, ' ').append(reason.data(), reason.size()).append("\r\n");
  for (const auto& [name, value] : response.headers) append_field(out, name, value);
  if (has_length(response.status)) {
    if (!response.type.empty()) append_field(out, "Content-Type", response.type);
    out.append("Content-Length: ");
    append_number(out, response.body.size());
    out.append("\r\n");
  }
  if (!slot.keep_alive || server_.ending_)
    out.append("Connection: close\r\n");
  else if (slot.http_1_0)
    out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
  if (&out != &head_ && has_body(slot, response)) out.append(response.body);
}

// What cannot be a request: its answer comes behind those that are owed, and is the last one.
void Session::refuse(const Response& response) {
  server_.bodies_ -= request_.body.size();
  empty(request_.body);
  parser_.emplace(request_, *server_.bounds_);
  last_ = true;
  Slot slot;
  slot.since = server_.clock_.lately();
  slot.body = 0;
  slots_.push_back(std::move(slot));
  answer(first_ + slots_.size() - 1, response);
}

void Session::close() {
  closing_ = true;
  server_.timers_.cancel(std::exchange(timer_, 0));
  in_.clear();
  stream_.close();
}

// After bytes were taken: the client is told to go on with its body, is stopped when it is too far
// ahead, and is given its time for a request that is half there.
void Session::settle() {
  if (closing_) return;
  const bool header = parser_->is_header_done() && !parser_->is_done();
  const bool asks = header && parser_->expects() && !continued_;
  if (asks && slots_.empty()) {
    continued_ = true;
    if (request_.body.empty()) stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
  }
  const bool waits_for_us = full() || (asks && !slots_.empty());
  if (const bool pause = full() && !in_.empty(); pause != paused_) {
    paused_ = pause;
    stream_.pause_reading(pause);
  }
  const bool waits = half_way() && !waits_for_us;
  const std::uint64_t number = first_ + slots_.size();
  if (timer_ != 0 && (!waits || timed_ != number)) server_.timers_.cancel(std::exchange(timer_, 0));
  if (!waits || timer_ != 0) return;
  timed_ = number;
  timer_ = server_.timers_.after(server_.options_.request, [this] {
    timer_ = 0;
    refuse(problem(408, "too_slow", "the request did not come in time"));
  });
}

Server::Server(Timers& timers, Clock& clock, Site& site, ServerOptions options)
    : timers_(timers),
      clock_(clock),
      site_(site),
      options_(std::move(options)),
      bounds_(std::make_unique<RequestBounds>()) {
  bounds_->headers = options_.headers;
  bounds_->body = [this](const Request& request) { return site_.body_limit(request); };
  bounds_->hold = [this](std::size_t bytes) {
    if (bodies_ + bytes > options_.max_bodies) return false;
    bodies_ += bytes;
    return true;
  };
}

Server::~Server() = default;

std::unique_ptr<StreamHandler> Server::accept(Stream& stream) {
  return std::make_unique<Session>(*this, stream);
}

void Server::report(Metrics& metrics) const {
  constexpr std::array<std::string_view, 6> kKinds{"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 2; i < answers_.size(); ++i)
    metrics.counter("skep_http_answers_total", "Answers to HTTP requests, by status.", answers_[i],
                    {{"part", options_.part}, {"status", kKinds[i]}});
  metrics.histogram("skep_http_request_seconds",
                    "From a whole HTTP request to its answer, whatever it is.", latency_,
                    {{"part", options_.part}});
  metrics.gauge("skep_http_bodies_bytes", "Bodies of HTTP requests that are held.", bodies_,
                {{"part", options_.part}});
}

Result<std::unique_ptr<TcpListener>> listen(Loop& loop, Log& log, const Listening& listening,
                                            Server& server) {
  auto tls = tls::Context::open_if_any(listening.part, tls::Peer::client, listening.tls);
  if (!tls) return tl::unexpected(tls.error());
  TcpLimits limits;
  limits.max_connections = listening.max_connections;
  limits.refusal = too_many();
  limits.idle = listening.idle;
  auto listener = TcpListener::open(
      loop, log, listening.part, listening.address, std::move(limits),
      [&server](Stream& stream) { return server.accept(stream); }, std::move(*tls));
  if (listener) log.write(Level::info, listening.part, "listens on " + (*listener)->address());
  return listener;
}

}  // namespace skep::http
