#include "roles/admin/json.hpp"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace skep::admin {

using Json = nlohmann::ordered_json;

std::string hex(std::uint64_t id) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(id));
  return text.data();
}

Json to_json(const Member& member, Duration in_state) {
  Json listeners = Json::object();
  for (const Listener& listener : member.listeners) listeners[listener.role] = listener.address;
  return {{"name", member.name},
          {"id", hex(member.id)},
          {"address", member.address},
          {"state", name(member.state)},
          {"seconds", std::chrono::duration_cast<std::chrono::seconds>(in_state).count()},
          {"incarnation", member.incarnation},
          {"roles", member.roles},
          {"listeners", std::move(listeners)},
          {"weight", member.weight}};
}

Json to_json(const resp::Value& value) {
  using Kind = resp::Value::Kind;
  switch (value.kind) {
    case Kind::status:
    case Kind::verbatim:
    case Kind::bulk: return value.text;
    case Kind::error: return {{"error", value.text}};
    case Kind::integer: return value.number;
    case Kind::boolean: return value.number != 0;
    case Kind::real: return value.real;
    case Kind::null: return nullptr;
    case Kind::array:
    case Kind::set:
    case Kind::push: break;
    case Kind::map: {
      Json map = Json::object();
      for (std::size_t i = 0; i + 1 < value.items.size(); i += 2)
        map[value.items[i].text] = to_json(value.items[i + 1]);
      return map;
    }
  }
  Json array = Json::array();
  for (const resp::Value& item : value.items) array.push_back(to_json(item));
  return array;
}

Json to_problem(const Error& error, unsigned status) {
  return {{"status", status},
          {"detail", error.message},
          {"code", name(error.code)},
          {"done", error.done() == Done::maybe ? "maybe" : "no"}};
}

std::string show(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace skep::admin
