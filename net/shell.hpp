// What the shells of the command line share: exit codes, a table of commands, and where the lines
// come from.
#pragma once

#include <algorithm>
#include <functional>
#include <istream>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/table_text.hpp"

namespace skep::shell {

using Words = std::vector<std::string>;

// Of a process and of a command. Of several commands the worst counts.
enum Exit : int {
  kDone = 0,
  kNotDone = 1,     // certainly
  kWrongUsage = 2,  // certainly not done, either
  kMaybeDone = 3,
};

template <class Shell, class Outcome = int> struct Command {
  std::string_view name;
  std::string_view arguments;
  std::size_t least, most;  // arguments
  std::string_view doc;
  Outcome (Shell::*run)(const Words& args);

  bool takes(std::size_t count) const { return count >= least && count <= most; }
  // As a person writes it.
  std::string form() const {
    return std::string(name) + (arguments.empty() ? "" : " ") + std::string(arguments);
  }
  // For whoever gave arguments that it does not take.
  std::string usage(std::span<const std::string> given) const {
    const bool option = std::any_of(given.begin(), given.end(),
                                    [](const std::string& word) { return word.starts_with("--"); });
    return "accepted: " + form() + (option ? "; options stand before the command" : "");
  }
};

// The names, for completion.
template <class Command> Words names(std::span<const Command> commands) {
  Words names;
  for (const Command& command : commands) names.emplace_back(command.name);
  return names;
}

template <class Command> void list(std::ostream& out, std::span<const Command> commands) {
  std::vector<Words> rows;
  for (const Command& command : commands)
    rows.push_back({command.form(), std::string(command.doc)});
  print_table(out, rows);
}

// The exit code of a command with that code, once what it printed is written: what was done may be
// unknown to whoever reads, if that fails.
int written(int exit, std::ostream& out, std::ostream& diagnostics);

// True where a person is to give the commands: `in` is standard input, and a terminal.
bool is_prompted(const std::istream& in);

// Hands every line to `run`, until `ended`: of a prompt with the name of the shell, its history and
// its completion by `words` where a person gives them, else of `in`. Returns the worst exit code.
int run_lines(std::istream& in, const std::string& name, const Words& words,
              const std::function<int(std::string_view line)>& run,
              const std::function<bool()>& ended);

}  // namespace skep::shell
