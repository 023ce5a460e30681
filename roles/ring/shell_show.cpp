#include "roles/ring/shell_show.hpp"

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "net/resp_text.hpp"

namespace skep::ring {
namespace {

using Json = nlohmann::json;
using resp::Value;

void add_plain(std::string& out, const Value& value, std::size_t indent) {
  const std::string margin(indent, ' ');
  if (value.items.empty()) {
    if (value.kind == Value::Kind::integer)
      out += std::to_string(value.number);
    else if (value.kind == Value::Kind::boolean)
      out += value.number != 0 ? "yes" : "no";
    else if (value.kind == Value::Kind::real)
      out += Json(value.real).dump();
    else
      out += value.text;
    return;
  }
  const bool is_map = value.kind == Value::Kind::map;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0) out += "\n" + margin;
    add_plain(out, value.items[i], indent);
    if (!is_map) continue;
    const Value& of = value.items[++i];
    out += of.items.empty() ? ": " : ":\n" + margin + "  ";
    add_plain(out, of, indent + 2);
  }
}

Json to_json(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null: return nullptr;
    case Value::Kind::integer: return value.number;
    case Value::Kind::boolean: return value.number != 0;
    case Value::Kind::real: return value.real;
    case Value::Kind::map: {
      Json object = Json::object();
      for (std::size_t i = 0; i + 1 < value.items.size(); i += 2)
        object[show_plain(value.items[i])] = to_json(value.items[i + 1]);
      return object;
    }
    case Value::Kind::array:
    case Value::Kind::set:
    case Value::Kind::push: {
      Json list = Json::array();
      for (const Value& item : value.items) list.push_back(to_json(item));
      return list;
    }
    default: return value.text;
  }
}

}  // namespace

std::string show_plain(const Value& value) {
  std::string out;
  add_plain(out, value, 0);
  return out;
}

std::string show_json(const Value& value) {
  return to_json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string show_time(WallMs time) {
  std::time_t seconds = time / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[80];
  std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string shown(text, size);
  if (time % 1000 != 0) {
    std::snprintf(text, sizeof text, ".%03d", static_cast<int>(time % 1000));
    shown += text;
  }
  return shown + "Z";
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  if (auto seconds = resp::to_integer(text)) return seconds;
  std::tm parts{};
  std::string copy(text);
  const char* end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end != copy.c_str() + copy.size()) return std::nullopt;
  return ::timegm(&parts);
}

}  // namespace skep::ring
