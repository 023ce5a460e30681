#include "net/resp_parser.hpp"

#include <algorithm>

#include "net/resp_text.hpp"

namespace skep::resp {
namespace {

constexpr std::size_t kKeptCapacity = std::size_t{1} << 20;
constexpr std::size_t kBehind = std::size_t{64} << 10;  // that may come with its last piece
constexpr std::size_t kFewDigits = 9;
constexpr std::int64_t kStrictArgs = 10;
constexpr std::int64_t kStrictBulk = 16384;

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
    // However it came: in one piece, or still to be finished.
    if ((step == Step::more ? buffered() : pos_ - begin_) > limits_.max_request) {
      broken("too big request");
      return Next::broken;
    }
    if (step == Step::more) return Next::more;
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

void RequestParser::shrink() {
  if (begin_ != buffer_.size()) return;
  pos_ -= begin_;
  begin_ = 0;
  std::string().swap(buffer_);
  std::vector<Range>().swap(ranges_);
  std::vector<std::string_view>().swap(args_);
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
  if (!unquote_words(buffer_.data() + begin_, size, ranges_))
    return broken("unbalanced quotes in request");
  if (!ranges_.empty()) return Step::done;
  drop();
  return Step::again;
}

RequestParser::Header RequestParser::header() const {
  // Almost every one is a few digits.
  const std::size_t begin = pos_ + 1;
  const std::size_t end = std::min(begin + kFewDigits, buffer_.size());
  std::size_t at = begin;
  std::int64_t number = 0;
  for (; at < end && buffer_[at] >= '0' && buffer_[at] <= '9'; ++at)
    number = number * 10 + (buffer_[at] - '0');
  const bool canonical = at == begin + 1 || (at > begin && buffer_[begin] != '0');
  if (canonical && at + 1 < buffer_.size() && buffer_[at] == '\r')
    return {true, at - begin, number};
  const std::size_t cr = buffer_.find('\r', pos_);
  if (cr == std::string::npos || cr + 1 >= buffer_.size()) return {};
  const std::size_t size = cr > pos_ ? cr - begin : 0;
  return {true, size, to_integer(std::string_view(buffer_).substr(begin, size))};
}

RequestParser::Step RequestParser::array_header() {
  pos_ = begin_;
  Header head = header();
  if (!head.found)
    return buffered() > limits_.max_inline ? broken("too big mbulk count string") : Step::more;
  const auto count = head.number;
  if (!count || *count > static_cast<std::int64_t>(limits_.max_args))
    return broken("invalid multibulk length");
  if (strict_ && *count > kStrictArgs) return broken("unauthenticated multibulk length");
  pos_ += 1 + head.size + 2;
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
    const auto size = head.number;
    if (!size || *size < 0 || *size > static_cast<std::int64_t>(limits_.max_bulk))
      return broken("invalid bulk length");
    if (strict_ && *size > kStrictBulk) return broken("unauthenticated bulk length");
    pos_ += 1 + head.size + 2;
    bulk_ = *size;
  }
  auto size = static_cast<std::size_t>(bulk_);
  if (const std::size_t there = buffer_.size() - pos_; there < size + 2) {
    // A large one that is coming is not to be copied again and again. One that is only announced
    // gets no memory for that.
    if (size > kKeptCapacity && there > size / 4) buffer_.reserve(pos_ + size + kBehind);
    return Step::more;
  }
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
