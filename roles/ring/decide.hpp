// What a command does to its key, or to several keys of one slot, as pure functions: the owner of
// the keys calls them, and what they decide is what is replicated.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/time.hpp"
#include "net/resp.hpp"
#include "roles/ring/keyspace.hpp"

namespace skep::ring {

// Redis's bound on a value.
inline constexpr std::size_t kMaxValue = std::size_t{512} << 20;

// A key's value while it is live.
struct Stored {
  std::string_view value;
  WallMs expires = 0;  // 0: never
};

struct Decision {
  enum class Effect : std::uint8_t { none, put, erase };
  resp::Value reply;  // scalar: never an array or a map
  Effect effect = Effect::none;
  std::string value;   // put
  WallMs expires = 0;  // put
  // put: the request's word that becomes the value, instead of `value`; lives as long as that.
  std::string_view word{};

  std::string_view put() const { return word.empty() ? std::string_view(value) : word; }
};

// Requires a command of one key, of the right arity (see the table in commands.hpp); anything else,
// as it may come from another node, gets Redis's error as the reply and no effect. `stored` is
// empty when the key is absent, deleted or expired. No value grows beyond `max_value` bytes.
Decision decide(Args args, const std::optional<Stored>& stored, WallMs now,
                std::size_t max_value = kMaxValue);

// Bytes that the reply may take of the key's value, which has so many, to the words of such a
// command; 0: the reply is something else.
std::size_t replied(Args args, std::size_t value);

// What is decided on several keys of one slot: all of it happens, or nothing.
struct JointDecision {
  struct Change {
    std::size_t key = 0;  // its place among the command's words
    Decision::Effect effect = Decision::Effect::none;
    std::string value;
    WallMs expires = 0;
  };
  resp::Value reply;            // scalar
  std::vector<Change> changes;  // in this order; a key may come twice
};

// The places of the keys among the words of a command that is decided on all its keys together
// (MSETNX, RENAME, RENAMENX, COPY), or an error reply for any other words. They need not be of one
// slot.
struct JointKeys {
  std::vector<std::size_t> keys;
  std::string error;
};
JointKeys joint_keys(Args args);

// Requires what joint_keys() finds no error with; `stored` has one element a key, in that order.
JointDecision decide_together(Args args, std::span<const std::optional<Stored>> stored, WallMs now,
                              std::size_t max_value = kMaxValue);

}  // namespace skep::ring
