// One simulated machine with a node of the ring: the real members list and the real ring role on a
// simulated environment.
#pragma once

#include <memory>

#include "roles/ring/ring.hpp"
#include "tests/sim/machine.hpp"
#include "tests/sim/ring_plan.hpp"

namespace skep::sim {

class RingNode final : public Machine {
 public:
  RingNode(const RingPlan& plan, VirtualTime& time, SimNetwork& network, std::size_t index,
           Dice dice, Print print)
      : Machine({{"ring"},
                 plan.disk,
                 plan.dead_after,
                 plan.timers_late,
                 plan.clock_rate,
                 plan.interned},
                time, network, index, dice, std::move(print)),
        plan_(plan) {}
  ~RingNode() override { drop(); }

  bool leaving = false;

  // While it is up.
  ring::Ring& ring() { return *ring_; }
  const ring::Core* core() const { return up() ? ring_->core() : nullptr; }

 private:
  void make_roles(Env env, SimStore& store, Cluster& cluster) override {
    ring::Options options = plan_.ring;
    if (plan_.uneven && index() % 2 == 1) options.max_memory = options.max_entries = 0;
    ring_ = std::make_unique<ring::Ring>(env, store, cluster, options);
  }
  Result<> start_roles() override { return ring_->start(); }
  void drop_roles() override { ring_.reset(); }

  const RingPlan& plan_;
  std::unique_ptr<ring::Ring> ring_;
};

}  // namespace skep::sim
