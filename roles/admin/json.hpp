// What a node knows, as JSON. Identities are strings of 16 hexadecimal digits: a JSON number does
// not hold 64 bits everywhere.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "net/base/error.hpp"
#include "net/membership.hpp"
#include "net/resp.hpp"

namespace skep::admin {

std::string hex(std::uint64_t id);

// `in_state`: for how long the member has been in its state, to the reading node.
nlohmann::ordered_json to_json(const Member& member, Duration in_state);
nlohmann::ordered_json to_json(const resp::Value& value);
// A problem document, of a response with that status.
nlohmann::ordered_json to_problem(const Error& error, unsigned status);

// Bytes that are no UTF-8 are shown as U+FFFD.
std::string show(const nlohmann::ordered_json& json);

}  // namespace skep::admin
