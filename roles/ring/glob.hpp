// Patterns as KEYS, SCAN MATCH and CONFIG GET take them: * ? [a-z] [^x] and \ before a character
// that means itself.
#pragma once

#include <string_view>

namespace skep::ring {

// Whether all of `text` matches. Takes time in the order of both sizes multiplied, at most.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace skep::ring
