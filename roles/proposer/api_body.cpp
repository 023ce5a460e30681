#include <nlohmann/json.hpp>

#include "net/base/text.hpp"
#include "net/json.hpp"
#include "roles/proposer/api_request.hpp"

namespace skep::proposer {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMaxPiece = 100'000;  // registers of a rescan at once
constexpr std::size_t kMaxNodes = 1000;

// Of these parts.
template <class... Parts> tl::unexpected<Error> refuse(const Parts&... parts) {
  std::string why;
  (why.append(parts), ...);
  return fail(Code::invalid, std::move(why));
}

// For a refusal. What has parts is not shown, nor copied anywhere: it may be nested too deeply.
std::string brief(const Json& json) {
  if (!json.is_primitive()) return json.type_name();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Nothing but these members.
Result<> only(const Json& object, const std::string& where,
              std::initializer_list<std::string_view> accepted) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(accepted.begin(), accepted.end(), name) != accepted.end()) continue;
    std::string known;
    for (std::string_view each : accepted)
      known.append(known.empty() ? "\"" : ", \"").append(each).append("\"");
    return refuse("unknown member \"", name, "\" in ", where,
                  "; accepted: ", known.empty() ? "none" : known);
  }
  return {};
}

// A member of "args" that is bytes: a string, or {"base64": "…"}.
Result<std::string> bytes(const Json& args, const char* name, std::uint64_t most) {
  const auto found = args.find(name);
  const std::string where = "args." + std::string(name);
  if (found == args.end()) return refuse(where + " is missing");
  std::optional<std::string> value;
  if (found->is_string())
    value = found->get<std::string>();
  else if (found->is_object() && found->size() == 1 && found->contains("base64") &&
           (*found)["base64"].is_string())
    value = from_base64((*found)["base64"].get<std::string>());
  if (!value) return refuse(where + R"(; accepted: a string, or {"base64": "…"})");
  if (value->size() <= most) return std::move(*value);
  return fail(Code::full, where + " has " + std::to_string(value->size()) +
                              " bytes; accepted: " + std::to_string(most) + " at most");
}

Result<> parse_args(const Json& args, Change& change, std::uint64_t most) {
  const std::string where = "the args of " + std::string(name(change.function));
  const auto take = [&](const char* name, std::string& into) -> Result<> {
    auto value = bytes(args, name, most);
    if (!value) return tl::unexpected(value.error());
    into = std::move(*value);
    return {};
  };
  switch (change.function) {
    case Function::read:
    case Function::remove: return only(args, where, {});
    case Function::set:
    case Function::init:
    case Function::append:
      if (Result<> known = only(args, where, {"value"}); !known) return known;
      return take("value", change.value);
    case Function::cas_value:
      if (Result<> known = only(args, where, {"expected", "value"}); !known) return known;
      if (Result<> taken = take("expected", change.expected); !taken) return taken;
      return take("value", change.value);
    case Function::add: break;
  }
  if (Result<> known = only(args, where, {"by"}); !known) return known;
  const auto by = args.find("by");
  if (by == args.end()) return refuse("args.by is missing");
  const bool fits = by->is_number_integer() &&
                    (!by->is_number_unsigned() ||
                     by->get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max());
  if (!fits) return refuse("args.by; accepted: an integer of 64 bits");
  change.by = by->get<std::int64_t>();
  return {};
}

// A list of names, none of them twice.
Result<std::vector<std::string>> names(const Json& json, const std::string& where) {
  std::vector<std::string> names;
  if (!json.is_array() || json.size() > kMaxNodes)
    return refuse(where + "; accepted: a list of nodes' names");
  for (const Json& each : json) {
    if (!each.is_string() || each.get_ref<const std::string&>().empty())
      return refuse(where + "; accepted: a list of nodes' names");
    const auto& name = each.get_ref<const std::string&>();
    if (std::find(names.begin(), names.end(), name) != names.end())
      return refuse(where, ": ", name, " is there twice; accepted: each node once");
    names.push_back(name);
  }
  return names;
}

Result<Registers::Names> quorums(const Json& json, const std::string& where) {
  if (!json.is_object() || !json.contains("nodes") || !json.contains("quorum"))
    return refuse(where + R"(; accepted: {"nodes": ["node1", …], "quorum": 2})");
  if (Result<> known = only(json, where, {"nodes", "quorum"}); !known)
    return tl::unexpected(known.error());
  auto nodes = names(json["nodes"], where + ".nodes");
  if (!nodes) return tl::unexpected(nodes.error());
  const Json& quorum = json["quorum"];
  if (nodes->empty()) return refuse(where + ".nodes is empty; accepted: one node at least");
  if (!quorum.is_number_unsigned() || quorum.get<std::uint64_t>() < 1 ||
      quorum.get<std::uint64_t>() > nodes->size())
    return refuse(where + ".quorum is " + brief(quorum) + "; accepted: an integer from 1 to " +
                  std::to_string(nodes->size()) + ", the number of its nodes");
  return Registers::Names{std::move(*nodes), quorum.get<std::uint32_t>()};
}

}  // namespace

Result<Change> parse_change(std::string_view body, std::uint64_t max_value) {
  auto json = parse_json_object(body);
  if (!json) return tl::unexpected(json.error());
  if (Result<> known = only(*json, "the body", {"change", "args"}); !known)
    return tl::unexpected(known.error());
  const auto named = json->find("change");
  if (named == json->end() || !named->is_string())
    return refuse("\"change\" is missing; accepted: one of " + function_names());
  const auto function = function_of(named->get_ref<const std::string&>());
  if (!function)
    return refuse("there is no change function \"" + named->get<std::string>() +
                  "\"; accepted: " + function_names());
  Change change;
  change.function = *function;
  const Json none = Json::object();
  const auto given = json->find("args");
  const Json& args = given == json->end() ? none : *given;
  if (!args.is_object()) return refuse("\"args\" is not a JSON object");
  if (Result<> parsed = parse_args(args, change, max_value); !parsed)
    return tl::unexpected(parsed.error());
  return change;
}

Result<Registers::Step> parse_step(std::string_view body) {
  auto json = parse_json_object(body);
  if (!json) return tl::unexpected(json.error());
  if (Result<> known = only(*json, "the body", {"prepare", "accept", "proposers", "goal"}); !known)
    return tl::unexpected(known.error());
  if (json->empty()) return refuse("nothing to change; accepted: prepare, accept, proposers, goal");
  Registers::Step step;
  for (auto [name, into] : {std::pair("prepare", &step.prepare), {"accept", &step.accept}}) {
    if (!json->contains(name)) continue;
    auto wanted = quorums((*json)[name], name);
    if (!wanted) return tl::unexpected(wanted.error());
    *into = std::move(*wanted);
  }
  for (auto [name, into] : {std::pair("proposers", &step.proposers), {"goal", &step.goal}}) {
    if (!json->contains(name)) continue;
    auto wanted = names((*json)[name], name);
    if (!wanted) return tl::unexpected(wanted.error());
    *into = std::move(*wanted);
  }
  if (step.proposers && step.proposers->empty())
    return refuse("proposers is empty; accepted: one node at least");
  return step;
}

Result<std::uint32_t> parse_rescan(std::string_view body) {
  constexpr std::uint32_t kPiece = 1000;
  if (body.empty()) return kPiece;
  auto json = parse_json_object(body);
  if (!json) return tl::unexpected(json.error());
  if (Result<> known = only(*json, "the body", {"limit"}); !known)
    return tl::unexpected(known.error());
  if (json->empty()) return kPiece;
  const Json& limit = (*json)["limit"];
  if (!limit.is_number_unsigned() || limit.get<std::uint64_t>() < 1 ||
      limit.get<std::uint64_t>() > kMaxPiece)
    return refuse("limit is " + brief(limit) + "; accepted: an integer from 1 to " +
                  std::to_string(kMaxPiece));
  return limit.get<std::uint32_t>();
}

Result<> parse_nothing(std::string_view body) {
  if (body.empty()) return {};
  auto json = parse_json_object(body);
  if (!json) return tl::unexpected(json.error());
  return only(*json, "the body", {});
}

}  // namespace skep::proposer
