// Strings as Redis 7.0 has them, with Valkey's SET … IFEQ.
#include "net/resp_text.hpp"
#include "roles/ring/decisions.hpp"

namespace skep::ring {
namespace {

using resp::is_word;
using resp::to_integer;
using resp::Value;

struct SetOptions {
  bool nx = false, xx = false, get = false, keep_ttl = false, persist = false;
  std::optional<std::string_view> if_equal;
  std::optional<When> when;
};

std::optional<When> expiry_word(std::string_view word) {
  if (is_word(word, "EX")) return When{true, true, {}};
  if (is_word(word, "PX")) return When{true, false, {}};
  if (is_word(word, "EXAT")) return When{false, true, {}};
  if (is_word(word, "PXAT")) return When{false, false, {}};
  return std::nullopt;
}

bool same_unit(const When& a, const When& b) {
  return a.relative == b.relative && a.seconds == b.seconds;
}

// Takes an expiry option with its number at words[i]; false: it is not one, or one too many.
bool take_expiry(Args words, std::size_t& i, SetOptions& options) {
  auto when = expiry_word(words[i]);
  if (!when || i + 1 >= words.size() || options.keep_ttl || options.persist) return false;
  if (options.when && !same_unit(*options.when, *when)) return false;
  when->text = words[++i];
  options.when = when;
  return true;
}

std::optional<SetOptions> set_options(Args words) {
  SetOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (is_word(word, "NX") && !options.xx && !options.if_equal) {
      options.nx = true;
    } else if (is_word(word, "XX") && !options.nx && !options.if_equal) {
      options.xx = true;
    } else if (is_word(word, "IFEQ") && i + 1 < words.size() && !options.nx && !options.xx &&
               !options.if_equal) {
      options.if_equal = words[++i];
    } else if (is_word(word, "GET")) {
      options.get = true;
    } else if (is_word(word, "KEEPTTL") && !options.when) {
      options.keep_ttl = true;
    } else if (!take_expiry(words, i, options)) {
      return std::nullopt;
    }
  }
  return options;
}

std::optional<SetOptions> getex_options(Args words) {
  SetOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is_word(words[i], "PERSIST") && !options.when) {
      options.persist = true;
    } else if (!take_expiry(words, i, options)) {
      return std::nullopt;
    }
  }
  return options;
}

bool may_set(const SetOptions& options, const std::optional<Stored>& stored) {
  if (options.nx) return !stored;
  if (options.xx) return stored.has_value();
  if (options.if_equal) return stored && stored->value == *options.if_equal;
  return true;
}

// SETEX and PSETEX.
Decision set_for(const Call& call, bool seconds) {
  Decision error;
  auto expires = positive_expiry({true, seconds, call.args[2]}, call.now, error, call);
  if (!expires) return error;
  if (auto too_large = check_size(call, call.args[3].size())) return *too_large;
  return put_word(call, Value::status("OK"), call.args[3], *expires);
}

}  // namespace

Decision decide_get(const Call& call) { return answer(current(call)); }

Decision decide_set(const Call& call) {
  auto options = set_options(call.args.subspan(3));
  if (!options) return syntax_error();
  WallMs expires = options->keep_ttl ? expiry_of(call) : 0;
  if (options->when) {
    Decision error;
    auto at = positive_expiry(*options->when, call.now, error, call);
    if (!at) return error;
    expires = *at;
  }
  if (!may_set(*options, call.stored)) return answer(options->get ? current(call) : Value::null());
  if (auto too_large = check_size(call, call.args[2].size())) return *too_large;
  return put_word(call, options->get ? current(call) : Value::status("OK"), call.args[2], expires);
}

Decision decide_setnx(const Call& call) {
  if (call.stored) return answer(Value::integer(0));
  if (auto too_large = check_size(call, call.args[2].size())) return *too_large;
  return put_word(call, Value::integer(1), call.args[2], 0);
}

Decision decide_setex(const Call& call) { return set_for(call, true); }
Decision decide_psetex(const Call& call) { return set_for(call, false); }

Decision decide_getset(const Call& call) {
  if (auto too_large = check_size(call, call.args[2].size())) return *too_large;
  return put_word(call, current(call), call.args[2], 0);
}

Decision decide_getdel(const Call& call) { return erase(call, current(call)); }

Decision decide_getex(const Call& call) {
  auto options = getex_options(call.args.subspan(2));
  if (!options) return syntax_error();
  if (!call.stored) return answer(Value::null());
  if (options->when) {
    Decision error;
    auto at = positive_expiry(*options->when, call.now, error, call);
    if (!at) return error;
    return put(call, current(call), std::string(call.stored->value), *at);
  }
  if (!options->persist || call.stored->expires == 0) return answer(current(call));
  return put(call, current(call), std::string(call.stored->value), 0);
}

Decision decide_append(const Call& call) {
  std::string value(call.stored ? call.stored->value : std::string_view());
  if (auto too_large = check_size(call, value.size() + call.args[2].size())) return *too_large;
  value += call.args[2];
  auto size = static_cast<std::int64_t>(value.size());
  return put(call, Value::integer(size), std::move(value), expiry_of(call));
}

Decision decide_strlen(const Call& call) {
  std::size_t size = call.stored ? call.stored->value.size() : 0;
  return answer(Value::integer(static_cast<std::int64_t>(size)));
}

Decision decide_getrange(const Call& call) {
  auto start = to_integer(call.args[2]);
  auto end = to_integer(call.args[3]);
  if (!start || !end) return not_an_integer();
  std::string_view value = call.stored ? call.stored->value : std::string_view();
  auto size = static_cast<std::int64_t>(value.size());
  if (size == 0 || (*start < 0 && *end < 0 && *start > *end)) return answer(Value::bulk(""));
  if (*start < 0) start = std::max<std::int64_t>(size + *start, 0);
  if (*end < 0) end = std::max<std::int64_t>(size + *end, 0);
  if (*end >= size) end = size - 1;
  if (*start > *end) return answer(Value::bulk(""));
  return answer(Value::bulk(std::string(value.substr(
      static_cast<std::size_t>(*start), static_cast<std::size_t>(*end - *start + 1)))));
}

Decision decide_setrange(const Call& call) {
  auto offset = to_integer(call.args[2]);
  if (!offset) return not_an_integer();
  if (*offset < 0) return refuse("ERR offset is out of range");
  std::string_view patch = call.args[3];
  std::string_view old = call.stored ? call.stored->value : std::string_view();
  if (patch.empty()) return answer(Value::integer(static_cast<std::int64_t>(old.size())));
  // Both fit in 63 bits, so their sum does in 64.
  std::uint64_t end = static_cast<std::uint64_t>(*offset) + patch.size();
  if (auto too_large = check_size(call, end)) return *too_large;
  std::string value(old);
  if (value.size() < end) value.resize(end, '\0');
  value.replace(static_cast<std::size_t>(*offset), patch.size(), patch);
  auto size = static_cast<std::int64_t>(value.size());
  return put(call, Value::integer(size), std::move(value), expiry_of(call));
}

}  // namespace skep::ring
