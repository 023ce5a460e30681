// `server ring`: the ring's entries in the hive's own words, for a person at a prompt and for
// scripts. The words become RESP commands; any node answers.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/error.hpp"
#include "net/env.hpp"
#include "net/resp.hpp"
#include "net/shell.hpp"
#include "net/tls.hpp"

namespace skep::ring {

struct ShellOptions {
  std::vector<Address> nodes;                 // the first that can be connected to is asked
  std::string password;                       // said when it is not empty
  bool json = false;                          // results as one JSON value a line
  std::shared_ptr<const tls::Context> tls{};  // null: none is spoken
};

using shell::kDone, shell::kMaybeDone, shell::kNotDone, shell::kWrongUsage;

class Shell {
 public:
  using Words = shell::Words;
  // Asks a node; a resp::Client but in tests.
  using Ask = std::function<Result<resp::Value>(std::span<const std::string_view> words)>;
  // Asks the person a question and returns the answer; absent: nobody is there to answer.
  using Confirm = std::function<std::string(std::string_view question)>;

  Shell(Ask ask, bool json, std::ostream& out, std::ostream& diagnostics, Confirm confirm = {});

  // Carries out one command: its words, or a line with quotes as in Redis's inline commands.
  // Returns the exit code that it alone would have.
  int run(const Words& words);
  int run_line(std::string_view line);
  // The lines of a prompt or of `in`, until `exit`.
  int run_lines(std::istream& in);
  // First words, for completion.
  static Words words() { return shell::names(commands()); }

 private:
  using Command = shell::Command<Shell>;
  static std::span<const Command> commands();

  int put(const Words& args);
  int get(const Words& args);
  int update(const Words& args);
  int get_update(const Words& args);
  int get_remove(const Words& args);
  int cas(const Words& args);
  int remove(const Words& args);
  int remove_if(const Words& args);
  int remove_all(const Words& args);
  int expires_at(const Words& args);
  int expires_from_now(const Words& args);
  int get_expiry(const Words& args);
  int prefix_get(const Words& args);
  int node_status(const Words& args);
  int node_config(const Words& args);
  int node_topology(const Words& args);
  int stop_node(const Words& args);
  int forget_node(const Words& args);
  int help(const Words& args);
  int exit(const Words& args);

  enum class Kind : std::uint8_t { read, write };
  // Asks, and hands a reply that is no error to `use`, whose exit code it returns.
  int ask(Kind kind, const std::vector<std::string_view>& words,
          const std::function<int(const resp::Value&)>& use);
  int each_page(const std::string& pattern,
                const std::function<int(const std::vector<resp::Value>&)>& use);
  void progress(std::uint64_t before, std::uint64_t now, std::string_view done);
  int expire(std::string_view command, const std::string& key, std::string_view number);
  int show(const resp::Value& value);
  int say(std::string_view word);
  int refuse(std::string_view why);
  int wrong(std::string_view why);

  const Ask ask_;
  const bool json_;
  std::ostream& out_;
  std::ostream& diagnostics_;
  const Confirm confirm_;
  bool ended_ = false;
};

// What `server ring` does: the command `words` if there are any, else a prompt at a terminal, else
// the lines of `in`. Returns the process's exit code, the worst of its commands.
int run_shell(const ShellOptions& options, const Shell::Words& words, std::istream& in,
              std::ostream& out, std::ostream& diagnostics);
// The one command `line` (-e).
int run_shell_line(const ShellOptions& options, std::string_view line, std::ostream& out,
                   std::ostream& diagnostics);

}  // namespace skep::ring
