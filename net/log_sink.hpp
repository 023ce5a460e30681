// The log of a running node: lines to a file or to the standard error, for a person or for
// systemd's journal. May be written to from any thread.
//
//   2026-01-31T12:00:00.123Z info  node1 ring: took over 12 arcs of node2
//
// For the journal a line is "<6>node1 ring: …": its priority, and no time, which the journal adds.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "net/base/error.hpp"
#include "net/base/log.hpp"

namespace spdlog {
class logger;
}

namespace skep {

class LogSink final : public Log {
 public:
  struct Options {
    std::string file = "stderr";  // or a path; it is appended to
    LogLevels levels;
    std::string node;      // stands in each line
    bool journal = false;  // only of "stderr"
  };

  // Code::io: the file cannot be opened, and why.
  static Result<std::unique_ptr<LogSink>> open(Options options);
  ~LogSink() override;

  // Control characters in `text` are shown as \xNN, so that a line stays one. Every line is handed
  // to the system at once.
  void write(Level level, std::string_view part, std::string_view text) override;

  // From now on.
  void set_levels(LogLevels levels);

  // Opens the file again by its name, after it was moved away. On failure the old one stays in use.
  Result<> reopen();

 private:
  explicit LogSink(Options options);

  const Options options_;  // its levels: the first ones
  std::mutex mutex_;       // guards what follows
  LogLevels levels_;
  std::shared_ptr<spdlog::logger> logger_;
};

// True when `fd` is the socket that systemd's variable JOURNAL_STREAM ("device:inode"; null: it is
// not set) speaks of.
bool is_journal(const char* journal_stream, int fd);

}  // namespace skep
