#include "roles/ring/shell.hpp"

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>

#include "net/resp_client.hpp"
#include "net/resp_text.hpp"
#include "net/resp_words.hpp"
#include "roles/ring/shell_show.hpp"

namespace skep::ring {
namespace {

using resp::Value;

constexpr std::string_view kNoEntry = "no such entry";
// Of entries, between two words of progress.
constexpr std::uint64_t kProgressEvery = 100'000;

// A key prefix as a pattern that matches what starts with it.
std::string prefix_pattern(std::string_view prefix) {
  std::string pattern;
  for (char c : prefix) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern + '*';
}

// Whether the word is `name`, which is in lower case, in any case.
bool is_lower(std::string_view word, std::string_view name) {
  return std::equal(word.begin(), word.end(), name.begin(), name.end(),
                    [](char a, char b) { return resp::lower(a) == b; });
}

// A text of lines "name:value" as a map.
Value pairs_of(std::string_view text) {
  std::vector<Value> pairs;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find("\r\n"));
    text.remove_prefix(std::min(text.size(), line.size() + 2));
    std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    pairs.push_back(Value::bulk(std::string(line.substr(0, colon))));
    pairs.push_back(Value::bulk(std::string(line.substr(colon + 1))));
  }
  return Value::map(std::move(pairs));
}

}  // namespace

std::span<const Shell::Command> Shell::commands() {
  static constexpr Command kCommands[] = {
      {"put", "KEY VALUE", 2, 2, "write an entry that is not there yet", &Shell::put},
      {"get", "KEY", 1, 1, "print an entry", &Shell::get},
      {"update", "KEY VALUE", 2, 2, "write an entry, there or not", &Shell::update},
      {"get_update", "KEY VALUE", 2, 2, "write an entry that is there, print what it was",
       &Shell::get_update},
      {"get_remove", "KEY", 1, 1, "remove an entry, print what it was", &Shell::get_remove},
      {"cas", "KEY EXPECTED NEW", 3, 3, "write NEW if the entry is EXPECTED", &Shell::cas},
      {"remove", "KEY", 1, 1, "remove an entry", &Shell::remove},
      {"remove_if", "KEY EXPECTED", 2, 2, "remove an entry if it is EXPECTED", &Shell::remove_if},
      {"remove_all", "[yes]", 0, 1, "remove every entry of the ring, after asking or with `yes`",
       &Shell::remove_all},
      {"expires_at", "KEY TIME", 2, 2,
       "let an entry go at a time: 2030-01-31T12:00:00Z, or seconds since 1970",
       &Shell::expires_at},
      {"expires_from_now", "KEY SECONDS", 2, 2, "let an entry go in so many seconds",
       &Shell::expires_from_now},
      {"get_expiry", "KEY", 1, 1, "print when an entry goes, or `never`", &Shell::get_expiry},
      {"prefix_get", "PREFIX [MAX]", 1, 2, "list the keys that start so, or MAX of them",
       &Shell::prefix_get},
      {"node_status", "", 0, 0, "how the node sees the ring", &Shell::node_status},
      {"node_config", "", 0, 0, "the node's effective configuration", &Shell::node_config},
      {"node_topology", "", 0, 0, "the ring's nodes", &Shell::node_topology},
      {"stop_node", "", 0, 0, "end the node; it stays a member", &Shell::stop_node},
      {"forget_node", "NODE [yes]", 1, 2, "write a dead node off, after asking or with `yes`",
       &Shell::forget_node},
      {"help", "", 0, 0, "this list", &Shell::help},
      {"exit", "", 0, 0, "leave the prompt", &Shell::exit},
      {"quit", "", 0, 0, "the same", &Shell::exit},
  };
  return kCommands;
}

Shell::Shell(Ask ask, bool json, std::ostream& out, std::ostream& diagnostics, Confirm confirm)
    : ask_(std::move(ask)),
      json_(json),
      out_(out),
      diagnostics_(diagnostics),
      confirm_(std::move(confirm)) {}

int Shell::run_line(std::string_view line) {
  auto words = resp::split_words(line);
  return words ? run(*words) : wrong("the quotes are not balanced");
}

int Shell::run_lines(std::istream& in) {
  return shell::run_lines(
      in, "ring", words(), [this](std::string_view line) { return run_line(line); },
      [this] { return ended_; });
}

int Shell::run(const Words& words) {
  if (words.empty()) return kDone;
  for (const Command& command : commands()) {
    if (!is_lower(words[0], command.name)) continue;
    if (!command.takes(words.size() - 1)) return wrong(command.usage(std::span(words).subspan(1)));
    return shell::written((this->*command.run)(Words(words.begin() + 1, words.end())), out_,
                          diagnostics_);
  }
  return wrong("unknown command '" + words[0] + "'; `help` lists what there is");
}

int Shell::ask(Kind kind, const std::vector<std::string_view>& words,
               const std::function<int(const Value&)>& use) {
  Result<Value> reply = ask_(words);
  bool maybe = !reply && reply.error().done() == Done::maybe;
  std::string why = reply ? reply->text : reply.error().message;
  if (reply && !reply->is_error()) return use(*reply);
  if (reply) maybe = reply->text.starts_with("UNCERTAIN ");
  maybe = maybe && kind == Kind::write;
  diagnostics_ << (maybe ? "may have been done: " : "not done: ") << why << '\n';
  return maybe ? kMaybeDone : kNotDone;
}

int Shell::show(const Value& value) {
  out_ << (json_ ? show_json(value) : show_plain(value)) << '\n' << std::flush;
  return kDone;
}

int Shell::say(std::string_view word) { return show(Value::bulk(std::string(word))); }

int Shell::refuse(std::string_view why) {
  diagnostics_ << why << '\n';
  return kNotDone;
}

int Shell::wrong(std::string_view why) {
  diagnostics_ << why << '\n';
  return kWrongUsage;
}

int Shell::put(const Words& args) {
  return ask(Kind::write, {"SET", args[0], args[1], "NX"}, [this](const Value& reply) {
    return reply.kind == Value::Kind::null ? refuse("entry exists; use update") : say("ok");
  });
}

int Shell::get(const Words& args) {
  return ask(Kind::read, {"GET", args[0]}, [this](const Value& reply) {
    return reply.kind == Value::Kind::null ? refuse(kNoEntry) : show(reply);
  });
}

int Shell::update(const Words& args) {
  return ask(Kind::write, {"SET", args[0], args[1]}, [this](const Value&) { return say("ok"); });
}

int Shell::get_update(const Words& args) {
  return ask(Kind::write, {"SET", args[0], args[1], "XX", "GET"}, [this](const Value& reply) {
    return reply.kind == Value::Kind::null ? refuse(kNoEntry) : show(reply);
  });
}

int Shell::get_remove(const Words& args) {
  return ask(Kind::write, {"GETDEL", args[0]}, [this](const Value& reply) {
    return reply.kind == Value::Kind::null ? refuse(kNoEntry) : show(reply);
  });
}

int Shell::cas(const Words& args) {
  return ask(Kind::write, {"SET", args[0], args[2], "IFEQ", args[1], "GET"},
             [this, &args](const Value& reply) {
               if (reply.kind == Value::Kind::null) return refuse(kNoEntry);
               if (reply.text == args[1]) return say("ok");
               return refuse("the entry is another: " + reply.text);
             });
}

int Shell::remove(const Words& args) {
  return ask(Kind::write, {"DEL", args[0]}, [this](const Value& reply) {
    return reply.number == 0 ? refuse(kNoEntry) : say("ok");
  });
}

int Shell::remove_if(const Words& args) {
  return ask(Kind::write, {"DELIFEQ", args[0], args[1]}, [this](const Value& reply) {
    return reply.number == 0 ? refuse("no such entry, or it is another") : say("ok");
  });
}

int Shell::remove_all(const Words& args) {
  const bool said = !args.empty() && is_lower(args[0], "yes");
  if (!args.empty() && !said) return wrong("accepted: remove_all [yes]");
  if (!said && !confirm_)
    return refuse(
        "not done: remove_all asks, and nobody is at a terminal to answer; `remove_all yes` does "
        "not ask");
  if (!said && confirm_("This removes every entry of the whole ring. Type yes to go on: ") != "yes")
    return refuse("not done");
  // A page at a time, so that it can be said how far it is.
  std::uint64_t removed = 0;
  const auto remove_page = [&](const std::vector<Value>& keys) {
    if (keys.empty()) return int{kDone};
    std::vector<std::string_view> words{"UNLINK"};
    for (const Value& key : keys) words.push_back(key.text);
    return ask(Kind::write, words, [&](const Value& reply) {
      const std::uint64_t before = removed;
      removed += static_cast<std::uint64_t>(reply.number);
      progress(before, removed, "removed");
      return int{kDone};
    });
  };
  const int exit = each_page("*", remove_page);
  if (exit == kDone) return say("ok");
  if (removed == 0) return exit;
  diagnostics_ << removed << " had been removed before\n";
  return kMaybeDone;
}

// Says how far something long is, now and then.
void Shell::progress(std::uint64_t before, std::uint64_t now, std::string_view done) {
  if (before / kProgressEvery != now / kProgressEvery)
    diagnostics_ << now << ' ' << done << '\n' << std::flush;
}

// Hands every page of the keys that match to `use`, until that returns something but kDone.
int Shell::each_page(const std::string& pattern,
                     const std::function<int(const std::vector<Value>&)>& use) {
  std::string cursor = "0";
  do {
    std::vector<Value> page;
    int exit = ask(Kind::read, {"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"},
                   [&](const Value& reply) {
                     if (reply.items.size() != 2) return refuse("not done: a malformed answer");
                     cursor = reply.items[0].text;
                     page = reply.items[1].items;
                     return int{kDone};
                   });
    if (exit == kDone) exit = use(page);
    if (exit != kDone) return exit;
  } while (cursor != "0");
  return kDone;
}

int Shell::expire(std::string_view command, const std::string& key, std::string_view number) {
  return ask(Kind::write, {command, key, number}, [this](const Value& reply) {
    return reply.number == 0 ? refuse(kNoEntry) : say("ok");
  });
}

int Shell::expires_at(const Words& args) {
  auto seconds = parse_time(args[1]);
  if (!seconds) return wrong("accepted as TIME: 2030-01-31T12:00:00Z, or seconds since 1970");
  return expire("EXPIREAT", args[0], std::to_string(*seconds));
}

int Shell::expires_from_now(const Words& args) {
  auto seconds = resp::to_integer(args[1]);
  if (!seconds || *seconds < 0) return wrong("accepted as SECONDS: a whole number, 0 or more");
  return expire("EXPIRE", args[0], args[1]);
}

int Shell::get_expiry(const Words& args) {
  return ask(Kind::read, {"PEXPIRETIME", args[0]}, [this](const Value& reply) {
    if (reply.number == -2) return refuse(kNoEntry);
    return say(reply.number == -1 ? "never" : show_time(reply.number));
  });
}

int Shell::prefix_get(const Words& args) {
  std::optional<std::int64_t> most;
  if (args.size() > 1) {
    most = resp::to_integer(args[1]);
    if (!most || *most < 1) return wrong("accepted as MAX: a whole number, 1 or more");
  }
  // Sorted, and without those that a walk meets twice while the ring changes.
  std::set<std::string> keys;
  bool enough = false;
  const auto take = [&](const std::vector<Value>& page) {
    const std::size_t before = keys.size();
    for (const Value& key : page) {
      keys.insert(key.text);
      enough = most && keys.size() == static_cast<std::size_t>(*most);
      if (enough) return int{kNotDone};
    }
    progress(before, keys.size(), "found");
    return int{kDone};
  };
  const int exit = each_page(prefix_pattern(args[0]), take);
  if (exit != kDone && !enough) return exit;
  if (keys.empty() && !json_) return refuse("no entry starts so");
  std::vector<Value> list;
  for (const std::string& key : keys) list.push_back(Value::bulk(key));
  return show(Value::array(std::move(list)));
}

int Shell::node_status(const Words&) {
  return ask(Kind::read, {"RING", "STATUS"},
             [this](const Value& reply) { return show(pairs_of(reply.text)); });
}

int Shell::node_config(const Words&) {
  return ask(Kind::read, {"RING", "CONFIG"}, [this](Value reply) {
    // RESP2 has no maps; and what is not set is said so.
    reply.kind = Value::Kind::map;
    for (Value& item : reply.items)
      if (item.kind == Value::Kind::null && !json_) item = Value::bulk("not set");
    return show(reply);
  });
}

int Shell::node_topology(const Words&) {
  return ask(Kind::read, {"RING", "NODES"}, [this](const Value& reply) { return show(reply); });
}

int Shell::forget_node(const Words& args) {
  const bool said = args.size() > 1 && is_lower(args[1], "yes");
  if (args.size() > 1 && !said) return wrong("accepted: forget_node NODE [yes]");
  if (!said && !confirm_)
    return refuse(
        "not done: forget_node asks, and nobody is at a terminal to answer; with `yes` behind the "
        "name it does not ask");
  if (!said &&
      confirm_("This writes " + args[0] +
               " off for good: it can never come back with its data, and what was "
               "acknowledged but is on no node that is left is lost. Type yes to go on: ") != "yes")
    return refuse("not done");
  return ask(Kind::write, {"RING", "FORGET", args[0], "YES"},
             [this](const Value&) { return say("written off"); });
}

int Shell::stop_node(const Words&) {
  return ask(Kind::write, {"RING", "STOP"}, [this](const Value&) { return say("stopping"); });
}

int Shell::help(const Words&) {
  shell::list(out_, commands());
  out_ << "VALUE may be in quotes: \"two words\", \"\\x00\\n\", 'as it is'.\n";
  return kDone;
}

int Shell::exit(const Words&) {
  ended_ = true;
  return kDone;
}

namespace {

// The shell on a connection. A question is asked only where somebody can answer it.
int with_shell(const ShellOptions& options, std::ostream& out, std::ostream& diagnostics,
               bool person, const std::function<int(Shell&)>& use) {
  resp::Client client({options.nodes, options.password, options.tls});
  auto ask = [&client](std::span<const std::string_view> words) { return client.call(words); };
  Shell::Confirm confirm;
  if (person)
    confirm = [](std::string_view question) {
      std::cerr << question << std::flush;
      std::string answer;
      std::getline(std::cin, answer);
      return answer;
    };
  Shell shell(ask, options.json, out, diagnostics, std::move(confirm));
  return use(shell);
}

}  // namespace

int run_shell(const ShellOptions& options, const Shell::Words& words, std::istream& in,
              std::ostream& out, std::ostream& diagnostics) {
  return with_shell(options, out, diagnostics, shell::is_prompted(in), [&](Shell& shell) {
    return words.empty() ? shell.run_lines(in) : shell.run(words);
  });
}

int run_shell_line(const ShellOptions& options, std::string_view line, std::ostream& out,
                   std::ostream& diagnostics) {
  return with_shell(options, out, diagnostics, shell::is_prompted(std::cin),
                    [&](Shell& shell) { return shell.run_line(line); });
}

}  // namespace skep::ring
