// Counters: 64-bit integers, and long doubles with Redis's way of writing them.
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "net/resp_text.hpp"
#include "roles/ring/decisions.hpp"

namespace skep::ring {
namespace {

using resp::to_integer;
using resp::Value;

constexpr auto kMin = std::numeric_limits<std::int64_t>::min();

// The longest text of a long double with 17 digits after its point, and some.
constexpr std::size_t kMaxRealText = 5 * 1024;

Decision add(const Call& call, std::int64_t by) {
  auto number = call.stored ? to_integer(call.stored->value) : 0;
  if (!number) return not_an_integer();
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*number, by, &sum))
    return refuse("ERR increment or decrement would overflow");
  return put(call, Value::integer(sum), std::to_string(sum), expiry_of(call));
}

std::optional<long double> to_real(std::string_view text) {
  if (text.empty() || text.size() >= kMaxRealText) return std::nullopt;
  if (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r')) return std::nullopt;
  std::string copy(text);
  char* end = nullptr;
  errno = 0;
  long double real = std::strtold(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size() || std::isnan(real)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(real) || real == 0)) return std::nullopt;
  return real;
}

// 17 digits after the point, without the zeros at their end.
std::string show_real(long double real) {
  char text[kMaxRealText];
  int size = std::snprintf(text, sizeof text, "%.17Lf", real);
  std::string_view shown(text, static_cast<std::size_t>(std::max(size, 0)));
  while (shown.ends_with('0')) shown.remove_suffix(1);
  if (shown.ends_with('.')) shown.remove_suffix(1);
  return std::string(shown == "-0" ? "0" : shown);
}

}  // namespace

Decision decide_incr(const Call& call) { return add(call, 1); }
Decision decide_decr(const Call& call) { return add(call, -1); }

Decision decide_incrby(const Call& call) {
  auto by = to_integer(call.args[2]);
  return by ? add(call, *by) : not_an_integer();
}

Decision decide_decrby(const Call& call) {
  auto by = to_integer(call.args[2]);
  if (!by) return not_an_integer();
  if (*by == kMin) return refuse("ERR decrement would overflow");
  return add(call, -*by);
}

Decision decide_incrbyfloat(const Call& call) {
  auto number = call.stored ? to_real(call.stored->value) : 0.0L;
  auto by = to_real(call.args[2]);
  if (!number || !by) return refuse("ERR value is not a valid float");
  long double sum = *number + *by;
  if (std::isnan(sum) || std::isinf(sum))
    return refuse("ERR increment would produce NaN or Infinity");
  std::string text = show_real(sum);
  return put(call, Value::bulk(text), text, expiry_of(call));
}

}  // namespace skep::ring
