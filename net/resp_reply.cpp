#include "net/resp_reply.hpp"

#include <charconv>

#include "net/resp_text.hpp"

namespace skep::resp {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::int64_t kMaxBulk = std::int64_t{1} << 30;
constexpr std::int64_t kMaxItems = std::int64_t{1} << 30;

using Kind = Value::Kind;

Value scalar(Kind kind, std::string_view text, std::int64_t number, double real) {
  return {kind, std::string(text), number, real, {}};
}

std::optional<double> to_real(std::string_view text) {
  double real = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), real);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return real;
}

std::optional<Kind> aggregate(char type) {
  switch (type) {
    case '*': return Kind::array;
    case '%': return Kind::map;
    case '~': return Kind::set;
    case '>': return Kind::push;
    default: return std::nullopt;
  }
}

std::optional<Value> line_value(char type, std::string_view text) {
  switch (type) {
    case '+': return Value::status(std::string(text));
    case '-': return Value::error(std::string(text));
    case '_': return Value::null();
    case '#':
      if (text != "t" && text != "f") return std::nullopt;
      return Value::boolean(text == "t");
    case ':':
      if (auto number = to_integer(text)) return Value::integer(*number);
      return std::nullopt;
    case ',':
      if (auto real = to_real(text)) return scalar(Kind::real, {}, 0, *real);
      return std::nullopt;
    case '(': return Value::bulk(std::string(text));  // too big for an integer of ours
    default: return std::nullopt;
  }
}

}  // namespace

void ReplyParser::feed(std::string_view bytes) {
  if (pos_ > 0) {
    buffer_.erase(0, pos_);
    pos_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<Value>> ReplyParser::next() {
  for (;;) {
    auto element = this->element();
    if (!element) return tl::unexpected(element.error());
    if (!*element) return std::nullopt;
    Value value = std::move((*element)->value);
    if ((*element)->opens > 0) {
      if (open_.size() == kMaxDepth) return fail(Code::invalid, "a reply is nested too deeply");
      open_.push_back({std::move(value), (*element)->opens});
      continue;
    }
    // A finished value may finish the aggregates around it.
    for (;;) {
      if (open_.empty()) return value;
      Open& around = open_.back();
      around.value.items.push_back(std::move(value));
      if (--around.left > 0) break;
      value = std::move(around.value);
      open_.pop_back();
    }
  }
}

Result<std::optional<ReplyParser::Element>> ReplyParser::element() {
  std::size_t cr = buffer_.find("\r\n", pos_);
  if (cr == std::string::npos) return std::nullopt;
  if (cr == pos_) return fail(Code::invalid, "the server does not speak RESP: an empty line");
  char type = buffer_[pos_];
  std::string_view text = std::string_view(buffer_).substr(pos_ + 1, cr - pos_ - 1);
  if (auto value = line_value(type, text)) {
    pos_ = cr + 2;
    return Element{std::move(*value), 0};
  }
  auto number = to_integer(text);
  auto kind = aggregate(type);
  bool blob_type = type == '$' || type == '=' || type == '!';
  if (std::string_view(buffer_).substr(pos_).starts_with("HTTP/"))
    return fail(Code::invalid,
                "the server speaks HTTP, not RESP: it is an admin's or a proposer's listener");
  if (!number || (!kind && !blob_type))
    return fail(Code::invalid, "the server does not speak RESP");
  if (*number == -1 && (type == '$' || type == '*')) {
    pos_ = cr + 2;
    return Element{};
  }
  if (*number < 0) return fail(Code::invalid, "a reply of negative size");
  if (type == '$') return blob(Kind::bulk, *number, cr + 2);
  if (type == '=') return blob(Kind::verbatim, *number, cr + 2);
  if (type == '!') return blob(Kind::error, *number, cr + 2);
  if (*number > kMaxItems) return fail(Code::full, "a reply of too many items");
  pos_ = cr + 2;
  auto items = static_cast<std::size_t>(*number) * (*kind == Kind::map ? 2 : 1);
  return Element{scalar(*kind, {}, 0, 0), items};
}

Result<std::optional<ReplyParser::Element>> ReplyParser::blob(Kind kind, std::int64_t size,
                                                              std::size_t start) {
  if (size > kMaxBulk) return fail(Code::full, "a reply that is too large");
  auto bytes = static_cast<std::size_t>(size);
  if (buffer_.size() - start < bytes + 2) return std::nullopt;
  std::string_view text = std::string_view(buffer_).substr(start, bytes);
  pos_ = start + bytes + 2;
  if (kind == Kind::verbatim && text.size() >= 4) text.remove_prefix(4);  // "txt:"
  return Element{scalar(kind, text, 0, 0), 0};
}

}  // namespace skep::resp
