#include "roles/proposer/shell_acceptors_view.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "net/table_text.hpp"
#include "roles/proposer/shell_show.hpp"

namespace skep::proposer {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.is_string() ? json.get<std::string>() : ""; }

// Of names, or of nodes with a name.
Names names_of(const Json& list) {
  Names names;
  if (!list.is_array()) return names;
  for (const Json& each : list)
    names.push_back(each.is_string() ? text_of(each) : text_of(member(each, "name")));
  return sorted(std::move(names));
}

AcceptorsView::Quorums quorums_of(const Json& json) {
  return {names_of(member(json, "nodes")), number_of(json, "quorum")};
}

AcceptorsView::Acceptor acceptor_of(const Json& json) {
  const Json& latency = member(json, "latency_ms");
  return {text_of(member(json, "name")),    member(json, "answers") == true,
          number_of(json, "configuration"), member(json, "empty") == true,
          number_of(json, "waiting"),       latency.is_number() ? latency.get<double>() : 0};
}

std::string milliseconds(double latency) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f ms", latency);
  return text.data();
}

bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> row_of(const AcceptorsView& view,
                                const AcceptorsView::Acceptor& acceptor) {
  const auto yes = [](bool holds) { return std::string(holds ? "yes" : "no"); };
  std::string state = "answers";
  if (!acceptor.answers)
    state = "does not answer";
  else if (acceptor.configuration < view.version)
    state = "goes by configuration " + std::to_string(acceptor.configuration);
  else if (acceptor.empty)
    state = "answers; is empty";
  if (acceptor.waiting > 0) state += "; " + std::to_string(acceptor.waiting) + " wait for its disk";
  return {acceptor.name, yes(has(view.prepare.nodes, acceptor.name)),
          yes(has(view.accept.nodes, acceptor.name)),
          acceptor.answers ? milliseconds(acceptor.latency_ms) : "-", state};
}

}  // namespace

Names AcceptorsView::members() const {
  Names names = prepare.nodes;
  names.insert(names.end(), accept.nodes.begin(), accept.nodes.end());
  return sorted(std::move(names));
}

bool AcceptorsView::at_rest() const {
  return holding.empty() && prepare.nodes == accept.nodes && !goal;
}

std::string AcceptorsView::waits_for() const {
  std::string text;
  const auto add = [&](const std::string& who) { text += (text.empty() ? "" : ", ") + who; };
  for (const std::string& name : behind) add("proposer " + name + " (goes by an older one)");
  for (const Acceptor& acceptor : acceptors) {
    if (!acceptor.answers)
      add("acceptor " + acceptor.name + " (does not answer)");
    else if (acceptor.configuration < version)
      add("acceptor " + acceptor.name + " (goes by configuration " +
          std::to_string(acceptor.configuration) + ')');
  }
  return text.empty() ? "the proposers" : text;
}

std::optional<AcceptorsView> view_of(std::string_view body) {
  const Json json = parse(body);
  if (!member(json, "prepare").is_object() || !member(json, "accept").is_object())
    return std::nullopt;
  AcceptorsView view;
  view.version = number_of(json, "version");
  view.in_force = member(json, "in_force") == true;
  view.complete = member(json, "complete") == true;
  view.proposers = names_of(member(json, "proposers"));
  for (const Json& each : member(json, "proposers"))
    if (member(each, "http").is_string()) view.listeners.push_back(text_of(member(each, "http")));
  view.prepare = quorums_of(member(json, "prepare"));
  view.accept = quorums_of(member(json, "accept"));
  for (const Json& each : member(json, "holding")) view.holding.push_back(quorums_of(each));
  if (member(json, "goal").is_array()) view.goal = names_of(member(json, "goal"));
  for (const Json& each : member(json, "acceptors")) view.acceptors.push_back(acceptor_of(each));
  view.behind = names_of(member(json, "behind"));
  view.rescanning = member(member(json, "rescan"), "running") == true;
  view.rescanned = number_of(member(json, "rescan"), "registers");
  return view;
}

Names sorted(Names names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string join(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string show(const AcceptorsView::Quorums& quorums) {
  return std::to_string(quorums.quorum) + " of " + join(quorums.nodes);
}

void print(std::ostream& out, const AcceptorsView& view) {
  out << "configuration " << view.version;
  if (!view.in_force)
    out << ", which the proposer that was asked does not serve yet";
  else if (!view.complete)
    out << ", waits for " << view.waits_for();
  out << "\nprepare    " << show(view.prepare) << "\naccept     " << show(view.accept)
      << "\nproposers  " << join(view.proposers) << '\n';
  for (const auto& quorums : view.holding)
    out << "rescan     is needed: there may be values that only " << show(quorums) << " have\n";
  if (view.rescanning) out << "rescan     is under way: " << view.rescanned << " registers\n";
  if (view.goal) out << "goal       " << join(*view.goal) << '\n';
  std::vector<std::vector<std::string>> rows{
      {"ACCEPTOR", "PREPARES", "ACCEPTS", "LATENCY", "STATE"}};
  for (const auto& acceptor : view.acceptors) rows.push_back(row_of(view, acceptor));
  print_table(out, rows);
}

}  // namespace skep::proposer
