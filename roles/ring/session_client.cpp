// CLIENT and CONFIG GET.
#include "net/resp_text.hpp"
#include "roles/ring/glob.hpp"
#include "roles/ring/session.hpp"

namespace skep::ring {
namespace {

using resp::is_word;
using resp::Value;

// Names stand in lists of words, so they have neither spaces nor what a terminal would obey.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

std::int64_t seconds(Duration time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

struct Filter {
  std::optional<std::int64_t> id;
  std::optional<std::string_view> addr, laddr;
  bool nobody = false;  // of a type that nobody here is of
  bool skip_me = true;

  bool matches(const Session& session, const Session& me, const Address& listen) const {
    if (nobody || (skip_me && &session == &me)) return false;
    if (id && static_cast<std::uint64_t>(*id) != session.id()) return false;
    return (!addr || *addr == session.peer()) && (!laddr || *laddr == listen);
  }
};

bool known_type(std::string_view word) {
  for (std::string_view type : {"NORMAL", "MASTER", "REPLICA", "SLAVE", "PUBSUB"})
    if (is_word(word, type)) return true;
  return false;
}

// Takes one option and its value; an error's text, or empty.
std::string add_filter(Filter& filter, std::string_view option, std::string_view value) {
  if (is_word(option, "ID")) {
    filter.id = resp::to_integer(value);
    if (!filter.id || *filter.id < 1) return "ERR client-id should be greater than 0";
  } else if (is_word(option, "ADDR")) {
    filter.addr = value;
  } else if (is_word(option, "LADDR")) {
    filter.laddr = value;
  } else if (is_word(option, "TYPE")) {
    if (!known_type(value)) return "ERR Unknown client type '" + std::string(value) + "'";
    filter.nobody |= !is_word(value, "NORMAL");
  } else if (is_word(option, "USER")) {
    if (value != "default") return "ERR No such user '" + std::string(value) + "'";
  } else if (is_word(option, "SKIPME") && (is_word(value, "YES") || is_word(value, "NO"))) {
    filter.skip_me = is_word(value, "YES");
  } else {
    return "ERR syntax error";
  }
  return {};
}

}  // namespace

Value Session::client(const Command& command, Args args) {
  switch (command.verb) {
    case Verb::client_id: return Value::integer(static_cast<std::int64_t>(id_));
    case Verb::client_getname: return name_.empty() ? Value::null() : Value::bulk(name_);
    case Verb::client_setname: return set_name(args[2]);
    case Verb::client_setinfo: return set_info(args);
    case Verb::client_list: return client_list(args);
    case Verb::client_info: return Value::verbatim(describe() + "\n");
    case Verb::client_kill: return client_kill(args);
    case Verb::client_no_evict:
    case Verb::client_no_touch:
      if (is_word(args[2], "ON") || is_word(args[2], "OFF")) return Value::status("OK");
      return Value::error("ERR syntax error");
    default: return Value::error("ERR not a command of this node");
  }
}

Value Session::set_name(std::string_view name) {
  if (!is_plain(name))
    return Value::error("ERR Client names cannot contain spaces, newlines or special characters.");
  name_ = name;
  return Value::status("OK");
}

Value Session::set_info(Args args) {
  bool is_name = is_word(args[2], "LIB-NAME");
  if (!is_name && !is_word(args[2], "LIB-VER"))
    return Value::error("ERR Unrecognized option '" + std::string(args[2]) + "'");
  if (!is_plain(args[3]))
    return Value::error(std::string("ERR ") + (is_name ? "lib-name" : "lib-ver") +
                        " cannot contain spaces, newlines or special characters.");
  (is_name ? library_ : library_version_) = args[3];
  return Value::status("OK");
}

std::string Session::describe() const {
  Time now = server_.clock().now();
  std::string line = "id=" + std::to_string(id_) + " addr=" + peer() +
                     " laddr=" + server_.options().listen + " name=" + name_;
  line += " age=" + std::to_string(seconds(now - since_));
  line += " idle=" + std::to_string(seconds(now - active_));
  line += " flags=N db=0 sub=0 psub=0 ssub=0 multi=-1";
  line += " qbuf=" + std::to_string(parser_.buffered());
  line += " oll=" + std::to_string(pending_.size());
  line += " omem=" + std::to_string(out_.size() + stream_.queued());
  line += " events=r cmd=" + std::string(last_ != nullptr ? last_->name : "NULL");
  line += " user=default resp=" + std::to_string(static_cast<int>(version_));
  return line + " lib-name=" + library_ + " lib-ver=" + library_version_;
}

Value Session::client_list(Args args) {
  std::vector<std::int64_t> ids;
  bool nobody = false;
  if (args.size() == 4 && is_word(args[2], "TYPE")) {
    if (!known_type(args[3]))
      return Value::error("ERR Unknown client type '" + std::string(args[3]) + "'");
    nobody = !is_word(args[3], "NORMAL");
  } else if (args.size() > 3 && is_word(args[2], "ID")) {
    for (std::string_view word : args.subspan(3)) {
      auto id = resp::to_integer(word);
      if (!id) return Value::error("ERR Invalid client ID");
      ids.push_back(*id);
    }
  } else if (args.size() != 2) {
    return Value::error("ERR syntax error");
  }
  std::string list;
  std::map<std::int64_t, const Session*> oldest_first;
  for (const auto& [handle, session] : server_.sessions())
    oldest_first.emplace(static_cast<std::int64_t>(session->id()), session);
  for (const auto& [id, session] : oldest_first) {
    bool listed = ids.empty() || std::find(ids.begin(), ids.end(), id) != ids.end();
    if (listed && !nobody) list += session->describe() + "\n";
  }
  return Value::verbatim(std::move(list));
}

Value Session::client_kill(Args args) {
  Filter filter;
  const bool by_address = args.size() == 3;
  if (by_address) {
    filter.addr = args[2];
    filter.skip_me = false;
  } else {
    if (args.size() % 2 != 0) return Value::error("ERR syntax error");
    for (std::size_t i = 2; i < args.size(); i += 2) {
      std::string error = add_filter(filter, args[i], args[i + 1]);
      if (!error.empty()) return Value::error(std::move(error));
    }
  }
  std::int64_t killed = 0;
  for (const auto& [handle, session] : server_.sessions()) {
    if (!filter.matches(*session, *this, server_.options().listen)) continue;
    session->kill();
    ++killed;
  }
  if (!by_address) return Value::integer(killed);
  return killed > 0 ? Value::status("OK") : Value::error("ERR No such client");
}

Value Session::config_get(Args patterns) {
  const RespOptions& options = server_.options();
  std::vector<std::pair<std::string, std::string>> all{
      {"databases", "1"},
      {"save", ""},
      {"appendonly", "yes"},
      {"proto-max-bulk-len", std::to_string(options.limits.max_bulk)},
      {"client-query-buffer-limit", std::to_string(options.limits.max_request)},
      {"bind", options.listen.substr(0, options.listen.rfind(':'))},
      {"port", options.listen.substr(options.listen.rfind(':') + 1)},
  };
  all.insert(all.end(), options.settings.begin(), options.settings.end());
  std::vector<Value> matched;
  for (auto& [name, value] : all) {
    for (std::string_view pattern : patterns) {
      std::string lowered;
      for (char c : pattern) lowered += resp::lower(c);
      if (!glob_match(lowered, name)) continue;
      matched.push_back(Value::bulk(name));
      matched.push_back(Value::bulk(value));
      break;
    }
  }
  return Value::map(std::move(matched));
}

}  // namespace skep::ring
