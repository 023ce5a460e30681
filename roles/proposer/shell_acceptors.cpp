#include "roles/proposer/shell_acceptors.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "net/resp_text.hpp"
#include "roles/proposer/shell_show.hpp"

namespace skep::proposer {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr const char* kTarget = "/v1/acceptors";
constexpr int kPage = 1000;  // registers of a rescan at once
constexpr Duration kPause = 200ms;
constexpr Duration kTellEvery = 1s;

// "node1,node2": as they were given, so that who is named twice is refused as such.
Names split(const std::string& list) {
  Names names;
  for (std::size_t from = 0; from <= list.size();) {
    const std::size_t comma = std::min(list.find(',', from), list.size());
    names.push_back(list.substr(from, comma - from));
    from = comma + 1;
  }
  return names;
}

Names with(Names names, const Names& more) {
  names.insert(names.end(), more.begin(), more.end());
  return sorted(std::move(names));
}

Names without(Names names, const Names& less) {
  std::erase_if(names, [&](const std::string& name) {
    return std::find(less.begin(), less.end(), name) != less.end();
  });
  return names;
}

http::Request change_of(std::string method, std::string target, std::string body,
                        std::optional<std::uint64_t> version) {
  http::Request request{.method = std::move(method), .target = std::move(target)};
  request.headers["content-type"] = "application/json";
  if (version) request.headers["if-match"] = version_tag(*version);
  request.body = std::move(body);
  return request;
}

// What a step has made another.
std::string show_step(const AcceptorsView& before, const AcceptorsView& now) {
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? ": " : "; ") + what; };
  if (now.goal && now.goal != before.goal) add("the acceptors are to be " + join(*now.goal));
  if (now.proposers != before.proposers) add("proposers " + join(now.proposers));
  if (now.prepare != before.prepare) add("prepare " + show(now.prepare));
  if (now.accept != before.accept) add("accept " + show(now.accept));
  return "configuration " + std::to_string(now.version) + text;
}

}  // namespace

std::span<const AcceptorsShell::Command> AcceptorsShell::commands() {
  static constexpr Command kCommands[] = {
      {"status", "", 0, 0, "the configuration, and how each acceptor is doing",
       &AcceptorsShell::status},
      {"grow", "NODE[,NODE]…", 1, 1,
       "make these acceptors, too: all the steps, one after the other", &AcceptorsShell::grow},
      {"shrink", "NODE[,NODE]…", 1, 1, "these are acceptors no more: all the steps",
       &AcceptorsShell::shrink},
      {"cancel", "", 0, 0, "go no further with grow or shrink; what is reached stays",
       &AcceptorsShell::cancel},
      {"accept", "NODE,NODE,… [QUORUM]", 1, 2,
       "one step: values are accepted by QUORUM (a majority) of these", &AcceptorsShell::accept},
      {"prepare", "NODE,NODE,… [QUORUM]", 1, 2,
       "one step: ballots are prepared, and values read, at QUORUM (a majority) of these",
       &AcceptorsShell::prepare},
      {"rescan", "", 0, 0, "one step: every register is accepted anew", &AcceptorsShell::rescan},
      {"proposers", "NODE,NODE,…", 1, 1, "these are the proposers", &AcceptorsShell::proposers},
      {"help", "", 0, 0, "this list", &AcceptorsShell::help},
  };
  return kCommands;
}

AcceptorsShell::AcceptorsShell(Proposers& proposers, bool json, Pace pace, std::ostream& out,
                               std::ostream& diagnostics)
    : proposers_(proposers),
      json_(json),
      pace_(std::move(pace)),
      out_(out),
      diagnostics_(diagnostics),
      waits_since_(pace_.now()) {}

int AcceptorsShell::run(const Words& words) {
  const std::string name = words.empty() ? "status" : words[0];
  for (const Command& command : commands()) {
    if (name != command.name) continue;
    const Words args(words.begin() + (words.empty() ? 0 : 1), words.end());
    if (!command.takes(args.size())) {
      diagnostics_ << command.usage(args) << '\n';
      return kWrongUsage;
    }
    Outcome<> outcome = (this->*command.run)(args);
    while (!outcome && outcome.error().overtaken) {
      const bool maybe = outcome.error().maybe_done;
      if (auto waited = wait(outcome.error().why); waited)
        outcome = (this->*command.run)(args);
      else
        outcome = tl::unexpected(Failure{maybe, waited.error().why});
    }
    if (outcome) return kDone;
    const bool maybe = outcome.error().maybe_done || changed_;
    diagnostics_ << (changed_                     ? "not done to the end: "
                     : outcome.error().maybe_done ? "may have been done: "
                                                  : "not done: ")
                 << outcome.error().why << '\n';
    return maybe ? kMaybeDone : kNotDone;
  }
  diagnostics_ << "unknown command '" << name << "'; `help` lists what there is\n";
  return kWrongUsage;
}

void AcceptorsShell::say(const std::string& text) {
  if (text != said_) diagnostics_ << text << '\n' << std::flush;
  said_ = text;
}

// A pause, after which it may be better.
AcceptorsShell::Outcome<> AcceptorsShell::wait(const std::string& what) {
  const Duration waits = pace_.now() - waits_since_;
  if (waits >= kPatience)
    return tl::unexpected(Failure{false, what +
                                             "; it stayed so for a minute. The same command goes "
                                             "on from here"});
  if (waits >= kTellEvery) say(what);
  pace_.sleep(kPause);
  return {};
}

// What a proposer says now. Once one has answered, it is waited for until one does again.
AcceptorsShell::Outcome<AcceptorsView> AcceptorsShell::look() {
  for (;;) {
    auto response = proposers_.read({.target = kTarget});
    if (response && response->status == 200) {
      auto view = view_of(response->body);
      if (!view) return tl::unexpected(Failure{false, "a malformed answer"});
      known_ = true;
      proposers_.know(view->listeners);
      last_ = std::move(response->body);
      return std::move(*view);
    }
    if (response) return tl::unexpected(Failure{false, problem_of(*response).detail});
    if (!known_) return tl::unexpected(Failure{false, response.error().message});
    if (auto waited = wait("no proposer answers: " + response.error().message); !waited)
      return tl::unexpected(waited.error());
  }
}

// As it is when nothing is under way any more of the version before, so that a step may be taken.
AcceptorsShell::Outcome<AcceptorsView> AcceptorsShell::settled() {
  for (;;) {
    auto view = look();
    if (!view || (view->in_force && view->complete)) return view;
    if (auto waited = wait("configuration " + std::to_string(view->version) + " waits for " +
                           view->waits_for());
        !waited)
      return tl::unexpected(waited.error());
  }
}

// Takes the step `body`, unless it has been taken, and waits until it is complete. An attempt of
// unknown outcome is followed by a look at what is there.
AcceptorsShell::Outcome<> AcceptorsShell::step(const std::string& body, const There& there) {
  bool maybe = false;
  for (;;) {
    const auto view = settled();
    if (!view) return tl::unexpected(Failure{maybe, view.error().why});
    if (there(*view)) return {};
    auto response = proposers_.change(change_of("PUT", kTarget, body, view->version), false);
    if (response && response->status == 200) {
      changed_ = true;
      progress();
      if (const auto now = view_of(response->body)) say(show_step(*view, *now));
      const auto complete = settled();
      if (!complete) return tl::unexpected(complete.error());
      return {};
    }
    if (response && !(maybe && response->status == 412))
      return tl::unexpected(
          Failure{maybe, problem_of(*response).detail, false, response->status == 412});
    maybe = maybe || (!response && response.error().code == Code::unknown);
    const std::string why = response ? problem_of(*response).detail : response.error().message;
    if (auto waited = wait(why); !waited) return tl::unexpected(Failure{maybe, waited.error().why});
  }
}

AcceptorsShell::Outcome<> AcceptorsShell::show_end(const std::string& text) {
  if (json_) {
    if (auto view = look(); !view) return tl::unexpected(view.error());
    out_ << last_;
  } else {
    out_ << text << '\n';
  }
  return {};
}

AcceptorsShell::Outcome<> AcceptorsShell::status(const Words&) {
  const auto view = look();
  if (!view) return tl::unexpected(view.error());
  if (json_)
    out_ << last_;
  else
    print(out_, *view);
  return {};
}

AcceptorsShell::Outcome<> AcceptorsShell::change_quorums(const std::string& which,
                                                         const Words& args) {
  const Names nodes = split(args[0]);
  auto quorum = static_cast<std::int64_t>(nodes.size() / 2 + 1);
  if (args.size() > 1) {
    const auto given = resp::to_integer(args[1]);
    if (!given) return tl::unexpected(Failure{false, "the quorum is a whole number"});
    quorum = *given;
  }
  const AcceptorsView::Quorums wanted{sorted(nodes), static_cast<std::uint64_t>(quorum)};
  const auto done = step(show(Json{{which, {{"nodes", nodes}, {"quorum", quorum}}}}),
                         [&](const AcceptorsView& view) {
                           // Who is named twice is refused.
                           return wanted.nodes.size() == nodes.size() &&
                                  (which == "accept" ? view.accept : view.prepare) == wanted;
                         });
  return done ? show_end(which + ' ' + show(wanted)) : done;
}

AcceptorsShell::Outcome<> AcceptorsShell::accept(const Words& args) {
  return change_quorums("accept", args);
}
AcceptorsShell::Outcome<> AcceptorsShell::prepare(const Words& args) {
  return change_quorums("prepare", args);
}

AcceptorsShell::Outcome<> AcceptorsShell::proposers(const Words& args) {
  const Names nodes = split(args[0]);
  const Names wanted = sorted(nodes);
  // Even if these are the names already: one of them may be another node by now.
  const auto done =
      step(show(Json{{"proposers", nodes}}), [](const AcceptorsView&) { return false; });
  return done ? show_end("the proposers are " + join(wanted)) : done;
}

AcceptorsShell::Outcome<> AcceptorsShell::rescan(const Words&) {
  if (auto view = settled(); !view) return tl::unexpected(view.error());
  const auto registers = rescan_all();
  if (!registers) return tl::unexpected(registers.error());
  if (json_)
    out_ << show(Json{{"registers", *registers}, {"finished", true}}) << '\n';
  else
    out_ << "rescanned " << *registers << " registers\n";
  return {};
}

// A piece at a time. Each may be asked for again: it goes on where anybody came to.
AcceptorsShell::Outcome<std::uint64_t> AcceptorsShell::rescan_all() {
  std::uint64_t registers = 0;
  Time told = pace_.now();
  for (;;) {
    auto response = proposers_.change(
        change_of("POST", std::string(kTarget) + "/rescan", show(Json{{"limit", kPage}}), {}),
        false);
    if (!response) {
      if (auto waited = wait(response.error().message); !waited)
        return tl::unexpected(waited.error());
      continue;
    }
    if (response->status != 200)
      return tl::unexpected(
          Failure{false, problem_of(*response).detail, false, response->status == 409});
    changed_ = true;
    const Json page = parse(response->body);
    const std::uint64_t now = std::max(registers, number_of(page, "registers"));
    if (member(page, "finished") == true) return now;
    if (now > registers) progress();
    registers = now;
    if (pace_.now() - told < kTellEvery) continue;
    told = pace_.now();
    say("rescan: " + std::to_string(registers) + " registers");
  }
}

AcceptorsShell::Outcome<> AcceptorsShell::grow(const Words& args) {
  const auto now = settled();
  if (!now) return tl::unexpected(now.error());
  const Names nodes = split(args[0]);
  if (sorted(nodes).size() != nodes.size())
    return tl::unexpected(Failure{false, "a node is named twice"});
  return bring_to(with(now->members(), nodes), *now);
}

AcceptorsShell::Outcome<> AcceptorsShell::shrink(const Words& args) {
  const auto now = settled();
  if (!now) return tl::unexpected(now.error());
  const Names nodes = split(args[0]);
  // Those that a change under way has made go already are no strangers.
  const Names known = now->goal ? with(now->members(), nodes) : now->members();
  for (const std::string& name : nodes)
    if (std::find(known.begin(), known.end(), name) == known.end())
      return tl::unexpected(
          Failure{false, name + " is no acceptor; the acceptors are " + join(now->members())});
  if (sorted(nodes).size() != nodes.size())
    return tl::unexpected(Failure{false, "a node is named twice"});
  const Names wanted = without(now->members(), nodes);
  if (wanted.empty()) return tl::unexpected(Failure{false, "an acceptor at least has to stay"});
  return bring_to(wanted, *now);
}

// No names: there is no goal.
AcceptorsShell::Outcome<> AcceptorsShell::set_goal(const Names& wanted) {
  return step(show(Json{{"goal", wanted}}),
              [&](const AcceptorsView& view) { return view.goal.value_or(Names()) == wanted; });
}

// Sets the goal, unless it is set, and takes all the steps to it.
AcceptorsShell::Outcome<> AcceptorsShell::bring_to(const Names& wanted, const AcceptorsView& now) {
  const std::string reached = "the acceptors are " + join(wanted);
  if (now.at_rest() && now.members() == wanted) {
    for (const auto& acceptor : now.acceptors)
      if (!acceptor.answers)
        say(acceptor.name +
            " does not answer; if it has lost its disk, or is another node by now, "
            "it is to be shrunk, and grown again");
    return show_end(reached + " already");
  }
  // A growth has all that there are and some to come; of a shrinking, some are gone already.
  if (now.goal && *now.goal != wanted)
    return tl::unexpected(
        Failure{false, "another change is under way: the acceptors are to be " + join(*now.goal) +
                           ". Let it go on first (the command that began it, again), or end it "
                           "with `acceptors cancel`"});
  if (!now.goal) {
    if (auto set = set_goal(wanted); !set) return set;
    changed_ = false;  // there is nothing yet to be taken back but the goal
  }
  const auto followed = follow_goal();
  if (followed) {
    warn_of(without(now.members(), wanted), wanted);
    return show_end(reached);
  }
  // Not even its first step can be taken: then all stays as it was.
  if (!now.goal && !changed_ && followed.error().refused && set_goal({}).has_value())
    changed_ = false;
  return followed;
}

// What a shrinking leaves behind: those that are `gone`, and those that are `left`.
void AcceptorsShell::warn_of(const Names& gone, const Names& left) {
  if (gone.empty()) return;
  say(join(gone) + ": to be grown again with an empty data directory only");
  if (left.size() < 3)
    say("nothing is read or written any more when " +
        std::string(left.size() == 1 ? left[0] : "one of " + join(left)) + " dies");
}

AcceptorsShell::Outcome<> AcceptorsShell::follow_goal() {
  for (;;) {
    const auto view = settled();
    if (!view) return tl::unexpected(view.error());
    if (!view->goal) return {};
    const auto rescan_first = advance(*view);
    if (!rescan_first) return tl::unexpected(rescan_first.error());
    if (!*rescan_first) continue;
    const auto registers = rescan_all();
    if (!registers) return tl::unexpected(registers.error());
    say("rescanned " + std::to_string(*registers) + " registers");
    progress();
  }
}

// One step; or true: a rescan comes first.
AcceptorsShell::Outcome<bool> AcceptorsShell::advance(const AcceptorsView& view) {
  auto response = proposers_.change(
      change_of("POST", std::string(kTarget) + "/advance", "", view.version), false);
  if (response && response->status == 200) {
    changed_ = true;
    const auto now = view_of(response->body);
    if (now && now->version != view.version) {
      progress();
      if (now->goal) say(show_step(view, *now));
      return false;
    }
  }
  if (response && (response->status == 409 || response->status == 200) && !view.holding.empty())
    return true;
  // Somebody else, or an attempt of ours that nobody has told of, was first: look again.
  if (response && response->status != 412 && response->status != 200)
    return tl::unexpected(Failure{false, problem_of(*response).detail, true});
  const std::string why = response ? "no step came of it" : response.error().message;
  if (auto waited = wait(why); !waited) return tl::unexpected(waited.error());
  return false;
}

AcceptorsShell::Outcome<> AcceptorsShell::cancel(const Words&) {
  if (auto done = set_goal({}); !done) return done;
  const auto view = look();
  if (!view) return tl::unexpected(view.error());
  return show_end("no change is under way: prepare " + show(view->prepare) + "; accept " +
                  show(view->accept));
}

AcceptorsShell::Outcome<> AcceptorsShell::help(const Words&) {
  shell::list(out_, commands());
  return {};
}

int run_acceptors_shell(const ShellOptions& options, const AcceptorsShell::Words& words,
                        std::ostream& out, std::ostream& diagnostics) {
  Proposers proposers(options.nodes, options.token,
                      [&](const Address& node, const http::Request& request, Duration timeout) {
                        return http::ask(node, request, timeout, options.tls.get());
                      });
  const AcceptorsShell::Pace pace{[] {
                                    const auto since =
                                        std::chrono::steady_clock::now().time_since_epoch();
                                    return Time(std::chrono::duration_cast<Duration>(since));
                                  },
                                  [](Duration pause) { std::this_thread::sleep_for(pause); }};
  AcceptorsShell shell(proposers, options.json, pace, out, diagnostics);
  return shell.run(words);
}

}  // namespace skep::proposer
