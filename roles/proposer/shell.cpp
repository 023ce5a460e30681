#include "roles/proposer/shell.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "net/loop.hpp"
#include "net/resp_text.hpp"
#include "net/resp_words.hpp"
#include "roles/proposer/shell_show.hpp"

namespace skep::proposer {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kNoKey = "there is no such key";

// More than a proposer takes of any value; who gives more is told so by it.
constexpr std::size_t kMostRead = std::size_t{512} << 20;

Result<std::string> read_all(std::istream& in, const std::string& name) {
  std::string all;
  std::array<char, 65536> piece{};
  while (in.read(piece.data(), piece.size()), in.gcount() > 0) {
    all.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    if (all.size() > kMostRead)
      return fail(Code::invalid, name + " has more than 512 MiB, which is no value");
  }
  // The stream of standard input does not tell an error from its end.
  if (in.bad() || !in.eof() || (&in == &std::cin && std::ferror(stdin) != 0))
    return fail(Code::invalid, "cannot read " + name);
  return all;
}

// A version as a person gives it: "7", or an ETag as curl shows it.
std::optional<std::uint64_t> version_word(std::string_view word) {
  if (word.size() > 1 && word.starts_with('"') && word.ends_with('"'))
    word = word.substr(1, word.size() - 2);
  const auto number = resp::to_integer(word);
  if (!number || *number < 1) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::string target_of(const std::string& key) { return "/v1/kv/" + percent_encode(key); }

}  // namespace

std::span<const Shell::Command> Shell::commands() {
  static constexpr Command kCommands[] = {
      {"get", "KEY [-|@FILE]", 1, 2, "print a value; or it alone, to the last byte, to a file",
       &Shell::get},
      {"set", "KEY VALUE", 2, 2, "write a value, there or not", &Shell::set},
      {"create", "KEY VALUE", 2, 2, "write a value if there is none yet", &Shell::create},
      {"update", "KEY VALUE", 2, 2, "write a value if there is one", &Shell::update},
      {"cas", "KEY VERSION VALUE", 3, 3, "write a value if what is there has that version",
       &Shell::cas},
      {"cas_value", "KEY EXPECTED VALUE", 3, 3, "write a value if what is there is EXPECTED",
       &Shell::cas_value},
      {"add", "KEY [NUMBER]", 1, 2, "add to the number that is there (absent: 0), and print it",
       &Shell::add},
      {"append", "KEY VALUE", 2, 2, "write a value behind the one that is there", &Shell::append},
      {"delete", "KEY [VERSION]", 1, 2, "delete a key, or only if it has that version",
       &Shell::remove},
      {"list", "[PREFIX]", 0, 1, "list the keys that begin so, and their versions", &Shell::list},
      {"help", "", 0, 0, "this list", &Shell::help},
      {"exit", "", 0, 0, "leave the prompt", &Shell::exit},
      {"quit", "", 0, 0, "the same", &Shell::exit},
  };
  return kCommands;
}

Shell::Shell(Proposers& proposers, bool json, NewKey new_key, std::istream* values,
             std::ostream& out, std::ostream& diagnostics)
    : proposers_(proposers),
      json_(json),
      new_key_(std::move(new_key)),
      values_(values),
      out_(out),
      diagnostics_(diagnostics) {}

int Shell::run_line(std::string_view line) {
  auto words = resp::split_words(line);
  return words ? run(*words) : wrong("the quotes are not balanced");
}

int Shell::run_lines(std::istream& in) {
  return shell::run_lines(
      in, "kv", words(), [this](std::string_view line) { return run_line(line); },
      [this] { return ended_; });
}

int Shell::run(const Words& words) {
  if (words.empty()) return kDone;
  for (const Command& command : commands()) {
    if (words[0] != command.name) continue;
    if (!command.takes(words.size() - 1)) return wrong(command.usage(std::span(words).subspan(1)));
    // Without a key the target would be that of a list.
    if (command.arguments.starts_with("KEY") && words[1].empty())
      return wrong("a key is not empty");
    return shell::written((this->*command.run)(Words(words.begin() + 1, words.end())), out_,
                          diagnostics_);
  }
  return wrong("unknown command '" + words[0] + "'; `help` lists what there is");
}

int Shell::refuse(std::string_view why) {
  diagnostics_ << why << '\n';
  return kNotDone;
}

int Shell::wrong(std::string_view why) {
  diagnostics_ << why << '\n';
  return kWrongUsage;
}

int Shell::failed(const Error& error) {
  const bool maybe = error.done() == Done::maybe;
  diagnostics_ << (maybe ? "may have been done: " : "not done: ") << error.message << '\n';
  return maybe ? kMaybeDone : kNotDone;
}

int Shell::refused(const http::Response& response) {
  return refuse("not done: " + problem_of(response).detail);
}

void Shell::say_version(std::uint64_t version) { diagnostics_ << "version " << version << '\n'; }

Result<std::string> Shell::value_of(const std::string& word) {
  if (word == "-") {
    if (values_ == nullptr)
      return fail(Code::invalid, "'-' reads a value from standard input, where the commands are");
    return read_all(*values_, "standard input");
  }
  if (!word.starts_with('@')) return word;
  if (word.starts_with("@@")) return word.substr(1);
  std::ifstream file(word.substr(1), std::ios::binary);
  return read_all(file, word.substr(1));
}

int Shell::get(const Words& args) {
  const std::string into = args.size() > 1 ? args[1] : "";
  if (!into.empty() && into != "-" && !into.starts_with('@'))
    return wrong("accepted: get KEY [-|@FILE]");
  auto response = proposers_.read({.target = target_of(args[0])});
  if (!response) return failed(response.error());
  if (is_absent(*response)) return refuse(kNoKey);
  if (response->status != 200) return refused(*response);
  const std::uint64_t version = version_of(*response).value_or(0);
  if (into.starts_with('@')) {
    std::ofstream file(into.substr(1), std::ios::binary);
    if (!(file << response->body << std::flush)) return refuse("cannot write " + into.substr(1));
  } else if (into == "-") {
    out_ << response->body << std::flush;
  } else if (json_) {
    out_ << show({{"key", to_json(args[0])},
                  {"version", version},
                  {"value", to_json(response->body)}})
         << '\n'
         << std::flush;
    return kDone;
  } else {
    out_ << response->body << '\n' << std::flush;
  }
  say_version(version);
  return kDone;
}

int Shell::change(const std::string& key, http::Request request,
                  const std::function<int(const http::Response&)>& use) {
  request.target = target_of(key);
  request.headers["idempotency-key"] = new_key_();
  // Where another proposer can be asked, a repeat has to be known as one even if the first has died
  // without a word: by a version from before.
  std::optional<std::uint64_t> base;
  if (proposers_.count() > 1) {
    auto before = proposers_.read({.method = "HEAD", .target = request.target});
    if (!before) return failed(before.error());
    base = before->status == 404 ? 0 : version_of(*before);
  }
  auto response = proposers_.change(std::move(request), true, base);
  if (!response) return failed(response.error());
  return response->status < 300 ? use(*response) : refused(*response);
}

int Shell::changed(const std::string& key, const http::Response& response) {
  const std::uint64_t version =
      version_of(response).value_or(number_of(parse(response.body), "version"));
  if (json_)
    out_ << show({{"key", to_json(key)}, {"version", version}}) << '\n' << std::flush;
  else
    out_ << "version " << version << '\n' << std::flush;
  return kDone;
}

int Shell::put(const std::string& key, const std::string& word, http::Headers condition) {
  auto value = value_of(word);
  if (!value) return wrong(value.error().message);
  condition["content-type"] = "application/octet-stream";
  return change(key, {.method = "PUT", .headers = std::move(condition), .body = std::move(*value)},
                [&](const auto& response) { return changed(key, response); });
}

int Shell::set(const Words& args) { return put(args[0], args[1], {}); }
int Shell::create(const Words& args) { return put(args[0], args[1], {{"if-none-match", "*"}}); }
int Shell::update(const Words& args) { return put(args[0], args[1], {{"if-match", "*"}}); }

int Shell::cas(const Words& args) {
  const auto version = version_word(args[1]);
  if (!version) return wrong("accepted as VERSION: a whole number, 1 or more");
  return put(args[0], args[2], {{"if-match", version_tag(*version)}});
}

int Shell::post(const std::string& key, const Json& body,
                const std::function<int(const http::Response&)>& use) {
  return change(
      key,
      {.method = "POST", .headers = {{"content-type", "application/json"}}, .body = show(body)},
      use);
}

int Shell::cas_value(const Words& args) {
  auto expected = value_of(args[1]);
  if (!expected) return wrong(expected.error().message);
  auto value = value_of(args[2]);
  if (!value) return wrong(value.error().message);
  const Json values{{"expected", to_json(*expected)}, {"value", to_json(*value)}};
  return post(args[0], {{"change", "cas_value"}, {"args", values}},
              [&](const auto& response) { return changed(args[0], response); });
}

int Shell::append(const Words& args) {
  auto value = value_of(args[1]);
  if (!value) return wrong(value.error().message);
  return post(args[0], {{"change", "append"}, {"args", {{"value", to_json(*value)}}}},
              [&](const auto& response) { return changed(args[0], response); });
}

int Shell::add(const Words& args) {
  const auto by = args.size() > 1 ? resp::to_integer(args[1]) : 1;
  if (!by) return wrong("accepted as NUMBER: a whole number of 64 bits");
  return post(args[0], {{"change", "add"}, {"args", {{"by", *by}}}}, [&](const auto& response) {
    const Json body = parse(response.body);
    if (json_) {
      Json shown{{"key", to_json(args[0])}};
      if (body.is_object()) shown.update(body);
      out_ << show(shown) << '\n' << std::flush;
      return int{kDone};
    }
    // A repeat is told no value when others have changed the key meanwhile.
    const auto value = body.is_object() ? bytes_of(member(body, "value")) : std::nullopt;
    out_ << value.value_or("done") << '\n' << std::flush;
    say_version(number_of(body, "version"));
    return int{kDone};
  });
}

int Shell::remove(const Words& args) {
  http::Request request{.method = "DELETE"};
  if (args.size() > 1) {
    const auto version = version_word(args[1]);
    if (!version) return wrong("accepted as VERSION: a whole number, 1 or more");
    request.headers["if-match"] = version_tag(*version);
  }
  return change(args[0], std::move(request), [&](const auto&) {
    out_ << (json_ ? show({{"key", to_json(args[0])}, {"deleted", true}}) : "deleted") << '\n'
         << std::flush;
    return int{kDone};
  });
}

int Shell::list(const Words& args) {
  const std::string prefix = args.empty() ? "" : args[0];
  std::string after;
  bool more = true;
  while (more) {
    auto response =
        proposers_.read({.target = "/v1/kv?limit=1000&prefix=" + percent_encode(prefix) +
                                   (after.empty() ? "" : "&after=" + percent_encode(after))});
    if (!response) return failed(response.error());
    if (response->status != 200) return refused(*response);
    if (const int exit = print_page(*response, after, more); exit != kDone) return exit;
  }
  return kDone;
}

int Shell::print_page(const http::Response& response, std::string& after, bool& more) {
  const Json page = parse(response.body);
  const Json& keys = member(page, "keys");
  bool good = keys.is_array();
  for (const Json& item : keys) {
    const auto key = bytes_of(member(item, "key"));
    good = good && key;
    if (!good) break;
    if (json_)
      out_ << show(item) << '\n';
    else
      out_ << show_key(*key) << '\t' << number_of(item, "version") << '\n';
  }
  out_ << std::flush;
  more = member(page, "more") == true;
  const auto next = bytes_of(member(page, "after"));
  if (!good || (more && (!next || *next <= after))) return refuse("not done: a malformed answer");
  after = next.value_or("");
  return kDone;
}

int Shell::help(const Words&) {
  shell::list(out_, commands());
  out_
      << "VALUE may be in quotes: \"two words\", \"\\x00\\n\", 'as it is'. @FILE is what the file\n"
         "holds, - what standard input does, and @@x is @x.\n";
  return kDone;
}

int Shell::exit(const Words&) {
  ended_ = true;
  return kDone;
}

namespace {

std::string draw_key() {
  std::string bytes(16, '\0');
  fill_random(bytes);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string key;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    key += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return key;
}

int with_shell(const ShellOptions& options, std::istream* values, std::ostream& out,
               std::ostream& diagnostics, const std::function<int(Shell&)>& use) {
  Proposers proposers(options.nodes, options.token,
                      [&](const Address& node, const http::Request& request, Duration timeout) {
                        return http::ask(node, request, timeout, options.tls.get());
                      });
  Shell shell(proposers, options.json, draw_key, values, out, diagnostics);
  return use(shell);
}

}  // namespace

int run_shell(const ShellOptions& options, const Shell::Words& words, std::istream& in,
              std::ostream& out, std::ostream& diagnostics) {
  std::istream* const values = words.empty() ? nullptr : &in;
  return with_shell(options, values, out, diagnostics, [&](Shell& shell) {
    return words.empty() ? shell.run_lines(in) : shell.run(words);
  });
}

int run_shell_line(const ShellOptions& options, std::string_view line, std::istream& in,
                   std::ostream& out, std::ostream& diagnostics) {
  return with_shell(options, &in, out, diagnostics,
                    [&](Shell& shell) { return shell.run_line(line); });
}

}  // namespace skep::proposer
