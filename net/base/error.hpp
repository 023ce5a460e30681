// Errors as values. After start-up nothing of ours throws across a function: what can fail returns
// Result<T>. An error has a code, stable for programs, and a message for a person, which says what
// was wrong and what is accepted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace skep {

enum class Code : std::uint8_t {
  invalid,      // the input is malformed or out of range
  unsupported,  // well-formed, but of a version or a type that is not known here
  not_found,
  conflict,     // it clashes with what is there (another owner, another cluster, another version)
  unavailable,  // cannot be done now, certainly not done; may work later
  unknown,      // may have been done: no answer came
  io,           // the operating system or the disk said no
  full,         // no space, or a configured bound is reached
  corrupt,      // what was read is not what was written
  permission,
};

// The code's stable name, such as "not_found".
std::string_view name(Code code) noexcept;

// What a client is told of an operation that failed.
enum class Done : std::uint8_t { no, maybe };

struct Error {
  Code code = Code::invalid;
  std::string message;

  Done done() const noexcept { return code == Code::unknown ? Done::maybe : Done::no; }
};

template <class T = void> using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace skep
