// What is fuzzed: every parser that sees bytes from outside. A target takes any bytes and aborts
// when a property does not hold; tests/fuzz/entry.cpp hands it libFuzzer's inputs, the unit tests
// hand it the corpus. The first bytes of an input may choose how the rest is used.
#pragma once

#include <span>
#include <string_view>

namespace skep::fuzz {

void requests(std::string_view input);  // RESP requests, as a node reads them from clients
void replies(std::string_view input);   // RESP replies, as our clients read them from a node
void frames(std::string_view input);    // the stream between two nodes, and their handshake
void messages(std::string_view input);  // every message between nodes, and every row of the store
void config(std::string_view input);    // a node's TOML file
void http(std::string_view input);      // HTTP requests, as our listeners read them
void api(std::string_view input);       // the same, and what they ask of the registers

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};
// All of them; the corpus of each is tests/fuzz/corpus/<name>.
std::span<const Target> targets();

}  // namespace skep::fuzz
