#include "roles/proposer/client.hpp"

#include <iostream>

#include "roles/proposer/client_load.hpp"
#include "roles/proposer/shell.hpp"
#include "roles/proposer/shell_acceptors.hpp"

namespace skep::proposer {
namespace {

constexpr const char* kDefault = "127.0.0.1:8100";

struct Client {
  conf::ClientWords words;
  ShellOptions options;
};
// `admin`: the token that changes the configuration is wanted, if the node of --config has one.
Result<Client> parse(const conf::Words& words, bool admin) {
  auto client = conf::parse_client(
      words, kDefault,
      admin ? [](const conf::NodeConfig& config) {
        const conf::ProposerConfig& proposer = config.proposer;
        return conf::Listener{proposer.listen,
                              proposer.admin_token.empty() ? proposer.token : proposer.admin_token,
                              proposer.tls};
      } : [](const conf::NodeConfig& config) {
        const conf::ProposerConfig& proposer = config.proposer;
        return conf::Listener{proposer.listen, proposer.token, proposer.tls};
      });
  if (!client) return tl::unexpected(client.error());
  auto tls = tls::Context::open_for_client(
      client->tls.on, client->tls.pinned,
      {client->tls.files.cert, client->tls.files.key, client->tls.files.ca});
  if (!tls) return tl::unexpected(tls.error());
  ShellOptions options{client->nodes, client->secret, client->json, std::move(*tls)};
  return Client{std::move(*client), std::move(options)};
}

}  // namespace

Result<int> run_kv(const conf::Words& words) {
  auto client = parse(words, false);
  if (!client) return tl::unexpected(client.error());
  if (client->words.line)
    return run_shell_line(client->options, *client->words.line, std::cin, std::cout, std::cerr);
  return run_shell(client->options, client->words.command, std::cin, std::cout, std::cerr);
}

Result<int> run_acceptors(const conf::Words& words) {
  auto client = parse(words, true);
  if (!client) return tl::unexpected(client.error());
  if (client->words.line)
    return fail(Code::invalid, "accepted: a command as words, as `acceptors help` lists them");
  return run_acceptors_shell(client->options, client->words.command, std::cout, std::cerr);
}

Result<int> run_load(const conf::Words& words) {
  if (words.empty() || words[0] != "registers")
    return fail(Code::invalid,
                "accepted: load registers [--clients N] [--keys N] [--own-keys] [--seconds N]");
  conf::Words rest(words.begin() + 1, words.end());
  auto options = take_load_options(rest);
  if (!options) return tl::unexpected(options.error());
  auto client = parse(rest, false);
  if (!client) return tl::unexpected(client.error());
  if (client->words.line || !client->words.command.empty())
    return fail(Code::invalid, "load takes options only");
  options->proposers = client->options.nodes;
  options->token = client->options.token;
  options->tls = client->options.tls;
  options->json = client->options.json;
  return run_load(*options, std::cout, std::cerr);
}

}  // namespace skep::proposer
