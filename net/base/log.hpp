// The log: one line an event, with time, level, part and node. Values, keys of clients and secrets
// never appear. Roles get a Log through their environment, so that the simulator can show the same
// lines in virtual time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "net/base/error.hpp"

namespace skep {

enum class Level : std::uint8_t { debug, info, warn, error };

class Log {
 public:
  virtual ~Log() = default;
  // `part` is the component ("ring", "members", "store"); `text` one line without a newline.
  virtual void write(Level level, std::string_view part, std::string_view text) = 0;
};

// What is logged: a level for everything, and others for single parts.
class LogLevels {
 public:
  // "info", or "info,ring=debug,store=warn": a level for everything first, then parts, each once.
  static Result<LogLevels> parse(std::string_view text);

  bool enabled(Level level, std::string_view part) const {
    auto found = parts_.find(part);
    return level >= (found == parts_.end() ? all_ : found->second);
  }

 private:
  Level all_ = Level::info;
  std::map<std::string, Level, std::less<>> parts_;
};

}  // namespace skep
