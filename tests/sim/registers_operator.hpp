// Who changes the acceptors of simulated registers, as the tool does it: sets a goal and advances
// towards it, a step at a time, through any proposer; is interrupted and begins again from what the
// proposers say; replaces machines that are lost. What it knows it has from status().
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/registers_node.hpp"

namespace skep::sim {

class RegistersOperator {
 public:
  using Nodes = std::vector<std::unique_ptr<RegistersNode>>;
  using Configuration = proposer::Configuration;
  using Status = proposer::Status;
  struct Hooks {
    // The machine dies and comes back with an empty disk, some time later.
    std::function<void(RegistersNode& node)> lose;
    std::function<void(const std::string& what)> note;
  };

  RegistersOperator(const RegistersPlan& plan, VirtualTime& time, Nodes& nodes, Dice dice,
                    Hooks hooks);

  void start();
  // A machine may be lost for good, as soon as nothing is under way.
  void lose_one() { loses_ = true; }
  // Finishes what is under way, and does not begin anything.
  void finish();
  // Nothing is under way, and the configuration names those machines only that there are.
  bool settled() const { return settled_; }
  std::string unsettled() const { return doing_; }
  // The newest that was seen, also by tools that had no more to do with it.
  const Configuration& known() const { return known_; }

 private:
  void again(Duration pause);
  void begin();
  // The next answer is taken, or none comes in time; then it goes on.
  std::uint64_t call();
  bool taken(std::uint64_t turn);
  void decide(const Status& status);
  void continue_to_goal(const Configuration& present);
  void begin_something(const Status& status);
  void set_goal(const Configuration& present, std::vector<std::string> names);
  void list_proposers(const Configuration& present, std::vector<std::string> names);
  bool lose(const Configuration& present);
  bool next_size(const Configuration& present);
  std::vector<std::string> goal_of(const Configuration& present, std::size_t size);
  void act(const std::string& what,
           const std::function<void(proposer::Proposer&, std::uint64_t turn)>& make);
  void heard(std::uint64_t turn, const std::string& what, const Result<Status>& told);
  std::vector<std::string> proposers() const;
  bool all_have_served(const Configuration& present);
  RegistersNode* machine(const std::string& name) const;
  // The machine of this name has the disk that is meant.
  bool is_there(const proposer::Node& node) const;
  proposer::Proposer* pick();
  Duration timeout();

  const RegistersPlan& plan_;
  VirtualTime& time_;
  Nodes& nodes_;
  Dice dice_;
  Hooks hooks_;
  Configuration known_;
  std::set<NodeId> used_;    // identities that were acceptors once
  std::set<NodeId> served_;  // proposers that have had a configuration
  std::size_t size_ = 0;     // the next one of the plan's
  bool loses_ = false;
  bool finishing_ = false;
  bool settled_ = false;
  std::string doing_ = "nothing yet";
  std::uint64_t turn_ = 0;
};

}  // namespace skep::sim
