#include "tests/sim/machine.hpp"

#include "net/base/assert.hpp"

namespace skep::sim {

class Machine::Lines final : public Log {
 public:
  Lines(const Print& print, std::size_t node) : print_(print), node_(node) {}
  void write(Level level, std::string_view part, std::string_view text) override {
    if (print_ && level != Level::debug) print_(node_, part, text);
  }

 private:
  const Print& print_;
  std::size_t node_;
};

Machine::Machine(MachineOptions options, VirtualTime& time, SimNetwork& network, std::size_t index,
                 Dice dice, Print print)
    : options_(std::move(options)),
      time_(time),
      network_(network),
      dice_(dice),
      print_(std::move(print)),
      clock_(time),
      timers_(time, clock_, process_, dice_.fork()),
      random_(dice_.fork()) {
  process_.host = network.add(address(index), process_);
  log_ = std::make_unique<Lines>(print_, index);
  timers_.lateness = options_.timers_late;
  boot(std::chrono::hours(100));
}

Machine::~Machine() { SKEP_ASSERT(cluster_ == nullptr); }  // whoever derives has dropped its roles

// Its monotonic clock begins somewhere up to `most`.
void Machine::boot(Duration most) {
  const Duration start = dice_.between(Duration(0), most);
  const auto rates = static_cast<std::uint64_t>(2 * options_.clock_rate + 1);
  clock_.boot(static_cast<std::int64_t>(dice_.below(rates)) - options_.clock_rate, start);
}

SimStore& Machine::disk() {
  if (!store_) store_ = std::make_unique<SimStore>(time_, process_, dice_.fork(), options_.disk);
  return *store_;
}

bool Machine::start(std::vector<Address> peers, const std::optional<std::string>& list) {
  disk();
  process_.start();
  store_->reopen();
  network_.plug(process_.host, store_->identity());
  fate_ = Fate::up;
  if (print_) print_(index(), "sim", "starts as " + std::to_string(store_->identity()));
  Env env{clock_, timers_, random_, network_.transport(process_.host), *log_};

  ClusterOptions options;
  options.self.id = store_->identity();
  options.self.name = name(process_.host);
  options.self.address = address(process_.host);
  incarnation_ = std::max(incarnation_ + 1, static_cast<std::uint64_t>(clock_.wall()));
  options.self.incarnation = incarnation_;
  options.self.roles = options_.roles;
  options.peers = std::move(peers);
  options.dead_after = options_.dead_after;
  if (InternedLists* all = options_.interned) {
    options.keep_member = [all](Member member) { return all->members(std::move(member)); };
    options.keep_rumor = [all](Rumor rumor) { return all->rumors(std::move(rumor)); };
  }
  const auto saved = list ? *list : store_->get("node", "members").value().value_or("");
  const bool keep = !list;
  auto opened = Cluster::open(env, std::move(options), saved, [this, keep](std::string bytes) {
    Batch batch;
    batch.put("node", "members", keep ? bytes : std::string());
    store_->submit(batch, Durability::written, [](Result<>) {});
  });
  if (!opened) {
    log_->write(Level::error, "sim", "cannot open the members list: " + opened.error().message);
    return false;
  }
  cluster_ = std::move(*opened);
  cluster_->on_cluster([this](std::uint64_t id) { network_.set_cluster(process_.host, id); });
  make_roles(env, *store_, *cluster_);
  cluster_->start();
  const Result<> started = start_roles();
  if (!started) log_->write(Level::error, "sim", "cannot start: " + started.error().message);
  return started.has_value();
}

void Machine::drop() {
  drop_roles();
  cluster_.reset();
}

void Machine::crash(SimStore::Crash how) {
  process_.die();
  network_.unplug(process_.host, how == SimStore::Crash::kill);
  drop();
  store_->crash(how);
  fate_ = Fate::down;
  if (how != SimStore::Crash::powercut) return;
  boot(std::chrono::seconds(60));
}

void Machine::end(bool for_good) {
  process_.die();
  network_.unplug(process_.host, true);
  drop();
  store_->close();
  fate_ = for_good ? Fate::gone : Fate::down;
}

}  // namespace skep::sim
