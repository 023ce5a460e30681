// The log: one line an event, with time, level, part and node. Values, keys of clients and secrets
// never appear. Roles get a Log through their environment, so that the simulator can show the same
// lines in virtual time.
#pragma once

#include <cstdint>
#include <string_view>

namespace skep {

enum class Level : std::uint8_t { debug, info, warn, error };

class Log {
 public:
  virtual ~Log() = default;
  // `part` is the component ("ring", "members", "store"); `text` one line without a newline.
  virtual void write(Level level, std::string_view part, std::string_view text) = 0;
};

}  // namespace skep
