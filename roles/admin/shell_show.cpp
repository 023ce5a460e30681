#include "roles/admin/shell_show.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "net/table_text.hpp"

namespace skep::admin {
namespace {

using Json = nlohmann::json;
using Row = std::vector<std::string>;

constexpr int kLongAgo = 600;  // seconds

// A member's text or number; what is not there, or null: "-".
std::string cell(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "-";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::int64_t number(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

std::string percent(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f%%", 100 * found->get<double>());
  return text.data();
}

std::string words(const Json& object, const char* key) {
  std::string text;
  const auto found = object.find(key);
  if (found != object.end() && found->is_array())
    for (const Json& each : *found)
      if (each.is_string()) text += (text.empty() ? "" : " ") + each.get<std::string>();
  return text.empty() ? "-" : text;
}

Row member_row(const Json& member) {
  std::string listeners;
  const auto found = member.find("listeners");
  if (found != member.end() && found->is_object())
    for (const auto& [role, address] : found->items())
      if (address.is_string())
        listeners += (listeners.empty() ? "" : "  ") + role + ' ' + address.get<std::string>();
  return {cell(member, "name"), cell(member, "state"), cell(member, "address"),
          listeners.empty() ? "-" : listeners};
}

bool left_long_ago(const Json& member) {
  return cell(member, "state") == "left" && number(member, "seconds") > kLongAgo;
}

bool has_list(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_array();
}

bool is(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// An acceptor's, as a configuration's proposers see it.
std::string state_of(const Json& acceptor, const Json& status) {
  if (!is(acceptor, "answers")) return "silent";
  if (number(acceptor, "configuration") < number(status, "version")) return "behind";
  return is(acceptor, "empty") ? "empty" : "answers";
}

// Whether the acceptor is one of those who prepare, or accept.
std::string takes_part(const Json& status, const char* what, const Json& acceptor) {
  const auto found = status.find(what);
  if (found == status.end() || !has_list(*found, "nodes")) return "-";
  for (const Json& node : (*found)["nodes"])
    if (node.is_string() && node.get<std::string>() == cell(acceptor, "name")) return "yes";
  return "no";
}

}  // namespace

void print_status(std::ostream& out, const std::string& body, bool all) {
  const Json status = Json::parse(body, nullptr, false);
  if (!has_list(status, "members")) {
    out << body;
    return;
  }
  out << "cluster " << cell(status, "cluster") << " (" << cell(status, "cluster_id") << "), as "
      << cell(status, "node") << " sees it; ";
  const auto ready = status.find("ready");
  if (ready != status.end() && ready->is_boolean() && ready->get<bool>())
    out << "ready\n";
  else
    out << "not ready: " << cell(status, "waits_for") << '\n';
  std::vector<Row> rows;
  std::size_t hidden = 0;
  for (const Json& member : status["members"]) {
    if (!member.is_object()) continue;
    if (!all && left_long_ago(member))
      ++hidden;
    else
      rows.push_back(member_row(member));
  }
  std::sort(rows.begin(), rows.end());
  rows.insert(rows.begin(), {"NODE", "STATE", "ADDRESS", "LISTENS"});
  print_table(out, rows);
  if (hidden > 0) out << "and " << hidden << " that left long ago: cluster status all\n";
}

void print_ring(std::ostream& out, const std::string& body) {
  const Json ring = Json::parse(body, nullptr, false);
  if (!has_list(ring, "table") || !has_list(ring, "nodes")) {
    out << body;
    return;
  }
  std::vector<Row> rows{{"ARC", "SLOTS", "SHARE", "OWNER", "MEMBERS", "EPOCH", "STATE"}};
  for (const Json& arc : ring["table"]) {
    if (!arc.is_object()) continue;
    std::string state = cell(arc, "state");
    if (const std::string replaced = words(arc, "replaces"); replaced != "-")
      state += ", from " + replaced;
    rows.push_back({cell(arc, "arc"), cell(arc, "slots"), percent(arc, "share"), cell(arc, "owner"),
                    words(arc, "members"), cell(arc, "epoch"), state});
  }
  if (const auto bringing = ring.find("bringing"); bringing != ring.end() && *bringing == true)
    out << "this node brings entries that it held apart from the hive: " << cell(ring, "brought")
        << " put, " << cell(ring, "brought_present") << " were there already, "
        << cell(ring, "brought_expired") << " had expired, " << cell(ring, "bring_waiting")
        << " wait\n\n";
  print_table(out, rows);
  rows = {{"NODE", "OWNS", "KEEPS", "SHARE"}};
  for (const Json& node : ring["nodes"])
    if (node.is_object())
      rows.push_back(
          {cell(node, "name"), cell(node, "owned"), cell(node, "kept"), percent(node, "share")});
  std::sort(rows.begin() + 1, rows.end());
  out << '\n';
  print_table(out, rows);
}

void print_acceptors(std::ostream& out, const std::string& body) {
  const Json status = Json::parse(body, nullptr, false);
  if (!has_list(status, "acceptors")) {
    out << body;
    return;
  }
  const std::string behind = words(status, "behind");
  out << "configuration " << cell(status, "version")
      << (is(status, "in_force") ? "" : ", not in force here")
      << (is(status, "complete") ? "" : ", not complete")
      << (behind == "-" ? "" : "; proposers that are behind: " + behind) << '\n';
  std::vector<Row> rows{{"ACCEPTOR", "STATE", "PREPARES", "ACCEPTS", "CONFIGURATION", "WAITING",
                         "LATENCY", "ADDRESS"}};
  for (const Json& acceptor : status["acceptors"]) {
    if (!acceptor.is_object()) continue;
    const bool answers = is(acceptor, "answers");
    const std::string latency = cell(acceptor, "latency_ms");
    rows.push_back({cell(acceptor, "name"), state_of(acceptor, status),
                    takes_part(status, "prepare", acceptor), takes_part(status, "accept", acceptor),
                    answers ? cell(acceptor, "configuration") : "-",
                    answers ? cell(acceptor, "waiting") : "-",
                    latency == "-" ? "-" : latency + " ms", cell(acceptor, "address")});
  }
  std::sort(rows.begin() + 1, rows.end());
  print_table(out, rows);
}

}  // namespace skep::admin
