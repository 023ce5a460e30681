// Keeps the registers' configuration: the first one, the changes of it, and that everybody learns
// of them (CASPaxos, Rystsov 2018, 2.3). A configuration is chosen as the value of a register of
// its own, by a change on top of the one before; so there is one of each version. Only then anybody
// takes it. Pure, as the core that it works through.
//
// The next version is chosen only when nothing can be done any more under the one before the
// present (see left()): so there are never more than two in use, and next() has seen to it that any
// two neighbours are safe beside each other.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "roles/proposer/core.hpp"
#include "roles/proposer/listing.hpp"

namespace skep::proposer {

class Keeper {
 public:
  using Done = std::function<void(Result<>)>;

  Keeper(Core& core, NodeId self, Duration collect_every);

  // What the store has kept is in force at once.
  void resume(Time now, Configuration kept, Effects& effects);
  // Proposes the first configuration to all of its acceptors. It is in force when all of them have
  // it, so that there cannot be two. But first all acceptors of the cluster (set_acceptors()) have
  // to say that they know of no other: the disks of those in it may have been emptied since.
  void found(Time now, Configuration first, Effects& effects);
  // Who has the role in the members list, whether or not the configuration names them; `away`: who
  // is believed dead.
  void set_acceptors(std::vector<Node> there, std::vector<Node> away) {
    there_ = std::move(there);
    away_ = std::move(away);
  }
  // Effects::keep is durable.
  void kept(Time now, const Configuration& configuration, Effects& effects);
  // Somebody goes by this one.
  void hear(Time now, const Configuration& configuration, Effects& effects);

  void configure(Time now, const Wanted& wanted, Time until, Done done, Effects& effects);
  void rescan(Time now, std::uint32_t limit, Time until,
              std::function<void(Result<Rescanned>)> told, Effects& effects);
  void list(Time now, std::string prefix, std::string after, std::uint32_t limit, Time until,
            std::function<void(Result<Merged>, Effects&)> listed, Effects& effects);
  // Asks the acceptors, and tells how all stand.
  void status(Time now, Time until, std::function<void(Status)> told, Effects& effects);

  // Nothing of the version before can be done any more.
  bool complete() const;

  void tick(Time now, Effects& effects);
  Time due() const;
  // What came of changes that the keeper has asked the core for.
  bool has_more() const { return !more_.empty(); }
  void go_on(Time now, Effects& effects);

  void report_acceptors(const std::function<void(const AcceptorStatus&)>& each) const;

 private:
  struct Job {
    std::uint64_t number = 0;  // what is heard later may be of an earlier one
    Configuration after;
    std::vector<Node> newcomers;  // now, or on the way to the goal
    Time until{};
    Done done;
  };
  struct Rescan {
    std::uint32_t limit = 0;
    Time until{};
    std::function<void(Result<Rescanned>)> told;
    Cursor cursor;
    std::deque<std::string> keys;
    std::size_t under_way = 0;
    std::string last;
    std::uint32_t count = 0;
    bool more = false;
    std::string failure;
  };
  using Next = std::function<void(Time, Effects&)>;

  const Configuration& present() const { return core_.configuration(); }
  // Everybody who has to hear of the present configuration.
  std::vector<Node> everybody() const;
  void tell_acceptors(Time now, Effects& effects);
  void tell_proposers(Time now, Effects& effects);
  void note(const Node& node, const Core::Answer* answer);
  void keep_up(Time now, Effects& effects);
  void collect(Time now, Effects& effects);
  void when_complete(Time now, Time until, std::function<void(bool, Time, Effects&)> then,
                     Effects& effects);
  void check_waiters(Time now, Effects& effects);
  std::string missing() const;

  void look_for_earlier(Time now, Effects& effects);
  std::string may_found(const std::vector<Node>& asked, const Core::Answers& answers,
                        Effects& effects) const;
  void propose_first(Time now, Effects& effects);
  void tell_others(Time now, Effects& effects);
  bool works_on(std::uint64_t job) const { return job_ && job_->number == job; }
  void end_job(Result<> result, Effects& effects);
  void prepare_newcomers(Time now, Effects& effects);
  void raise_floors(Time now, const Core::Answers& answers, Effects& effects);
  void choose(Time now, Effects& effects);
  void chosen(Time now, const Outcome& outcome, Effects& effects);

  void rescan_from(Time now, const Outcome& outcome, Effects& effects);
  void rescan_keys(Time now, Effects& effects);
  void rescan_page_done(Time now, Effects& effects);
  void end_rescan(Result<Rescanned> result, Effects& effects);
  // A change of one of the keeper's own registers.
  void change(Time now, const std::string& key, Change change, Time until,
              std::function<void(Time, Outcome, Effects&)> then, Effects& effects);

  Core& core_;
  const NodeId self_;
  const Duration collect_every_;
  std::optional<Configuration> first_;  // being founded
  std::uint64_t keeping_ = 0;           // the version that is on its way to the disk
  std::vector<Node> there_, away_;      // acceptors of the cluster
  std::set<NodeId> others_told_;        // of them, of the present version, who are not in it
  std::map<NodeId, AcceptorStatus> acceptors_;
  std::set<NodeId> told_;                      // who serves nothing below the present version
  std::map<NodeId, std::uint64_t> proposers_;  // the version that each goes by
  struct Waiter {
    std::uint64_t version = 0;
    Time until{};
    std::function<void(bool, Time, Effects&)> then;
  };
  std::vector<Waiter> waiters_;
  std::optional<Job> job_;
  std::uint64_t last_job_ = 0;
  std::optional<Rescan> rescan_;
  std::deque<Next> more_;
  Time next_upkeep_{};
  Time next_collect_{};
  std::string sweep_after_;
  std::uint64_t rescanned_ = 0;
};

}  // namespace skep::proposer
