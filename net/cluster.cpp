#include "net/cluster.hpp"

#include <algorithm>
#include <utility>

namespace skep {

Result<std::unique_ptr<Cluster>> Cluster::open(Env env, ClusterOptions options,
                                               std::string_view saved, Persist persist) {
  members::Options core;
  core.self = std::move(options.self);
  core.peers = std::move(options.peers);
  core.founding = env.random.next() | 1;
  core.seed = env.random.next();
  core.dead_after = options.dead_after;
  core.keep_member = std::move(options.keep_member);
  core.keep_rumor = std::move(options.keep_rumor);
  auto opened = members::Core::open(std::move(core), saved);
  if (!opened) return tl::unexpected(opened.error());
  return std::unique_ptr<Cluster>(new Cluster(env, std::move(*opened), std::move(persist)));
}

Cluster::Cluster(Env env, members::Core core, Persist persist)
    : env_(env), core_(std::move(core)), persist_(std::move(persist)) {}

Cluster::~Cluster() { env_.timers.cancel(timer_); }

void Cluster::start() {
  std::weak_ptr<Cluster*> handle = handle_;
  env_.transport.on_message(
      Part::members, [handle](NodeId from, const Address& address, const Message& message) {
        if (auto held = handle.lock())
          (*held)->carry_out((*held)->core_.receive((*held)->env_.clock.now(), from, address,
                                                    message.type, message.payload));
      });
  env_.transport.on_down([handle](NodeId peer) {
    if (auto held = handle.lock())
      (*held)->carry_out((*held)->core_.down((*held)->env_.clock.now(), peer));
  });
  started_ = true;
  carry_out(core_.start(env_.clock.now()));
  for (Rumor& rumor : std::exchange(early_, {})) spread(std::move(rumor));
}

void Cluster::carry_out(members::Effects effects) {
  waiting_.push_back(std::move(effects));
  if (std::exchange(carrying_out_, true)) return;
  while (!waiting_.empty()) {
    members::Effects next = std::move(waiting_.front());
    waiting_.pop_front();
    carry_out_one(next);
  }
  carrying_out_ = false;
  arm();
}

void Cluster::carry_out_one(members::Effects& effects) {
  if (effects.saved) persist_(std::move(*effects.saved));
  if (effects.cluster)
    for (std::size_t i = 0; i < on_cluster_.size(); ++i) on_cluster_[i](*effects.cluster);
  for (const auto& send : effects.sends)
    // What is not sent is as good as lost, and the core is made for losses.
    env_.transport.send(send.to, send.expect,
                        {Part::members, static_cast<std::uint16_t>(send.type), 0, send.payload});
  for (const auto& line : effects.lines) env_.log.write(line.level, "members", line.text);
  for (const auto& member : effects.changed)
    for (std::size_t i = 0; i < on_change_.size(); ++i) on_change_[i](*member);
  for (const auto& rumor : effects.heard)
    for (std::size_t i = 0; i < on_rumor_.size(); ++i)
      if (on_rumor_[i].first == rumor.topic) on_rumor_[i].second(rumor);
  for (auto& joined : effects.joined)
    if (auto found = joining_.find(joined.address); found != joining_.end()) {
      Joined done = std::move(found->second);
      joining_.erase(found);
      done(std::move(joined.result));
    }
}

void Cluster::arm() {
  const Time due = core_.due();
  if (timer_ != 0 && due == armed_) return;
  env_.timers.cancel(timer_);
  armed_ = due;
  timer_ = env_.timers.after(std::max(Duration(0), due - env_.clock.now()), [this] {
    timer_ = 0;
    carry_out(core_.tick(env_.clock.now()));
  });
}

void Cluster::on_cluster(std::function<void(std::uint64_t)> known) {
  on_cluster_.push_back(std::move(known));
  if (core_.cluster() != 0) on_cluster_.back()(core_.cluster());
}

ClusterStatus Cluster::status() const {
  return {core_.cluster(), core_.founded(), core_.peers(), core_.health(), core_.counters()};
}

void Cluster::report(Metrics& metrics) const {
  std::map<MemberState, std::uint64_t> states;
  for (const auto& [id, member] : core_.members()) ++states[member.state];
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(wire_max(MemberState{})); ++i) {
    const auto state = static_cast<MemberState>(i);
    metrics.gauge("skep_members", "Nodes of the cluster, as this one knows them.", states[state],
                  {{"state", name(state)}});
  }
  const members::Counters& counters = core_.counters();
  metrics.counter("skep_probes_total", "Probes of other nodes.", counters.probes);
  metrics.counter("skep_probes_failed_total", "Probes that were not answered.",
                  counters.probes_failed);
  metrics.counter("skep_refutations_total", "Times this node was suspected, and said it lives.",
                  counters.refutations);
}

void Cluster::join(const Address& address, Joined done) {
  joining_.emplace(address, std::move(done));
  carry_out(core_.join(env_.clock.now(), address));
}

void Cluster::describe(std::vector<Listener> listeners, std::uint32_t weight) {
  carry_out(core_.describe(env_.clock.now(), std::move(listeners), weight));
}

void Cluster::on_change(std::function<void(const Member&)> changed) {
  on_change_.push_back(std::move(changed));
}

void Cluster::spread(Rumor rumor) {
  if (!started_) return early_.push_back(std::move(rumor));
  carry_out(core_.spread(env_.clock.now(), std::move(rumor)));
}

void Cluster::on_rumor(std::string_view topic, std::function<void(const Rumor&)> heard) {
  on_rumor_.emplace_back(topic, heard);
  std::vector<Rumor> known;
  for (const auto& rumor : core_.rumors().all())
    if (rumor->topic == topic) known.push_back(*rumor);
  for (const Rumor& rumor : known) heard(rumor);
}

void Cluster::set_leaving() { carry_out(core_.leave(env_.clock.now(), MemberState::leaving)); }

void Cluster::set_left() { carry_out(core_.leave(env_.clock.now(), MemberState::left)); }

}  // namespace skep
