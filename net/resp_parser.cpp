#include "net/resp_parser.hpp"

#include "net/resp_text.hpp"

namespace skep::resp {
namespace {

constexpr std::size_t kKeptCapacity = std::size_t{1} << 20;
constexpr std::int64_t kStrictArgs = 10;
constexpr std::int64_t kStrictBulk = 16384;

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

// Reads one word of a line from `in` and writes it, unquoted, over the line itself: a word never
// grows by losing its quotes.
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
  char* in() const { return in_; }
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

void RequestParser::feed(std::string_view bytes) {
  if (begin_ == buffer_.size()) {
    if (buffer_.capacity() > kKeptCapacity) std::string().swap(buffer_);
    buffer_.clear();
    pos_ -= begin_;
    begin_ = 0;
  } else if (begin_ > buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    pos_ -= begin_;
    begin_ = 0;
  }
  buffer_.append(bytes);
  args_.clear();
}

RequestParser::Next RequestParser::next() {
  if (!error_.empty()) return Next::broken;
  if (complete_) drop();
  for (;;) {
    Step step = left_ > 0 ? argument() : start();
    if (step == Step::again) continue;
    if (step == Step::broken) return Next::broken;
    if (step == Step::more) {
      if (buffered() <= limits_.max_request) return Next::more;
      broken("too big request");
      return Next::broken;
    }
    complete_ = true;
    return Next::request;
  }
}

std::span<const std::string_view> RequestParser::args() {
  if (args_.empty()) {
    args_.reserve(ranges_.size());
    for (const Range& range : ranges_)
      args_.emplace_back(buffer_.data() + begin_ + range.offset, range.size);
  }
  return args_;
}

void RequestParser::drop() {
  complete_ = false;
  begin_ = pos_;
  left_ = 0;
  bulk_ = -1;
  ranges_.clear();
  args_.clear();
}

RequestParser::Step RequestParser::start() {
  if (begin_ == buffer_.size()) return Step::more;
  return buffer_[begin_] == '*' ? array_header() : inline_request();
}

RequestParser::Step RequestParser::inline_request() {
  std::size_t newline = buffer_.find('\n', begin_);
  if (newline == std::string::npos)
    return buffered() > limits_.max_inline ? broken("too big inline request") : Step::more;
  std::size_t size = newline - begin_;
  if (size > limits_.max_inline) return broken("too big inline request");
  pos_ = newline + 1;
  if (size > 0 && buffer_[newline - 1] == '\r') --size;
  if (!split_line(size)) return broken("unbalanced quotes in request");
  if (!ranges_.empty()) return Step::done;
  drop();
  return Step::again;
}

bool RequestParser::split_line(std::size_t size) {
  char* line = buffer_.data() + begin_;
  // A zero byte ends the line, as it does for Redis.
  size = std::min(size, std::string_view(line, size).find('\0'));
  Unquoter unquoter(line, line + size);
  while (unquoter.skip_space()) {
    char* word = unquoter.out();
    if (!unquoter.word()) return false;
    ranges_.push_back(
        {static_cast<std::size_t>(word - line), static_cast<std::size_t>(unquoter.out() - word)});
  }
  return true;
}

RequestParser::Header RequestParser::header() const {
  std::size_t cr = buffer_.find('\r', pos_);
  if (cr == std::string::npos || cr + 1 >= buffer_.size()) return {};
  return {true, std::string_view(buffer_).substr(pos_ + 1, cr > pos_ ? cr - pos_ - 1 : 0)};
}

RequestParser::Step RequestParser::array_header() {
  pos_ = begin_;
  Header head = header();
  if (!head.found)
    return buffered() > limits_.max_inline ? broken("too big mbulk count string") : Step::more;
  auto count = to_integer(head.text);
  if (!count || *count > static_cast<std::int64_t>(limits_.max_args))
    return broken("invalid multibulk length");
  if (strict_ && *count > kStrictArgs) return broken("unauthenticated multibulk length");
  pos_ += 1 + head.text.size() + 2;
  if (*count <= 0) {
    drop();
    return Step::again;
  }
  left_ = *count;
  return Step::again;
}

RequestParser::Step RequestParser::argument() {
  if (bulk_ < 0) {
    Header head = header();
    if (!head.found)
      return buffer_.size() - pos_ > limits_.max_inline ? broken("too big bulk count string")
                                                        : Step::more;
    if (buffer_[pos_] != '$')
      return broken(std::string("expected '$', got '") + buffer_[pos_] + "'");
    auto size = to_integer(head.text);
    if (!size || *size < 0 || *size > static_cast<std::int64_t>(limits_.max_bulk))
      return broken("invalid bulk length");
    if (strict_ && *size > kStrictBulk) return broken("unauthenticated bulk length");
    pos_ += 1 + head.text.size() + 2;
    bulk_ = *size;
  }
  auto size = static_cast<std::size_t>(bulk_);
  if (buffer_.size() - pos_ < size + 2) return Step::more;
  ranges_.push_back({pos_ - begin_, size});
  pos_ += size + 2;
  bulk_ = -1;
  return --left_ == 0 ? Step::done : Step::again;
}

RequestParser::Step RequestParser::broken(std::string text) {
  // A zero byte ends the message, as it does for Redis.
  error_ = "Protocol error: " + text.substr(0, text.find('\0'));
  return Step::broken;
}

}  // namespace skep::resp
