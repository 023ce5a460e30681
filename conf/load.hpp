// From a TOML file to a NodeConfig. Everything that is wrong is reported at once, each problem with
// its place, the key's full path, what was found and what is accepted. A section may also be a
// string: the name of a TOML file whose top level is the section. Paths are relative to the file
// that they stand in.
#pragma once

#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "conf/config.hpp"
#include "conf/document.hpp"

namespace skep::conf {

// A key's effective value, for people.
struct Effective {
  std::string key;
  std::string value;   // as TOML; empty: the key has no value. Of a secret, its file's name.
  std::string origin;  // "default", "node.toml:3", "--set", "the host's name"
};

struct Loaded {
  NodeConfig config;
  std::vector<Effective> effective;  // one for each key, in the table's order
};

// `sets` are words such as "ring.listen=127.0.0.1:2837", each of which overrides one key; the last
// one wins. Quotes around strings may be left out, and lists may be words with commas between;
// paths in them are relative to the working directory. `host` is the default of `name`. On failure:
// the problems, in the order of the file.
tl::expected<Loaded, std::vector<Problem>> load(const std::string& file,
                                                std::span<const std::string> sets,
                                                const std::string& host);

// The effective values as TOML, each with its origin behind it.
std::string show(const std::vector<Effective>& values);

}  // namespace skep::conf
