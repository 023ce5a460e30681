// The one executable: argv to a subcommand, which is a node, a look at a configuration, or a client
// of a node.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <span>
#include <sstream>
#include <tuple>

#include "conf/arguments.hpp"
#include "conf/reload.hpp"
#include "conf/usage.hpp"
#include "net/cluster.hpp"
#include "net/ending.hpp"
#include "net/joining.hpp"
#include "net/links.hpp"
#include "net/log_sink.hpp"
#include "net/loop.hpp"
#include "net/process.hpp"
#include "net/service_manager.hpp"
#include "net/shell.hpp"
#include "net/tls.hpp"
#include "roles/acceptor/service.hpp"
#include "roles/admin/client.hpp"
#include "roles/admin/service.hpp"
#include "roles/proposer/client.hpp"
#include "roles/proposer/service.hpp"
#include "roles/ring/client.hpp"
#include "roles/ring/service.hpp"
#include "store/aside.hpp"
#include "store/notes.hpp"
#include "store/sqlite_store.hpp"

// jemalloc's options, where it is linked: a folded table's memory goes back to the system within a
// second, and not when somebody happens to allocate. Of large blocks, too: given back at once, as
// those above 8 MiB would be, the next value of that size meets a page fault for each page anew.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,oversize_threshold:0";
}

namespace skep {
namespace {

using conf::Words;

using shell::kDone, shell::kNotDone, shell::kWrongUsage;

int wrong_usage(const std::string& what) {
  std::cerr << "server: " << what << "; `server --help` lists what there is\n";
  return kWrongUsage;
}

int refuse_configuration(const Error& error) {
  std::cerr << error.message << '\n';
  return kWrongUsage;
}

Result<> check_certificates(const conf::NodeConfig& config) {
  using tls::Peer;
  const std::tuple<const char*, Peer, const conf::TlsConfig&> all[] = {
      {"cluster", Peer::node, config.cluster.tls},
      {"ring", Peer::client, config.ring.tls},
      {"proposer", Peer::client, config.proposer.tls},
      {"admin", Peer::client, config.admin.tls}};
  for (const auto& [section, peer, files] : all) {
    auto opened = tls::Context::open_if_any(section, peer, {files.cert, files.key, files.ca});
    if (!opened) return tl::unexpected(opened.error());
  }
  return {};
}

int check(const Words& words) {
  auto loaded = conf::load_by_file(words);
  if (!loaded) return refuse_configuration(loaded.error());
  if (Result<> tls = check_certificates(loaded->config); !tls)
    return refuse_configuration(tls.error());
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
  std::cout << conf::kUsage;
  return kDone;
}

// A node: opens its parts, wires them, runs until it is told to end.
class Node {
 public:
  // `words` are the command line, for reading the configuration again.
  Node(conf::Loaded loaded, Words words, LogSink& log)
      : words_(std::move(words)), loaded_(std::move(loaded)), log_(log) {}

  // In this order: the store, which says who this node is, of a new node only where it can listen,
  // so that a mistaken start leaves nothing behind; the links; the members; the roles. The
  // message is for a person.
  Result<> open() {
    for (Result<> (Node::*step)() : {&Node::try_to_listen, &Node::open_store, &Node::open_links,
                                     &Node::open_cluster, &Node::open_roles}) {
      Result<> opened = (this->*step)();
      if (!opened) return opened;
    }
    for (int signal : {SIGTERM, SIGINT})
      loop_.on_signal(signal, [this] {
        goes_on_ = false;
        end("by a signal");
      });
    loop_.on_signal(SIGHUP, [this] { reload(); });
    loop_.on_stall(kStall, [this](Duration took, std::string_view what) {
      say(Level::warn, "nothing was answered for " + std::to_string(took.count() / 1000) +
                           " ms because of " + std::string(what));
    });
    if (state() == MemberState::leaving) go_on_leaving();
    manager_.ready();
    if (manager_.is_there()) tell_manager();
    return {};
  }

  int run() {
    loop_.run();
    return exit_;
  }

  // After run(): another Node of this configuration is to go on, with an empty store.
  bool goes_on() const { return goes_on_ && exit_ == kDone; }

 private:
  using Done = Ending::Done;
  static constexpr Duration kStall = std::chrono::milliseconds(100);

  Env env() { return {loop_, loop_, loop_, *links_, log_}; }
  void say(Level level, const std::string& text) { log_.write(level, "node", text); }

  // What the roles that have a listener are called, and where they listen.
  std::vector<std::pair<const char*, Address>> listens() const {
    std::vector<std::pair<const char*, Address>> all{{"ring", config_.ring.listen},
                                                     {"proposer", config_.proposer.listen},
                                                     {"admin", config_.admin.listen}};
    std::erase_if(all, [&](const auto& each) { return !config_.runs(each.first); });
    return all;
  }

  Result<> try_to_listen() {
    if (std::error_code error; std::filesystem::exists(config_.data, error)) return {};
    auto all = listens();
    all.emplace_back("cluster", config_.cluster.listen);
    for (const auto& [name, listen] : all) {
      const auto tried =
          TcpListener::open(loop_, log_, name, listen, {}, [](Stream&) { return nullptr; });
      if (!tried) return tl::unexpected(tried.error());
    }
    return {};
  }

  Result<> open_store() {
    auto aside = Aside::find(config_.data.string());
    if (!aside) return tl::unexpected(aside.error());
    aside_ = std::move(*aside);
    StoreOptions options = store_options(config_.data.string());
    auto store = SqliteStore::open(std::move(options));
    if (!store) return tl::unexpected(store.error());
    store_ = std::move(*store);
    store_->on_failure([this](const Error& error) {
      say(Level::error, "the store has failed, and so ends the node: " + error.message);
      exit_ = kNotDone;
      loop_.stop();
    });
    notes_.emplace(*store_, log_);
    auto incarnation = notes_->next_incarnation(loop_.wall());
    if (!incarnation) return tl::unexpected(incarnation.error());
    incarnation_ = *incarnation;
    return {};
  }

  StoreOptions store_options(std::string directory) {
    StoreOptions options;
    options.directory = std::move(directory);
    options.cluster = config_.cluster.name;
    options.node = config_.name;
    options.flush_interval = config_.store.flush_interval;
    options.max_unfolded = config_.store.max_unfolded;
    options.read_often =
        config_.ring.max_memory > 0 || config_.ring.max_entries > 0 || config_.runs("acceptor");
    options.post = [this](std::function<void()> run) { loop_.post(std::move(run)); };
    options.log = &log_;
    return options;
  }

  Result<> open_links() {
    LinkOptions options;
    options.cluster = config_.cluster.name;
    options.node = config_.name;
    options.identity = store_->identity();
    options.incarnation = incarnation_;
    options.cluster_id = store_->cluster_id();
    options.listen = config_.cluster.listen;
    options.advertise = config_.cluster.address();
    if (config_.runs("admin"))
      options.admin = conf::dialable(config_.admin.listen, config_.cluster.address());
    options.secret = config_.cluster.secret;
    options.max_frame = config_.cluster.max_frame;
    options.max_queued = 2 * config_.cluster.max_frame;
    const conf::TlsConfig& files = config_.cluster.tls;
    auto tls =
        tls::Context::open_if_any("cluster", tls::Peer::node, {files.cert, files.key, files.ca});
    if (!tls) return tl::unexpected(tls.error());
    options.tls = std::move(*tls);
    auto links = Links::open(loop_, log_, std::move(options));
    if (!links) return tl::unexpected(links.error());
    links_ = std::move(*links);
    return {};
  }

  Result<> open_cluster() {
    auto known = notes_->members();
    if (!known) return tl::unexpected(known.error());
    // A node that gave its own cluster up founds none, nor goes back, whatever its file says.
    const std::vector<Address>& peers = aside_ ? aside_->note().peers : config_.cluster.peers;
    auto cluster = Cluster::open(env(), {this_member(), peers, config_.cluster.dead_after}, *known,
                                 [this](const std::string& bytes) { notes_->keep_members(bytes); });
    if (!cluster) return tl::unexpected(cluster.error());
    cluster_ = std::move(*cluster);
    cluster_->on_cluster([this](std::uint64_t id) { enter(id); });
    introduce();
    if (state() != MemberState::left) return {};
    return fail(Code::conflict, "this node has left its cluster, for good; without its data in " +
                                    config_.data.string() + " it would be a new node");
  }

  Member this_member() const {
    Member self;
    self.id = store_->identity();
    self.name = config_.name;
    self.address = config_.cluster.address();
    self.incarnation = incarnation_;
    self.roles = config_.roles;
    for (const auto& [role, listen] : listens())
      self.listeners.push_back({role, conf::dialable(listen, self.address)});
    self.weight = static_cast<std::uint32_t>(config_.ring.weight);
    return self;
  }

  void introduce() {
    std::string roles;
    for (const std::string& role : config_.roles) roles += ' ' + role;
    say(Level::info, "server " SKEP_VERSION ", cluster " + config_.cluster.name + ", at " +
                         links_->address() + ", roles" + roles + ", data in " +
                         std::filesystem::absolute(config_.data).string());
  }

  MemberState state() const { return cluster_->members().at(cluster_->self()).state; }

  void enter(std::uint64_t cluster_id) {
    links_->set_cluster_id(cluster_id);
    store_->bind(cluster_id, [this](Result<> bound) {
      if (!bound) say(Level::error, "the store keeps no cluster: " + bound.error().message);
    });
  }

  // All are there before the cluster starts: they hear of the members from the first one on.
  Result<> open_roles() {
    if (config_.runs("ring"))
      roles_.push_back(
          &ring_.emplace(env(), loop_, *store_, *cluster_, loaded_,
                         ring::Service::Hooks{[this] { end("by RING STOP"); },
                                              [this](Done done) { leave(std::move(done)); }}));
    if (config_.runs("acceptor"))
      roles_.push_back(&acceptor_.emplace(env(), *store_, config_.acceptor));
    if (config_.runs("proposer"))
      roles_.push_back(&proposer_.emplace(env(), loop_, *store_, *cluster_, loaded_,
                                          [this] { return ready(); }));
    if (config_.runs("admin"))
      roles_.push_back(&admin_.emplace(loop_, log_, *cluster_, loaded_, admin_hooks()));
    cluster_->start();
    if (aside_)
      if (Result<> opened = open_aside(); !opened) return opened;
    for (Role* role : roles_)
      if (Result<> started = role->start(); !started) return started;
    return {};
  }

  // What this node held before it joined is brought into its hive.
  Result<> open_aside() {
    if (!ring_) {
      say(Level::warn, "the entries in " + aside_->directory() +
                           " wait to be brought, for which this node needs the ring role");
      return {};
    }
    StoreOptions options = store_options(aside_->directory());
    options.cluster = aside_->note().cluster;
    options.node = aside_->note().node;
    auto former = SqliteStore::open(std::move(options));
    if (!former) return tl::unexpected(former.error());
    former_ = std::move(*former);
    ring_->bring(*former_, [this] {
      former_.reset();
      if (Result<> removed = aside_->remove(); !removed)
        return say(Level::warn, removed.error().message + "; the next start tries it again");
      aside_.reset();
    });
    return {};
  }

  admin::Hooks admin_hooks() {
    joining_.emplace(*cluster_, joining_hooks());
    admin::Hooks hooks;
    hooks.cluster_id = [this] { return cluster_->cluster_id(); };
    hooks.ready = [this] { return ready(); };
    if (ring_) hooks.ring = [this] { return ring_->status(); };
    if (proposer_) hooks.acceptors = [this](auto told) { proposer_->status(std::move(told)); };
    if (ring_)
      hooks.change_options = [this](const ring::Settings& settings, auto done) {
        ring_->change_options(settings, std::move(done));
      };
    hooks.metrics = [this](Metrics& metrics) { report(metrics); };
    hooks.join = [this](const Address& peer, bool bring, auto done) {
      joining_->join(peer, bring, [done = std::move(done)](Result<Joining::Outcome> outcome) {
        if (!outcome) return done(tl::unexpected(outcome.error()));
        done(*outcome == Joining::Outcome::moves ? "joining" : "joined");
      });
    };
    hooks.leave = [this](Done done) { leave(std::move(done)); };
    hooks.end = [this] { end("by the admin role"); };
    return hooks;
  }

  Joining::Hooks joining_hooks() {
    return {[this] { return cluster_->cluster_id(); },
            [this](const Address& peer, Done done) { cluster_->join(peer, std::move(done)); },
            [this](const Address& peer, Visit::Done done) { visit(peer, std::move(done)); },
            [this]() -> Result<std::uint64_t> {
              if (ending_.begun()) return fail(Code::unavailable, "the node is ending");
              if (!ring_)
                return fail(Code::conflict,
                            "this node is in a cluster of its own and has no ring to bring: end "
                            "it, empty its data, and list a node there under cluster.peers");
              if (acceptor_ || proposer_)
                return fail(Code::conflict,
                            "this node is in a cluster of its own, with roles acceptor or "
                            "proposer, whose registers cannot be brought: end it, empty its data, "
                            "and list a node there under cluster.peers");
              return ring_->own_entries();
            },
            [this](const std::vector<Address>& peers) { return move_to(peers); }};
  }

  void visit(const Address& peer, Visit::Done done) {
    if (visit_) return done(fail(Code::unavailable, "another join is under way"));
    visit_ = links_->visit(peer, [this, done = std::move(done)](Result<Visited> there) {
      const auto over = std::move(visit_);
      done(std::move(there));
    });
  }

  Result<> move_to(const std::vector<Address>& peers) {
    if (Result<> noted = store_->make_way(peers); !noted) return noted;
    // Whoever asked gets the answer first.
    loop_.post([this, peer = peers.front()] {
      goes_on_ = !ending_.begun();
      end("to go on in the cluster of " + peer + ", with what it holds");
    });
    return {};
  }

  Result<> ready() const {
    if (ending_.begun()) return fail(Code::unavailable, "the node is ending");
    if (cluster_->cluster_id() == 0)
      return fail(Code::unavailable, "in no cluster yet; waits for a peer");
    if (Result<> now = store_->writable(); !now) return now;
    if (cluster_->members().size() == 1)
      for (const Address& peer : config_.cluster.peers)
        if (std::string why = links_->is_elsewhere(peer); !why.empty())
          return fail(Code::unavailable, "alone, though there is cluster.peers: " + why);
    for (const auto& [id, member] : cluster_->members())
      if (member.state == MemberState::suspect)
        return fail(Code::unavailable, member.name + " does not answer; it may be dead");
    for (const Role* role : roles_)
      if (Result<> now = role->ready(); !now) return now;
    return {};
  }

  void report(Metrics& metrics) const {
    for (const Role* role : roles_) role->report(metrics);
    store_->report(metrics);
    cluster_->report(metrics);
    links_->report(metrics);
    loop_.report(metrics);
    report_process(metrics);
  }

  void tell_manager() {
    const Result<> now = ready();
    if (!ending_.begun()) manager_.status(now ? "serving" : now.error().message);
    loop_.after(std::chrono::seconds(1), [this] { tell_manager(); });
  }

  void reload() {
    manager_.reloading();
    Result<> opened = log_.reopen();
    if (!opened) say(Level::error, opened.error().message);
    auto again = conf::load_by_option(words_);
    if (again) {
      take(*again);
    } else {
      say(Level::error, "the configuration is wrong, and nothing of it is taken over");
      std::istringstream problems(again.error().message);
      for (std::string line; std::getline(problems, line);) say(Level::error, line);
    }
    reload_certificates();
    manager_.ready();
  }

  void take(const conf::Loaded& again) {
    conf::take_over(loaded_, again, log_);
    log_.set_levels(*LogLevels::parse(config_.log.level));
    links_->set_secret(config_.cluster.secret);
    for (Role* role : roles_) role->reload();
  }

  void reload_certificates() {
    std::vector<Result<>> loaded{links_->reload_tls()};
    for (TcpListener* listener : listeners()) loaded.push_back(listener->reload_tls());
    for (const Result<>& each : loaded)
      if (!each) say(Level::error, each.error().message + "; the old certificates stay in use");
  }

  // Gives away what this node holds, then ends it, for good.
  void leave(Done done) {
    if (acceptor_)
      if (Result<> may = proposer::may_leave(acceptor_->configuration(), cluster_->self()); !may)
        return done(std::move(may));
    if (!ring_) {
      cluster_->set_left();
      return left(done);
    }
    ring_->leave([this, done = std::move(done)](Result<> result) {
      if (result) return left(done);
      done(std::move(result));
    });
  }

  // An earlier life of this node was interrupted while it was leaving.
  void go_on_leaving() {
    leave([this](Result<> result) {
      if (result || ending_.begun()) return;
      say(Level::warn, "cannot go on leaving the cluster yet: " + result.error().message);
      loop_.after(std::chrono::seconds(5), [this] { go_on_leaving(); });
    });
  }

  void left(const Done& done) {
    say(Level::info, "left the cluster");
    done({});
    end("because it has left");
  }

  void end(const std::string& why) {
    if (goes_on_)
      manager_.reloading();
    else
      manager_.stopping();
    Ending::Steps steps;
    steps.listeners = listeners();
    steps.pass_on = [this](const Done& done) { stop_roles(done); };
    steps.close = [this] { close(); };
    ending_.begin(why, config_.stop_timeout, std::move(steps));
  }

  // All at once.
  void stop_roles(const Done& done) {
    struct Left {
      std::size_t roles;
      Result<> result;
    };
    auto left = std::make_shared<Left>(Left{roles_.size(), {}});
    for (Role* role : roles_)
      role->stop([left, done](Result<> stopped) {
        if (!stopped) left->result = std::move(stopped);
        if (--left->roles == 0) done(std::move(left->result));
      });
  }

  std::vector<TcpListener*> listeners() const {
    std::vector<TcpListener*> listeners;
    for (Role* role : roles_)
      if (TcpListener* listener = role->listener()) listeners.push_back(listener);
    return listeners;
  }

  void close() {
    Result<> closed = store_->close();
    say(closed ? Level::info : Level::error,
        closed ? "stopped" : "the store did not close in order: " + closed.error().message);
    if (!closed) exit_ = kNotDone;
    loop_.stop();
  }

  const Words words_;
  conf::Loaded loaded_;
  const conf::NodeConfig& config_ = loaded_.config;
  LogSink& log_;
  ServiceManager manager_{std::getenv("NOTIFY_SOCKET")};
  Loop loop_;
  std::optional<Aside> aside_;           // a store that made room, and
  std::unique_ptr<SqliteStore> former_;  // what it holds, until that is brought
  std::unique_ptr<SqliteStore> store_;
  std::optional<Notes> notes_;
  std::uint64_t incarnation_ = 0;
  std::unique_ptr<Links> links_;
  std::unique_ptr<Cluster> cluster_;
  std::optional<ring::Service> ring_;
  std::optional<acceptor::Service> acceptor_;
  std::optional<proposer::Service> proposer_;
  std::optional<admin::Service> admin_;
  std::vector<Role*> roles_;  // those above that the configuration names
  std::unique_ptr<Visit> visit_;
  std::optional<Joining> joining_;
  bool goes_on_ = false;
  Ending ending_{loop_, log_};
  int exit_ = kDone;
};

// What helps a node whose store is damaged, behind what is said of that.
std::string advice(const Error& error, const conf::NodeConfig& config) {
  if (error.code != Code::corrupt) return "";
  const bool acceptor = config.runs("acceptor");
  return std::string(". Other nodes have what it held: ") +
         (acceptor ? "`server acceptors shrink " + config.name + "`, then " : "") + "move " +
         std::filesystem::absolute(config.data).lexically_normal().string() +
         " away and start again with a living node in cluster.peers: it joins as a new one" +
         (acceptor ? ", and is grown again" : "") +
         ". If nobody else has a copy, a backup is all that helps";
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
    for (;;) {
      Node node(*loaded, words, **log);
      if (Result<> opened = node.open(); !opened) {
        const std::string why = opened.error().message + advice(opened.error(), config);
        (*log)->write(Level::error, "node", "does not start: " + why);
        if (config.log.file != "stderr") std::cerr << why << '\n';
        return kNotDone;
      }
      if (const int exit = node.run(); !node.goes_on()) return exit;
    }
  } catch (const std::exception& error) {
    std::cerr << "server: " << error.what() << '\n';
  }
  return kNotDone;
}

// A client of a node.
template <Result<int> (*run_client)(const Words&)> int talk(const Words& words) {
  auto exit = run_client(words);
  return exit ? *exit : wrong_usage(exit.error().message);
}

struct Command {
  std::string_view name;
  int (*run)(const Words& words);
};
constexpr Command kCommands[] = {{"check", check},
                                 {"config", config},
                                 {"version", version},
                                 {"--version", version},
                                 {"help", help},
                                 {"--help", help},
                                 {"-h", help},
                                 {"ring", talk<ring::run_client>},
                                 {"kv", talk<proposer::run_kv>},
                                 {"acceptors", talk<proposer::run_acceptors>},
                                 {"load", talk<proposer::run_load>},
                                 {"admin", talk<admin::run_client>}};

int run(const Words& words) {
  if (words.empty()) {
    std::cerr << conf::kUsage;
    return kWrongUsage;
  }
  if (words.size() > 1 && words[1] == "--help") return help(words);
  if (words[0].rfind("--config", 0) == 0 || words[0].rfind("--set", 0) == 0) return run_node(words);
  for (const Command& command : kCommands)
    if (words[0] == command.name) return command.run(Words(words.begin() + 1, words.end()));
  const std::string what = "there is no command '" + words[0] + "'";
  if (std::error_code error; !std::filesystem::exists(words[0], error)) return wrong_usage(what);
  return wrong_usage(what + "; a node is run by `server --config FILE`");
}

}  // namespace
}  // namespace skep

int main(int argc, char** argv) {
  std::span<char*> words(argv, static_cast<std::size_t>(argc));
  return skep::run(skep::Words(words.begin() + (words.empty() ? 0 : 1), words.end()));
}
