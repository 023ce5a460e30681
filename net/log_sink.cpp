#include "net/log_sink.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>

namespace skep {
namespace {

struct Shown {
  spdlog::level::level_enum level;
  const char* name;      // of one width
  const char* priority;  // syslog's, as systemd reads it
};
const Shown& shown(Level level) {
  static constexpr std::array<Shown, 4> kShown{{{spdlog::level::debug, "debug", "<7>"},
                                                {spdlog::level::info, "info ", "<6>"},
                                                {spdlog::level::warn, "warn ", "<4>"},
                                                {spdlog::level::err, "error", "<3>"}}};
  return kShown[static_cast<std::size_t>(level)];
}

void append_printable(std::string& out, std::string_view text) {
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else {
      std::array<char, 5> hex{};
      std::snprintf(hex.data(), hex.size(), "\\x%02x", byte);
      out += hex.data();
    }
  }
}

// Throws spdlog_ex when the file cannot be opened.
std::shared_ptr<spdlog::logger> make_logger(const LogSink::Options& options) {
  spdlog::sink_ptr sink;
  if (options.file == "stderr")
    sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
  else
    sink = std::make_shared<spdlog::sinks::basic_file_sink_st>(options.file);
  auto logger = std::make_shared<spdlog::logger>("", std::move(sink));
  logger->set_level(spdlog::level::trace);  // the levels are ours
  logger->flush_on(spdlog::level::trace);
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      options.journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc));
  return logger;
}

Result<std::shared_ptr<spdlog::logger>> try_logger(const LogSink::Options& options) {
  try {
    return make_logger(options);
  } catch (const spdlog::spdlog_ex& error) {
    return fail(Code::io, "cannot write the log: " + std::string(error.what()));
  }
}

}  // namespace

LogSink::LogSink(Options options) : options_(std::move(options)), levels_(options_.levels) {}
LogSink::~LogSink() = default;

Result<std::unique_ptr<LogSink>> LogSink::open(Options options) {
  options.journal = options.journal && options.file == "stderr";
  std::unique_ptr<LogSink> sink(new LogSink(std::move(options)));
  Result<> opened = sink->reopen();
  if (!opened) return tl::unexpected(std::move(opened.error()));
  return sink;
}

Result<> LogSink::reopen() {
  auto logger = try_logger(options_);
  if (!logger) return tl::unexpected(std::move(logger.error()));
  std::lock_guard lock(mutex_);
  logger_ = std::move(*logger);
  return {};
}

void LogSink::set_levels(LogLevels levels) {
  std::lock_guard lock(mutex_);
  levels_ = std::move(levels);
}

void LogSink::write(Level level, std::string_view part, std::string_view text) {
  std::lock_guard lock(mutex_);
  if (!levels_.enabled(level, part)) return;
  const Shown& how = shown(level);
  std::string line = options_.journal ? how.priority : std::string(how.name) + ' ';
  append_printable(line, options_.node);
  line += ' ';
  append_printable(line, part);
  line += ": ";
  append_printable(line, text);
  logger_->log(how.level, spdlog::string_view_t(line.data(), line.size()));
}

bool is_journal(const char* journal_stream, int fd) {
  struct stat status {};
  if (journal_stream == nullptr || ::fstat(fd, &status) != 0) return false;
  return std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino) == journal_stream;
}

}  // namespace skep
