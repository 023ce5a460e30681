#include "roles/ring/session.hpp"

#include <algorithm>

#include "net/base/assert.hpp"
#include "net/resp_text.hpp"
#include "roles/ring/slots.hpp"

namespace skep::ring {
namespace {

using resp::Value;

// Options beside a key and two values, and what carrying a word takes besides.
constexpr std::size_t kMaxOptionBytes = 1024;
constexpr std::size_t kWordBytes = 8;
// Requests in flight before it is known how large this connection's replies are.
constexpr std::size_t kFirstWindow = 16;
// Bytes of a reply to MGET, if one value may not be larger; more is refused, because the listener
// closes connections for which more is queued.
constexpr std::size_t kMaxGathered = std::size_t{64} << 20;
// A buffer that once grew beyond this is given back when it is empty.
constexpr std::size_t kKeptBuffer = 256 * 1024;
constexpr std::string_view kFull =
    "TRYAGAIN requests and replies of this node's clients use up ring.max_client_memory";

std::size_t size_of(Args args) {
  std::size_t size = 0;
  for (std::string_view word : args) size += word.size() + kWordBytes;
  return size;
}

std::size_t size_of(const Value& value) {
  std::size_t size = value.text.size() + kWordBytes;
  for (const Value& item : value.items) size += size_of(item);
  return size;
}

// What a browser says that was made to talk to this port by a page from elsewhere: the commands in
// the body of its request must not be done.
bool is_http(std::string_view word) {
  return resp::is_word(word, "POST") || resp::is_word(word, "HOST:");
}

bool ends_transaction(Verb verb) {
  return verb == Verb::multi || verb == Verb::exec || verb == Verb::discard ||
         verb == Verb::reset || verb == Verb::quit;
}

// What the ring could not do, as an error reply. A read has no outcome that could be in doubt.
std::string failure(const Error& error, bool write) {
  switch (error.code) {
    case Code::unknown: return (write ? "UNCERTAIN " : "TRYAGAIN ") + error.message;
    case Code::invalid:
    case Code::unsupported:
    case Code::permission: return "ERR " + error.message;
    default: return "TRYAGAIN " + error.message;
  }
}

}  // namespace

void Ticket::operator()(Result<Value>&& result) const {
  if (Session* open = server->find(session)) open->finish(request, std::move(result));
}

Session::Session(RespServer& server, Stream& stream)
    : server_(server),
      stream_(stream),
      handle_(server.add(*this)),
      id_(server.next_id()),
      since_(server.clock().now()),
      active_(since_),
      authenticated_(server.options().password.empty()),
      parser_(server.options().limits),
      window_(std::min(kFirstWindow, server.options().max_in_flight)) {
  parser_.set_strict(!authenticated_);
}

Session::~Session() { on_closed(); }

void Session::on_bytes(std::string_view bytes) {
  if (closing_ || closed_) return;
  server_.figures().bytes_in += bytes.size();
  active_ = server_.clock().now();
  parser_.feed(bytes);
  pump();
}

void Session::on_drained() { pump(); }

void Session::on_closed() {
  if (closed_) return;
  closed_ = true;
  server_.hold(std::exchange(told_, 0), 0);
  server_.remove(handle_);
}

StreamHandler::Standing Session::standing() const {
  if (!authenticated_) return Standing::stranger;
  return pending_.empty() && !paused_ ? Standing::idle : Standing::busy;
}

void Session::on_quiet() {
  parser_.shrink();
  out_.shrink_to_fit();
  if (pending_.empty()) std::deque<Pending>().swap(pending_);
}

void Session::kill() {
  closing_ = true;
  if (!pumping_) pump();
}

// What it holds goes with the connection, at the end of this turn: who is at work above may look at
// it still.
void Session::drop() {
  dropped_ = true;
  closing_ = true;
  server_.hold(std::exchange(told_, 0), 0);
  stream_.drop("it holds the most of ring.max_client_memory, which is used up");
}

void Session::tell_held() {
  if (dropped_ || closed_) return;
  const std::size_t now = held_ + out_.size() + stream_.queued() + parser_.buffered();
  const std::size_t before = std::exchange(told_, now);
  if (now != before) server_.hold(before, now);
}

bool Session::may_start() const {
  return !closing_ && !barrier_ && pending_.size() < window_ &&
         (pending_.empty() || held_ <= server_.options().max_unsent) && may_send();
}

bool Session::may_send() const {
  return out_.size() + stream_.queued() <= server_.options().max_unsent;
}

void Session::pump() {
  if (pumping_ || closed_) return;
  pumping_ = true;
  bool starved = false;
  write_finished();
  while (!starved && may_start()) {
    if (!waiting_) {
      auto next = parser_.next();
      if (next == resp::RequestParser::Next::broken) {
        reply(Value::error("ERR " + parser_.error()));
        closing_ = true;
      }
      starved = next == resp::RequestParser::Next::more;
      waiting_ = next == resp::RequestParser::Next::request;
    }
    if (waiting_ && !start()) break;
    waiting_ = false;
  }
  pumping_ = false;
  if (paused_ != !starved) stream_.pause_reading(paused_ = !starved);
  flush();
}

void Session::flush() {
  if (!out_.empty()) {
    server_.figures().bytes_out += out_.size();
    stream_.write(out_);
    out_.clear();
    if (out_.capacity() > kKeptBuffer) std::string().swap(out_);  // it counts nowhere
  }
  if (closing_ && pending_.empty()) stream_.close();
  tell_held();
}

// Starts the parser's request; false: it has to wait for those before it.
bool Session::start() {
  Args args = parser_.args();
  Found found = resolve(args, last_);
  if (found.command == nullptr) {
    closing_ = closing_ || is_http(args[0]);
    reply(Value::error(std::move(found.error)));
    return true;
  }
  const Command& command = *found.command;
  if (!authenticated_ && (command.flags & Command::kNoAuth) == 0) {
    reply(Value::error("NOAUTH Authentication required."));
    return true;
  }
  if (refusing_ && !ends_transaction(command.verb)) {
    reply(Value::error("ERR not done: MULTI was refused; EXEC or DISCARD ends this"));
    return true;
  }
  if (command.kind == Kind::whole && !pending_.empty()) return false;
  if (command.kind != Kind::local && command.verb != Verb::info && server_.is_full()) {
    reply(Value::error(std::string(kFull)));
    return true;
  }
  ++server_.figures().commands;
  last_ = &command;
  switch (command.kind) {
    case Kind::key: run_key(command, args); break;
    case Kind::keys: run_keys(command, args); break;
    case Kind::joint: run_joint(command, args); break;
    case Kind::whole: whole(command, args); break;
    case Kind::local: {
      Value value = local(command, args);
      server_.answered(command, active_, value);
      reply(std::move(value));
      break;
    }
  }
  return true;
}

void Session::reply(Value value) {
  if (pending_.empty()) {
    resp::encode(out_, value, version_);
    return;
  }
  const std::size_t bytes = size_of(value);
  held_ += bytes;
  pending_.push_back({std::move(value), nullptr, version_, true, false, false, bytes, nullptr, {}});
}

Ticket Session::open(bool write, bool whole, std::size_t bytes) {
  auto number = first_ + static_cast<std::uint32_t>(pending_.size());
  held_ += bytes;
  pending_.push_back({{}, nullptr, version_, false, write, whole, bytes, last_, active_});
  barrier_ = barrier_ || whole;
  return {&server_, handle_, number};
}

// Whether a command on one key is of a size that the ring carries; if not, it is answered here.
bool Session::fits(Args args) {
  if (size_of(args) <= 3 * server_.options().limits.max_bulk + kMaxOptionBytes) return true;
  reply(Value::error("ERR the request is too large for one key"));
  return false;
}

void Session::run_key(const Command& command, Args args) {
  if (!fits(args)) return;
  Ticket ticket = open(command.is_write(), false, size_of(args));
  server_.keyspace().run(args, static_cast<std::size_t>(command.first), command.is_write(), ticket);
}

void Session::run_joint(const Command& command, Args args) {
  const std::vector<std::size_t> keys = keys_of(command, args);
  if (keys.empty()) return reply(Value::error(wrong_arity(command)));
  for (std::size_t key : keys)
    if (slot_of(args[key]) != slot_of(args[keys.front()]))
      return reply(Value::error("CROSSSLOT Keys in request don't hash to the same slot"));
  if (!fits(args)) return;
  Ticket ticket = open(true, false, size_of(args));
  server_.keyspace().run_together(args, keys.front(), ticket);
}

void Session::run_keys(const Command& command, Args args) {
  if (command.verb == Verb::sum && args.size() == 2) return run_key(command, args);
  auto step = static_cast<std::size_t>(command.step);
  if ((args.size() - 1) % step != 0) return reply(Value::error(wrong_arity(command)));
  run_each(args, step, command.verb, command.is_write());
}

void Session::run_each(Args args, std::size_t step, Verb verb, bool write) {
  const std::size_t count = (args.size() - 1) / step;
  // A short request for many large values: few at a time, and what is behind it waits.
  const bool slowly = verb == Verb::mget && count > kFirstWindow;
  Ticket ticket = open(write, slowly, size_of(args));
  auto gather = std::make_unique<Gather>();
  gather->verb = verb;
  gather->left = count;
  if (verb == Verb::mget) gather->values.resize(count);
  if (slowly) gather->keys.assign(args.begin() + 1, args.end());
  if (slowly) window_ = std::min(window_, kFirstWindow);
  pending_.back().gather = std::move(gather);
  if (slowly) return run_more(ticket);
  const std::string_view name = verb == Verb::mget ? "GET" : verb == Verb::mset ? "SET" : args[0];
  for (std::size_t part = 0; part < count; ++part) {
    const std::string_view words[] = {name, args[1 + part * step],
                                      step == 2 ? args[2 + part * step] : std::string_view()};
    run_part(ticket, part, Args(words, 1 + step), verb, write);
  }
}

// Which part it was matters to MGET alone; what the others hand over needs no memory of its own.
void Session::run_part(Ticket ticket, std::size_t part, Args words, Verb verb, bool write) {
  const auto finish = [](const Ticket& at, std::size_t place, Result<Value>&& result) {
    if (Session* session = at.server->find(at.session))
      session->finish_part(at.request, place, std::move(result));
  };
  if (verb == Verb::mget)
    return server_.keyspace().run(
        words, 1, write, [=](Result<Value>&& result) { finish(ticket, part, std::move(result)); });
  server_.keyspace().run(words, 1, write,
                         [=](Result<Value>&& result) { finish(ticket, 0, std::move(result)); });
}

// A part may be answered within the call that starts it, and be the last: then the request is gone.
void Session::run_more(Ticket ticket) {
  if (starting_) return;
  starting_ = true;
  while (ticket.request - first_ < pending_.size()) {
    Gather* gather = pending_[ticket.request - first_].gather.get();
    if (gather == nullptr || gather->left == 0 || gather->started == gather->keys.size()) break;
    if (gather->started - (gather->keys.size() - gather->left) >= window_) break;
    const std::size_t part = gather->started++;
    const std::string key = std::move(gather->keys[part]);
    const std::string_view words[] = {"GET", key};
    run_part(ticket, part, words, gather->verb, false);
  }
  starting_ = false;
}

void Session::gather_value(Pending& pending, std::size_t part, Value&& value) {
  Gather& gather = *pending.gather;
  const std::size_t bytes = size_of(value);
  gather.bytes += bytes;
  held_ += bytes;
  pending.bytes += bytes;
  tell_held();
  if (gather.bytes > std::max(kMaxGathered, server_.options().limits.max_bulk)) {
    gather.error = "ERR the values are too large for one reply";
    gather.values.clear();
  }
  if (!gather.values.empty()) gather.values[part] = std::move(value);
}

void Session::finish_part(std::uint32_t request, std::size_t part, Result<Value>&& result) {
  const std::uint32_t index = request - first_;
  SKEP_ASSERT(index < pending_.size() && pending_[index].gather != nullptr);
  const bool write = pending_[index].write;
  Gather& gather = *pending_[index].gather;
  SKEP_ASSERT(gather.left > 0);
  std::string error;
  if (!result) {
    error = failure(result.error(), write);
    gather.uncertain |= write && result.error().done() == Done::maybe;
  } else if (result->is_error()) {
    error = result->text;
  } else {
    ++gather.succeeded;
    gather.sum += result->number;
    adapt(size_of(*result));
    if (gather.verb == Verb::mget) gather_value(pending_[index], part, std::move(*result));
  }
  if (gather.error.empty()) gather.error = std::move(error);
  --gather.left;
  if (!gather.error.empty() && !gather.keys.empty()) {
    gather.left -= gather.keys.size() - gather.started;  // what has not been asked for
    gather.started = gather.keys.size();
  }
  if (gather.left > 0) {
    if (!gather.keys.empty()) run_more({&server_, handle_, request});
    return;
  }
  if (!gather.error.empty()) {
    // Some keys done and some not: the request as a whole may have been done.
    bool partly = write && gather.succeeded > 0;
    if ((gather.uncertain || partly) && !gather.error.starts_with("UNCERTAIN "))
      gather.error = "UNCERTAIN some of the keys may have been written: " + gather.error;
    return finish(request, Value::error(std::move(gather.error)));
  }
  switch (gather.verb) {
    case Verb::mget: return finish(request, Value::array(std::move(gather.values)));
    case Verb::mset: return finish(request, Value::status("OK"));
    default: return finish(request, Value::integer(gather.sum));
  }
}

void Session::finish(std::uint32_t request, Result<Value>&& result) {
  const std::uint32_t index = request - first_;
  SKEP_ASSERT(index < pending_.size() && !pending_[index].done);
  Pending& pending = pending_[index];
  pending.reply =
      result ? std::move(*result) : Value::error(failure(result.error(), pending.write));
  pending.done = true;
  server_.answered(*pending.command, pending.since, pending.reply);
  const std::size_t bytes = size_of(pending.reply);
  held_ = held_ - pending.bytes + bytes;
  pending.bytes = bytes;
  if (pending.gather == nullptr && !pending.whole) adapt(bytes);
  if (index != 0) return tell_held();
  write_finished();
  pump();
}

// How many requests may be in flight follows from how large the replies are, which is not known
// before they are there: one more after each, and no more than fit into max_unsent.
void Session::adapt(std::size_t bytes) {
  const std::size_t fit = std::max<std::size_t>(server_.options().max_unsent / bytes, 1);
  window_ = std::min({window_ + 1, fit, server_.options().max_in_flight});
}

// Replies stay here while the connection does not take those before them.
void Session::write_finished() {
  while (!pending_.empty() && pending_.front().done && may_send()) {
    Pending& front = pending_.front();
    resp::encode(out_, front.reply, front.version);
    if (front.whole) barrier_ = false;
    held_ -= front.bytes;
    pending_.pop_front();
    ++first_;
  }
}

}  // namespace skep::ring
