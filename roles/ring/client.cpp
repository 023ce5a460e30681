#include "roles/ring/client.hpp"

#include <iostream>

#include "roles/ring/shell.hpp"

namespace skep::ring {

Result<int> run_client(const conf::Words& words) {
  auto client = conf::parse_client(words, "127.0.0.1:2836", [](const conf::NodeConfig& config) {
    return std::pair(config.ring.listen, config.ring.password);
  });
  if (!client) return tl::unexpected(client.error());
  ShellOptions options{client->nodes, client->secret, client->json};
  if (client->line) return run_shell_line(options, *client->line, std::cout, std::cerr);
  return run_shell(options, client->command, std::cin, std::cout, std::cerr);
}

}  // namespace skep::ring
