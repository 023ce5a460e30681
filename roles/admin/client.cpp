#include "roles/admin/client.hpp"

#include <iostream>

#include "roles/admin/shell.hpp"

namespace skep::admin {

Result<int> run_client(const conf::Words& words) {
  auto client = conf::parse_client(words, "127.0.0.1:5001", [](const conf::NodeConfig& config) {
    const conf::AdminConfig& admin = config.admin;
    return conf::Listener{admin.listen, admin.admin_token.empty() ? admin.token : admin.admin_token,
                          admin.tls};
  });
  if (!client) return tl::unexpected(client.error());
  std::string line = client->line.value_or("");
  for (const std::string& word : client->command) line += (line.empty() ? "" : " ") + word;
  auto tls = tls::Context::open_for_client(
      client->tls.on, client->tls.pinned,
      {client->tls.files.cert, client->tls.files.key, client->tls.files.ca});
  if (!tls) return tl::unexpected(tls.error());
  return run_shell({client->nodes, client->secret, client->json, std::move(*tls)}, line, std::cin,
                   std::cout, std::cerr);
}

}  // namespace skep::admin
