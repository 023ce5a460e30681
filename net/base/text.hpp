// Bytes where text is wanted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skep {

// Well-formed UTF-8, without overlong forms and surrogates.
bool is_utf8(std::string_view bytes);

// RFC 4648, with padding. None: not base64.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// The beginning of what somebody said, as one line of printable ASCII: other bytes become a space
// or '?', and "..." stands for what is behind 200 of them.
std::string excerpt(std::string_view bytes);

}  // namespace skep
