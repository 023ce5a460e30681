// A node's place in its cluster: the members list (net/members.hpp) on an environment. It carries
// messages, time and random numbers to the core and its effects out; it decides nothing itself.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/metrics.hpp"
#include "net/env.hpp"
#include "net/members.hpp"

namespace skep {

struct ClusterOptions {
  // This node: id (the store's identity), name, address, roles, listeners, weight. Its incarnation
  // must be higher than in any earlier life of this store: see members::Options.
  Member self;
  std::vector<Address> peers;
  Duration dead_after = std::chrono::seconds(1);
  members::Table::Keep keep_member = {};  // see members::Options
  members::Rumors::Keep keep_rumor = {};
};

// What `cluster status` prints, beside the members.
struct ClusterStatus {
  std::uint64_t cluster = 0;  // 0: in none yet, waits for the peers
  bool founded = false;
  std::vector<Address> peers;
  int health = 0;  // 0 well .. members::Core::kMaxHealth
  members::Counters counters;
};

class Cluster final : public Membership {
 public:
  // Keeps the bytes, instead of earlier ones; they are given to open() in the next life. They need
  // not be durable before the call returns.
  using Persist = std::function<void(std::string bytes)>;
  using Joined = std::function<void(Result<>)>;

  // `saved` is empty when nothing was persisted yet. Errors: Code::invalid options, Code::corrupt
  // `saved`. The environment must outlive the cluster.
  static Result<std::unique_ptr<Cluster>> open(Env env, ClusterOptions options,
                                               std::string_view saved, Persist persist);
  // The transport may keep its callbacks; they do nothing from here on.
  ~Cluster() override;
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Begins: takes Part::members of the transport, founds, joins or resumes. Once, after the
  // subscribers are there.
  void start();

  // This node's cluster id, as soon as there is one; at once if there is. Links put it in their
  // Hello.
  void on_cluster(std::function<void(std::uint64_t)> known);
  std::uint64_t cluster_id() const { return core_.cluster(); }
  ClusterStatus status() const;
  void report(Metrics& metrics) const;

  // Brings this node and the one at the address into one cluster; one of the two must be in none,
  // or both in the same. `done` is called once, within some 5 s: Code::unavailable when nobody
  // answers, Code::conflict when it cannot be.
  void join(const Address& address, Joined done);
  // This node's listeners or weight have changed.
  void describe(std::vector<Listener> listeners, std::uint32_t weight);

  NodeId self() const override { return core_.self().id; }
  bool founded() const override { return core_.founded(); }
  const MemberList& members() const override { return core_.members(); }
  void on_change(std::function<void(const Member&)> changed) override;
  void spread(Rumor rumor) override;
  void on_rumor(std::string_view topic, std::function<void(const Rumor&)> heard) override;
  void set_leaving() override;
  void set_left() override;

 private:
  Cluster(Env env, members::Core core, Persist persist);
  // Carries out, in order; subscribers may call back in here, and what that brings comes after.
  void carry_out(members::Effects effects);
  void carry_out_one(members::Effects& effects);
  void arm();

  Env env_;
  members::Core core_;
  Persist persist_;
  std::vector<std::function<void(std::uint64_t)>> on_cluster_;
  std::vector<std::function<void(const Member&)>> on_change_;
  std::vector<std::pair<std::string, std::function<void(const Rumor&)>>> on_rumor_;
  std::multimap<Address, Joined> joining_;
  std::deque<members::Effects> waiting_;
  bool carrying_out_ = false;
  std::vector<Rumor> early_;  // spread before start()
  bool started_ = false;
  // Outlives this in the transport's callbacks, and is empty then.
  std::shared_ptr<Cluster*> handle_ = std::make_shared<Cluster*>(this);
  Timers::Id timer_ = 0;
  Time armed_{};
};

}  // namespace skep
