// Keys as such: deletion, existence, expiry.
#include <limits>

#include "net/resp_text.hpp"
#include "roles/ring/decisions.hpp"

namespace skep::ring {
namespace {

using resp::is_word;
using resp::to_integer;
using resp::Value;

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
constexpr auto kMin = std::numeric_limits<std::int64_t>::min();

struct ExpireOptions {
  bool nx = false, xx = false, gt = false, lt = false;
};

// Returns an error text, or empty.
std::string expire_options(Args words, ExpireOptions& options) {
  for (std::string_view word : words) {
    if (is_word(word, "NX")) {
      options.nx = true;
    } else if (is_word(word, "XX")) {
      options.xx = true;
    } else if (is_word(word, "GT")) {
      options.gt = true;
    } else if (is_word(word, "LT")) {
      options.lt = true;
    } else {
      return "ERR Unsupported option " + std::string(word.substr(0, word.find('\0')));
    }
  }
  if (options.nx && (options.xx || options.gt || options.lt))
    return "ERR NX and XX, GT or LT options at the same time are not compatible";
  if (options.gt && options.lt) return "ERR GT and LT options at the same time are not compatible";
  return {};
}

// A key that never expires counts as expiring infinitely late.
bool may_expire(const ExpireOptions& options, WallMs current, WallMs at) {
  if (options.nx && current != 0) return false;
  if (options.xx && current == 0) return false;
  if (options.gt && (current == 0 || at <= current)) return false;
  return !options.lt || current == 0 || at < current;
}

Decision expire(const Call& call, bool relative, bool seconds) {
  ExpireOptions options;
  std::string error = expire_options(call.args.subspan(3), options);
  if (!error.empty()) return refuse(std::move(error));
  auto at = to_integer(call.args[2]);
  if (!at) return not_an_integer();
  if (seconds) {
    if (*at > kMax / 1000 || *at < kMin / 1000) return invalid_expire(call);
    *at *= 1000;
  }
  const WallMs base = relative ? call.now : 0;
  if (*at > kMax - base) return invalid_expire(call);
  *at += base;
  if (!call.stored || !may_expire(options, call.stored->expires, *at))
    return answer(Value::integer(0));
  // 0 means never to us, and a time that has passed to the client.
  if (*at <= call.now) return erase(call, Value::integer(1));
  return put(call, Value::integer(1), std::string(call.stored->value), *at);
}

// TTL's and EXPIRETIME's special answers: -2 no such key, -1 it never expires.
std::optional<Decision> no_expiry(const Call& call) {
  if (!call.stored) return answer(Value::integer(-2));
  if (call.stored->expires == 0) return answer(Value::integer(-1));
  return std::nullopt;
}

std::int64_t remaining(const Call& call) {
  return std::max<std::int64_t>(call.stored->expires - call.now, 0);
}

std::int64_t rounded_seconds(std::int64_t ms) { return ms / 1000 + (ms % 1000 >= 500 ? 1 : 0); }

}  // namespace

Decision invalid_expire(const Call& call) {
  std::string name;
  for (char c : call.args[0]) name += resp::lower(c);
  return refuse("ERR invalid expire time in '" + name + "' command");
}

std::optional<WallMs> positive_expiry(const When& when, WallMs now, Decision& error,
                                      const Call& call) {
  auto number = to_integer(when.text);
  if (!number) {
    error = not_an_integer();
    return std::nullopt;
  }
  error = invalid_expire(call);
  if (*number <= 0 || (when.seconds && *number > kMax / 1000)) return std::nullopt;
  std::int64_t at = when.seconds ? *number * 1000 : *number;
  if (!when.relative) return at;
  if (at > kMax - now) return std::nullopt;
  return at + now;
}

Decision decide_del(const Call& call) { return erase(call, Value::integer(call.stored ? 1 : 0)); }

Decision decide_delifeq(const Call& call) {
  if (!call.stored || call.stored->value != call.args[2]) return answer(Value::integer(0));
  return erase(call, Value::integer(1));
}

Decision decide_exists(const Call& call) { return answer(Value::integer(call.stored ? 1 : 0)); }

Decision decide_type(const Call& call) {
  return answer(Value::status(call.stored ? "string" : "none"));
}

// An estimate: what an entry takes beside its bytes.
Decision decide_memory_usage(const Call& call) {
  constexpr std::size_t kBeside = 40;
  const bool fits =
      call.args.size() == 3 || (call.args.size() == 5 && is_word(call.args[3], "SAMPLES") &&
                                to_integer(call.args[4]).value_or(-1) >= 0);
  if (!fits) return syntax_error();
  if (!call.stored) return answer(Value::null());
  return answer(Value::integer(
      static_cast<std::int64_t>(call.args[2].size() + call.stored->value.size() + kBeside)));
}

Decision decide_expire(const Call& call) { return expire(call, true, true); }
Decision decide_pexpire(const Call& call) { return expire(call, true, false); }
Decision decide_expireat(const Call& call) { return expire(call, false, true); }
Decision decide_pexpireat(const Call& call) { return expire(call, false, false); }

Decision decide_ttl(const Call& call) {
  if (auto none = no_expiry(call)) return *none;
  return answer(Value::integer(rounded_seconds(remaining(call))));
}

Decision decide_pttl(const Call& call) {
  if (auto none = no_expiry(call)) return *none;
  return answer(Value::integer(remaining(call)));
}

Decision decide_expiretime(const Call& call) {
  if (auto none = no_expiry(call)) return *none;
  return answer(Value::integer(rounded_seconds(call.stored->expires)));
}

Decision decide_pexpiretime(const Call& call) {
  if (auto none = no_expiry(call)) return *none;
  return answer(Value::integer(call.stored->expires));
}

Decision decide_persist(const Call& call) {
  if (expiry_of(call) == 0) return answer(Value::integer(0));
  return put(call, Value::integer(1), std::string(call.stored->value), 0);
}

}  // namespace skep::ring
