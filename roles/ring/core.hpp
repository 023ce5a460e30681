// All arcs of one node, as one pure state machine: takes messages apart for the arcs, puts the
// heartbeats of all arcs that two nodes share into one frame, and moves arcs towards their desired
// members, few at once.
//
// Of an arc that this node takes no part in there is nothing here, or, if it took part once, what
// its disk says (Standing): a hive may have many more arcs than a node keeps. The Arc is made when
// something is heard of the arc, and dropped again when it is idle.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "roles/ring/arc.hpp"
#include "roles/ring/effects.hpp"
#include "roles/ring/placement.hpp"

namespace skep::ring {

class Core {
 public:
  // What the store had of an arc.
  struct Stored {
    Standing standing;
    Table table;
    bool may_have_lost =
        false;  // a power cut, or damage, may have taken what this node acknowledged
  };
  // `arcs` has those of which the store had something.
  Core(Host host, std::map<ArcId, Stored> arcs);
  // An empty copy.
  static Table empty_table(ArcId arc, const HiveOptions& hive);

  // Makes this node the first and only member of every arc that nobody has had yet.
  void found(Effects&);

  void on_message(Time now, WallMs wall, NodeId from, Type type, std::uint64_t request,
                  std::string_view payload, Effects&);
  void on_completed(Time now, const Completion&, Effects&);
  void on_tick(Time now, WallMs wall, Effects&);
  void on_read(Time now, WallMs wall, const Effects::Read& read, Result<Entry> result,
               Effects& effects) {
    mark(read.arc);
    wake(read.arc).on_read(now, wall, read, std::move(result), effects);
  }
  // What the transport has for a node: to be told before each of its requests, and before each tick
  // of the nodes for which requests wait.
  void set_queued(NodeId node, std::size_t bytes) { host_.owed.set_queued(node, bytes); }
  std::vector<NodeId> owing() const;
  // A request of this node's own clients. Its token must be below kRemote.
  void on_request(Time now, WallMs wall, ArcId arc, const Asked&, Effects&);
  // A record that somebody was heard to have.
  void on_rumor(Time now, ArcId arc, const Record& record, Effects& effects) {
    if (arcs_[arc]) arcs_[arc]->on_rumor(now, record, effects);
  }
  // Takes the arc over if no majority of its newest record will come back in time, and this node is
  // the one to: of the members that are there the first in the placement's order, or of all nodes.
  // For hives with one copy of each key. `heard` is the newest record that anybody told of.
  bool take_over_lost(Time now, ArcId arc, const Record& heard, Effects&);
  bool knows_lost() const;
  // The members list has changed: all ring nodes, by id.
  void on_nodes(std::vector<Node> nodes);
  // Whether flush() has something to do.
  bool has_to_flush() const { return !dirty_.empty(); }
  // Ends a turn: flushes the arcs, and turns replies to other nodes' requests into messages.
  void flush(Time now, Effects&);

  // The hive's options have changed, which HiveOptions::may_become allows; they are on the disk.
  void change_hive(Time now, const HiveOptions& hive, std::uint64_t version, Effects&);

  // From now on this node passes its arcs on and takes no other.
  void stop() { host_.stopping = true; }
  // From now on it becomes no new member of any arc; others may not have heard that it leaves.
  void leave() { host_.leaving = true; }
  // From now on this identity counts for nothing, whatever it says.
  void forget(NodeId node) { host_.forgotten.insert(node); }
  std::size_t owned() const;
  // Whether, for an arc that this node owns, another member is there that could own it.
  bool has_successors() const;
  // Arcs whose record, as far as is known here, names this node.
  std::size_t kept() const;
  const Host& host() const { return host_; }
  // The store holds more than its bound, or no longer does.
  void set_disk_full(bool full) { host_.memory.disk_full = full; }
  // The store refuses writes, or takes them again. This node is to own no more arcs then, and after
  // a while of it leaves its own to their other members, where these are a majority; it owns them
  // again a while after the store took writes.
  void set_refusing(Time now, bool refusing);
  // Bytes of writes that wait for the store to take writes again.
  void set_backlog(std::size_t bytes) { clogged_ = bytes > host_.options.max_refused; }
  // Whether a node, this one or another, as it said, is to own no more arcs for that.
  void set_withdrawn(NodeId node, bool withdrawn);
  bool withdrawn(NodeId node) const { return withdrawn_.contains(node); }
  // The arcs that this node takes part in, in order.
  std::span<const Arc* const> arcs() const { return awake_; }
  // Null: it takes no part in that arc.
  const Arc* find(ArcId arc) const { return arcs_[arc].get(); }
  const Standing& standing(ArcId arc) const;
  // The desired members of any arc, the desired owner first.
  std::vector<NodeId> desired(ArcId arc) const { return wish(arc).members(); }
  // The first of them that is there and is not this node; 0: none.
  NodeId likely_owner(ArcId arc) const;
  const std::vector<Node>& nodes() const { return nodes_; }

  static constexpr std::uint64_t kRemote = 1ULL << 63;

 private:
  struct Remote {
    NodeId node = 0;
    std::uint64_t request = 0;
    ArcId arc = 0;
  };
  // Requests of one node that wait, in their order, until less is owed to it in answers.
  struct Behind {
    struct Held {
      Asked asked;
      std::vector<std::string> args;
      ArcId arc = 0;
      std::size_t bytes = 0;  // of the words
    };
    std::deque<Held> held;
    std::map<ArcId, std::size_t> arcs;  // how many of each
    std::size_t bytes = 0;              // of them
  };
  // Requests of one node that were taken: one that comes twice is dropped.
  struct Seen {
    std::set<std::uint64_t> ids;
    std::uint64_t floor = 0;  // below it everything is taken for seen
  };

  template <class M> void deliver(Time now, NodeId from, std::string_view payload, Effects&);
  void on_heartbeat(Time now, NodeId from, const Heartbeat&, Effects&);
  void on_heartbeat_reply(Time now, NodeId from, const HeartbeatReply&, Effects&);
  void on_remote(Time now, WallMs wall, NodeId from, std::uint64_t request, const Request&,
                 Effects&);
  bool turns_away(Type type) const;
  Arc& wake(ArcId arc);
  void drop_idle(Time now);

  // core_owed.cpp
  void take_remote(Time now, WallMs wall, ArcId arc, const Asked&, Effects&);
  bool has_to_wait(ArcId arc, const Asked&);
  void wait_behind(ArcId arc, const Asked&, Effects&);
  void serve_behind(Time now, WallMs wall, Effects&);
  static void refuse_owed(const Asked&, Effects&);
  void answer_remotes(Effects&);

  const Wish& wish(ArcId arc) const;
  void mark(ArcId arc);
  bool first_time(NodeId from, std::uint64_t request);

  // core_memory.cpp
  void keep_in_bounds(Effects&);
  void make_room(Effects&);
  void count_memory();
  std::uint64_t draw();

  void send_heartbeats(Time now, bool urgent_only, Effects&);
  void plan(Time now, Effects&);
  void withdraw(Time now, Effects&);
  bool others_can_own(const Arc& arc) const;
  bool may_own(NodeId node) const { return !stopping_.contains(node) && !withdrawn(node); }
  std::optional<Step> wanted_step(const Arc& arc) const;
  bool still_wanted(const Arc& arc) const;
  std::optional<Step> handing_over(const Arc& arc) const;

  Host host_;
  Duration heartbeat_{};  // as this node's file has it; a short lease takes a shorter one
  std::vector<std::unique_ptr<Arc>> arcs_;  // by id; null: asleep
  std::vector<Arc*> awake_;                 // of these, those that are there; in order
  std::map<ArcId, Standing> asleep_;        // of the others, unless there never was anything
  std::vector<Node> nodes_;                 // by id
  // Of the arcs that somebody asked for.
  mutable std::map<ArcId, Wish> wishes_;
  std::set<NodeId> stopping_;
  std::set<NodeId> withdrawn_;
  Time refusing_changed_{};
  bool clogged_ = false;        // more is not to wait for the store
  std::vector<ArcId> dirty_;    // may have something to flush
  std::vector<bool> is_dirty_;  // the same by arc
  std::size_t evict_next_ = 0;  // the arc that evicts next
  Time next_heartbeat_{};
  Time last_heartbeat_{};
  std::uint64_t next_remote_ = kRemote;
  std::map<std::uint64_t, Remote> remote_;
  std::map<NodeId, Seen> seen_;
  std::map<NodeId, Behind> behind_;  // by who asks
};

}  // namespace skep::ring
