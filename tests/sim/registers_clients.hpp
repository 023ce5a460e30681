// Clients of simulated registers: processes that ask any proposer for one thing after the other,
// repeat under the same id what may have been done, and the history of what they were told.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/change_model.hpp"
#include "tests/sim/registers_node.hpp"

namespace skep::sim {

class RegistersClients {
 public:
  using Nodes = std::vector<std::unique_ptr<RegistersNode>>;
  using Broken = std::function<void(const std::string& what)>;

  // `broken` is told of what no register may answer.
  RegistersClients(const RegistersPlan& plan, VirtualTime& time, Nodes& nodes, Dice dice,
                   Machine::Print print, Broken broken);

  void start();
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }
  // Reads every key through this node; or changes it, removes it if it is ever removed; or sets
  // those that never are. `failed` is called for each that this is refused for.
  enum class What : std::uint8_t { read, change, set };
  using Failed = std::function<void(const std::string& why)>;
  void ask_all(RegistersNode& node, What what, const Failed& failed);
  // Requests at nodes that have lived on, unanswered.
  std::size_t unanswered() const;

  std::string key_name(std::size_t key) const { return "key" + std::to_string(key); }
  bool removed(std::size_t key) const { return kinds_[key].removed; }
  // Empty: counters are what was added to them, as the last reads have it.
  std::string check_counters() const;
  // Empty: each key's history is linearizable.
  std::string check() const;
  std::size_t done() const { return done_; }
  std::size_t asked() const { return records_.size(); }

 private:
  enum class State : std::uint8_t { open, answered, failed, unknown };
  // How a key is used.
  struct Kind {
    bool counter = false;
    bool appended = false;
    bool removed = false;
  };
  // An operation: a change and its repeats. At most one of these makes it.
  struct Asked {
    std::size_t key = 0;
    ChangeModel::Op op;
    proposer::ChangeId id;
    State state = State::open;
    std::size_t tries = 0;
    std::optional<std::uint64_t> base{};
    std::int64_t invoked = 0;  // the first try
    std::int64_t again = 0;    // the last one
    std::int64_t returned = 0;
    ChangeModel::Reply reply{};
    std::size_t node = 0;
    Duration timeout{};
  };
  // A request, as the node that it was made of sees it.
  struct Call {
    std::size_t node = 0;
    std::uint64_t life = 0;
    bool open = true;
  };
  struct Seen {
    bool present = false;
    std::uint64_t version = 0;
    std::string value;
  };
  struct Client {
    std::vector<Seen> seen;  // by key: what it saw last
    std::uint64_t turn = 0;  // one for each try: an answer to an earlier one is late
  };
  using Then = std::function<void(Asked&)>;

  void next(std::size_t client);
  void ask_as(std::size_t client, Asked& asked);
  void give_up(std::size_t client, Asked& asked, std::uint64_t turn);
  void end_try(std::size_t client, Asked& asked);
  std::optional<bool> repeats_with_base(const Asked& asked);
  std::size_t may_come_between(const Asked& asked) const;
  std::size_t draw_key();
  ChangeModel::Op draw(Client& client, std::size_t key);
  proposer::Change draw_change(const Seen& seen, const Kind& kind);
  Asked& record(std::size_t key, ChangeModel::Op op, Duration timeout);
  void ask(RegistersNode& node, Asked& asked, bool with_id, bool with_base, Then then);
  void ask_for_sure(RegistersNode& node, std::size_t key, What what, std::size_t tries,
                    const Failed& failed);
  std::string new_value();
  void answered(Asked& asked, const proposer::Outcome& outcome);
  void list(RegistersNode& node, std::size_t client, std::uint64_t turn);
  void check_list(const proposer::Listing& listing, const std::string& prefix,
                  const std::string& after, std::uint32_t limit,
                  const std::vector<std::uint64_t>& floors);
  ChangeHistory history(std::size_t key) const;
  std::string check_counter(std::size_t key) const;
  std::int64_t stamp();
  RegistersNode* pick_node();

  const RegistersPlan& plan_;
  VirtualTime& time_;
  Nodes& nodes_;
  Dice dice_;
  Machine::Print print_;
  Broken broken_;
  std::vector<Kind> kinds_;
  std::vector<Client> clients_;
  std::deque<Asked> records_;
  std::deque<Call> calls_;
  std::vector<std::uint64_t> floors_;  // by key: the highest version that was seen
  std::uint64_t values_ = 0;
  std::int64_t last_stamp_ = 0;
  std::size_t done_ = 0;
  bool stopped_ = false;
};

}  // namespace skep::sim
