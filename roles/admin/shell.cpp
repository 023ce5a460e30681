#include "roles/admin/shell.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "roles/admin/shell_show.hpp"

namespace skep::admin {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr Duration kSoon = 10s;
constexpr Duration kLeaving = 1h;  // giving away all one holds takes what it takes

using shell::kDone, shell::kMaybeDone, shell::kNotDone, shell::kWrongUsage;

std::string text_of(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "-";
}

}  // namespace

// A name is of one word or of two.
std::span<const Shell::Command> Shell::commands() {
  static constexpr Command kCommands[] = {
      {"cluster status", "[all]", 0, 1,
       "the node's cluster and who is in it; `all`: who has left it, too", &Shell::status},
      {"cluster join", "HOST:PORT [--bring]", 1, 2,
       "bring the node and the one at that cluster address together; --bring: with the entries of "
       "a hive of its own",
       &Shell::join},
      {"cluster leave", "", 0, 0, "give away what the node holds, then end it, for good",
       &Shell::leave},
      {"ring set", "NAME=VALUE ...", 1, 16,
       "change options of the whole hive: durability, replication, lease, takeover_empty_after",
       &Shell::change_options},
      {"ring", "", 0, 0,
       "the ring: each arc's share, owner, members, epoch and state; each node's share",
       &Shell::ring},
      {"acceptors", "", 0, 0,
       "the acceptors of the registers, as this node's proposer sees them: state and lag",
       &Shell::acceptors},
      {"config", "", 0, 0, "the node's effective configuration", &Shell::config},
      {"stop", "", 0, 0, "end the node; it stays a member", &Shell::stop},
      {"help", "", 0, 0, "this list", &Shell::help},
      {"exit", "", 0, 0, "leave the prompt", &Shell::exit},
      {"quit", "", 0, 0, "the same", &Shell::exit},
  };
  return kCommands;
}

Shell::Shell(ShellOptions options, Ask ask, std::ostream& out, std::ostream& diagnostics)
    : options_(std::move(options)), ask_(std::move(ask)), out_(out), diagnostics_(diagnostics) {}

int Shell::run_lines(std::istream& in) {
  return shell::run_lines(
      in, "admin", shell::names(commands()), [this](std::string_view line) { return run(line); },
      [this] { return ended_; });
}

int Shell::run(std::string_view line) {
  std::istringstream in{std::string(line)};
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.empty()) return kDone;
  for (const Command& command : commands()) {
    std::size_t length = command.name.find(' ') == std::string_view::npos ? 1 : 2;
    if (words.size() < length) continue;
    std::string name = length == 1 ? words[0] : words[0] + ' ' + words[1];
    if (name != command.name) continue;
    Words args(words.begin() + static_cast<std::ptrdiff_t>(length), words.end());
    if (command.takes(args.size()))
      return shell::written((this->*command.run)(args), out_, diagnostics_);
    return wrong(command.usage(args));
  }
  std::string forms;
  for (const Command& command : commands())
    if (command.name.starts_with(words[0] + ' '))
      forms += (forms.empty() ? "accepted: " : ", ") + command.form();
  return wrong(forms.empty() ? "unknown command '" + words[0] + "'; `help` lists what there is"
                             : forms);
}

int Shell::wrong(std::string_view why) {
  diagnostics_ << why << '\n';
  return kWrongUsage;
}

int Shell::send(const http::Request& request, Duration timeout,
                const std::function<void(const http::Response&)>& print) {
  http::Request shown = request;
  if (!options_.token.empty()) shown.headers["authorization"] = "Bearer " + options_.token;
  Result<http::Response> response = fail(Code::invalid, "no node to ask");
  for (const Address& node : options_.nodes) {
    response = ask_(node, shown, timeout);
    if (response || response.error().code != Code::unavailable) break;
  }
  if (!response)
    return failed(response.error().done() == Done::maybe && request.method != "GET",
                  response.error().message);
  if (response->status == 200) {
    if (options_.json)
      out_ << response->body;
    else
      print(*response);
    return kDone;
  }
  const Json body = Json::parse(response->body, nullptr, false);
  const auto says = [&](const char* key, const char* what) {
    return body.is_object() && text_of(body, key) == what;
  };
  // A proposer's word for it, as it has no page of ours.
  const bool elsewhere = response->status == 404 && says("code", "no_such_page");
  return failed(says("done", "maybe"),
                (elsewhere ? response->peer + " is a proposer's listener, not an admin's: " : "") +
                    http::reason(*response));
}

int Shell::failed(bool maybe, std::string_view why) {
  diagnostics_ << (maybe ? "may have been done: " : "not done: ") << why << '\n';
  return maybe ? kMaybeDone : kNotDone;
}

void Shell::print_body(const http::Response& response) { out_ << response.body; }

int Shell::status(const Words& args) {
  if (!args.empty() && args[0] != "all") return wrong("accepted: cluster status [all]");
  return send({.target = "/status"}, kSoon,
              [&](const auto& response) { print_status(out_, response.body, !args.empty()); });
}

int Shell::join(const Words& args) {
  const auto word = std::find(args.begin(), args.end(), "--bring");
  const bool bring = word != args.end();
  if (bring != (args.size() == 2)) return wrong("accepted: cluster join HOST:PORT [--bring]");
  Json body{{"peer", word == args.begin() ? args.back() : args.front()}};
  if (bring) body["bring"] = true;
  return send({.method = "POST",
               .target = "/cluster/join",
               .headers = {{"content-type", "application/json"}},
               .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)},
              kSoon, [&](const http::Response& response) {
                const Json answer = Json::parse(response.body, nullptr, false);
                const std::string done = answer.is_object() ? text_of(answer, "done") : "joined";
                out_ << done << '\n';
                if (done == "joining")
                  diagnostics_ << "the node starts anew with an empty store, joins and brings what "
                                  "it held; `ring` says how far it is\n";
              });
}

int Shell::leave(const Words&) {
  diagnostics_ << "leaving; this lasts until others hold what this node held\n";
  return send({.method = "POST", .target = "/cluster/leave"}, kLeaving,
              [this](const auto&) { out_ << "left\n"; });
}

int Shell::ring(const Words&) {
  return send({.target = "/ring"}, kSoon,
              [this](const auto& response) { print_ring(out_, response.body); });
}

int Shell::acceptors(const Words&) {
  return send({.target = "/acceptors"}, kSoon,
              [this](const auto& response) { print_acceptors(out_, response.body); });
}

int Shell::change_options(const Words& args) {
  Json body = Json::object();
  for (const std::string& word : args) {
    const std::size_t sign = word.find('=');
    if (sign == std::string::npos || sign == 0) return wrong("accepted: ring set NAME=VALUE ...");
    body[word.substr(0, sign)] = word.substr(sign + 1);
  }
  return send({.method = "POST",
               .target = "/ring/options",
               .headers = {{"content-type", "application/json"}},
               .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)},
              kSoon, [&](const http::Response& response) {
                out_ << "set\n";
                const Json answer = Json::parse(response.body, nullptr, false);
                if (!answer.is_object() || !answer.contains("not_yet")) return;
                for (const Json& name : answer["not_yet"])
                  if (name.is_string())
                    diagnostics_ << name.get<std::string>()
                                 << " does not go by it yet; it will when it hears of it\n";
              });
}

int Shell::config(const Words&) {
  return send({.target = "/config"}, kSoon, [this](const auto& r) { print_body(r); });
}

int Shell::stop(const Words&) {
  return send({.method = "POST", .target = "/stop"}, kSoon,
              [this](const auto&) { out_ << "stopping\n"; });
}

int Shell::help(const Words&) {
  shell::list(out_, commands());
  return kDone;
}

int Shell::exit(const Words&) {
  ended_ = true;
  return kDone;
}

int run_shell(const ShellOptions& options, std::string_view line, std::istream& in,
              std::ostream& out, std::ostream& diagnostics) {
  const Ask ask = [&](const Address& node, const http::Request& request, Duration timeout) {
    return http::ask(node, request, timeout, options.tls.get());
  };
  Shell shell(options, ask, out, diagnostics);
  return line.empty() ? shell.run_lines(in) : shell.run(line);
}

}  // namespace skep::admin
