// Decides whether what clients of a real cluster saw is linearizable, key by key. It reads one
// request a line from standard input:
//
//   client key op argument reply invoked returned
//
// Argument is '-' where there is none; reply is 'unknown' if it may have been done; the times are
// nanoseconds on one clock, the last without a meaning when the reply is unknown. Of a ring:
//
//   op is GET, SET, INCR or DEL; reply is +OK, :number, $value, '_' (there is no such key).
//
// With --registers, of registers over HTTP, whose values that are set differ from each other:
//
//   op and argument are GET, PUT value, CREATE value, CAS version:value, ADD number, DEL, and CUT
//   version (DELETE with a condition); reply is =version:value (read, or made by ADD), @version
//   (changed), +version (created), '_' (nothing is there, or any more), !version or ! (refused for
//   what is there, or because nothing is).
//
// Exits 0 if every key's history is linearizable, 1 with an explanation if one is not or the search
// was given up, 2 for lines that are not like this.
#include <charconv>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "tests/sim/linearizability.hpp"
#include "tests/sim/register_model.hpp"
#include "tests/sim/versioned_model.hpp"

namespace skep::sim {
namespace {

template <class Number> bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// What a line says of what was asked and answered; none: it is not of this kind.
struct Words {
  std::string op, argument, reply;
};

struct Ring {
  using Model = RegisterModel;
  static Finding check(RegisterHistory history) { return check_register(std::move(history)); }

  static std::optional<Model::Op> op(const Words& words) {
    using Kind = Model::Kind;
    if (words.op == "GET") return Model::Op{Kind::get, {}, {}};
    if (words.op == "SET") return Model::Op{Kind::set, words.argument, {}};
    if (words.op == "INCR") return Model::Op{Kind::incr, {}, {}};
    if (words.op == "DEL") return Model::Op{Kind::del, {}, {}};
    return std::nullopt;
  }

  static std::optional<resp::Value> reply(std::string_view text) {
    if (text == "_") return resp::Value::null();
    const std::string rest(text.substr(text.empty() ? 0 : 1));
    if (text.starts_with('+')) return resp::Value::status(rest);
    if (text.starts_with('$')) return resp::Value::bulk(rest);
    std::int64_t number = 0;
    if (text.starts_with(':') && parse(rest, number)) return resp::Value::integer(number);
    return std::nullopt;
  }
};

struct Registers {
  using Model = VersionedModel;
  static Finding check(VersionedHistory history) { return check_versioned(std::move(history)); }

  static std::optional<Model::Op> op(const Words& words) {
    using Kind = Model::Kind;
    const std::string& argument = words.argument;
    Model::Op out;
    if (words.op == "GET") return out;
    if (words.op == "DEL") return Model::Op{.kind = Kind::del};
    if (words.op == "PUT") return Model::Op{.kind = Kind::put, .value = argument};
    if (words.op == "CREATE") return Model::Op{.kind = Kind::create, .value = argument};
    if (words.op == "ADD") {
      out.kind = Kind::add;
      return parse(argument, out.by) ? std::optional(out) : std::nullopt;
    }
    if (words.op == "CUT") {
      out.kind = Kind::cut;
      return parse(argument, out.version) ? std::optional(out) : std::nullopt;
    }
    if (words.op != "CAS" || !versioned(argument, out.version, out.value)) return std::nullopt;
    out.kind = Kind::cas;
    return out;
  }

  static std::optional<Model::Reply> reply(std::string_view text) {
    using Kind = Model::Reply::Kind;
    if (text.empty()) return std::nullopt;
    const std::string_view rest = text.substr(1);
    Model::Reply out;
    switch (text[0]) {
      case '=':
        out.kind = Kind::value;
        return versioned(rest, out.version, out.value) ? std::optional(out) : std::nullopt;
      case '@': out.kind = Kind::changed; break;
      case '+': out.kind = Kind::created; break;
      case '!': out.kind = Kind::mismatch; break;
      case '_': return rest.empty() ? std::optional(out) : std::nullopt;
      default: return std::nullopt;
    }
    if (rest.empty() && out.kind == Kind::mismatch) return out;
    return parse(rest, out.version) ? std::optional(out) : std::nullopt;
  }

 private:
  static bool versioned(std::string_view text, std::uint64_t& version, std::string& value) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    value = text.substr(colon + 1);
    return parse(text.substr(0, colon), version);
  }
};

// The request a line tells of, and its key; none if the line is not one.
template <class Of>
std::optional<std::pair<std::string, Operation<typename Of::Model>>> parse_line(
    const std::string& line) {
  std::istringstream in(line);
  std::string client, key, more;
  Words words;
  Operation<typename Of::Model> request;
  in >> client >> key >> words.op >> words.argument >> words.reply >> request.when.invoked;
  in >> request.when.returned;
  if (!in || in >> more) return std::nullopt;
  const auto op = Of::op(words);
  if (!op) return std::nullopt;
  request.op = *op;
  if (words.reply == "unknown") {
    request.when.returned = Interval::kNever;
    return std::pair(key, request);
  }
  const auto reply = Of::reply(words.reply);
  if (!reply) return std::nullopt;
  request.reply = *reply;
  return std::pair(key, request);
}

template <class Of> int run() {
  std::map<std::string, std::vector<Operation<typename Of::Model>>> histories;
  std::size_t lines = 0;
  for (std::string line; std::getline(std::cin, line);) {
    ++lines;
    auto request = parse_line<Of>(line);
    if (!request) {
      std::cerr << "line " << lines
                << " is not 'client key op argument reply invoked returned': " << line << "\n";
      return 2;
    }
    histories[request->first].push_back(std::move(request->second));
  }
  int status = 0;
  for (const auto& [key, history] : histories) {
    const Finding finding = Of::check(history);
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

int main(int argc, char** argv) {
  const bool registers = argc == 2 && std::string_view(argv[1]) == "--registers";
  if (argc > 1 && !registers) {
    std::cerr << "usage: check_history [--registers] <HISTORY\n";
    return 2;
  }
  return registers ? skep::sim::run<skep::sim::Registers>() : skep::sim::run<skep::sim::Ring>();
}
