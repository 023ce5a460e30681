// What the registers have, as JSON. Bytes are a string where they are UTF-8, and {"base64": "…"}
// where not. Identities are strings of 16 hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

#include "roles/proposer/registers.hpp"

namespace skep::proposer {

void append_bytes(std::string& out, std::string_view bytes);

// {"version": 8, "value": "5", "present": true} of a change that was done.
std::string show(const Outcome& outcome);
std::string show(const Listing& listing);
std::string show(const Status& status);
std::string show(const Rescanned& rescanned);

}  // namespace skep::proposer
