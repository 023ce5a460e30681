#include "net/json.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace skep {

using nlohmann::json;

Result<json> parse_json_object(std::string_view body) {
  std::vector<std::set<std::string>> names;
  std::string twice;
  const auto see = [&](int, json::parse_event_t event, json& parsed) {
    using Event = json::parse_event_t;
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    return true;
  };
  // The library takes a zero byte for the end.
  const bool whole = body.find('\0') == std::string_view::npos;
  json parsed = whole ? json::parse(body, see, false) : json(json::value_t::discarded);
  if (parsed.is_discarded()) return fail(Code::invalid, "the body is not JSON");
  if (!twice.empty())
    return fail(Code::invalid, "the member \"" + twice + "\" is there twice; accepted: once");
  if (!parsed.is_object()) return fail(Code::invalid, "the body is not a JSON object");
  return parsed;
}

}  // namespace skep
