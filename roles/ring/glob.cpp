#include "roles/ring/glob.hpp"

#include <utility>

namespace skep::ring {
namespace {

// The character class that starts behind '[' at the front of `pattern`, which is moved behind it. A
// class that is never closed reaches to the pattern's end.
bool matches_class(std::string_view& pattern, char c) {
  auto byte = [](char b) { return static_cast<unsigned char>(b); };
  bool inverted = pattern.starts_with('^');
  if (inverted) pattern.remove_prefix(1);
  bool matched = false;
  while (!pattern.empty() && pattern[0] != ']') {
    if (pattern[0] == '\\' && pattern.size() >= 2) {
      matched |= pattern[1] == c;
      pattern.remove_prefix(2);
    } else if (pattern.size() >= 3 && pattern[1] == '-') {
      auto low = byte(pattern[0]), high = byte(pattern[2]);
      if (low > high) std::swap(low, high);
      matched |= byte(c) >= low && byte(c) <= high;
      pattern.remove_prefix(3);
    } else {
      matched |= pattern[0] == c;
      pattern.remove_prefix(1);
    }
  }
  if (!pattern.empty()) pattern.remove_prefix(1);
  return matched != inverted;
}

// One element of the pattern, not a star, against one character.
bool matches_one(std::string_view& pattern, char c) {
  char p = pattern[0];
  pattern.remove_prefix(1);
  if (p == '?') return true;
  if (p == '[') return matches_class(pattern, c);
  if (p == '\\' && !pattern.empty()) {
    p = pattern[0];
    pattern.remove_prefix(1);
  }
  return p == c;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
  // An empty text matches no pattern of two stars; Redis has it so.
  if (text.empty()) return pattern.empty() || pattern == "*";
  // Only the last star needs to be remembered: if what follows it cannot be placed anywhere, no
  // longer match of an earlier star helps.
  bool starred = false;
  std::string_view after_star, star_text;
  while (!text.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      starred = true;
      after_star = pattern;
      star_text = text;
      continue;
    }
    if (!pattern.empty() && matches_one(pattern, text[0])) {
      text.remove_prefix(1);
      continue;
    }
    if (!starred) return false;
    star_text.remove_prefix(1);
    text = star_text;
    pattern = after_star;
  }
  while (pattern.starts_with('*')) pattern.remove_prefix(1);
  return pattern.empty();
}

}  // namespace skep::ring
