#include "net/resp_words.hpp"

#include "net/resp_text.hpp"

namespace skep::resp {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

char escaped(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

// Reads words and writes them, unquoted, over the line itself.
class Unquoter {
 public:
  Unquoter(char* at, const char* end) : in_(at), end_(end), out_(at) {}

  bool skip_space() {
    while (in_ != end_ && is_space(*in_)) ++in_;
    out_ = in_;
    return in_ != end_;
  }
  // False: unbalanced quotes.
  bool word() {
    while (in_ != end_ && !is_space(*in_)) {
      char c = *in_++;
      if (c != '"' && c != '\'') {
        *out_++ = c;
        continue;
      }
      if (!(c == '"' ? double_quoted() : single_quoted())) return false;
      return in_ == end_ || is_space(*in_);
    }
    return true;
  }
  char* out() const { return out_; }

 private:
  bool double_quoted() {
    while (in_ != end_) {
      char c = *in_++;
      if (c == '"') return true;
      if (c == '\\' && in_ != end_) c = escape();
      *out_++ = c;
    }
    return false;
  }
  char escape() {
    if (*in_ == 'x' && end_ - in_ >= 3 && hex_digit(in_[1]) >= 0 && hex_digit(in_[2]) >= 0) {
      char c = static_cast<char>(hex_digit(in_[1]) * 16 + hex_digit(in_[2]));
      in_ += 3;
      return c;
    }
    return escaped(*in_++);
  }
  bool single_quoted() {
    while (in_ != end_) {
      char c = *in_++;
      if (c == '\'') return true;
      if (c == '\\' && in_ != end_ && *in_ == '\'') c = *in_++;
      *out_++ = c;
    }
    return false;
  }

  char* in_;
  const char* end_;
  char* out_;
};

}  // namespace

bool unquote_words(char* line, std::size_t size, std::vector<Range>& words) {
  size = std::min(size, std::string_view(line, size).find('\0'));
  Unquoter unquoter(line, line + size);
  while (unquoter.skip_space()) {
    const char* word = unquoter.out();
    if (!unquoter.word()) return false;
    words.push_back(
        {static_cast<std::size_t>(word - line), static_cast<std::size_t>(unquoter.out() - word)});
  }
  return true;
}

std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::string copy(line);
  std::vector<Range> ranges;
  if (!unquote_words(copy.data(), copy.size(), ranges)) return std::nullopt;
  std::vector<std::string> words;
  for (const Range& range : ranges) words.push_back(copy.substr(range.offset, range.size));
  return words;
}

}  // namespace skep::resp
