// Clients of a simulated ring: processes that ask any node for one thing after the other, and the
// history of what they were told, key by key.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/lossy_history.hpp"
#include "tests/sim/ring_node.hpp"

namespace skep::sim {

class RingClients {
 public:
  using Nodes = std::vector<std::unique_ptr<RingNode>>;
  // Told of each value that was acknowledged to be a key's, SET and its like, and of deletes.
  // `sole`: no other write can have left the same value.
  struct Acknowledged {
    std::function<void(const std::string& key, const std::string& value, bool deletes, bool sole)>
        put;
    std::function<void(const std::string& key)> deleted;
  };

  RingClients(const RingPlan& plan, VirtualTime& time, Nodes& nodes, Dice dice,
              RingNode::Print print, Acknowledged acknowledged);

  void start();
  void stop() { stopped_ = true; }
  // Longer than any entry lives that has an expiry, as long as no clock jumps.
  static constexpr Duration kLongestLife = std::chrono::seconds(2);
  bool stopped() const { return stopped_; }
  // Reads every key through this node; `failed` is called for each that cannot be read.
  void read_all(RingNode& node, std::function<void(const std::string& why)> failed);
  // All nodes have lost power: what was acknowledged after `safe` may be gone.
  void lost_since(Duration safe);
  // An owner was seen to delete this key's entry for room, in the event that has just ended.
  void evicted(const std::string& key);
  // Requests at nodes that have lived on, unanswered.
  std::size_t unanswered() const;

  // Whether entries of this key are ever deleted, or expire.
  static bool deletes(std::size_t key) { return key % 2 == 1; }
  std::vector<std::string> keys() const;
  // Those that were set for sure, and are never deleted.
  std::set<std::string> written() const;
  // Empty: each key's history is linearizable.
  std::string check() const;
  std::size_t done() const { return done_; }
  std::size_t asked() const { return records_.size(); }

 private:
  enum class State : std::uint8_t { open, done, failed, unknown };
  struct Asked {
    std::size_t key = 0;
    RegisterModel::Op op;
    resp::Value reply;
    State state = State::open;
    std::int64_t invoked = 0, returned = 0;
    std::size_t node = 0;
    std::uint64_t life = 0;
  };
  // Writes of a key that leave its value as it is: those that may still be done, and when the last
  // one was.
  struct Touches {
    std::size_t open = 0;
    std::int64_t last = 0;
  };
  struct Eviction {
    std::int64_t from = 0;  // not before, in stamps
    std::int64_t seen = 0;
  };
  struct Client {
    std::vector<std::string> seen;  // by key: the value it saw last
    std::uint64_t turn = 0;         // one for each operation: an answer to an earlier one is late
  };

  void next(std::size_t client);
  void turn_over(std::size_t client, std::uint64_t turn);
  RegisterModel::Op draw(Client& client, std::size_t key);
  // One that sets or removes an expiry; in some plans, for keys that are ever deleted.
  RegisterModel::Op draw_expiry(std::size_t key);
  void ask(RingNode& node, std::size_t key, RegisterModel::Op op,
           std::function<void(const Asked&)> then);
  // Sets two keys of one slot if neither is there: in each key's history a SETNX, both of which
  // were done or neither.
  void ask_pair(RingNode& node, std::size_t key, std::size_t other, std::function<void()> then);
  // Another key of the same slot that takes any value; `key` itself if there is none.
  std::size_t partner(std::size_t key) const;
  void answered(Asked& asked, const Result<resp::Value>& result);
  // When an entry goes that this has left.
  RegisterModel::Expiry expiry(const RegisterModel::Op& op, const Interval& when) const;
  void tell_acknowledged(const Asked& asked);
  // From when on an entry may go that was written by what was asked then.
  std::int64_t may_go(std::size_t key, std::int64_t invoked) const;
  RegisterHistory history(std::size_t key) const;
  std::string key_name(std::size_t key) const {
    return "key" + std::to_string(key) + "{" + std::to_string(key % plan_.tags) + "}";
  }
  std::int64_t stamp();
  RingNode* pick_node();

  const RingPlan& plan_;
  VirtualTime& time_;
  Nodes& nodes_;
  Dice dice_;
  RingNode::Print print_;
  Acknowledged acknowledged_;
  std::vector<Client> clients_;
  std::deque<Asked> records_;
  std::vector<Touches> touches_;                  // by key
  std::vector<std::vector<Eviction>> evictions_;  // by key, in order
  std::vector<Loss> losses_;
  std::uint64_t values_ = 0;
  std::int64_t last_stamp_ = 0;
  std::size_t done_ = 0;
  bool stopped_ = false;
};

}  // namespace skep::sim
