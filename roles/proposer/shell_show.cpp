#include "roles/proposer/shell_show.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "net/base/text.hpp"

namespace skep::proposer {
namespace {

using Json = nlohmann::ordered_json;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

Json to_json(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  return {{"base64", to_base64(bytes)}};
}

std::optional<std::string> bytes_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  const Json& encoded = member(json, "base64");
  return encoded.is_string() ? from_base64(encoded.get<std::string>()) : std::nullopt;
}

std::string show_key(std::string_view key) {
  const bool text = is_utf8(key);
  const bool plain = text && !key.empty() && std::none_of(key.begin(), key.end(), [](char c) {
                       return is_control(c) || c == ' ' || c == '"' || c == '\'';
                     });
  if (plain) return std::string(key);
  std::string shown = "\"";
  for (const char c : key) {
    if (c == '"' || c == '\\') {
      shown += '\\';
      shown += c;
    } else if (is_control(c) || (!text && static_cast<unsigned char>(c) >= 0x80)) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned char>(c));
      shown += escape.data();
    } else {
      shown += c;
    }
  }
  return shown + '"';
}

Json parse(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json() : json;
}

const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? kNull : *found;
}

std::uint64_t number_of(const Json& object, const char* key) {
  const Json& number = member(object, key);
  return number.is_number_unsigned() ? number.get<std::uint64_t>() : 0;
}

std::string show(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace skep::proposer
