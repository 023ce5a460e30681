// The one executable: argv to a subcommand, which is a node, a look at a configuration, or a client
// of a node.
#include <unistd.h>

#include <array>
#include <boost/program_options.hpp>
#include <iostream>
#include <span>

#include "conf/files.hpp"
#include "conf/load.hpp"
#include "conf/units.hpp"
#include "roles/admin/shell.hpp"

namespace skep {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

enum Exit : int { kDone = 0, kNotDone = 1, kWrongUsage = 2, kMaybeDone = 3 };

constexpr std::string_view kUsage = R"(usage: server COMMAND

Run a node
  server --config FILE [--set KEY=VALUE]…   FILE is a node.toml; --set overrides one key of it

Look at a configuration
  server check FILE [--set KEY=VALUE]…      is it valid? All that is wrong, with line and column
  server config FILE [--set KEY=VALUE]…     the effective values, and where each came from
  server version

Talk to a node
  server admin [WORDS]                      control of the cluster; default 127.0.0.1:5001

  --connect HOST:PORT[,HOST:PORT]…          the node, or the first of several that is there
  --config FILE                             the node of that file, with its secrets
  --secret-file FILE                        a file with the password (ring) or the token (admin)
  --json                                    answers as JSON where there is structure
  -e LINE                                   one command
  WORDS are one command. Without any: a prompt, or lines from a pipe; `help` lists commands.

Exit status: 0 done, 1 certainly not done, 2 wrong usage or configuration, 3 may have been done.
)";

int wrong_usage(const std::string& what) {
  std::cerr << "server: " << what << "; `server --help` lists what there is\n";
  return kWrongUsage;
}

// Parses `words` by `options`; a word that is no option is one more value of "file".
Result<po::variables_map> parse(const Words& words, const po::options_description& options,
                                int files) {
  po::positional_options_description positional;
  if (files > 0) positional.add("file", files);
  po::variables_map values;
  try {
    po::store(
        po::command_line_parser(words)
            .options(options)
            .positional(positional)
            .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
            .run(),
        values);
  } catch (const po::too_many_positional_options_error&) {
    return fail(Code::invalid, "more words than it takes");
  } catch (const po::error& error) {
    return fail(Code::invalid, error.what());
  }
  return values;
}

template <class T> T value_or(const po::variables_map& values, const char* name, T otherwise = {}) {
  return values.count(name) != 0 ? values[name].as<T>() : otherwise;
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

Result<conf::Loaded> load(const std::string& file, const Words& sets) {
  auto loaded = conf::load(file, sets, host_name());
  if (loaded) return std::move(*loaded);
  std::string problems;
  for (const conf::Problem& problem : loaded.error()) {
    if (!problems.empty()) problems += '\n';
    problems += conf::show(problem);
  }
  return fail(Code::invalid, problems);
}

// What `check`, `config` and a node take: a file and overrides.
Result<conf::Loaded> load_by(const Words& words, bool by_option) {
  po::options_description options;
  options.add_options()(by_option ? "config" : "file", po::value<std::string>())(
      "set", po::value<Words>()->composing());
  auto values = parse(words, options, by_option ? 0 : 1);
  if (!values) return tl::unexpected(values.error());
  auto file = value_or<std::string>(*values, by_option ? "config" : "file");
  if (file.empty()) return fail(Code::invalid, "which file? Accepted: a node.toml");
  return load(file, value_or<Words>(*values, "set"));
}

int refuse_configuration(const Error& error) {
  std::cerr << error.message << '\n';
  return kWrongUsage;
}

int check(const Words& words) {
  auto loaded = load_by(words, false);
  if (!loaded) return refuse_configuration(loaded.error());
  std::cout << "valid: " << loaded->config.name << '\n';
  return kDone;
}

// The effective values as TOML, each with its origin.
std::string show(const std::vector<conf::Effective>& values) {
  std::string out;
  std::string section;
  for (const conf::Effective& value : values) {
    std::size_t dot = value.key.find('.');
    std::string in = dot == std::string::npos ? "" : value.key.substr(0, dot);
    if (in != section) out += "\n[" + (section = in) + "]\n";
    std::string key = dot == std::string::npos ? value.key : value.key.substr(dot + 1);
    out += value.value.empty() ? "# " + key + " is not set\n"
                               : key + " = " + value.value + "  # " + value.origin + '\n';
  }
  return out;
}

int config(const Words& words) {
  auto loaded = load_by(words, false);
  if (!loaded) return refuse_configuration(loaded.error());
  std::cout << show(loaded->effective);
  return kDone;
}

int version(const Words&) {
  std::cout << "server " << SKEP_VERSION << '\n';
  return kDone;
}

int help(const Words&) {
  std::cout << kUsage;
  return kDone;
}

// What all clients have in common.
struct Client {
  std::vector<Address> nodes;
  std::string secret;
  bool json = false;
  Words command;                    // empty: a prompt, or lines from a pipe
  std::optional<std::string> line;  // -e
};

// Options come before the command's words, so that these may look like anything.
std::size_t count_options(const Words& words) {
  std::size_t i = 0;
  while (i < words.size() && words[i].size() > 1 && words[i][0] == '-') {
    bool flag = words[i] == "--json" || words[i].find('=') != std::string::npos;
    if (words[i] == "--") return i;
    i += flag ? 1 : 2;
  }
  return std::min(i, words.size());
}

std::vector<Address> split(const std::string& list) {
  std::vector<Address> parts;
  for (std::size_t from = 0; from <= list.size();) {
    std::size_t comma = std::min(list.find(',', from), list.size());
    parts.push_back(list.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

bool are_addresses(const std::vector<Address>& words) {
  return std::all_of(words.begin(), words.end(),
                     [](const Address& word) { return conf::parse_address(word).has_value(); });
}

// Where a client on this machine reaches what listens on `listen`.
Address reachable(const Address& listen) {
  auto address = conf::parse_address(listen);
  if (!address || !conf::is_wildcard(address->host)) return listen;
  bool six = address->host.find(':') != std::string::npos;
  return (six ? "[::1]:" : "127.0.0.1:") + std::to_string(address->port);
}

// `of` takes a node's address and secret for this role out of its configuration.
using OfNode = std::pair<Address, std::string> (*)(const conf::NodeConfig&);

Result<> use_configuration(const std::string& file, OfNode of, Client& client) {
  auto loaded = load(file, {});
  if (!loaded) return tl::unexpected(loaded.error());
  auto [listen, secret] = of(loaded->config);
  client.nodes = {reachable(listen)};
  client.secret = secret;
  return {};
}

Result<Client> parse_client(const Words& words, const Address& otherwise, OfNode of) {
  po::options_description options;
  options.add_options()("connect", po::value<std::string>())("daemon", po::value<std::string>())(
      "proposers", po::value<std::string>())("config", po::value<std::string>())(
      "secret-file", po::value<std::string>())("json", po::bool_switch())("execute,e",
                                                                          po::value<std::string>());
  auto boundary = words.begin() + static_cast<std::ptrdiff_t>(count_options(words));
  auto values = parse(Words(words.begin(), boundary), options, 0);
  if (!values) return tl::unexpected(values.error());
  Client client;
  client.command.assign(boundary, words.end());
  if (!client.command.empty() && client.command[0] == "--")
    client.command.erase(client.command.begin());
  client.json = (*values)["json"].as<bool>();
  client.nodes = {otherwise};
  if (auto file = value_or<std::string>(*values, "config"); !file.empty()) {
    Result<> used = use_configuration(file, of, client);
    if (!used) return tl::unexpected(used.error());
  }
  for (const char* name : {"connect", "daemon", "proposers"})
    if (values->count(name) != 0) client.nodes = split((*values)[name].as<std::string>());
  if (!are_addresses(client.nodes))
    return fail(Code::invalid, "accepted: --connect HOST:PORT[,HOST:PORT]…");
  if (!client.command.empty() && are_addresses(split(client.command[0]))) {
    client.nodes = split(client.command[0]);
    client.command.erase(client.command.begin());
  }
  if (auto file = value_or<std::string>(*values, "secret-file"); !file.empty()) {
    Result<std::string> secret = conf::read_secret(file);
    if (!secret) return fail(Code::invalid, "the file " + file + ' ' + secret.error().message);
    client.secret = *secret;
  }
  if (values->count("execute") != 0) client.line = (*values)["execute"].as<std::string>();
  return client;
}

int talk_to_admin(const Words& words) {
  auto client = parse_client(words, "127.0.0.1:5001", [](const conf::NodeConfig& config) {
    const conf::AdminConfig& admin = config.admin;
    return std::pair(admin.listen, admin.admin_token.empty() ? admin.token : admin.admin_token);
  });
  if (!client) return wrong_usage(client.error().message);
  admin::Shell shell({client->nodes, client->secret, client->json}, http::ask, std::cout,
                     std::cerr);
  std::string line = client->line.value_or("");
  for (const std::string& word : client->command) line += (line.empty() ? "" : " ") + word;
  if (!line.empty()) return shell.run(line);
  int exit = kDone;
  while (std::getline(std::cin, line)) exit = std::max(exit, shell.run(line));
  return exit;
}

struct Command {
  std::string_view name;
  int (*run)(const Words& words);
};
constexpr std::array<Command, 8> kCommands{{{"check", check},
                                            {"config", config},
                                            {"version", version},
                                            {"--version", version},
                                            {"help", help},
                                            {"--help", help},
                                            {"-h", help},
                                            {"admin", talk_to_admin}}};

int run(const Words& words) {
  if (words.empty()) {
    std::cerr << kUsage;
    return kWrongUsage;
  }
  for (const Command& command : kCommands)
    if (words[0] == command.name) return command.run(Words(words.begin() + 1, words.end()));
  return wrong_usage("there is no command '" + words[0] + "'");
}

}  // namespace
}  // namespace skep

int main(int argc, char** argv) {
  std::span<char*> words(argv, static_cast<std::size_t>(argc));
  return skep::run(skep::Words(words.begin() + (words.empty() ? 0 : 1), words.end()));
}
