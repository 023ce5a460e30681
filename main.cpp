// The one executable: argv to a subcommand, which is a node, a look at a configuration, or a client
// of a node.
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <boost/program_options.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <span>

#include "conf/files.hpp"
#include "conf/load.hpp"
#include "conf/units.hpp"
#include "net/cluster.hpp"
#include "net/http.hpp"
#include "net/links.hpp"
#include "net/log_sink.hpp"
#include "net/loop.hpp"
#include "net/tcp.hpp"
#include "roles/admin/admin.hpp"
#include "roles/admin/shell.hpp"
#include "roles/ring/resp_server.hpp"
#include "roles/ring/ring.hpp"
#include "roles/ring/shell.hpp"
#include "store/sqlite_store.hpp"

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
  server ring [WORDS]                       keys and values; default 127.0.0.1:2836
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

// Where a client on this machine reaches what listens on `listen`.
Address reachable(const Address& listen) {
  auto address = conf::parse_address(listen);
  if (!address || !conf::is_wildcard(address->host)) return listen;
  bool six = address->host.find(':') != std::string::npos;
  return (six ? "[::1]:" : "127.0.0.1:") + std::to_string(address->port);
}

// What other machines dial to reach `listen`: on the host of `advertised` when it is a wildcard.
Address dialable(const Address& listen, const Address& advertised) {
  auto address = conf::parse_address(listen);
  if (!address || !conf::is_wildcard(address->host)) return listen;
  return advertised.substr(0, advertised.rfind(':') + 1) + std::to_string(address->port);
}

// A node: opens its parts, wires them, runs until it is told to end.
class Node {
 public:
  Node(conf::NodeConfig config, std::string shown_config, LogSink& log)
      : config_(std::move(config)), shown_config_(std::move(shown_config)), log_(log) {}

  // In this order: the store, which says who this node is; the links; the members; the roles; the
  // listeners for clients. The message is for a person.
  Result<> open() {
    for (Result<> (Node::*step)() :
         {&Node::open_store, &Node::open_cluster, &Node::open_ring, &Node::open_admin}) {
      Result<> opened = (this->*step)();
      if (!opened) return opened;
    }
    for (int signal : {SIGTERM, SIGINT}) loop_.on_signal(signal, [this] { end("by a signal"); });
    loop_.on_signal(SIGHUP, [this] { reopen_log(); });
    if (state() == MemberState::leaving) go_on_leaving();
    return {};
  }

  int run() {
    loop_.run();
    return exit_;
  }

 private:
  // The ring, of which RING STOP and RING LEAVE also end the process.
  class ServedRing final : public ring::Ring {
   public:
    ServedRing(Node& node, ring::Options options)
        : Ring(node.env(), *node.store_, *node.cluster_, options), node_(node) {}
    void stop(std::function<void(Result<>)> done) override {
      done({});
      node_.end("by RING STOP");
    }
    void leave(std::function<void(Result<>)> done) override { node_.leave(std::move(done)); }

   private:
    Node& node_;
  };

  Env env() { return {loop_, loop_, loop_, *links_, log_}; }
  void say(Level level, const std::string& text) { log_.write(level, "node", text); }

  Result<> open_store() {
    StoreOptions options;
    options.directory = config_.data.string();
    options.cluster = config_.cluster.name;
    options.node = config_.name;
    options.flush_interval = config_.store.flush_interval;
    options.max_unfolded = config_.store.max_unfolded;
    options.post = [this](std::function<void()> run) { loop_.post(std::move(run)); };
    options.log = &log_;
    auto store = SqliteStore::open(std::move(options));
    if (!store) return tl::unexpected(store.error());
    store_ = std::move(*store);
    store_->on_failure([this](const Error& error) {
      say(Level::error, "the store has failed, and so ends the node: " + error.message);
      exit_ = kNotDone;
      loop_.stop();
    });
    return {};
  }

  // A number that is higher in each life of the store, whatever the wall clock does.
  Result<std::uint64_t> next_incarnation() {
    auto kept = store_->get(kSpace, kIncarnation);
    if (!kept) return tl::unexpected(kept.error());
    std::uint64_t last = 0;
    if (*kept) {
      auto decoded = wire::decode<Incarnation>(**kept);
      if (!decoded) return fail(Code::corrupt, "the node's incarnation in its store is damaged");
      last = decoded->number;
    }
    Incarnation next{std::max(static_cast<std::uint64_t>(loop_.wall()), last + 1)};
    Batch batch;
    batch.put(kSpace, kIncarnation, wire::encode(next));
    submit(std::move(batch), Durability::durable);
    return next.number;
  }

  void submit(Batch batch, Durability durability) {
    store_->submit(std::move(batch), durability, [this](Result<> kept) {
      if (!kept) say(Level::error, "the store keeps nothing: " + kept.error().message);
    });
  }

  Result<> open_cluster() {
    auto incarnation = next_incarnation();
    if (!incarnation) return tl::unexpected(incarnation.error());
    LinkOptions links;
    links.cluster = config_.cluster.name;
    links.node = config_.name;
    links.identity = store_->identity();
    links.incarnation = *incarnation;
    links.cluster_id = store_->cluster_id();
    links.listen = config_.cluster.listen;
    links.advertise = config_.cluster.address();
    links.secret = config_.cluster.secret;
    links.max_frame = config_.cluster.max_frame;
    links.max_queued = 2 * config_.cluster.max_frame;
    auto opened = Links::open(loop_, log_, std::move(links));
    if (!opened) return tl::unexpected(opened.error());
    links_ = std::move(*opened);
    auto saved = store_->get(kSpace, kMembers);
    if (!saved) return tl::unexpected(saved.error());
    auto cluster = Cluster::open(
        env(), {this_member(*incarnation), config_.cluster.peers, config_.cluster.dead_after},
        saved->value_or(""), [this](std::string bytes) {
          Batch batch;
          batch.put(kSpace, kMembers, bytes);
          submit(std::move(batch), Durability::written);
        });
    if (!cluster) return tl::unexpected(cluster.error());
    cluster_ = std::move(*cluster);
    cluster_->on_cluster([this](std::uint64_t id) { enter(id); });
    return introduce();
  }

  Member this_member(std::uint64_t incarnation) const {
    Member self;
    self.id = store_->identity();
    self.name = config_.name;
    self.address = config_.cluster.address();
    self.incarnation = incarnation;
    self.roles = config_.roles;
    if (config_.runs("ring"))
      self.listeners.push_back({"ring", dialable(config_.ring.listen, self.address)});
    if (config_.runs("admin"))
      self.listeners.push_back({"admin", dialable(config_.admin.listen, self.address)});
    self.weight = static_cast<std::uint32_t>(config_.ring.weight);
    return self;
  }

  Result<> introduce() {
    std::string roles;
    for (const std::string& role : config_.roles) roles += ' ' + role;
    say(Level::info, "server " SKEP_VERSION ", cluster " + config_.cluster.name + ", at " +
                         links_->address() + ", roles" + roles + ", data in " +
                         std::filesystem::absolute(config_.data).string());
    if (state() == MemberState::left)
      return fail(Code::conflict, "this node has left its cluster, for good; without its data in " +
                                      config_.data.string() + " it would be a new node");
    return {};
  }

  MemberState state() const { return cluster_->members().at(cluster_->self()).state; }

  void enter(std::uint64_t cluster_id) {
    links_->set_cluster_id(cluster_id);
    store_->bind(cluster_id, [this](Result<> bound) {
      if (!bound) say(Level::error, "the store keeps no cluster: " + bound.error().message);
    });
  }

  Result<> open_ring() {
    if (!config_.runs("ring")) {
      cluster_->start();
      return {};
    }
    const conf::RingConfig& from = config_.ring;
    ring::Options options;
    options.hive.arcs = static_cast<std::uint16_t>(from.arcs);
    options.hive.replication = static_cast<std::uint8_t>(from.replication);
    options.hive.lease_us = static_cast<std::uint64_t>(from.lease.count());
    options.heartbeat = from.heartbeat;
    options.takeover_after = from.takeover_after;
    options.replace_after = from.replace_after;
    options.request_timeout = from.request_timeout;
    options.max_value = from.max_value;
    options.moves = static_cast<std::uint32_t>(from.moves);
    ring_ = std::make_unique<ServedRing>(*this, options);
    cluster_->start();  // before the ring, which asks whether this node has founded the cluster
    Result<> started = ring_->start();
    if (!started) return started;
    ring::RespOptions resp;
    resp.password = from.password;
    resp.limits.max_bulk = from.max_value;
    resp.limits.max_request = (std::size_t{64} << 20) + 4 * from.max_value;
    resp.listen = dialable(from.listen, links_->address());
    resp.node = config_.name;
    resp_ = std::make_unique<ring::RespServer>(*ring_, loop_, loop_, std::move(resp));
    TcpLimits limits;
    limits.max_connections = from.max_connections;
    limits.max_queued += 2 * from.max_value;
    limits.refusal = "-ERR max number of clients reached\r\n";
    return listen("ring", from.listen, std::move(limits),
                  [this](Stream& stream) { return resp_->accept(stream); });
  }

  Result<> open_admin() {
    if (!config_.runs("admin")) return {};
    const conf::AdminConfig& from = config_.admin;
    admin::Hooks hooks;
    hooks.cluster_id = [this] { return cluster_->cluster_id(); };
    hooks.ready = [this] { return ready(); };
    if (ring_) hooks.ring = [this] { return ring_status(); };
    hooks.join = [this](const Address& peer, admin::Done done) { cluster_->join(peer, done); };
    hooks.leave = [this](admin::Done done) { leave(std::move(done)); };
    hooks.end = [this] { end("by the admin role"); };
    admin_ =
        std::make_unique<admin::Admin>(admin::Options{config_.name, config_.cluster.name,
                                                      shown_config_, from.token, from.admin_token},
                                       std::move(hooks), *cluster_, loop_);
    TcpLimits limits;
    limits.max_connections = 256;
    return listen("admin", from.listen, std::move(limits), [this](Stream& stream) {
      return http::make_session(stream, loop_, {}, [this](const auto& request, auto respond) {
        admin_->handle(request, std::move(respond));
      });
    });
  }

  Result<> listen(const std::string& role, const Address& address, TcpLimits limits,
                  TcpListener::Factory factory) {
    auto listener =
        TcpListener::open(loop_, log_, role, address, std::move(limits), std::move(factory));
    if (!listener) return tl::unexpected(listener.error());
    say(Level::info, role + " listens on " + (*listener)->address());
    listeners_.push_back(std::move(*listener));
    return {};
  }

  Result<> ready() const {
    if (ending_) return fail(Code::unavailable, "the node is ending");
    if (cluster_->cluster_id() == 0)
      return fail(Code::unavailable, "in no cluster yet; waits for a peer");
    if (!ring_) return {};
    ring::Ring::Status ring = ring_->status();
    if (!ring.started) return fail(Code::unavailable, "the ring's options are not known yet");
    if (!ring.ready) return fail(Code::unavailable, "some arcs of the ring have no owner");
    if (!ring.stable) return fail(Code::unavailable, "the ring is moving arcs");
    return {};
  }

  resp::Value ring_status() const {
    using resp::Value;
    const ring::Ring::Status now = ring_->status();
    const ring::HiveOptions& hive = ring_->hive();
    Value status;
    status.kind = Value::Kind::map;
    auto put = [&](const char* name, Value value) {
      status.items.push_back(Value::bulk(name));
      status.items.push_back(std::move(value));
    };
    auto count = [](auto number) { return Value::integer(static_cast<std::int64_t>(number)); };
    auto flag = [](bool yes) { return Value::boolean(yes); };
    put("started", flag(now.started));
    put("ready", flag(now.ready));
    put("stable", flag(now.stable));
    put("arcs", count(now.arcs));
    put("owned", count(now.owned));
    put("kept", count(now.kept));
    put("keys", count(now.keys));
    put("requests", count(now.jobs));
    put("replication", count(hive.replication));
    put("lease_ms", count(hive.lease_us / 1000));
    return status;
  }

  void reopen_log() {
    Result<> opened = log_.reopen();
    if (!opened) say(Level::error, opened.error().message);
  }

  // Gives away what this node holds, then ends it, for good.
  void leave(std::function<void(Result<>)> done) {
    if (!ring_) {
      cluster_->set_left();
      left(std::move(done));
      return;
    }
    ring_->Ring::leave([this, done = std::move(done)](Result<> result) {
      if (result) return left(done);
      done(std::move(result));
    });
  }

  // An earlier life of this node was interrupted while it was leaving.
  void go_on_leaving() {
    leave([this](Result<> result) {
      if (result || ending_) return;
      say(Level::warn, "cannot go on leaving the cluster yet: " + result.error().message);
      loop_.after(std::chrono::seconds(5), [this] { go_on_leaving(); });
    });
  }

  void left(const std::function<void(Result<>)>& done) {
    left_ = true;
    say(Level::info, "left the cluster");
    done({});
    end("because it has left");
  }

  // Ends in order, within stop_timeout: no new clients, the ring's ownership passed on, what
  // clients are still to get sent, the store closed.
  void end(const std::string& why) {
    if (std::exchange(ending_, true)) return;
    say(Level::info, "stops " + why);
    for (auto& listener : listeners_) listener->stop_accepting();
    loop_.after(config_.stop_timeout, [this] {
      say(Level::warn, "not everything was done within stop_timeout");
      finish();
    });
    if (!ring_ || left_) return drain();
    ring_->Ring::stop([this](Result<> stopped) {
      if (!stopped) say(Level::warn, "the ring did not stop in order: " + stopped.error().message);
      drain();
    });
  }

  void drain() {
    for (auto& listener : listeners_) listener->close_connections();
    await_clients();
  }

  void await_clients() {
    if (std::all_of(listeners_.begin(), listeners_.end(),
                    [](const auto& listener) { return listener->connections() == 0; }))
      return finish();
    loop_.after(std::chrono::milliseconds(5), [this] { await_clients(); });
  }

  void finish() {
    if (std::exchange(finished_, true)) return;
    Result<> closed = store_->close();
    say(closed ? Level::info : Level::error,
        closed ? "stopped" : "the store did not close in order: " + closed.error().message);
    if (!closed) exit_ = kNotDone;
    loop_.stop();
  }

  struct Incarnation {
    std::uint64_t number = 0;
    template <class M, class V> static void fields(M& m, V&& v) { v("number", m.number); }
  };
  static constexpr std::string_view kSpace = "node";
  static constexpr std::string_view kIncarnation = "incarnation";
  static constexpr std::string_view kMembers = "members";

  const conf::NodeConfig config_;
  const std::string shown_config_;
  LogSink& log_;
  Loop loop_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<Links> links_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<ServedRing> ring_;
  std::unique_ptr<ring::RespServer> resp_;
  std::unique_ptr<admin::Admin> admin_;
  std::vector<std::unique_ptr<TcpListener>> listeners_;
  bool ending_ = false;
  bool finished_ = false;
  bool left_ = false;
  int exit_ = kDone;
};

// As many files and connections as the system lets this process have.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int run_node(const Words& words) {
  auto loaded = load_by(words, true);
  if (!loaded) return refuse_configuration(loaded.error());
  const conf::NodeConfig& config = loaded->config;
  auto log = LogSink::open({config.log.file.string(), *LogLevels::parse(config.log.level),
                            config.name, is_journal(std::getenv("JOURNAL_STREAM"), STDERR_FILENO)});
  if (!log) return refuse_configuration(log.error());
  raise_file_limit();
  try {
    Node node(config, show(loaded->effective), **log);
    Result<> opened = node.open();
    if (opened) return node.run();
    (*log)->write(Level::error, "node", "does not start: " + opened.error().message);
    if (config.log.file != "stderr") std::cerr << opened.error().message << '\n';
  } catch (const std::exception& error) {
    std::cerr << "server: " << error.what() << '\n';
  }
  return kNotDone;
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
  if (values->count("execute") != 0 && !client.command.empty())
    return fail(Code::invalid, "accepted: one command, by -e or as words");
  if (values->count("execute") != 0) client.line = (*values)["execute"].as<std::string>();
  return client;
}

int talk_to_ring(const Words& words) {
  auto client = parse_client(words, "127.0.0.1:2836", [](const conf::NodeConfig& config) {
    return std::pair(config.ring.listen, config.ring.password);
  });
  if (!client) return wrong_usage(client.error().message);
  ring::ShellOptions options{client->nodes, client->secret, client->json};
  if (client->line) return ring::run_shell_line(options, *client->line, std::cout, std::cerr);
  return ring::run_shell(options, client->command, std::cin, std::cout, std::cerr);
}

int talk_to_admin(const Words& words) {
  auto client = parse_client(words, "127.0.0.1:5001", [](const conf::NodeConfig& config) {
    const conf::AdminConfig& admin = config.admin;
    return std::pair(admin.listen, admin.admin_token.empty() ? admin.token : admin.admin_token);
  });
  if (!client) return wrong_usage(client.error().message);
  std::string line = client->line.value_or("");
  for (const std::string& word : client->command) line += (line.empty() ? "" : " ") + word;
  return admin::run_shell({client->nodes, client->secret, client->json}, line, std::cin, std::cout,
                          std::cerr);
}

struct Command {
  std::string_view name;
  int (*run)(const Words& words);
};
constexpr std::array<Command, 9> kCommands{{{"check", check},
                                            {"config", config},
                                            {"version", version},
                                            {"--version", version},
                                            {"help", help},
                                            {"--help", help},
                                            {"-h", help},
                                            {"ring", talk_to_ring},
                                            {"admin", talk_to_admin}}};

int run(const Words& words) {
  if (words.empty()) {
    std::cerr << kUsage;
    return kWrongUsage;
  }
  if (words[0].rfind("--config", 0) == 0 || words[0].rfind("--set", 0) == 0) return run_node(words);
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
