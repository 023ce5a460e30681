#include "roles/proposer/json.hpp"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "net/base/text.hpp"
#include "net/http.hpp"

namespace skep::proposer {
namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::uint64_t id) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(id));
  return text.data();
}

Json to_json(const Node& node) {
  return {{"name", node.name}, {"id", hex(node.id)}, {"address", node.address}};
}

// As it is given to PUT /v1/acceptors.
Json to_json(const Quorums& quorums) {
  Json names = Json::array();
  for (const Node& node : quorums.nodes) names.push_back(node.name);
  return {{"nodes", std::move(names)}, {"quorum", quorums.quorum}};
}

Json to_json(const AcceptorStatus& acceptor) {
  Json json = to_json(acceptor.node);
  json["answers"] = acceptor.answers;
  json["configuration"] = acceptor.configuration;
  json["empty"] = acceptor.empty;
  json["waiting"] = acceptor.waiting;
  json["latency_ms"] =
      acceptor.answers ? Json(static_cast<double>(acceptor.latency.count()) / 1000) : Json(nullptr);
  return json;
}

template <class T> Json to_list(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(to_json(item));
  return list;
}

Json proposers(const Status& status) {
  Json list = to_list(status.configuration.proposers);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto listener = status.listeners.find(status.configuration.proposers[i].id);
    if (listener != status.listeners.end()) list[i]["http"] = listener->second;
  }
  return list;
}

std::string lines(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

const char* word(bool value) { return value ? "true" : "false"; }

}  // namespace

void append_bytes(std::string& out, std::string_view bytes) {
  if (is_utf8(bytes))
    http::append_json(out, bytes);
  else
    out.append(R"({"base64": ")").append(to_base64(bytes)).append("\"}");
}

std::string show(const Outcome& outcome) {
  std::string out = R"({"version": )" + std::to_string(outcome.version) + R"(, "value": )";
  if (outcome.present && outcome.value)
    append_bytes(out, *outcome.value);
  else
    out += "null";
  return out.append(R"(, "present": )").append(word(outcome.present)).append("}\n");
}

std::string show(const Listing& listing) {
  std::string out = R"({"keys": [)";
  for (const Listing::Item& item : listing.items) {
    out += &item == listing.items.data() ? "\n" : ",\n";
    out += R"({"key": )";
    append_bytes(out, item.key);
    out.append(R"(, "version": )").append(std::to_string(item.version)).append("}");
  }
  out.append(R"(], "more": )").append(word(listing.more)).append(R"(, "after": )");
  append_bytes(out, listing.after);
  return out + "}\n";
}

std::string show(const Status& status) {
  const Configuration& now = status.configuration;
  return lines({{"version", now.version},
                {"in_force", status.in_force},
                {"complete", status.complete},
                {"proposers", proposers(status)},
                {"prepare", to_json(now.prepare)},
                {"accept", to_json(now.accept)},
                {"holding", to_list(now.holding)},
                {"goal", now.goal.empty() ? Json(nullptr) : Json(now.goal)},
                {"acceptors", to_list(status.acceptors)},
                {"behind", status.behind},
                {"rescan", {{"running", status.rescanning}, {"registers", status.rescanned}}}});
}

std::string show(const Rescanned& rescanned) {
  return R"({"registers": )" + std::to_string(rescanned.registers) + R"(, "finished": )" +
         word(rescanned.finished) + "}\n";
}

}  // namespace skep::proposer
