#include "tests/sim/ring_node.hpp"

namespace skep::sim {

class RingNode::Lines final : public Log {
 public:
  Lines(const Print& print, std::size_t node) : print_(print), node_(node) {}
  void write(Level level, std::string_view part, std::string_view text) override {
    if (print_ && level != Level::debug) print_(node_, part, text);
  }

 private:
  const Print& print_;
  std::size_t node_;
};

RingNode::RingNode(const RingPlan& plan, VirtualTime& time, SimNetwork& network, std::size_t index,
                   Dice dice, Print print)
    : plan_(plan),
      time_(time),
      network_(network),
      dice_(dice),
      print_(std::move(print)),
      clock_(time),
      timers_(time, clock_, process_, dice_.fork()),
      random_(dice_.fork()) {
  process_.host = network.add(address(index), process_);
  log_ = std::make_unique<Lines>(print_, index);
  timers_.lateness = plan.timers_late;
  const auto most = static_cast<std::uint64_t>(plan.clock_rate);
  clock_.boot(static_cast<std::int64_t>(dice_.below(2 * most + 1)) - plan.clock_rate,
              dice_.between(Duration(0), std::chrono::hours(100)));
}

RingNode::~RingNode() { drop(); }

SimStore& RingNode::disk() {
  if (!store_) store_ = std::make_unique<SimStore>(time_, process_, dice_.fork(), plan_.disk);
  return *store_;
}

bool RingNode::start(std::vector<Address> peers) {
  disk();
  process_.start();
  store_->reopen();
  network_.plug(process_.host, store_->identity());
  fate_ = Fate::up;
  if (print_) print_(index(), "sim", "starts as " + std::to_string(store_->identity()));
  Env env{clock_, timers_, random_, network_.transport(process_.host), *log_};

  ClusterOptions options;
  options.self.id = store_->identity();
  options.self.name = "node" + std::to_string(process_.host);
  options.self.address = address(process_.host);
  incarnation_ = std::max(incarnation_ + 1, static_cast<std::uint64_t>(clock_.wall()));
  options.self.incarnation = incarnation_;
  options.self.roles = {"ring"};
  options.peers = std::move(peers);
  options.dead_after = plan_.dead_after;
  const auto saved = store_->get("node", "members").value().value_or("");
  auto opened = Cluster::open(env, std::move(options), saved, [this](std::string bytes) {
    Batch batch;
    batch.put("node", "members", bytes);
    store_->submit(std::move(batch), Durability::written, [](Result<>) {});
  });
  if (!opened) {
    log_->write(Level::error, "sim", "cannot open the members list: " + opened.error().message);
    return false;
  }
  cluster_ = std::move(*opened);
  cluster_->on_cluster([this](std::uint64_t id) { network_.set_cluster(process_.host, id); });
  ring_ = std::make_unique<ring::Ring>(env, *store_, *cluster_, plan_.ring);
  cluster_->start();
  const Result<> started = ring_->start();
  if (!started) log_->write(Level::error, "sim", "cannot start: " + started.error().message);
  return started.has_value();
}

void RingNode::drop() {
  ring_.reset();
  cluster_.reset();
}

void RingNode::crash(SimStore::Crash how) {
  process_.die();
  network_.unplug(process_.host, how == SimStore::Crash::kill);
  drop();
  store_->crash(how);
  fate_ = Fate::down;
  if (how != SimStore::Crash::powercut) return;
  const auto most = static_cast<std::uint64_t>(plan_.clock_rate);
  clock_.boot(static_cast<std::int64_t>(dice_.below(2 * most + 1)) - plan_.clock_rate,
              dice_.between(Duration(0), std::chrono::seconds(60)));
}

void RingNode::lose_disk() { store_.reset(); }

void RingNode::end(bool for_good) {
  process_.die();
  network_.unplug(process_.host, true);
  drop();
  store_->close();
  fate_ = for_good ? Fate::gone : Fate::down;
}

}  // namespace skep::sim
