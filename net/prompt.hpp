// A prompt for a person at a terminal: line editing, history that is kept in a file, completion of
// first words. One at a time in a process.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace skep {

class Prompt {
 public:
  // True when both standard input and output are a terminal.
  static bool has_terminal();
  // A place in the user's home directory for this history; empty when there is no home.
  static std::filesystem::path history_file(const std::string& name);

  // `words` complete a first word. `history` may be empty: then nothing is kept.
  Prompt(std::string prompt, std::vector<std::string> words, std::filesystem::path history);
  // Writes the history, readable by its owner only.
  ~Prompt();
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;

  // The next line; none at its end (Ctrl-D).
  std::optional<std::string> line();

 private:
  const std::string prompt_;
  const std::vector<std::string> words_;
  const std::filesystem::path history_;
};

}  // namespace skep
