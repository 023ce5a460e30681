// The decisions themselves, one function a command, for the table in commands.cpp. Each may rely on
// its arity having been checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "roles/ring/commands.hpp"

namespace skep::ring {

// Reads and plain writes (decide_string.cpp).
Decision decide_get(const Call&);
Decision decide_set(const Call&);
Decision decide_setnx(const Call&);
Decision decide_setex(const Call&);
Decision decide_psetex(const Call&);
Decision decide_getset(const Call&);
Decision decide_getdel(const Call&);
Decision decide_getex(const Call&);
Decision decide_append(const Call&);
Decision decide_strlen(const Call&);
Decision decide_getrange(const Call&);
Decision decide_setrange(const Call&);

// Numbers (decide_number.cpp).
Decision decide_incr(const Call&);
Decision decide_decr(const Call&);
Decision decide_incrby(const Call&);
Decision decide_decrby(const Call&);
Decision decide_incrbyfloat(const Call&);

// Keys as such, and their expiry (decide_key.cpp).
Decision decide_del(const Call&);
Decision decide_delifeq(const Call&);
Decision decide_exists(const Call&);
Decision decide_type(const Call&);
Decision decide_memory_usage(const Call&);
Decision decide_expire(const Call&);
Decision decide_pexpire(const Call&);
Decision decide_expireat(const Call&);
Decision decide_pexpireat(const Call&);
Decision decide_ttl(const Call&);
Decision decide_pttl(const Call&);
Decision decide_expiretime(const Call&);
Decision decide_pexpiretime(const Call&);
Decision decide_persist(const Call&);

// Several keys of one slot together (decide_together.cpp).
JointDecision decide_msetnx(const JointCall&);
JointDecision decide_rename(const JointCall&);
JointDecision decide_renamenx(const JointCall&);
JointDecision decide_copy(const JointCall&);

inline constexpr std::string_view kTooLong =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

// A decision without effect.
inline Decision answer(resp::Value reply) { return {std::move(reply), {}, {}, 0}; }
inline Decision refuse(std::string text) { return answer(resp::Value::error(std::move(text))); }
inline Decision not_an_integer() { return refuse("ERR value is not an integer or out of range"); }
inline Decision syntax_error() { return refuse("ERR syntax error"); }

// Deletes what is there.
inline Decision erase(const Call& call, resp::Value reply) {
  using enum Decision::Effect;
  return {std::move(reply), call.stored ? Decision::Effect::erase : none, {}, 0};
}

// Puts, unless the value would already be expired: that is a delete.
inline Decision put(const Call& call, resp::Value reply, std::string value, WallMs expires) {
  if (expires != 0 && expires <= call.now) return erase(call, std::move(reply));
  return {std::move(reply), Decision::Effect::put, std::move(value), expires};
}

// The same of a word of the request, which is not copied.
inline Decision put_word(const Call& call, resp::Value reply, std::string_view word,
                         WallMs expires) {
  if (expires != 0 && expires <= call.now) return erase(call, std::move(reply));
  return {std::move(reply), Decision::Effect::put, {}, expires, word};
}

inline WallMs expiry_of(const Call& call) { return call.stored ? call.stored->expires : 0; }

// GET's reply.
inline resp::Value current(const Call& call) {
  return call.stored ? resp::Value::bulk(std::string(call.stored->value)) : resp::Value::null();
}

// The error of a value that would grow beyond the bound; none if it would not.
inline std::optional<Decision> check_size(const Call& call, std::uint64_t size) {
  if (size <= call.max_value) return std::nullopt;
  return refuse(std::string(kTooLong));
}

Decision invalid_expire(const Call& call);

// An expiry as the commands take it: relative or absolute, in seconds or milliseconds.
struct When {
  bool relative = true;
  bool seconds = true;
  std::string_view text;
};
// For SET, GETEX and their kin, where it must be positive. Returns the wall time in milliseconds.
std::optional<WallMs> positive_expiry(const When& when, WallMs now, Decision& error,
                                      const Call& call);

}  // namespace skep::ring
