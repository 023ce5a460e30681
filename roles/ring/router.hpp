// The requests of this node's own clients on their way to the arcs' owners: who is asked, and what
// becomes of a request that was not answered. A request is sent again only after it certainly was
// not done (`moved`, or no connection), never after silence. Requests for one arc keep their order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "roles/ring/messages.hpp"

namespace skep::ring {

class Router {
 public:
  struct Job {
    ArcId arc = 0;
    Op op = Op::command;
    bool write = false;
    std::uint16_t key = 0;
    Time deadline{};
    std::vector<std::string> args;
    // Outcome::done, refused or unknown; never moved.
    std::function<void(Answer)> done;
  };
  // Brings an attempt to a node, this one or another; false: certainly not sent. It is not answered
  // from within the call.
  using Send = std::function<bool(NodeId to, std::uint64_t attempt, const Request&)>;

  // Every attempt has a number of its own, so that an answer that comes twice, or late, is not
  // taken for another's. They count from `first_attempt`; those of an earlier life must have been
  // lower.
  Router(std::size_t arcs, std::uint64_t first_attempt, Send send);

  void submit(Time now, Job job);
  void on_answer(Time now, std::uint64_t attempt, Answer answer);
  // The connection to the node is gone.
  void on_down(Time now, NodeId node);
  void on_tick(Time now);
  // A record that somebody told of; the newest is believed.
  void learn(Time now, ArcId arc, const Record& record);

  struct Figures {
    std::uint64_t attempts = 0;  // that were sent to an owner, by what is known of it
    std::uint64_t moved = 0;     // of these, that came to a node which was not the owner
    std::uint64_t homeless = 0;  // times that no owner was known, or it could not be reached
  };
  const Figures& figures() const { return figures_; }
  const Record& hint(ArcId arc) const { return lanes_[arc].hint; }
  std::size_t jobs() const { return jobs_.size(); }

 private:
  struct Lane {
    Record hint;
    std::size_t in_flight = 0;
    std::set<std::uint64_t> waiting;  // in order
    Time retry_at{};
  };
  struct Pending {
    Job job;
    std::uint64_t attempt = 0;  // 0: waits in its lane
    NodeId at = 0;              // to whom the attempt went
    Epoch epoch = 0;            // of the record that it went by
  };

  void dispatch(Time now, std::uint64_t job);
  void retry(Time now, std::uint64_t job, Pending& pending, bool at_once);
  void pump(Time now, Lane& lane);
  void finish(std::uint64_t job, Answer answer);

  std::vector<Lane> lanes_;
  std::unordered_map<std::uint64_t, Pending> jobs_;            // by number, in order of submission
  std::unordered_map<std::uint64_t, std::uint64_t> attempts_;  // under way -> their jobs
  std::set<std::pair<Time, std::uint64_t>> deadlines_;
  Figures figures_;
  std::uint64_t next_job_ = 1;
  std::uint64_t next_attempt_;
  Send send_;
};

}  // namespace skep::ring
