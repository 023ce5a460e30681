// The one executable: argv to a subcommand, which is a node, a look at a configuration, or a client
// of a node.
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <span>

#include "conf/arguments.hpp"
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

using conf::Words;

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

  --connect HOST:PORT[,HOST:PORT]…          the node, or the first of several that is there;
                                            --daemon is the same
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

int refuse_configuration(const Error& error) {
  std::cerr << error.message << '\n';
  return kWrongUsage;
}

int check(const Words& words) {
  auto loaded = conf::load_by_file(words);
  if (!loaded) return refuse_configuration(loaded.error());
  std::cout << "valid: " << loaded->config.name << '\n';
  return kDone;
}

int config(const Words& words) {
  auto loaded = conf::load_by_file(words);
  if (!loaded) return refuse_configuration(loaded.error());
  std::cout << conf::show(loaded->effective);
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
      self.listeners.push_back({"ring", conf::dialable(config_.ring.listen, self.address)});
    if (config_.runs("admin"))
      self.listeners.push_back({"admin", conf::dialable(config_.admin.listen, self.address)});
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
    resp.listen = conf::dialable(from.listen, links_->address());
    resp.node = config_.name;
    resp.settings = {{"maxclients", std::to_string(from.max_connections)}};
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
      left(done);
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
  auto loaded = conf::load_by_option(words);
  if (!loaded) return refuse_configuration(loaded.error());
  const conf::NodeConfig& config = loaded->config;
  auto log = LogSink::open({config.log.file.string(), *LogLevels::parse(config.log.level),
                            config.name, is_journal(std::getenv("JOURNAL_STREAM"), STDERR_FILENO)});
  if (!log) return refuse_configuration(log.error());
  raise_file_limit();
  try {
    Node node(config, conf::show(loaded->effective), **log);
    Result<> opened = node.open();
    if (opened) return node.run();
    (*log)->write(Level::error, "node", "does not start: " + opened.error().message);
    if (config.log.file != "stderr") std::cerr << opened.error().message << '\n';
  } catch (const std::exception& error) {
    std::cerr << "server: " << error.what() << '\n';
  }
  return kNotDone;
}

int talk_to_ring(const Words& words) {
  auto client = conf::parse_client(words, "127.0.0.1:2836", [](const conf::NodeConfig& config) {
    return std::pair(config.ring.listen, config.ring.password);
  });
  if (!client) return wrong_usage(client.error().message);
  ring::ShellOptions options{client->nodes, client->secret, client->json};
  if (client->line) return ring::run_shell_line(options, *client->line, std::cout, std::cerr);
  return ring::run_shell(options, client->command, std::cin, std::cout, std::cerr);
}

int talk_to_admin(const Words& words) {
  auto client = conf::parse_client(words, "127.0.0.1:5001", [](const conf::NodeConfig& config) {
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
  if (words.size() > 1 && words[1] == "--help") return help(words);
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
