// `server kv`: the registers, for a person at a prompt and for scripts. A value comes to standard
// output alone; what is said about it, its version first, is a diagnostic.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/shell.hpp"
#include "net/tls.hpp"
#include "roles/proposer/client_ask.hpp"

namespace skep::proposer {

struct ShellOptions {
  std::vector<Address> nodes;                 // proposers; the next is asked when one is not there
  std::string token;                          // shown when it is not empty
  bool json = false;                          // results as one JSON value a line
  std::shared_ptr<const tls::Context> tls{};  // null: HTTP, not HTTPS
};

using shell::kDone, shell::kMaybeDone, shell::kNotDone, shell::kWrongUsage;

class Shell {
 public:
  using Words = shell::Words;
  // Draws an Idempotency-Key.
  using NewKey = std::function<std::string()>;

  // `values` is what the word "-" reads; null: there is none, because it holds the commands.
  Shell(Proposers& proposers, bool json, NewKey new_key, std::istream* values, std::ostream& out,
        std::ostream& diagnostics);

  // Carries out one command: its words, or a line with quotes as in `server ring`. Returns the exit
  // code that it alone would have.
  int run(const Words& words);
  int run_line(std::string_view line);
  // The lines of a prompt or of `in`, until `exit`.
  int run_lines(std::istream& in);
  // First words, for completion.
  static Words words() { return shell::names(commands()); }

 private:
  using Command = shell::Command<Shell>;
  static std::span<const Command> commands();

  int get(const Words& args);
  int set(const Words& args);
  int create(const Words& args);
  int update(const Words& args);
  int cas(const Words& args);
  int cas_value(const Words& args);
  int add(const Words& args);
  int append(const Words& args);
  int remove(const Words& args);
  int list(const Words& args);
  int help(const Words& args);
  int exit(const Words& args);

  // Writes `value` (as a word) at once, if the header holds.
  int put(const std::string& key, const std::string& value, http::Headers condition);
  // A change by its function's name.
  int post(const std::string& key, const nlohmann::ordered_json& body,
           const std::function<int(const http::Response&)>& use);
  // Sends a change, and hands an answer of success to `use`, whose exit code it returns.
  int change(const std::string& key, http::Request request,
             const std::function<int(const http::Response&)>& use);
  int changed(const std::string& key, const http::Response& response);
  int print_page(const http::Response& response, std::string& after, bool& more);
  int refused(const http::Response& response);
  int failed(const Error& error);
  int refuse(std::string_view why);
  int wrong(std::string_view why);
  void say_version(std::uint64_t version);
  Result<std::string> value_of(const std::string& word);

  Proposers& proposers_;
  const bool json_;
  const NewKey new_key_;
  std::istream* const values_;
  std::ostream& out_;
  std::ostream& diagnostics_;
  bool ended_ = false;
};

// What `server kv` does: the command `words` if there are any, else a prompt at a terminal, else
// the lines of `in`. Returns the process's exit code, the worst of its commands.
int run_shell(const ShellOptions& options, const Shell::Words& words, std::istream& in,
              std::ostream& out, std::ostream& diagnostics);
// The one command `line` (-e).
int run_shell_line(const ShellOptions& options, std::string_view line, std::istream& in,
                   std::ostream& out, std::ostream& diagnostics);

}  // namespace skep::proposer
