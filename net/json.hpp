// The bodies of requests.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "net/base/error.hpp"

namespace skep {

// One JSON object, and nothing behind it; no member of it, or of what is in it, is there twice
// (which RFC 8259, 4, leaves open). Code::invalid: what is wrong with the body.
Result<nlohmann::json> parse_json_object(std::string_view body);

}  // namespace skep
