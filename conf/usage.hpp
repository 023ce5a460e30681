// What the executable prints of itself.
#pragma once

#include <string_view>

namespace skep::conf {

inline constexpr std::string_view kUsage = R"(usage: server COMMAND

Run a node
  server --config FILE [--set KEY=VALUE]…   FILE is a node.toml; --set overrides one key of it

Look at a configuration
  server check FILE [--set KEY=VALUE]…      is it valid? All that is wrong, with line and column
  server config FILE [--set KEY=VALUE]…     the effective values, and where each came from
  server version

Talk to a node
  server ring [WORDS]                       the ring's entries; default 127.0.0.1:2836
  server kv [WORDS]                         registers, by a proposer; default 127.0.0.1:8100
  server acceptors [WORDS]                  who keeps the registers; `help` lists commands
  server admin [WORDS]                      control of the cluster; default 127.0.0.1:5001

  --connect HOST:PORT[,HOST:PORT]…          the node, or the first of several that is there;
                                            --daemon and --proposers are the same
  --config FILE                             the node of that file, with its secrets
  --secret-file FILE                        a file with the password (ring) or the token (others);
                                            --password-file and --token-file are the same
  --tls [--ca FILE]                         TLS, with a node whose certificate is of that CA;
                                            without --ca, of one of the system's
  --cert FILE --key FILE                    the certificate to show, where one is asked for
  --json                                    answers as JSON where there is structure
  -e LINE                                   one command
  WORDS are one command; `help` lists commands. Without any: a prompt, or lines from a pipe; of
  `acceptors`: their status.

Load a cluster, and check what it says
  server load registers [--clients N] [--keys N] [--own-keys] [--seconds N]
                                            clients (3) that count in keys (9), at --proposers;
                                            --own-keys: each in one of its own. Until Ctrl-C, or
                                            for so many seconds

Exit status: 0 done, 1 certainly not done, 2 wrong usage or configuration, 3 may have been done.
)";

}  // namespace skep::conf
