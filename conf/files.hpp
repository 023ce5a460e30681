// The files that a configuration is made of.
#pragma once

#include <string>

#include "net/base/error.hpp"

namespace skep::conf {

inline constexpr std::size_t kMaxFile = 1 << 20;  // bytes

// The whole of a regular file of at most kMaxFile bytes. The message says what is wrong with it and
// does not name it.
Result<std::string> read_file(const std::string& path);

// A secret: one line that is not empty, without its line end, in a file that neither others may
// read nor anybody but its owner may write. Code::permission when they may.
Result<std::string> read_secret(const std::string& path);

}  // namespace skep::conf
