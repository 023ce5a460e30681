// Invariants. A broken one stops the process, in release builds too: better a restart than a wrong
// answer. Nothing that a peer, a client or a file says may reach an assertion before a check.
#pragma once

namespace skep {

// Prints the condition and its place to stderr and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace skep

#define SKEP_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::skep::assertion_failed(#condition, __FILE__, __LINE__))
