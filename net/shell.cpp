#include "net/shell.hpp"

#include <iostream>
#include <optional>

#include "net/prompt.hpp"

namespace skep::shell {

int written(int exit, std::ostream& out, std::ostream& diagnostics) {
  if (out.flush()) return exit;
  diagnostics << "standard output does not take what was to be printed\n";
  return std::max<int>(exit, kMaybeDone);
}

bool is_prompted(const std::istream& in) { return &in == &std::cin && Prompt::has_terminal(); }

int run_lines(std::istream& in, const std::string& name, const Words& words,
              const std::function<int(std::string_view line)>& run,
              const std::function<bool()>& ended) {
  std::optional<Prompt> prompt;
  if (is_prompted(in)) prompt.emplace(name + "> ", words, Prompt::history_file(name));
  const auto next = [&]() -> std::optional<std::string> {
    if (prompt) return prompt->line();
    std::string line;
    if (!std::getline(in, line)) return std::nullopt;
    return line;
  };
  int worst = kDone;
  while (!ended()) {
    const auto line = next();
    if (!line) break;
    worst = std::max(worst, run(*line));
  }
  return worst;
}

}  // namespace skep::shell
