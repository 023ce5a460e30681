#include "net/prompt.hpp"

#include <editline/readline.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace skep {
namespace {

constexpr int kMaxHistory = 1000;

// libedit calls back without a context.
const std::vector<std::string>* completed_words = nullptr;

char* next_match(const char* start, int again) {
  static std::size_t place = 0;
  if (again == 0) place = 0;
  while (place < completed_words->size()) {
    const std::string& word = (*completed_words)[place++];
    if (word.starts_with(start)) return ::strdup(word.c_str());
  }
  return nullptr;
}

char** complete(const char* text, int start, int) {
  ::rl_attempted_completion_over = 1;  // never file names
  return start == 0 ? ::rl_completion_matches(text, next_match) : nullptr;
}

}  // namespace

bool Prompt::has_terminal() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

std::filesystem::path Prompt::history_file(const std::string& name) {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return std::filesystem::path(home) / (".skep_" + name + "_history");
}

Prompt::Prompt(std::string prompt, std::vector<std::string> words, std::filesystem::path history)
    : prompt_(std::move(prompt)), words_(std::move(words)), history_(std::move(history)) {
  std::setlocale(LC_CTYPE, "");  // characters of more than one byte
  completed_words = &words_;
  ::rl_attempted_completion_function = complete;
  ::using_history();
  ::stifle_history(kMaxHistory);
  if (!history_.empty()) ::read_history(history_.c_str());
}

Prompt::~Prompt() {
  completed_words = nullptr;
  ::rl_attempted_completion_function = nullptr;
  if (history_.empty()) return;
  mode_t mask = ::umask(S_IRWXG | S_IRWXO);
  ::write_history(history_.c_str());
  ::umask(mask);
}

std::optional<std::string> Prompt::line() {
  std::unique_ptr<char, decltype(&std::free)> read(::readline(prompt_.c_str()), &std::free);
  if (read == nullptr) return std::nullopt;
  if (*read != '\0') ::add_history(read.get());
  return std::string(read.get());
}

}  // namespace skep
