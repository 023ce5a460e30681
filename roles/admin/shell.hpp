// `server admin`: a node's admin listener, for a person at a prompt and for scripts.
#pragma once

#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"
#include "net/tls.hpp"

namespace skep::admin {

// Asks one node; http::ask() but in tests.
using Ask = std::function<Result<http::Response>(const Address&, const http::Request&, Duration)>;

struct ShellOptions {
  std::vector<Address> nodes;                 // the first that can be connected to is asked
  std::string token;                          // shown when it is not empty
  bool json = false;                          // print answers as they came
  std::shared_ptr<const tls::Context> tls{};  // null: HTTP, not HTTPS
};

class Shell {
 public:
  Shell(ShellOptions options, Ask ask, std::ostream& out, std::ostream& diagnostics);

  // Carries out one line. The exit code that it alone would have: 0 done, 1 certainly not done,
  // 2 wrong usage, 3 may have been done.
  int run(std::string_view line);

  // True after `exit`.
  bool ended() const { return ended_; }

  static const char* prompt() { return "admin> "; }
  // First words, for completion.
  static std::vector<std::string> words();

 private:
  struct Command;
  static const std::vector<Command>& commands();

  int send(const http::Request& request, Duration timeout,
           const std::function<void(const http::Response&)>& print);
  int join(const std::vector<std::string>& args);
  int status(const std::vector<std::string>& args);
  int leave(const std::vector<std::string>& args);
  int ring(const std::vector<std::string>& args);
  int acceptors(const std::vector<std::string>& args);
  int change_options(const std::vector<std::string>& args);
  int config(const std::vector<std::string>& args);
  int stop(const std::vector<std::string>& args);
  int help(const std::vector<std::string>& args);
  int exit(const std::vector<std::string>& args);
  int wrong(std::string_view name, std::string_view arguments);
  void print_body(const http::Response& response);

  const ShellOptions options_;
  const Ask ask_;
  std::ostream& out_;
  std::ostream& diagnostics_;
  bool ended_ = false;
};

// What `server admin` does: the command `line` if it is not empty, else a prompt at a terminal,
// else the lines of `in`. Returns the process's exit code, the worst of its commands.
int run_shell(const ShellOptions& options, std::string_view line, std::istream& in,
              std::ostream& out, std::ostream& diagnostics);

}  // namespace skep::admin
