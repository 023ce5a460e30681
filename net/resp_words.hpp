// Words on a line, with quotes, as Redis's inline commands have them: "a\x41\n" knows escapes,
// 'it\'s' only that of the quote itself; a quoted part ends its word.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skep::resp {

// A part of a line or of a buffer.
struct Range {
  std::size_t offset;
  std::size_t size;
};

// Takes the quotes off in place (a word never grows by that) and appends where each word is, as
// offsets from `line`. A zero byte ends the line. False: unbalanced quotes.
bool unquote_words(char* line, std::size_t size, std::vector<Range>& words);

// The same for a copy; none: unbalanced quotes.
std::optional<std::vector<std::string>> split_words(std::string_view line);

}  // namespace skep::resp
