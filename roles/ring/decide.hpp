// What a command does to one key, as a pure function: the owner of the key calls it, and what it
// decides is what is replicated.
#pragma once

#include <optional>
#include <string>
#include <string_view>

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
};

// Requires a command of one key, of the right arity (see the table in commands.hpp); anything else,
// as it may come from another node, gets Redis's error as the reply and no effect. `stored` is
// empty when the key is absent, deleted or expired. No value grows beyond `max_value` bytes.
Decision decide(Args args, const std::optional<Stored>& stored, WallMs now,
                std::size_t max_value = kMaxValue);

}  // namespace skep::ring
