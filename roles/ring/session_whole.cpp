// What only the whole ring can answer.
#include <charconv>

#include "net/resp_text.hpp"
#include "roles/ring/session.hpp"

namespace skep::ring {
namespace {

using resp::is_word;
using resp::to_integer;
using resp::Value;

constexpr std::size_t kMaxPage = 100'000;
constexpr std::size_t kWalkPage = 1000;
constexpr std::size_t kRandomPage = 64;

// A pattern as a Keyspace takes it, to which an empty one matches every key.
struct Match {
  std::string pattern;
  bool only_empty = false;  // the client's pattern is the empty one

  Match() = default;
  explicit Match(std::string_view asked)
      : pattern(asked == "*" ? std::string_view() : asked), only_empty(asked.empty()) {}
  bool drops(const std::string& key) const { return only_empty && !key.empty(); }
};

std::vector<Value> bulks(std::vector<std::string> keys) {
  std::vector<Value> values;
  values.reserve(keys.size());
  for (std::string& key : keys) values.push_back(Value::bulk(std::move(key)));
  return values;
}

// KEYS: the pages of a walk over the ring, collected.
class Walk : public std::enable_shared_from_this<Walk> {
 public:
  Walk(Ticket ticket, std::string_view pattern) : ticket_(ticket), match_(pattern) {}

  // A page may come from within scan(), so a loop here and not a recursion: pages are many.
  void go() {
    if (std::exchange(running_, true)) return;
    do {
      arrived_ = false;
      ticket_.server->keyspace().scan(cursor_, kWalkPage, match_.pattern,
                                      [self = shared_from_this()](Result<Keyspace::Page> page) {
                                        self->take(std::move(page));
                                      });
    } while (arrived_ && !ended_);
    running_ = false;
  }

 private:
  void take(Result<Keyspace::Page> page) {
    arrived_ = true;
    if (!page) return end(tl::unexpected(page.error()));
    for (std::string& key : page->keys) {
      if (match_.drops(key)) continue;
      bytes_ += key.size();
      keys_.push_back(std::move(key));
    }
    if (bytes_ > ticket_.server->options().max_keys_reply || !ticket_.wanted())
      return end(Value::error("ERR too many keys for one reply; SCAN tells them a page at a time"));
    cursor_ = page->cursor;
    if (cursor_ != 0) return go();
    // While the ring changes, a walk may meet a key twice.
    std::sort(keys_.begin(), keys_.end());
    keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
    end(Value::array(bulks(std::move(keys_))));
  }
  void end(Result<Value> result) {
    ended_ = true;
    ticket_(std::move(result));
  }

  const Ticket ticket_;
  const Match match_;
  std::uint64_t cursor_ = 0;
  std::vector<std::string> keys_;
  std::size_t bytes_ = 0;
  bool running_ = false;
  bool arrived_ = false;  // the page that was asked for last
  bool ended_ = false;
};

struct ScanOptions {
  std::uint64_t cursor = 0;
  std::size_t count = 10;
  Match match;
  bool other_type = false;  // of which there are no keys here
};

// An error's text, or empty.
std::string read_scan(Args args, ScanOptions& options) {
  std::string_view cursor = args[1].empty() ? "0" : args[1];
  auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), options.cursor);
  if (error != std::errc() || end != cursor.data() + cursor.size()) return "ERR invalid cursor";
  for (std::size_t i = 2; i < args.size(); i += 2) {
    if (i + 1 == args.size()) return "ERR syntax error";
    std::string_view value = args[i + 1];
    if (is_word(args[i], "COUNT")) {
      auto count = to_integer(value);
      if (!count) return "ERR value is not an integer or out of range";
      if (*count < 1) return "ERR syntax error";
      options.count = std::min(static_cast<std::size_t>(*count), kMaxPage);
    } else if (is_word(args[i], "MATCH")) {
      options.match = Match(value);
    } else if (is_word(args[i], "TYPE")) {
      options.other_type = !is_word(value, "STRING");
    } else {
      return "ERR syntax error";
    }
  }
  return {};
}

}  // namespace

void Session::whole(const Command& command, Args args) {
  switch (command.verb) {
    case Verb::dbsize: {
      Ticket ticket = open(false, true);
      return server_.keyspace().count([ticket](Result<Keyspace::Counted> counted) {
        ticket(counted.map([](const Keyspace::Counted& all) {
          return Value::integer(static_cast<std::int64_t>(all.keys));
        }));
      });
    }
    case Verb::scan: return scan(args);
    case Verb::keys: return keys(args[1]);
    case Verb::randomkey: return random_key();
    case Verb::info: return info(args.subspan(1));
    case Verb::cluster_countkeysinslot:
    case Verb::cluster_getkeysinslot: return slot_keys(command, args);
    case Verb::ring_stop:
    case Verb::ring_leave: return end_node(command.verb == Verb::ring_leave);
    case Verb::ring_forget: return forget_node(args);
    default: return flush_all(args);
  }
}

void Session::scan(Args args) {
  ScanOptions options;
  std::string error = read_scan(args, options);
  if (!error.empty()) return reply(Value::error(std::move(error)));
  Ticket ticket = open(false, true);
  server_.keyspace().scan(
      options.cursor, options.count, options.match.pattern,
      [ticket, none = options.other_type, match = options.match](Result<Keyspace::Page> page) {
        if (!page) return ticket(tl::unexpected(page.error()));
        std::erase_if(page->keys, [&](const auto& key) { return none || match.drops(key); });
        ticket(Value::array({Value::bulk(std::to_string(page->cursor)),
                             Value::array(bulks(std::move(page->keys)))}));
      });
}

void Session::keys(std::string_view pattern) {
  std::make_shared<Walk>(open(false, true), pattern)->go();
}

// One of the keys behind a random place in the ring; if there are none behind it, of the first
// ones.
void Session::random_key() {
  Ticket ticket = open(false, true);
  auto choose = [ticket, draw = server_.random().next()](const Keyspace::Page& page) {
    ticket(Value::bulk(page.keys[draw % page.keys.size()]));
  };
  Keyspace& keyspace = server_.keyspace();
  keyspace.scan(server_.random().next() % Keyspace::kCursorEnd, kRandomPage, {},
                [ticket, choose, &keyspace](Result<Keyspace::Page> page) {
                  if (!page) return ticket(tl::unexpected(page.error()));
                  if (!page->keys.empty()) return choose(*page);
                  keyspace.scan(0, kRandomPage, {}, [ticket, choose](Result<Keyspace::Page> first) {
                    if (!first) return ticket(tl::unexpected(first.error()));
                    first->keys.empty() ? ticket(Value::null()) : choose(*first);
                  });
                });
}

void Session::flush_all(Args args) {
  bool known = args.size() == 1 ||
               (args.size() == 2 && (is_word(args[1], "SYNC") || is_word(args[1], "ASYNC")));
  if (!known) return reply(Value::error("ERR syntax error"));
  Ticket ticket = open(true, true);
  server_.keyspace().clear(
      [ticket](Result<> cleared) { ticket(cleared.map([] { return Value::status("OK"); })); });
}

// CLUSTER COUNTKEYSINSLOT slot, GETKEYSINSLOT slot count.
void Session::slot_keys(const Command& command, Args args) {
  const bool listed = command.verb == Verb::cluster_getkeysinslot;
  const auto slot = to_integer(args[2]);
  const auto most = listed ? to_integer(args[3]) : 0;
  if (!slot || !most) return reply(Value::error("ERR value is not an integer or out of range"));
  if (*slot < 0 || *slot >= kSlots || *most < 0)
    return reply(Value::error(listed ? "ERR Invalid slot or number of keys" : "ERR Invalid slot"));
  Ticket ticket = open(false, true);
  server_.keyspace().scan_slot(
      static_cast<Slot>(*slot), std::min(static_cast<std::size_t>(*most), kMaxPage),
      [ticket, listed](Result<Keyspace::SlotKeys> found) {
        if (!found) return ticket(tl::unexpected(found.error()));
        ticket(listed ? Value::array(bulks(std::move(found->keys)))
                      : Value::integer(static_cast<std::int64_t>(found->count)));
      });
}

void Session::forget_node(Args args) {
  const bool sure = args.size() == 4 && is_word(args[3], "YES");
  if (args.size() > 4 || (args.size() == 4 && !sure))
    return reply(Value::error("ERR syntax error; accepted: RING FORGET node [YES]"));
  Ticket ticket = open(true, true);
  server_.keyspace().forget(args[2], sure, [ticket](Result<> result) {
    if (!result && result.error().code != Code::unavailable && result.error().done() == Done::no)
      return ticket(Value::error("ERR " + result.error().message));
    ticket(result.map([] { return Value::status("OK"); }));
  });
}

// The node may close its connections as soon as it has said that it ends: what it says is handed to
// the stream before that.
void Session::end_node(bool for_good) {
  Ticket ticket = open(true, true);
  auto done = [ticket](Result<> result) {
    ticket(result.map([] { return Value::status("OK"); }));
    if (Session* session = ticket.server->find(ticket.session)) session->flush();
  };
  if (for_good)
    server_.keyspace().leave(std::move(done));
  else
    server_.keyspace().stop(std::move(done));
}

}  // namespace skep::ring
