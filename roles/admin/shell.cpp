#include "roles/admin/shell.hpp"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "net/prompt.hpp"

namespace skep::admin {
namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;
using namespace std::chrono_literals;

constexpr Duration kSoon = 10s;
constexpr Duration kLeaving = 1h;  // giving away all one holds takes what it takes

enum Exit : int { kDone = 0, kNotDone = 1, kWrongUsage = 2, kMaybeDone = 3 };

std::string text_of(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "-";
}

// Columns as wide as their widest cell.
void print_table(std::ostream& out, const std::vector<Words>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Words& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const Words& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      out << std::left << std::setw(static_cast<int>(widths[i] + 2)) << row[i];
    out << row.back() << '\n';
  }
}

Words member_row(const Json& member) {
  Words row{text_of(member, "name"), text_of(member, "state"), text_of(member, "address")};
  std::string listeners;
  if (member.contains("listeners") && member["listeners"].is_object())
    for (const auto& [role, address] : member["listeners"].items())
      if (address.is_string()) listeners += role + ' ' + address.get<std::string>() + "  ";
  while (!listeners.empty() && listeners.back() == ' ') listeners.pop_back();
  row.push_back(listeners.empty() ? "-" : listeners);
  return row;
}

}  // namespace

struct Shell::Command {
  std::string_view name;  // of one word or of two
  std::string_view arguments;
  std::size_t count;  // of arguments
  std::string_view doc;
  int (Shell::*run)(const Words& args);
};

const std::vector<Shell::Command>& Shell::commands() {
  static const std::vector<Command> kCommands{
      {"cluster status", "", 0, "the node's cluster and who is in it", &Shell::status},
      {"cluster join", "HOST:PORT", 1,
       "bring the node and the one at that cluster address together", &Shell::join},
      {"cluster leave", "", 0, "give away what the node holds, then end it, for good",
       &Shell::leave},
      {"ring", "", 0, "what the ring says of itself", &Shell::ring},
      {"config", "", 0, "the node's effective configuration", &Shell::config},
      {"stop", "", 0, "end the node; it stays a member", &Shell::stop},
      {"help", "", 0, "this list", &Shell::help},
      {"exit", "", 0, "end this shell", &Shell::exit},
  };
  return kCommands;
}

Shell::Shell(ShellOptions options, Ask ask, std::ostream& out, std::ostream& diagnostics)
    : options_(std::move(options)), ask_(std::move(ask)), out_(out), diagnostics_(diagnostics) {}

std::vector<std::string> Shell::words() {
  Words words;
  for (const Command& command : commands()) words.emplace_back(command.name);
  return words;
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
    if (args.size() == command.count) return (this->*command.run)(args);
    diagnostics_ << "accepted: " << command.name << (command.count > 0 ? " " : "")
                 << command.arguments << '\n';
    return kWrongUsage;
  }
  diagnostics_ << "unknown command; `help` lists what there is\n";
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
  if (!response) {
    diagnostics_ << response.error().message << '\n';
    return response.error().done() == Done::maybe && request.method != "GET" ? kMaybeDone
                                                                             : kNotDone;
  }
  if (response->status == 200) {
    if (options_.json)
      out_ << response->body;
    else
      print(*response);
    return kDone;
  }
  Json body = Json::parse(response->body, nullptr, false);
  bool ours = body.is_object() && body.contains("error");
  diagnostics_ << (ours ? text_of(body, "error")
                        : "the answer was HTTP status " + std::to_string(response->status))
               << '\n';
  return ours && text_of(body, "done") == "maybe" ? kMaybeDone : kNotDone;
}

void Shell::print_body(const http::Response& response) { out_ << response.body; }

void Shell::print_status(const http::Response& response) {
  Json status = Json::parse(response.body, nullptr, false);
  if (!status.is_object() || !status.contains("members")) return print_body(response);
  out_ << "cluster " << text_of(status, "cluster") << " (" << text_of(status, "cluster_id")
       << "), as " << text_of(status, "node") << " sees it; ";
  if (status.value("ready", false))
    out_ << "the ring is stable\n";
  else
    out_ << "not ready: " << text_of(status, "waits_for") << '\n';
  std::vector<Words> rows{{"NODE", "STATE", "ADDRESS", "LISTENS"}};
  for (const Json& member : status["members"])
    if (member.is_object()) rows.push_back(member_row(member));
  std::sort(rows.begin() + 1, rows.end());
  print_table(out_, rows);
}

int Shell::status(const Words&) {
  return send({.target = "/status"}, kSoon, [this](const auto& r) { print_status(r); });
}

int Shell::join(const Words& args) {
  return send(
      {.method = "POST",
       .target = "/cluster/join",
       .headers = {{"content-type", "application/json"}},
       .body = Json{{"peer", args[0]}}.dump(-1, ' ', false, Json::error_handler_t::replace)},
      kSoon, [&](const auto&) { out_ << "joined\n"; });
}

int Shell::leave(const Words&) {
  diagnostics_ << "leaving; this lasts until others hold what this node held\n";
  return send({.method = "POST", .target = "/cluster/leave"}, kLeaving,
              [this](const auto&) { out_ << "left\n"; });
}

int Shell::ring(const Words&) {
  return send({.target = "/ring"}, kSoon, [this](const auto& r) { print_body(r); });
}

int Shell::config(const Words&) {
  return send({.target = "/config"}, kSoon, [this](const auto& r) { print_body(r); });
}

int Shell::stop(const Words&) {
  return send({.method = "POST", .target = "/stop"}, kSoon,
              [this](const auto&) { out_ << "stopping\n"; });
}

int Shell::help(const Words&) {
  std::vector<Words> rows;
  for (const Command& command : commands())
    rows.push_back({std::string(command.name) + (command.count > 0 ? " " : "") +
                        std::string(command.arguments),
                    std::string(command.doc)});
  print_table(out_, rows);
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
  if (!line.empty()) return shell.run(line);
  int worst = kDone;
  if (&in == &std::cin && Prompt::has_terminal()) {
    Prompt prompt(Shell::prompt(), Shell::words(), Prompt::history_file("admin"));
    while (!shell.ended()) {
      std::optional<std::string> typed = prompt.line();
      if (!typed) break;
      worst = std::max(worst, shell.run(*typed));
    }
    return worst;
  }
  for (std::string given; !shell.ended() && std::getline(in, given);)
    worst = std::max(worst, shell.run(given));
  return worst;
}

}  // namespace skep::admin
