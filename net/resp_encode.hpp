// Replies as bytes for a client of either protocol version, and requests as bytes for a server.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "net/resp.hpp"

namespace skep::resp {

enum class Version : std::uint8_t { resp2 = 2, resp3 = 3 };

// Appends the reply. What RESP2 cannot say is said in its nearest form: a map as a flat array, a
// boolean as 1 or 0, a double as text. Line breaks in statuses and errors become spaces.
void encode(std::string& out, const Value& value, Version version);

// Appends a request as an array of bulks.
void encode_request(std::string& out, std::span<const std::string_view> args);

}  // namespace skep::resp
