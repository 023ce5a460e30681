#include "net/json.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "net/base/text.hpp"

namespace skep {

using nlohmann::json;

namespace {

// `byte` is the first one, from 1, that JSON does not go on with; behind the end: it should go on.
Result<json> not_json(std::string_view body, std::size_t byte) {
  constexpr std::size_t kShown = 20;
  std::string where = ": it ends too early";
  if (body.empty()) where = ": it is empty";
  if (byte >= 1 && byte <= body.size())
    where = " from byte " + std::to_string(byte) + " on, '" +
            excerpt(body.substr(byte - 1, kShown)) + '\'';
  return fail(Code::invalid, "the body is not JSON" + where + "; accepted: a JSON object");
}

}  // namespace

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
  if (const std::size_t zero = body.find('\0'); zero != std::string_view::npos)
    return not_json(body, zero + 1);
  json parsed;
  try {
    parsed = json::parse(body, see);
  } catch (const json::parse_error& error) {
    return not_json(body, error.byte);
  } catch (const json::exception&) {
    return fail(Code::invalid, "the body has a number that is too large");
  }
  if (!twice.empty())
    return fail(Code::invalid, "the member \"" + twice + "\" is there twice; accepted: once");
  if (!parsed.is_object()) return fail(Code::invalid, "the body is not a JSON object");
  return parsed;
}

}  // namespace skep
