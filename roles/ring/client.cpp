#include "roles/ring/client.hpp"

#include <iostream>

#include "roles/ring/shell.hpp"

namespace skep::ring {

Result<int> run_client(const conf::Words& words) {
  auto client = conf::parse_client(words, "127.0.0.1:2836", [](const conf::NodeConfig& config) {
    return conf::Listener{config.ring.listen, config.ring.password, config.ring.tls};
  });
  if (!client) return tl::unexpected(client.error());
  auto tls = tls::Context::open_for_client(
      client->tls.on, client->tls.pinned,
      {client->tls.files.cert, client->tls.files.key, client->tls.files.ca});
  if (!tls) return tl::unexpected(tls.error());
  ShellOptions options{client->nodes, client->secret, client->json, std::move(*tls)};
  if (client->line) return run_shell_line(options, *client->line, std::cout, std::cerr);
  return run_shell(options, client->command, std::cin, std::cout, std::cerr);
}

}  // namespace skep::ring
