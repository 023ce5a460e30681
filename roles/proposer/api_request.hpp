// What an HTTP request asks of the registers: targets, conditions and bodies, parsed. All of it is
// pure; an error is for the client: Code::invalid, or Code::full for what is too long.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"
#include "roles/proposer/registers.hpp"

namespace skep::proposer {

// "%2F" is "/". In a query '+' is a space.
Result<std::string> percent_decode(std::string_view text, bool query);

struct Parameter {
  std::string_view name;
  std::string value;
};
// Of "a=1&b=2". No name but those in `accepted`, and none twice.
Result<std::vector<Parameter>> parse_query(std::string_view query,
                                           std::span<const std::string_view> accepted);

// "2s", "500ms": 1 ms to 10 min.
Result<Duration> parse_timeout(std::string_view text);
// An integer between the two.
Result<std::uint64_t> parse_number(std::string_view what, std::string_view text,
                                   std::uint64_t least, std::uint64_t most);

// 1 to `most` bytes, of which the first is not zero.
Result<> check_key(std::string_view key, std::uint64_t most);

std::string etag(std::uint64_t version);
// `"7"`, as in If-Match.
Result<std::uint64_t> parse_etag(std::string_view text);
// Whether the list of a conditional GET (`"6", W/"7"`, or `*`) has that version.
bool lists_version(std::string_view etags, std::uint64_t version);

// The change's condition, of If-Match and If-None-Match.
Result<> set_condition(const http::Request& request, Change& change);
// The id and base of `change`, of which the rest is there, by Idempotency-Key and
// Idempotency-Version. The key names this change only: with another one it is another id.
Result<> set_identity(const http::Request& request, Request& change);

// Bodies. {"change": "add", "args": {"by": 1}}; `max_value` bounds each value.
Result<Change> parse_change(std::string_view body, std::uint64_t max_value);
// {"prepare": {"nodes": ["node1"], "quorum": 1}, "accept": …, "proposers": […], "goal": […]}
Result<Registers::Step> parse_step(std::string_view body);
// {"limit": 1000}
Result<std::uint32_t> parse_rescan(std::string_view body);
// Nothing, or {}.
Result<> parse_nothing(std::string_view body);

}  // namespace skep::proposer
