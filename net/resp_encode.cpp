#include "net/resp_encode.hpp"

#include <charconv>
#include <cmath>

namespace skep::resp {
namespace {

void put_header(std::string& out, char type, std::int64_t number) {
  char text[24];
  text[0] = type;
  char* end = std::to_chars(text + 1, text + 22, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(text, end);
}

void put_line(std::string& out, char type, std::string_view text) {
  out += type;
  for (char c : text) out += c == '\r' || c == '\n' ? ' ' : c;
  out += "\r\n";
}

void put_bulk(std::string& out, std::string_view text) {
  put_header(out, '$', static_cast<std::int64_t>(text.size()));
  out += text;
  out += "\r\n";
}

std::string show_real(double real) {
  if (std::isnan(real)) return "nan";
  if (std::isinf(real)) return real > 0 ? "inf" : "-inf";
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, real).ptr);
}

void put_items(std::string& out, char type, std::size_t count, const Value& value,
               Version version) {
  put_header(out, type, static_cast<std::int64_t>(count));
  for (const Value& item : value.items) encode(out, item, version);
}

void put_verbatim(std::string& out, std::string_view text) {
  put_header(out, '=', static_cast<std::int64_t>(text.size() + 4));
  out += "txt:";
  out += text;
  out += "\r\n";
}

}  // namespace

void encode(std::string& out, const Value& value, Version version) {
  const bool three = version == Version::resp3;
  const std::size_t count = value.items.size();
  switch (value.kind) {
    case Value::Kind::status: return put_line(out, '+', value.text);
    case Value::Kind::error: return put_line(out, '-', value.text);
    case Value::Kind::integer: return put_header(out, ':', value.number);
    case Value::Kind::bulk: return put_bulk(out, value.text);
    case Value::Kind::null: out += three ? "_\r\n" : "$-1\r\n"; return;
    case Value::Kind::array: return put_items(out, '*', count, value, version);
    case Value::Kind::map:
      return put_items(out, three ? '%' : '*', three ? count / 2 : count, value, version);
    case Value::Kind::set: return put_items(out, three ? '~' : '*', count, value, version);
    case Value::Kind::push: return put_items(out, three ? '>' : '*', count, value, version);
    case Value::Kind::boolean:
      if (!three) return put_header(out, ':', value.number);
      out += value.number != 0 ? "#t\r\n" : "#f\r\n";
      return;
    case Value::Kind::real:
      if (three) return put_line(out, ',', show_real(value.real));
      return put_bulk(out, show_real(value.real));
    case Value::Kind::verbatim:
      return three ? put_verbatim(out, value.text) : put_bulk(out, value.text);
  }
}

void encode_request(std::string& out, std::span<const std::string_view> args) {
  put_header(out, '*', static_cast<std::int64_t>(args.size()));
  for (std::string_view arg : args) put_bulk(out, arg);
}

}  // namespace skep::resp
