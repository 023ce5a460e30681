// What can be done to a register: a change is a function of the value that is there (CASPaxos 2.1:
// the client's change function), with a condition and arguments. All functions stand in one table;
// a new one is a row there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/wire.hpp"

namespace skep::proposer {

// Values are on the wire.
enum class Function : std::uint8_t {
  read,       // leaves it as it is
  set,        // `value`
  init,       // `value`, if it is absent; else leaves it, which is no refusal
  cas_value,  // `value`, if what is there is `expected`; else refused
  add,        // `by` to the decimal number that is there, absent: 0; no number, overflow: refused
  append,     // `value` behind what is there
  remove,     // absent from now on
};
constexpr Function wire_max(Function) { return Function::remove; }

// What must hold of the register, or the change is refused.
enum class Condition : std::uint8_t {
  none,
  version,  // it is present, with this version
  present,
  absent,
};
constexpr Condition wire_max(Condition) { return Condition::absent; }

struct Change {
  Function function = Function::read;
  Condition condition = Condition::none;
  std::uint64_t version = 0;  // for Condition::version
  std::int64_t by = 0;
  std::string value;
  std::string expected;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("function", m.function);
    v("condition", m.condition);
    v("version", m.version);
    v("by", m.by);
    v("value", m.value);
    v("expected", m.expected);
  }
  bool operator==(const Change&) const = default;
};

// By the name that clients use: "set", "cas_value". None: there is no such function.
std::optional<Function> function_of(std::string_view name);
std::string_view name(Function function);
// All of them, for a refusal: "read, set, …".
std::string function_names();

// What one function makes of a register.
struct Applied {
  enum class How : std::uint8_t {
    changed,    // `present` and `value` are what is there now
    unchanged,  // done, and nothing had to be changed
    mismatch,   // refused: the condition or the expected value is not what is there
    invalid,    // refused: not with these arguments and what is there; `why`
  };
  How how = How::unchanged;
  bool present = false;
  std::string value{};
  std::string why{};  // for a person
};
// `max_value` bounds the value that is made.
Applied apply(const Change& change, bool present, std::string_view value, std::uint64_t version,
              std::uint64_t max_value);

}  // namespace skep::proposer
