// The requests of this node's own clients on their way to the arcs' owners: who is asked, and what
// becomes of a request that was not answered. A request is sent again only after it certainly was
// not done (`moved`, or no connection), never after silence. Requests for one arc keep their order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "roles/ring/attempts.hpp"
#include "roles/ring/keyspace.hpp"
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
    std::span<const std::string_view> args;  // live during submit() only
  };
  // With Outcome::done, refused or unknown; never moved.
  using Done = std::function<void(Answer&&)>;
  // Brings an attempt to a node, this one or another. Not sent: certainly not. This node may answer
  // within the call; then no answer of that attempt comes to on_answer(). Or it has begun, and will
  // say what became of it, but not that somebody else is to be asked.
  struct Sent {
    bool sent = false;
    std::optional<Answer> answer;
    bool begun = false;
  };
  using Send = std::function<Sent(Time now, NodeId to, std::uint64_t attempt, const Request&)>;
  // Who may know the owner of an arc of which nobody has told yet, as in a large ring that has just
  // begun; 0: nobody. It does nothing with a request that goes by no record but tell what it knows.
  using Guess = std::function<NodeId(ArcId)>;

  // Every attempt has a number of its own, so that an answer that comes twice, or late, is not
  // taken for another's. They count from `first_attempt`; those of an earlier life must have been
  // lower.
  Router(std::size_t arcs, std::uint64_t first_attempt, Send send, Guess guess);

  // Who is told of the answer: with what it says to a client (result_of), or with it as it is.
  struct Later {
    Keyspace::Done reply;
    Done done;
    void operator()(Answer&& answer) const;
  };
  // Either the answer is there at once, or `later` is where to put one of its functions, before
  // anything else is asked of the router.
  struct Submitted {
    std::optional<Answer> answer;
    Later* later = nullptr;
  };
  Submitted submit(Time now, const Job& job);
  void on_answer(Time now, std::uint64_t attempt, Answer&& answer);
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
  std::size_t jobs() const { return pending_.size() - free_.size(); }

 private:
  using Place = std::uint32_t;                     // in pending_
  using Waiting = std::map<std::uint64_t, Place>;  // by the jobs' numbers: in order
  // There is one for each arc of the hive, and most have no jobs.
  struct Lane {
    Record hint;
    std::unique_ptr<Waiting> waiting;  // null: no job waits
    std::uint32_t in_flight = 0;
    Time retry_at{};
    void wait(std::uint64_t number, Place place);
    void wait_no_more(std::uint64_t number);
  };
  // A job that is not answered yet. Places are used again, for the memory of their words.
  struct Pending {
    std::uint64_t number = 0;  // in order of submission; 0: no job is here
    ArcId arc = 0;
    Op op = Op::command;
    bool write = false;
    std::uint16_t key = 0;
    Time deadline{};
    std::string words;   // each as net/wire.hpp encodes it
    bool begun = false;  // at this node, and not to be sent again: without its words
    Later later;
    std::uint64_t attempt = 0;  // 0: waits in its lane
    NodeId at = 0;              // to whom the attempt went
    Epoch epoch = 0;            // of the record that it went by
  };

  NodeId whom(ArcId arc) const;
  Sent send(Time now, NodeId to, const Job& job, std::uint64_t attempt);
  Place keep(const Job& job, bool begun);
  void sent_to(Pending& pending, Place place, NodeId to, std::uint64_t attempt);
  bool dispatch(Time now, Place place);
  bool settle(Time now, Place place, Answer&& answer);
  void follow(Lane& lane, const Record& record);
  void retry(Time now, Place place, bool at_once);
  void pump(Time now, Lane& lane);
  void finish(Place place, Answer&& answer);

  std::vector<Lane> lanes_;
  std::vector<Pending> pending_;
  std::vector<Place> free_;
  Attempts attempts_;            // under way
  Time earliest_ = Time::max();  // no deadline is before this
  Figures figures_;
  std::uint64_t next_job_ = 1;
  std::uint64_t next_attempt_;
  Request request_;                      // kept for its memory
  std::vector<std::string_view> words_;  // the same
  Send send_;
  Guess guess_;
};

// What an answer to a command says to its client; a failure as Keyspace::Done takes it.
Result<resp::Value> result_of(Answer&& answer);
Error error_of(const Answer& answer);

}  // namespace skep::ring
