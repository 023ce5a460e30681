// Lines in the log about what others do wrong, at a rate that a log can bear whatever they do: the
// same line about the same one is not repeated, and of many different ones some are left out, and
// counted.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "net/env.hpp"

namespace skep {

class Complaints {
 public:
  // The same text about the same one comes again after `again`, or after forget().
  Complaints(Log& log, Clock& clock, std::string part, Duration again);

  // `about` is who: an address, without a port that is another one each time.
  void say(Level level, const std::string& about, const std::string& text);
  void forget(const std::string& about);

 private:
  bool may_speak(Time now);

  Log& log_;
  Clock& clock_;
  const std::string part_;
  const Duration again_;
  std::map<std::pair<std::string, std::string>, Time> said_;  // about whom, what
  double tokens_;
  Time filled_{};
  std::uint64_t left_out_ = 0;
};

}  // namespace skep
