// Decides whether what clients of a real cluster saw is linearizable, key by key. It reads one
// request a line from standard input:
//
//   client key op argument reply invoked returned
//
// op is GET, SET, INCR or DEL; argument is '-' where there is none; reply is +OK, :number, $value,
// '_' (there is no such key), or 'unknown' (may have been done); the times are nanoseconds on one
// clock, the last without a meaning when the reply is unknown. Exits 0 if every key's history is
// linearizable, 1 with an explanation if one is not or the search was given up, 2 for lines that
// are not like this.
#include <charconv>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "tests/sim/linearizability.hpp"
#include "tests/sim/register_model.hpp"

namespace skep::sim {
namespace {

using Kind = RegisterModel::Kind;

bool parse(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Kind> parse_kind(std::string_view op) {
  if (op == "GET") return Kind::get;
  if (op == "SET") return Kind::set;
  if (op == "INCR") return Kind::incr;
  if (op == "DEL") return Kind::del;
  return std::nullopt;
}

std::optional<resp::Value> parse_reply(std::string_view text) {
  if (text == "_") return resp::Value::null();
  const std::string rest(text.substr(text.empty() ? 0 : 1));
  if (text.starts_with('+')) return resp::Value::status(rest);
  if (text.starts_with('$')) return resp::Value::bulk(rest);
  std::int64_t number = 0;
  if (text.starts_with(':') && parse(rest, number)) return resp::Value::integer(number);
  return std::nullopt;
}

// The request a line tells of, and its key; none if the line is not one.
std::optional<std::pair<std::string, Operation<RegisterModel>>> parse_line(
    const std::string& line) {
  std::istringstream words(line);
  std::string client, key, op, argument, reply, more;
  Operation<RegisterModel> request;
  words >> client >> key >> op >> argument >> reply >> request.when.invoked;
  words >> request.when.returned;
  const std::optional<Kind> kind = parse_kind(op);
  if (!words || words >> more || !kind) return std::nullopt;
  request.op.kind = *kind;
  if (*kind == Kind::set) request.op.value = argument;
  if (reply == "unknown") {
    request.when.returned = Interval::kNever;
    return std::pair(key, request);
  }
  const std::optional<resp::Value> value = parse_reply(reply);
  if (!value) return std::nullopt;
  request.reply = *value;
  return std::pair(key, request);
}

int run() {
  std::map<std::string, RegisterHistory> histories;
  std::size_t lines = 0;
  for (std::string line; std::getline(std::cin, line);) {
    ++lines;
    auto request = parse_line(line);
    if (!request) {
      std::cerr << "line " << lines
                << " is not 'client key op argument reply invoked returned': " << line << "\n";
      return 2;
    }
    histories[request->first].push_back(std::move(request->second));
  }
  int status = 0;
  for (const auto& [key, history] : histories) {
    const Finding finding = check_linearizable(history);
    if (finding.verdict == Verdict::linearizable) continue;
    status = 1;
    std::cout << "key " << key << ": "
              << (finding.verdict == Verdict::undecided
                      ? "undecided, the search was given up\n"
                      : "not linearizable, " + finding.explanation);
  }
  std::cout << histories.size() << " keys, " << lines << " requests\n";
  return status;
}

}  // namespace
}  // namespace skep::sim

int main() { return skep::sim::run(); }
