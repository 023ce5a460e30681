// `server admin`: a node's admin listener, for a person at a prompt and for scripts.
#pragma once

#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"
#include "net/shell.hpp"
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

  // The lines of a prompt or of `in`, until `exit`; the worst of their exit codes.
  int run_lines(std::istream& in);

 private:
  using Words = shell::Words;
  using Command = shell::Command<Shell>;
  static std::span<const Command> commands();

  int send(const http::Request& request, Duration timeout,
           const std::function<void(const http::Response&)>& print);
  int join(const Words& args);
  int status(const Words& args);
  int leave(const Words& args);
  int ring(const Words& args);
  int acceptors(const Words& args);
  int change_options(const Words& args);
  int config(const Words& args);
  int stop(const Words& args);
  int help(const Words& args);
  int exit(const Words& args);
  int wrong(std::string_view why);
  int failed(bool maybe, std::string_view why);
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
