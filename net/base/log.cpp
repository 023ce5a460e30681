#include "net/base/log.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace skep {
namespace {

std::optional<Level> level_of(std::string_view word) {
  constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warn", "error"};
  auto found = std::find(kNames.begin(), kNames.end(), word);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Level>(found - kNames.begin());
}

bool is_part(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(),
                                      [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

Result<LogLevels> LogLevels::parse(std::string_view text) {
  LogLevels levels;
  bool first = true;
  for (std::size_t from = 0; from <= text.size(); first = false) {
    std::size_t comma = std::min(text.find(',', from), text.size());
    std::string_view word = text.substr(from, comma - from);
    from = comma + 1;
    std::size_t equals = word.find('=');
    bool of_part = equals != std::string_view::npos;
    auto level = level_of(of_part ? word.substr(equals + 1) : word);
    bool fits = level && of_part != first && (!of_part || is_part(word.substr(0, equals)));
    if (fits && !of_part) levels.all_ = *level;
    if (fits && of_part) fits = levels.parts_.emplace(word.substr(0, equals), *level).second;
    if (!fits)
      return fail(Code::invalid, "bad log level \"" + std::string(word) +
                                     "\"; accepted: debug, info, warn or error, also per part, "
                                     "such as \"info,ring=debug\"");
  }
  return levels;
}

}  // namespace skep
