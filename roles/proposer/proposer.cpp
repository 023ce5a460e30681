#include "roles/proposer/proposer.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "net/checked_row.hpp"
#include "roles/proposer/core.hpp"
#include "roles/proposer/keeper.hpp"

namespace skep::proposer {

namespace {

constexpr std::string_view kSpace = "proposer";
constexpr std::string_view kBootKey = "boot";                    // how often it has started
constexpr std::string_view kConfigurationRow = "configuration";  // Configuration
constexpr Duration kAskStoreAgain = std::chrono::seconds(1);
constexpr Duration kLookAgain = std::chrono::milliseconds(500);
constexpr std::size_t kMostEarly = std::size_t{16} << 20;  // bytes

struct Boot {
  std::uint64_t boot = 0;
  template <class M, class V> static void fields(M& m, V&& v) { v("boot", m.boot); }
};

template <class T> Result<std::optional<T>> read_row(Store& store, std::string_view key) {
  auto row = store.get(kSpace, key);
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<T>();
  auto value = wire::decode_checked<T>(**row);
  if (!value)
    return fail(Code::corrupt, "the proposer's row \"" + std::string(key) +
                                   "\" in the store is damaged; empty the data directory and let "
                                   "the node join as a new one");
  return std::optional<T>(std::move(*value));
}

bool is_there(const Member& member) {
  return member.state == MemberState::alive || member.state == MemberState::suspect ||
         member.state == MemberState::leaving;
}

struct Early {  // a message that came before it had begun
  NodeId from = 0;
  Address address;
  std::uint16_t type = 0;
  std::uint64_t request = 0;
  std::string payload;
};

}  // namespace

class Proposer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Env env, Store& store, Membership& members, Options options)
      : env_(env), store_(store), members_(members), options_(std::move(options)) {}
  ~Impl() { env_.timers.cancel(timer_); }

  // This life has a number of its own, on disk before any ballot is made with it.
  Result<> start() {
    auto boot = read_row<Boot>(store_, kBootKey);
    if (!boot) return tl::unexpected(boot.error());
    auto kept = read_row<Configuration>(store_, kConfigurationRow);
    if (!kept) return tl::unexpected(kept.error());
    boot_ = (*boot ? (*boot)->boot : 0) + 1;
    for (const auto* list : {&options_.initial_acceptors, &options_.initial_proposers})
      for (const std::string& text : *list)
        if (text.find('@') == std::string::npos)
          return fail(Code::invalid, "\"" + text + "\"; accepted: name@host:port");
    env_.transport.on_message(
        Part::proposer,
        [weak = weak_from_this()](NodeId from, const Address& address, const Message& message) {
          if (const auto self = weak.lock()) self->receive(from, address, message);
        });
    persist(
        kBootKey, wire::encode_checked(Boot{boot_}),
        [this, kept = std::move(*kept)] { begin(kept); }, [] { return true; });
    return {};
  }

  Result<> ready() const {
    if (Result<> now = takes(); !now) return now;
    const Configuration& present = core_->configuration();
    for (const Quorums* quorums : {&present.prepare, &present.accept}) {
      std::size_t there = 0;
      std::string missing;
      for (const Node& node : quorums->nodes) {
        const auto member = members_.members().find(node.id);
        const bool answers = member != members_.members().end() && is_there(member->second);
        there += answers ? 1 : 0;
        if (!answers) missing += (missing.empty() ? "" : ", ") + node.name;
      }
      if (there < quorums->quorum)
        return fail(Code::unavailable, "too few acceptors are there: without " + missing);
    }
    return {};
  }

  // Whether requests are taken at all.
  Result<> takes() const {
    if (stopped_) return fail(Code::unavailable, "the node is ending");
    if (!serves()) return fail(Code::unavailable, waits_for());
    if (core_->configuration().proposer(members_.self()) == nullptr)
      return fail(Code::unavailable, "this node is no proposer of the registers: configuration " +
                                         std::to_string(core_->configuration().version) +
                                         " does not name it");
    return {};
  }

  void stop() {
    stopped_ = true;
    if (core_) event([this](Time, Effects& effects) { core_->stop(effects); });
  }

  void change(Request request, std::function<void(Outcome)> told) {
    if (auto now = takes(); !now) {
      Outcome outcome;
      outcome.why = now.error().message;
      return told(std::move(outcome));
    }
    event([&](Time now, Effects& effects) {
      core_->change(now, std::move(request), std::move(told), effects);
    });
  }

  void list(std::string prefix, std::string after, std::uint32_t limit, Duration timeout,
            std::function<void(Result<Listing>)> told) {
    if (auto now = takes(); !now) return told(tl::unexpected(now.error()));
    event([&](Time now, Effects& effects) {
      keeper_->list(
          now, std::move(prefix), std::move(after), limit, now + timeout,
          [told = std::move(told)](Result<Merged> merged, Effects& more) {
            more.told.push_back([told, merged = std::move(merged)] {
              if (!merged) return told(tl::unexpected(merged.error()));
              Listing listing;
              listing.more = merged->more;
              if (!merged->registers.empty()) listing.after = merged->registers.back().key;
              for (const Listed& listed : merged->registers)
                if (listed.present && !reserved(listed.key))
                  listing.items.push_back({listed.key, listed.version});
              told(std::move(listing));
            });
          },
          effects);
    });
  }

  void status(Duration timeout, std::function<void(Status)> told) {
    if (!serves()) return told({});
    event([&](Time now, Effects& effects) {
      keeper_->status(
          now, now + timeout,
          [self = weak_from_this(), told = std::move(told)](Status status) {
            if (const auto alive = self.lock()) status.listeners = alive->listeners();
            told(std::move(status));
          },
          effects);
    });
  }

  void configure(Step step, Duration timeout, std::function<void(Result<Status>)> told) {
    if (auto now = may_change(step.from); !now) return told(tl::unexpected(now.error()));
    auto wanted = resolve(step);
    if (!wanted) return told(tl::unexpected(wanted.error()));
    change_to(*wanted, timeout, std::move(told));
  }

  void advance(std::uint64_t from, Duration timeout, std::function<void(Result<Status>)> told) {
    if (auto now = may_change(from); !now) return told(tl::unexpected(now.error()));
    proposer::Step step = towards_goal(core_->configuration(), candidates());
    switch (step.kind) {
      case proposer::Step::Kind::none:
        return told(fail(Code::invalid, "there is no goal, so there is no step towards it"));
      case proposer::Step::Kind::rescan: return told(fail(Code::conflict, "a rescan comes first"));
      case proposer::Step::Kind::unknown:
        return told(fail(Code::not_found, no_such(step.name, "acceptor")));
      case proposer::Step::Kind::wanted: break;
    }
    change_to(step.wanted, timeout, std::move(told));
  }

  void rescan(std::uint32_t limit, Duration timeout, std::function<void(Result<Rescanned>)> told) {
    if (auto now = takes(); !now) return told(tl::unexpected(now.error()));
    event([&](Time now, Effects& effects) {
      keeper_->rescan(now, limit, now + timeout, std::move(told), effects);
    });
  }

  void report(Metrics& metrics) const;

 private:
  bool serves() const { return core_ && core_->configuration().version != 0; }

  std::string waits_for() const {
    if (!core_) return "the proposer is starting";
    if (!waits_for_.empty()) return "the registers are not founded yet: waits for " + waits_for_;
    return "the registers are not founded yet";
  }

  void begin(const std::optional<Configuration>& kept) {
    core_.emplace(CoreOptions{members_.self(), boot_, env_.random.next(), options_.round_timeout,
                              options_.max_value, options_.cache});
    keeper_.emplace(*core_, members_.self(), options_.collect_every);
    const auto weak = weak_from_this();
    env_.transport.on_down([weak](NodeId peer) {
      if (const auto self = weak.lock())
        self->event(
            [&](Time now, Effects& effects) { self->core_->unreachable(now, peer, effects); });
    });
    members_.on_change([weak](const Member& member) {
      if (const auto self = weak.lock()) self->changed(member);
    });
    look_at_members();
    if (kept)
      event([&](Time now, Effects& effects) { keeper_->resume(now, *kept, effects); });
    else
      found();
    for (const Early& early : std::exchange(early_, {}))
      receive(early.from, early.address,
              {Part::proposer, early.type, early.request, early.payload});
  }

  // What others pass on to this node while it starts waits until it has.
  void receive(NodeId from, const Address& address, const Message& message) {
    if (core_)
      return event([&](Time now, Effects& effects) {
        core_->receive(now, from, address, message, effects);
      });
    early_bytes_ += message.payload.size() + sizeof(Early);
    if (early_bytes_ <= kMostEarly)
      early_.push_back(
          {from, address, message.type, message.request, std::string(message.payload)});
  }

  // The first configuration names nodes; which stores these have is for the members list to say.
  void found() {
    if (serves()) return;
    Configuration first;
    first.version = 1;
    std::string missing;
    for (const auto& [texts, role, nodes] :
         {std::tuple(&options_.initial_acceptors, "acceptor", &first.accept.nodes),
          std::tuple(&options_.initial_proposers, "proposer", &first.proposers)})
      for (const std::string& text : *texts) {
        const std::string name = text.substr(0, text.find('@'));
        const Node* node = find(known(role), name, text.substr(name.size() + 1));
        if (node == nullptr)
          missing += (missing.empty() ? "" : ", ") + text;
        else
          nodes->push_back(*node);
      }
    if (missing.empty() && !first.accept.nodes.empty()) {
      waits_for_.clear();
      first.accept.quorum = static_cast<std::uint32_t>(first.accept.nodes.size() / 2 + 1);
      first.prepare = first.accept;
      for (std::vector<Node>* nodes : {&first.accept.nodes, &first.prepare.nodes, &first.proposers})
        std::sort(nodes->begin(), nodes->end(),
                  [](const Node& one, const Node& other) { return one.name < other.name; });
      return event([&](Time now, Effects& effects) { keeper_->found(now, first, effects); });
    }
    waits_for_ = missing.empty() ? "proposer.initial_acceptors" : missing;
    env_.timers.after(kLookAgain, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->found();
    });
  }

  // Null: nobody. Lives until the next call.
  const Node* find(std::vector<Node> among, const std::string& name, const Address& address = {}) {
    found_ = std::move(among);
    for (const Node& node : found_)
      if (node.name == name && (address.empty() || node.address == address)) return &node;
    return nullptr;
  }

  // Those that are there and have the role.
  std::vector<Node> known(std::string_view role) const {
    std::vector<Node> nodes;
    for (const auto& [id, member] : members_.members())
      if (is_there(member) && member.runs(role)) nodes.push_back({member.name, id, member.address});
    return nodes;
  }

  // Who may become an acceptor.
  std::vector<Node> candidates() const {
    std::vector<Node> nodes = known("acceptor");
    std::erase_if(nodes, [&](const Node& node) {
      return members_.members().at(node.id).state == MemberState::leaving;
    });
    return nodes;
  }

  void changed(const Member& member) {
    look_at_members();
    if (!is_there(member))
      env_.timers.at_turn_end([weak = weak_from_this(), id = member.id] {
        if (const auto self = weak.lock())
          self->event(
              [&](Time now, Effects& effects) { self->core_->unreachable(now, id, effects); });
      });
    if (!serves() || !is_there(member)) return;
    for (const Node& node : core_->configuration().acceptors())
      if (node.name == member.name && node.id != member.id && warned_.insert(member.id).second)
        env_.log.write(Level::warn, "proposer",
                       node.name +
                           " has another store than the acceptor of that name had: if its "
                           "disk was lost, take the old one out (server acceptors shrink " +
                           node.name + ") and let the new one in (server acceptors grow " +
                           node.name + ")");
  }

  void look_at_members() {
    std::set<NodeId> living{members_.self()};
    for (const auto& [id, member] : members_.members())
      if (member.state == MemberState::alive || member.state == MemberState::leaving)
        living.insert(id);
    core_->set_living(std::move(living));
    // Who is dead, and has another store now at its address, does not come back.
    const std::vector<Node> there = known("acceptor");
    std::vector<Node> away;
    for (const auto& [id, member] : members_.members())
      if (member.state == MemberState::dead && member.runs("acceptor") &&
          std::none_of(there.begin(), there.end(),
                       [&at = member.address](const Node& node) { return node.address == at; }))
        away.push_back({member.name, id, member.address});
    keeper_->set_acceptors(there, std::move(away));
  }

  std::map<NodeId, Address> listeners() const {
    std::map<NodeId, Address> listeners;
    for (const auto& [id, member] : members_.members())
      for (const Listener& listener : member.listeners)
        if (listener.role == "proposer") listeners[id] = listener.address;
    return listeners;
  }

  std::string no_such(const std::string& name, const std::string& role) const {
    for (const auto& [id, member] : members_.members())
      if (member.name == name && is_there(member))
        return std::string(name).append(" is no ").append(role).append(
            ": it has to run with that role");
    return name +
           " is nobody in this cluster, or is not there; server admin cluster status tells "
           "who is";
  }

  // A name means the first node that has it.
  Result<std::vector<Node>> resolve(const std::vector<std::string>& names, const char* role,
                                    std::vector<Node> first, const std::vector<Node>& then) {
    first.insert(first.end(), then.begin(), then.end());
    std::vector<Node> nodes;
    for (const std::string& name : names) {
      const Node* node = find(first, name);
      if (node == nullptr) return fail(Code::not_found, no_such(name, role));
      nodes.push_back(*node);
    }
    return nodes;
  }

  // An acceptor is the one of the present configuration, where that has one of the name: another
  // disk in its place is a step of its own. A proposer is the one that is there.
  Result<Wanted> resolve(const Step& step) {
    Wanted wanted;
    const Configuration& present = core_->configuration();
    for (const auto& [from, to] :
         {std::pair(&step.prepare, &wanted.prepare), std::pair(&step.accept, &wanted.accept)}) {
      if (!*from) continue;
      auto nodes = resolve((*from)->nodes, "acceptor", present.acceptors(), candidates());
      if (!nodes) return tl::unexpected(nodes.error());
      *to = Quorums{std::move(*nodes), (*from)->quorum};
    }
    if (step.proposers) {
      auto nodes = resolve(*step.proposers, "proposer", known("proposer"), present.proposers);
      if (!nodes) return tl::unexpected(nodes.error());
      wanted.proposers = std::move(*nodes);
    }
    if (step.goal) {
      auto nodes = resolve(*step.goal, "acceptor", present.acceptors(), candidates());
      if (!nodes) return tl::unexpected(nodes.error());
      if (std::set<std::string>(step.goal->begin(), step.goal->end()).size() != nodes->size())
        return fail(Code::invalid, "a node is named twice");
      wanted.goal = step.goal;
      for (const Node& node : *nodes)
        if (present.acceptor(node.id) == nullptr) wanted.newcomers.push_back(node);
    }
    return wanted;
  }

  Result<> may_change(std::uint64_t from) const {
    if (auto now = takes(); !now) return now;
    const std::uint64_t version = core_->configuration().version;
    if (from == version) return {};
    return fail(Code::conflict, "the configuration's version is " + std::to_string(version) +
                                    ", not " + std::to_string(from));
  }

  void change_to(const Wanted& wanted, Duration timeout, std::function<void(Result<Status>)> told) {
    event([&](Time now, Effects& effects) {
      keeper_->configure(
          now, wanted, now + timeout,
          [self = weak_from_this(), told](const Result<>& done) {
            const auto alive = self.lock();
            if (!done) return told(tl::unexpected(done.error()));
            if (alive) alive->status(std::chrono::seconds(1), told);
          },
          effects);
    });
  }

  // Events and effects.

  template <class Happen> void event(Happen happen) {
    Effects effects;
    happen(env_.clock.now(), effects);
    queue_.push_back(std::move(effects));
    carry_out();
  }

  void carry_out() {
    if (carrying_out_) return;
    carrying_out_ = true;
    // Who is told may end the proposer. Then nobody but this holds it, and the rest is not done.
    const auto self = shared_from_this();
    while (!queue_.empty() && self.use_count() > 1) {
      Effects effects = std::move(queue_.front());
      queue_.pop_front();
      carry_out_one(effects);
    }
    carrying_out_ = false;
    arm();
  }

  void carry_out_one(Effects& effects) {
    for (const Effects::Line& line : effects.lines)
      env_.log.write(line.level, "proposer", line.text);
    Effects more;
    for (const Effects::Send& send : effects.sends)
      if (!env_.transport.send(
              send.address, send.to,
              {send.part, static_cast<std::uint16_t>(send.type), send.request, *send.payload}))
        core_->unsent(env_.clock.now(), send, more);
    if (effects.keep) keep(*effects.keep);
    for (const auto& told : effects.told) told();
    if (keeper_->has_more()) keeper_->go_on(env_.clock.now(), more);
    if (!more.sends.empty() || !more.told.empty() || !more.lines.empty() || more.keep)
      queue_.push_back(std::move(more));
  }

  void keep(const Configuration& configuration) {
    kept_ = configuration.version;
    persist(
        kConfigurationRow, wire::encode_checked(configuration),
        [this, configuration] {
          event([&](Time now, Effects& effects) { keeper_->kept(now, configuration, effects); });
        },
        // A newer one may have come to the store meanwhile.
        [this, version = configuration.version] { return kept_ == version; });
  }

  // A store that refuses is asked again, if it is still wanted.
  void persist(std::string_view key, std::string row, std::function<void()> then,
               std::function<bool()> wanted) {
    Batch batch;
    batch.put(kSpace, key, row);
    store_.submit(batch, Durability::durable,
                  [weak = weak_from_this(), key, row = std::move(row), then = std::move(then),
                   wanted = std::move(wanted)](Result<> ok) {
                    const auto self = weak.lock();
                    if (!self) return;
                    if (ok) return then();
                    self->env_.log.write(Level::error, "proposer",
                                         "cannot go on yet: " + ok.error().message);
                    self->env_.timers.after(kAskStoreAgain, [weak, key, row, then, wanted] {
                      const auto again = weak.lock();
                      if (again && wanted()) again->persist(key, row, then, wanted);
                    });
                  });
  }

  void arm() {
    if (!keeper_ || stopped_) return;
    Time due = keeper_->due();
    if (const auto core = core_->due()) due = std::min(due, *core);
    if (timer_ != 0 && armed_ <= due) return;
    env_.timers.cancel(timer_);
    armed_ = due;
    const Time now = env_.clock.now();
    timer_ = env_.timers.after(std::max(due - now, Duration(1)), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->timer_ = 0;
      self->event([&](Time at, Effects& effects) {
        self->core_->tick(at, effects);
        self->keeper_->tick(at, effects);
      });
    });
  }

  const Env env_;
  Store& store_;
  Membership& members_;
  const Options options_;
  std::uint64_t boot_ = 0;
  std::uint64_t kept_ = 0;  // the version that the store was given last
  std::optional<Core> core_;
  std::optional<Keeper> keeper_;
  std::string waits_for_;
  std::vector<Node> found_;
  std::set<NodeId> warned_;
  std::vector<Early> early_;
  std::size_t early_bytes_ = 0;
  std::deque<Effects> queue_;
  bool carrying_out_ = false;
  Timers::Id timer_ = 0;
  Time armed_{};
  bool stopped_ = false;
};

void Proposer::Impl::report(Metrics& metrics) const {
  if (!core_) return;
  const CoreFigures& figures = core_->figures();
  for (const auto& [kind, value] : {std::pair("one_trip", figures.one_trip),
                                    {"two_trip", figures.two_trip},
                                    {"read", figures.reads}})
    metrics.counter("skep_proposer_rounds_total", "Rounds that a quorum has confirmed.", value,
                    {{"kind", kind}});
  metrics.counter("skep_proposer_conflicts_total",
                  "Answers of acceptors that another proposer's ballot was in the way.",
                  figures.conflicts);
  metrics.counter("skep_proposer_timeouts_total", "Rounds that found no quorum in time.",
                  figures.timeouts);
  metrics.counter("skep_proposer_read_disagreed_total",
                  "Reads that found a change under way, and had to wait for it.",
                  figures.read_disagreed);
  metrics.counter("skep_proposer_combined_total",
                  "Changes that were made in the round of another one.", figures.combined);
  metrics.counter("skep_proposer_passed_on_total",
                  "Changes that were passed on to the proposer that their key prefers.",
                  figures.passed_on);
  metrics.counter("skep_proposer_collected_total", "Deleted registers that were freed.",
                  figures.collected);
  metrics.counter("skep_proposer_repaired_total",
                  "Rounds that met a damaged register of an acceptor.", figures.repaired);
  metrics.histogram("skep_proposer_quorum_seconds",
                    "From a phase's first message to its quorum's answers.", figures.quorums);
  metrics.gauge("skep_proposer_active", "Registers that something is being done about.",
                std::uint64_t{core_->active()});
  metrics.gauge("skep_proposer_configuration", "The configuration's version that is in force.",
                core_->configuration().version);
  keeper_->report_acceptors([&](const AcceptorStatus& acceptor) {
    metrics.gauge("skep_proposer_acceptor_answers", "Whether an acceptor answered when last asked.",
                  acceptor.answers ? 1.0 : 0.0, {{"acceptor", acceptor.node.name}});
  });
}

Proposer::Proposer(Env env, Store& store, Membership& members, Options options)
    : impl_(std::make_shared<Impl>(env, store, members, std::move(options))) {}
Proposer::~Proposer() = default;
Result<> Proposer::start() { return impl_->start(); }
Result<> Proposer::ready() const { return impl_->ready(); }
void Proposer::stop() { impl_->stop(); }
void Proposer::change(Request request, std::function<void(Outcome)> told) {
  impl_->change(std::move(request), std::move(told));
}
void Proposer::list(std::string prefix, std::string after, std::uint32_t limit, Duration timeout,
                    std::function<void(Result<Listing>)> told) {
  impl_->list(std::move(prefix), std::move(after), limit, timeout, std::move(told));
}
void Proposer::status(Duration timeout, std::function<void(Status)> told) {
  impl_->status(timeout, std::move(told));
}
void Proposer::configure(Step step, Duration timeout, std::function<void(Result<Status>)> told) {
  impl_->configure(std::move(step), timeout, std::move(told));
}
void Proposer::advance(std::uint64_t from, Duration timeout,
                       std::function<void(Result<Status>)> told) {
  impl_->advance(from, timeout, std::move(told));
}
void Proposer::rescan(std::uint32_t limit, Duration timeout,
                      std::function<void(Result<Rescanned>)> told) {
  impl_->rescan(limit, timeout, std::move(told));
}
void Proposer::report(Metrics& metrics) const { impl_->report(metrics); }

}  // namespace skep::proposer
