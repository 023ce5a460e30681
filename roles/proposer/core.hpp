// The proposer: changes of registers, each a round or two through quorums of acceptors (CASPaxos,
// Rystsov 2018, section 2). Pure: events with their time come in, effects go out. The registers'
// configuration is the Keeper's (roles/proposer/keeper.hpp); here it only is in force.
//
// A register that something is being done about is Active, and is in one round at a time:
//     read                       what do the acceptors have? Promises and writes nothing
//     prepare, then accept       two round trips
//     accept                     one: the last round's accept was also the promise for this one
// Changes that wait for the same register are made in one round, in their order.
//
// Invariants:
//  - One ballot is used for one attempt, and for one value: after anything but a quorum's
//    confirmation the promise that was at hand is dropped.
//  - Nobody is told anything before the round is confirmed that made, or saw, what is told.
//  - A change whose accept was not confirmed is `tried`: it is made again only after a later
//    prepare has shown that it was not made (its id is not there, and the ids reach back to the
//    version that it was tried on), and is unknown where that cannot be shown.
//  - A round goes by one version of the configuration, from beginning to end.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/base/generations.hpp"
#include "net/base/histogram.hpp"
#include "net/base/time.hpp"
#include "roles/proposer/effects.hpp"

namespace skep::proposer {

struct CoreOptions {
  NodeId self = 0;
  std::uint64_t boot = 0;  // of this life; on disk before it is used
  std::uint64_t seed = 0;  // for choices that must differ between proposers
  Duration round_timeout{};
  std::uint64_t max_value = 0;
  std::uint64_t cache = 0;  // bytes
};

struct CoreFigures {
  std::uint64_t one_trip = 0, two_trip = 0, reads = 0;  // rounds that were confirmed
  std::uint64_t read_disagreed = 0;                     // reads that had to go on as changes
  std::uint64_t conflicts = 0;  // rounds that another proposer's ballot ended
  std::uint64_t timeouts = 0;   // rounds without a quorum
  std::uint64_t combined = 0;   // changes that shared a round with earlier ones
  std::uint64_t passed_on = 0;
  std::uint64_t collected = 0;  // deleted registers that were erased
  std::uint64_t repaired = 0;   // rounds for an acceptor's damaged register
  Histogram quorums;            // from the first message of a phase to its quorum
};

class Core {
 public:
  using Told = std::function<void(Outcome)>;

  explicit Core(CoreOptions options);

  // This configuration is in force from now on. Rounds of an earlier one are given up, and begun
  // anew.
  void serve(Time now, Configuration configuration, Effects& effects);
  const Configuration& configuration() const { return configuration_; }

  // `told` comes once. A change for which another proposer is preferred is passed on to it.
  void change(Time now, Request request, Told told, Effects& effects);
  // Accepts the register anew, as it is (an identity change), here.
  void accept_anew(Time now, const std::string& key, Duration timeout, Told told, Effects& effects);
  // Frees the register if it is a tombstone: first all acceptors have to accept it.
  void collect(Time now, const std::string& key, Effects& effects);

  // Sends the message to each of the nodes and collects their answers, until `enough` or all have
  // answered or failed, or the time is up; then tells.
  struct Answer {
    NodeId from = 0;
    Type type = Type::noted;
    std::string payload;
    Duration took{};
  };
  using Answers = std::vector<Answer>;
  using Enough = std::function<bool(const Answers&)>;
  using Gathered = std::function<void(Time, Answers, Effects&)>;
  template <class M>
  void ask(Time now, Part part, const std::vector<Node>& nodes, const M& message, Time until,
           Enough enough, Gathered gathered, Effects& effects) {
    gather(now, part, nodes, M::kType, wire::encode(message), until, std::move(enough),
           std::move(gathered), effects);
  }

  // A frame of Part::proposer. An Outdated one is also given to on_outdated.
  void receive(Time now, NodeId from, const Address& address, const Message& message,
               Effects& effects);
  // Effects::Send could not be sent.
  void unsent(Time now, const Effects::Send& send, Effects& effects);
  // The connection is gone: what was sent there is not answered any more.
  void unreachable(Time now, NodeId node, Effects& effects);
  void tick(Time now, Effects& effects);
  std::optional<Time> due() const;
  // Tells everybody who waits that the node is ending.
  void stop(Effects& effects);

  // A configuration that another node goes by already.
  std::function<void(Time, const Configuration&, Effects&)> on_outdated;
  // Nodes that are believed to be there, this one included.
  void set_living(std::set<NodeId> living);
  // Whether the register's changes are this proposer's to make.
  bool prefers_self(std::string_view key) const;

  const CoreFigures& figures() const { return figures_; }
  std::size_t active() const { return active_.size(); }
  // Registers that were deleted here and wait to be freed; taken out.
  std::vector<std::string> take_deleted() { return std::exchange(deleted_, {}); }

 private:
  struct Remote {
    NodeId node = 0;
    Address address;
    std::uint64_t request = 0;
  };
  // A change that was not told its outcome yet.
  struct Waiting {
    Change change;
    ChangeId id;
    bool named = false;  // by the client: it may be a repeat
    std::optional<std::uint64_t> base{};
    Time deadline{};
    // Who waits: a client, or a proposer that has passed the change on. Neither: nobody any more.
    Told told;
    std::optional<Remote> remote{};
    bool anew = false;                     // accepts the register, even if nothing is to be changed
    bool tried = false;                    // see the invariants
    Outcome outcome{};                     // of the round that it is in
    bool changed = false;                  // by that round
    std::vector<std::uint64_t> created{};  // versions that tries of it made where nothing was
    bool awaited() const { return told || remote; }
    bool plain_read() const {
      return change.function == Function::read && change.condition == Condition::none && !anew;
    }
  };
  struct Held {  // what an acceptor has, in a read or a prepare
    NodeId from = 0;
    Ballot accepted;
    std::uint64_t version = 0;
    bool present = false;
    Content content;
  };
  enum class Phase : std::uint8_t { read, prepare, accept };
  struct Round {
    Phase phase = Phase::read;
    std::uint64_t request = 0;
    Time began{};  // this phase
    Time until{};
    Ballot ballot;
    Ballot next;
    bool one_trip = false;
    bool collects = false;
    bool damaged = false;  // an acceptor's register is
    bool refused = false;  // by an acceptor
    std::vector<Waiting> changes;
    std::vector<NodeId> asked;       // and not heard of
    std::vector<NodeId> in_reserve;  // of a read: who is asked if the others do not agree
    std::vector<Held> held;
    std::vector<NodeId> acknowledged;
    // What an accept proposes.
    std::uint64_t version = 0;
    bool present = false;
    Content content;
  };
  struct Active {
    std::string key;
    std::deque<Waiting> waiting;
    std::optional<Round> round;
    unsigned failures = 0;  // rounds that came to nothing, one after the other
    Time not_before{};
    Time wakes{};  // its place in wakes_
    bool collect = false;
    bool repair = false;
  };
  // What the last confirmed accept was also the promise for. Of no use when another proposer has
  // made changes since.
  struct Promise {
    Ballot next;
    std::uint64_t comings = 0;  // of others, before
    std::uint64_t version = 0;
    bool present = false;
    Content content;
    std::size_t bytes() const { return sizeof(Promise) + content.bytes(); }
  };
  struct Gather {
    Gathered gathered;
    Enough enough;
    Answers answers;
    std::vector<NodeId> asked;
    Time began{};
    Time until{};
  };
  struct PassedOn {
    NodeId to = 0;
    std::string key;
    Waiting waiting;
    Time soon{};  // until here an answer that it was not done is one to do it here
  };

  // core.cpp
  Active& activate(const std::string& key);
  void go_on(Time now, Active& active, Effects& effects);
  void wake_at(Active& active);
  void drop_late(Time now, Active& active, Effects& effects);
  void tell(Waiting& waiting, Outcome outcome, Effects& effects);
  void give_up(Waiting& waiting, const std::string& why, Effects& effects);
  Ballot new_ballot();
  void see(const Ballot& ballot);
  std::uint64_t draw();
  void gather(Time now, Part part, const std::vector<Node>& nodes, Type type, std::string payload,
              Time until, Enough enough, Gathered gathered, Effects& effects);
  void gathered(Time now, std::uint64_t request, Effects& effects);
  void failed_at(Time now, NodeId node, std::uint64_t request, Effects& effects);
  bool is_there(NodeId node) const { return living_.count(node) != 0 && away_.count(node) == 0; }
  bool has_promise(const std::string& key);

  // pass_on.cpp
  void came(NodeId node);
  void serves(NodeId proposer);
  NodeId preferred(std::string_view key) const;
  bool pass_on(Time now, const std::string& key, Waiting& waiting, Effects& effects);
  void take_passed(Time now, NodeId from, const Address& address, const Message& message,
                   Effects& effects);
  bool came_before(NodeId from, std::uint64_t request);
  void passed(Time now, std::uint64_t request, std::string_view payload, Effects& effects);
  PassedOn take_out(std::unordered_map<std::uint64_t, PassedOn>::iterator passed);
  void run_here(Time now, PassedOn passed, Effects& effects);
  void lose_passed(Time now, NodeId node, Effects& effects);
  void drop_late_passed(Time now, Effects& effects);

  // round.cpp
  std::size_t may_answer(const Round& round) const;
  void begin_read(Time now, Active& active, Effects& effects);
  void begin_prepare(Time now, Active& active, Effects& effects);
  void begin_accept(Time now, Active& active, Effects& effects);
  void begin_phase(Time now, Active& active, Phase phase);
  void send_phase(Active& active, const std::vector<Node>& nodes, Type type, std::string payload,
                  Effects& effects);
  void ask_reserve(Active& active, Effects& effects);
  void answered(Time now, Active& active, NodeId from, const Message& message, Effects& effects);
  void judge(Time now, Active& active, Effects& effects);
  void judge_read(Time now, Active& active, Effects& effects);
  void judge_prepare(Time now, Active& active, Effects& effects);
  void judge_accept(Time now, Active& active, Effects& effects);
  void disagreed(Time now, Active& active, Effects& effects);
  void take_changes(Active& active);
  void apply_changes(Active& active);
  static void apply_one(Waiting& waiting, Round& round, std::uint64_t max_value);
  void confirmed(Time now, Active& active, Effects& effects);
  void fail_round(Time now, Active& active, Effects& effects);
  Round end_round(Active& active);
  void erase_collected(const std::string& key, const Round& round, Effects& effects);

  const CoreOptions options_;
  Configuration configuration_;
  std::uint64_t counter_ = 0;   // of the highest ballot used or seen
  std::uint64_t drawn_;         // the state of draw()
  std::uint64_t last_request_;  // none is used again in a later life: an answer may come late
  std::uint64_t last_change_ = 0;

  std::unordered_map<std::string, Active> active_;
  std::set<std::pair<Time, Active*>> wakes_;
  std::unordered_map<std::uint64_t, Active*> rounds_;  // by their phase's request
  Generations<Promise> promises_;
  std::map<std::uint64_t, Gather> gathers_;
  std::unordered_map<std::uint64_t, PassedOn> passed_;
  std::set<std::pair<Time, std::uint64_t>> passed_until_;
  std::set<std::pair<NodeId, std::uint64_t>> taken_;  // passed on to this one, the last ones
  std::deque<std::pair<NodeId, std::uint64_t>> taken_in_order_;
  std::set<NodeId> living_;
  std::set<NodeId> away_;      // whose connection was lost, and who was not heard of since
  std::set<NodeId> idle_;      // proposers that have refused what was passed on to them
  std::uint64_t comings_ = 0;  // of proposers that changes may be passed on to
  std::vector<std::string> deleted_;
  CoreFigures figures_;
  bool stopped_ = false;
};

}  // namespace skep::proposer
