// Replies and times as the shell shows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/base/time.hpp"
#include "net/resp.hpp"

namespace skep::ring {

// For a person: texts as they are, a line for each item of a list and each pair of a map.
std::string show_plain(const resp::Value& value);
// One JSON value. Bytes that are not UTF-8 are replaced.
std::string show_json(const resp::Value& value);

// "2026-11-20T12:00:00Z" of milliseconds since 1970, fractions only when there are some.
std::string show_time(WallMs time);
// Seconds since 1970, from "1763640000" or "2026-11-20T12:00:00Z" (UTC).
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace skep::ring
