#include <nlohmann/json.hpp>

#include "net/base/text.hpp"
#include "net/http.hpp"

namespace skep::http {

std::string& Headers::operator[](std::string_view name) {
  if (const auto* found = find(name); found != end())
    return items_[static_cast<std::size_t>(found - begin())].second;
  if (size_ == items_.size()) items_.emplace_back();
  Item& item = items_[size_++];
  item.first.assign(name);
  item.second.clear();
  return item.second;
}

Headers::const_iterator Headers::find(std::string_view name) const {
  return std::find_if(begin(), end(), [&](const Item& item) { return item.first == name; });
}

void append_json(std::string& out, std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  });
  if (plain)
    out.append(1, '"').append(text).append(1, '"');
  else
    out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Response problem(unsigned status, std::string_view code, std::string_view detail,
                 std::string_view done, std::string_view more) {
  Response response{status, "application/problem+json", {}, {}};
  std::string& body = response.body;
  body.append("{\n  \"status\": ").append(std::to_string(status)).append(",\n  \"detail\": ");
  append_json(body, detail);
  body.append(",\n  \"code\": ");
  append_json(body, code);
  body.append(",\n  \"done\": ");
  append_json(body, done);
  if (!more.empty()) body.append(",\n  ").append(more);
  body.append("\n}\n");
  return response;
}

std::string reason(const Response& response) {
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  for (const char* key : {"detail", "title"}) {
    const auto found = body.is_object() ? body.find(key) : body.end();
    if (found == body.end() || !found->is_string()) continue;
    const auto& detail = found->get_ref<const std::string&>();
    return response.status == 401 ? detail + " (by --token-file FILE)" : detail;
  }
  const std::string text = response.type.starts_with("text/plain") ? excerpt(response.body) : "";
  return response.peer + " answers with HTTP status " + std::to_string(response.status) +
         (text.empty() ? "" : ": ") + text;
}

}  // namespace skep::http
