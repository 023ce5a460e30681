// `server acceptors`: who keeps the registers, looked at and changed while they are in use. The
// proposers check every step and enforce the order; what is here asks for one step after the other,
// waits until each is complete, and says for whom it waits. How far a change has come is kept with
// the registers: ended at any point and started again, it goes on.
#pragma once

#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "roles/proposer/client_ask.hpp"
#include "roles/proposer/shell.hpp"
#include "roles/proposer/shell_acceptors_view.hpp"

namespace skep::proposer {

class AcceptorsShell {
 public:
  using Words = shell::Words;
  // Time as it passes for whoever waits.
  struct Pace {
    std::function<Time()> now;
    std::function<void(Duration)> sleep;
  };
  // A command that gets no further for so long ends.
  static constexpr Duration kPatience = std::chrono::seconds(60);

  AcceptorsShell(Proposers& proposers, bool json, Pace pace, std::ostream& out,
                 std::ostream& diagnostics);

  // Carries out one command; its exit code (shell::Exit). No words: `status`.
  int run(const Words& words);

 private:
  // Why a command cannot go on, for a person.
  struct Failure {
    bool maybe_done = false;
    std::string why{};
    bool refused = false;  // by a proposer, for a reason that stays
    // Somebody else changed the configuration meanwhile: perhaps an earlier run of this command,
    // whose last step went on when it was ended.
    bool overtaken = false;
  };
  template <class T = void> using Outcome = tl::expected<T, Failure>;
  using Command = shell::Command<AcceptorsShell, Outcome<>>;
  static std::span<const Command> commands();
  using There = std::function<bool(const AcceptorsView&)>;

  Outcome<> status(const Words& args);
  Outcome<> accept(const Words& args);
  Outcome<> prepare(const Words& args);
  Outcome<> rescan(const Words& args);
  Outcome<> grow(const Words& args);
  Outcome<> shrink(const Words& args);
  Outcome<> cancel(const Words& args);
  Outcome<> proposers(const Words& args);
  Outcome<> help(const Words& args);

  Outcome<AcceptorsView> look();
  Outcome<AcceptorsView> settled();
  Outcome<> step(const std::string& body, const There& there);
  Outcome<> change_quorums(const std::string& which, const Words& args);
  Outcome<> set_goal(const Names& wanted);
  Outcome<> bring_to(const Names& wanted, const AcceptorsView& now);
  void warn_of(const Names& gone, const Names& left);
  Outcome<> follow_goal();
  Outcome<bool> advance(const AcceptorsView& view);
  Outcome<std::uint64_t> rescan_all();

  Outcome<> wait(const std::string& what);
  void progress() { waits_since_ = pace_.now(); }
  void say(const std::string& text);
  Outcome<> show_end(const std::string& text);

  Proposers& proposers_;
  const bool json_;
  const Pace pace_;
  std::ostream& out_;
  std::ostream& diagnostics_;
  bool known_ = false;    // a proposer has answered
  bool changed_ = false;  // a step of this command was taken
  Time waits_since_{};
  std::string said_;
  std::string last_;  // what a proposer said last of the acceptors
};

// What `server acceptors WORDS` does. Returns the process's exit code.
int run_acceptors_shell(const ShellOptions& options, const AcceptorsShell::Words& words,
                        std::ostream& out, std::ostream& diagnostics);

}  // namespace skep::proposer
