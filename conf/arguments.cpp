#include "conf/arguments.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>

#include "conf/files.hpp"
#include "conf/units.hpp"

namespace skep::conf {
namespace {

namespace po = boost::program_options;

// Parses `words` by `options`; of words that are no option the first `files` are of "config".
Result<po::variables_map> parse(const Words& words, const po::options_description& options,
                                int files) {
  po::positional_options_description positional;
  if (files > 0) positional.add("config", files);
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

// What `check`, `config` and a node take: a file and overrides.
Result<Loaded> load_by(const Words& words, bool by_option) {
  po::options_description options;
  options.add_options()("config", po::value<std::string>())("set", po::value<Words>()->composing());
  auto values = parse(words, options, by_option ? 0 : 1);
  if (!values) return tl::unexpected(values.error());
  auto file = value_or<std::string>(*values, "config");
  if (file.empty()) return fail(Code::invalid, "which file? Accepted: a node.toml");
  return load_or_explain(file, value_or<Words>(*values, "set"));
}

// Where a client on this machine reaches what listens on `listen`.
std::string reachable(const std::string& listen) {
  auto address = parse_address(listen);
  if (!address || !is_wildcard(address->host)) return listen;
  bool six = address->host.find(':') != std::string::npos;
  return (six ? "[::1]:" : "127.0.0.1:") + std::to_string(address->port);
}

// Options come before the command's words, so that these may look like anything.
std::size_t count_options(const Words& words) {
  std::size_t i = 0;
  while (i < words.size() && words[i].size() > 1 && words[i][0] == '-') {
    bool flag =
        words[i] == "--json" || words[i] == "--tls" || words[i].find('=') != std::string::npos;
    if (words[i] == "--") return i;
    i += flag ? 1 : 2;
  }
  return std::min(i, words.size());
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= list.size();) {
    std::size_t comma = std::min(list.find(',', from), list.size());
    parts.push_back(list.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

bool are_addresses(const std::vector<std::string>& words) {
  return std::all_of(words.begin(), words.end(),
                     [](const std::string& word) { return parse_address(word).has_value(); });
}

Result<> use_configuration(const std::string& file, OfNode of, ClientWords& client) {
  auto loaded = load_or_explain(file, {});
  if (!loaded) return tl::unexpected(loaded.error());
  Listener listener = of(loaded->config);
  client.nodes = {reachable(listener.address)};
  client.secret = listener.secret;
  // The node's own certificate is what it will show, and good enough to show to it.
  if (listener.tls.on())
    client.tls = {true, true, {listener.tls.cert, listener.tls.key, listener.tls.cert}};
  return {};
}

Result<> take_secret(const po::variables_map& values, ClientWords& client) {
  for (const char* name : {"secret-file", "password-file", "token-file"}) {
    auto file = value_or<std::string>(values, name);
    if (file.empty()) continue;
    Result<std::string> secret = read_secret(file);
    if (!secret) return fail(Code::invalid, "the file " + file + ' ' + secret.error().message);
    client.secret = *secret;
  }
  return {};
}

Result<> take_tls(const po::variables_map& values, ClientWords& client) {
  const auto ca = value_or<std::string>(values, "ca");
  const auto cert = value_or<std::string>(values, "cert");
  const auto key = value_or<std::string>(values, "key");
  if (cert.empty() != key.empty())
    return fail(Code::invalid, "accepted: --cert FILE and --key FILE, both or neither");
  if (!values["tls"].as<bool>() && ca.empty() && cert.empty()) return {};
  client.tls.on = true;
  if (!ca.empty()) {
    client.tls.pinned = false;
    client.tls.files.ca = ca;
  }
  if (!cert.empty()) {
    client.tls.files.cert = cert;
    client.tls.files.key = key;
  }
  return {};
}

// The nodes that are named by an option, or by the first word.
Result<> take_nodes(const po::variables_map& values, ClientWords& client) {
  for (const char* name : {"connect", "daemon", "proposers"}) {
    if (values.count(name) == 0) continue;
    const auto given = values[name].as<std::string>();
    client.nodes = split(given);
    if (!are_addresses(client.nodes))
      return fail(Code::invalid, "found --" + std::string(name) + '=' + given + "; accepted: --" +
                                     name + "=HOST:PORT[,HOST:PORT]…");
  }
  if (client.command.empty() || !are_addresses(split(client.command[0]))) return {};
  client.nodes = split(client.command[0]);
  client.command.erase(client.command.begin());
  return {};
}

}  // namespace

Result<Loaded> load_or_explain(const std::string& file, const Words& sets) {
  auto loaded = load(file, sets, host_name());
  if (loaded) return std::move(*loaded);
  std::string problems;
  for (const Problem& problem : loaded.error()) {
    if (!problems.empty()) problems += '\n';
    problems += show(problem);
  }
  return fail(Code::invalid, problems);
}

Result<Loaded> load_by_file(const Words& words) { return load_by(words, false); }
Result<Loaded> load_by_option(const Words& words) { return load_by(words, true); }

Result<ClientWords> parse_client(const Words& words, const std::string& otherwise, OfNode of) {
  po::options_description options;
  options.add_options()("connect", po::value<std::string>())("daemon", po::value<std::string>())(
      "proposers", po::value<std::string>())("config", po::value<std::string>())(
      "secret-file", po::value<std::string>())("password-file", po::value<std::string>())(
      "token-file", po::value<std::string>())("tls", po::bool_switch())(
      "ca", po::value<std::string>())("cert", po::value<std::string>())(
      "key", po::value<std::string>())("json", po::bool_switch())("execute,e",
                                                                  po::value<std::string>());
  auto boundary = words.begin() + static_cast<std::ptrdiff_t>(count_options(words));
  auto values = parse(Words(words.begin(), boundary), options, 0);
  if (!values) return tl::unexpected(values.error());
  ClientWords client;
  client.command.assign(boundary, words.end());
  if (!client.command.empty() && client.command[0] == "--")
    client.command.erase(client.command.begin());
  client.json = (*values)["json"].as<bool>();
  client.nodes = {otherwise};
  if (auto file = value_or<std::string>(*values, "config"); !file.empty()) {
    Result<> used = use_configuration(file, of, client);
    if (!used) return tl::unexpected(used.error());
  }
  if (Result<> named = take_nodes(*values, client); !named) return tl::unexpected(named.error());
  if (Result<> taken = take_secret(*values, client); !taken) return tl::unexpected(taken.error());
  if (Result<> taken = take_tls(*values, client); !taken) return tl::unexpected(taken.error());
  if (values->count("execute") == 0) return client;
  if (!client.command.empty())
    return fail(Code::invalid, "accepted: one command, by -e or as words");
  client.line = (*values)["execute"].as<std::string>();
  return client;
}

std::string dialable(const std::string& listen, const std::string& advertised) {
  auto address = parse_address(listen);
  if (!address || !is_wildcard(address->host)) return listen;
  return advertised.substr(0, advertised.rfind(':') + 1) + std::to_string(address->port);
}

}  // namespace skep::conf
