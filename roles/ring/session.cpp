#include "roles/ring/session.hpp"

#include "net/base/assert.hpp"

namespace skep::ring {
namespace {

using resp::Value;

// Options beside a key and two values, and what carrying a word takes besides.
constexpr std::size_t kMaxOptionBytes = 1024;
constexpr std::size_t kWordBytes = 8;

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

void Ticket::operator()(Result<Value> result) const {
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
      parser_(server.options().limits) {
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
  server_.remove(handle_);
}

void Session::kill() {
  closing_ = true;
  if (!pumping_) pump();
}

bool Session::may_start() const {
  return !closing_ && !barrier_ && pending_.size() < server_.options().max_in_flight &&
         out_.size() + stream_.queued() <= server_.options().max_unsent;
}

void Session::pump() {
  if (pumping_ || closed_) return;
  pumping_ = true;
  bool starved = false;
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
  }
  if (closing_ && pending_.empty()) stream_.close();
}

// Starts the parser's request; false: it has to wait for those before it.
bool Session::start() {
  Args args = parser_.args();
  Found found = resolve(args);
  if (found.command == nullptr) {
    reply(Value::error(std::move(found.error)));
    return true;
  }
  const Command& command = *found.command;
  if (!authenticated_ && (command.flags & Command::kNoAuth) == 0) {
    reply(Value::error("NOAUTH Authentication required."));
    return true;
  }
  if (command.kind == Kind::whole && !pending_.empty()) return false;
  ++server_.figures().commands;
  last_ = &command;
  switch (command.kind) {
    case Kind::key: run_key(command, args); break;
    case Kind::keys: run_keys(command, args); break;
    case Kind::whole: whole(command, args); break;
    case Kind::local: reply(local(command, args)); break;
  }
  return true;
}

void Session::reply(Value value) {
  if (pending_.empty()) {
    resp::encode(out_, value, version_);
    return;
  }
  pending_.push_back({std::move(value), nullptr, version_, true, false, false});
}

Ticket Session::open(bool write, bool whole) {
  auto number = first_ + static_cast<std::uint32_t>(pending_.size());
  pending_.push_back({{}, nullptr, version_, false, write, whole});
  barrier_ = barrier_ || whole;
  return {&server_, handle_, number};
}

// Whether a command on one key is of a size that the ring carries; if not, it is answered here.
bool Session::fits(Args args) {
  std::size_t size = 0;
  for (std::string_view word : args) size += word.size() + kWordBytes;
  if (size <= 3 * server_.options().limits.max_bulk + kMaxOptionBytes) return true;
  reply(Value::error("ERR the request is too large for one key"));
  return false;
}

void Session::run_key(const Command& command, Args args) {
  if (!fits(args)) return;
  Ticket ticket = open(command.is_write(), false);
  server_.keyspace().run(args, static_cast<std::size_t>(command.first), command.is_write(), ticket);
}

void Session::run_keys(const Command& command, Args args) {
  if (command.verb == Verb::sum && args.size() == 2) return run_key(command, args);
  auto step = static_cast<std::size_t>(command.step);
  if ((args.size() - 1) % step != 0)
    return reply(Value::error("ERR wrong number of arguments for 'mset' command"));
  run_each(args, step, command.verb, command.is_write());
}

void Session::run_each(Args args, std::size_t step, Verb verb, bool write) {
  const std::size_t count = (args.size() - 1) / step;
  Ticket ticket = open(write, false);
  auto gather = std::make_unique<Gather>();
  gather->verb = verb;
  gather->left = count;
  if (verb == Verb::mget) gather->values.resize(count);
  pending_.back().gather = std::move(gather);
  const std::string_view name = verb == Verb::mget ? "GET" : verb == Verb::mset ? "SET" : args[0];
  for (std::size_t part = 0; part < count; ++part) {
    const std::string_view words[] = {name, args[1 + part * step],
                                      step == 2 ? args[2 + part * step] : std::string_view()};
    server_.keyspace().run(Args(words, 1 + step), 1, write, [ticket, part](Result<Value> result) {
      if (Session* session = ticket.server->find(ticket.session))
        session->finish_part(ticket.request, part, std::move(result));
    });
  }
}

void Session::finish_part(std::uint32_t request, std::size_t part, Result<Value> result) {
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
    if (gather.verb == Verb::mget) gather.values[part] = std::move(*result);
  }
  if (gather.error.empty()) gather.error = std::move(error);
  if (--gather.left > 0) return;
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

void Session::finish(std::uint32_t request, Result<Value> result) {
  const std::uint32_t index = request - first_;
  SKEP_ASSERT(index < pending_.size() && !pending_[index].done);
  Pending& pending = pending_[index];
  pending.reply =
      result ? std::move(*result) : Value::error(failure(result.error(), pending.write));
  pending.done = true;
  if (index != 0) return;
  write_finished();
  pump();
}

void Session::write_finished() {
  while (!pending_.empty() && pending_.front().done) {
    Pending& front = pending_.front();
    resp::encode(out_, front.reply, front.version);
    if (front.whole) barrier_ = false;
    pending_.pop_front();
    ++first_;
  }
}

}  // namespace skep::ring
