// Command lines: which configuration a node is to use, which node a client is to talk to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conf/load.hpp"
#include "net/base/error.hpp"

namespace skep::conf {

using Words = std::vector<std::string>;

// conf::load() with all problems in one message, a line each.
Result<Loaded> load_or_explain(const std::string& file, const Words& sets);

// Of `FILE [--set KEY=VALUE]…`, or of `--config FILE [--set KEY=VALUE]…`.
Result<Loaded> load_by_file(const Words& words);
Result<Loaded> load_by_option(const Words& words);

// What a client of a node is told:
//   [--connect HOST:PORT[,…]] [--config FILE] [--secret-file FILE] [--json] [-e LINE]
//   [--tls] [--ca FILE] [--cert FILE --key FILE] [HOST:PORT[,…]] [COMMAND…]
// --daemon and --proposers mean --connect; --password-file and --token-file mean --secret-file;
// each of --ca, --cert and --key means --tls, too. Options come before the command's words, so that
// these may look like anything; so may what comes after "--".
struct ClientWords {
  struct Tls {
    bool on = false;
    // The server has to show the certificate in `files.ca` itself: that of the node in --config.
    bool pinned = false;
    TlsConfig files{};
  };
  std::vector<std::string> nodes;  // the first that can be connected to is meant
  std::string secret;              // password or token; empty: none
  Tls tls;
  bool json = false;
  std::optional<std::string> line;  // -e: the command as a line
  Words command;                    // the command as words; empty: a prompt, or lines from a pipe
};

// A role's listener, out of its node's configuration.
struct Listener {
  std::string address;
  std::string secret;
  TlsConfig tls;
};
using OfNode = Listener (*)(const NodeConfig&);

// `otherwise` is the address when none is named.
Result<ClientWords> parse_client(const Words& words, const std::string& otherwise, OfNode of);

// What other machines dial to reach `listen`: on the host of `advertised` when it is a wildcard.
std::string dialable(const std::string& listen, const std::string& advertised);

}  // namespace skep::conf
