// One arc on one node: a small replication group, as a pure state machine. It takes events (a
// message, the passing of time, a completed write, a request) and adds to Effects; it never sees a
// socket, a disk or a clock. Sources: Lin et al., "PacificA" (2008), for the configuration that is
// separate from the data; Lamport, "Paxos made simple", for promises; Gray & Cheriton, "Leases"
// (1989).
//
// A node plays up to three parts in an arc, a file each:
//   member     arc_member.cpp    keeps a copy, promises epochs, gives leases, follows the owner's
//                                stream
//   candidate  arc_claim.cpp     asks for an epoch: after the owner's silence, or as the owner for
//                                its next record; arc_recovery.cpp: pulls after a power cut
//   owner      arc_owner.cpp     orders writes, answers; arc_sync.cpp: brings copies in line;
//                                arc_upkeep.cpp: compares them, and drops tombstones
//
// With one copy of each key, a node may take an arc over without its members: arc_alone.cpp.
//
// What holds at all times:
//   I1  An epoch has one record: only the node that a majority promised the epoch to writes it.
//   I2  A promise, and a record, is durable before any message that depends on it leaves.
//   I3  An acknowledged write is in the journals of a majority of the record in force.
//   I4  An owner serves only while its record is in force: a majority of the members, and of those
//       they replace, has the record, and a majority of the members has the copy it began with.
//   I5  A read is answered inside a lease of a majority, taken after the request's arrival or
//       before.
//   I6  The versions of a key that were acknowledged only grow.
//   I7  A tombstone is dropped when the disk of every member of the settled record has it for good,
//       and that record: nothing older of its key is left that a takeover could find.
//
// Time: events carry a fresh reading. An event's time is not before the previous one's.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "roles/ring/decide.hpp"
#include "roles/ring/effects.hpp"
#include "roles/ring/memory.hpp"
#include "roles/ring/messages.hpp"
#include "roles/ring/options.hpp"
#include "roles/ring/owed.hpp"
#include "roles/ring/table.hpp"

namespace skep::ring {

// What all arcs of a node share. Outlives them.
struct Host {
  NodeId self = 0;
  std::uint64_t boot = 0;  // a number of this life of the node; never that of an earlier one
  Time booted{};           // it has heard nobody before
  // The life before it had ended by then, and gave leases until just before that at most.
  Time earlier_ended{};
  std::uint64_t losses = 0;  // of its store, so far
  // The longest lease that a life before this one may have given; not less than hive.lease().
  Duration earlier_lease{};
  HiveOptions hive;
  std::uint64_t hive_version = 1;   // of these
  std::uint64_t heard_version = 0;  // that anybody who promised goes by
  Options options;
  bool leaving = false;  // becomes no member any more
  Memory memory;
  bool stopping = false;                  // takes no ownership any more
  bool refusing = false;                  // its store takes no writes at present
  std::uint64_t random = 0;               // state of the jitter's generator
  std::map<NodeId, std::uint64_t> boots;  // the others' lives, as last heard
  std::set<NodeId> forgotten;             // written off for good: count for nothing
  std::vector<NodeId> others;             // ring nodes that may have heard of a record of any arc

  // Uniform in [0, below).
  Duration jitter(Duration below);
  Owed owed;  // to others, in answers
};

// Why a request is refused whose answer the asker would have to wait for too long.
inline constexpr std::string_view kOwesTooMuch =
    "too many bytes of answers are on their way from the key's owner";

// A request at the owner.
struct Asked {
  std::uint64_t token = 0;  // comes back with the reply
  Epoch epoch = 0;          // the one in which the asker believes
  Op op = Op::command;
  bool write = false;
  std::uint16_t key = 0;
  Time deadline{};
  Args args;        // live during the event only
  NodeId from = 0;  // whose it is; 0: of this node's own clients
};

// A change of an arc's record that its owner is to make: one member at a time.
struct Step {
  NodeId newcomer = 0;  // 0: nobody
  NodeId leaver = 0;    // 0: nobody
  NodeId owner = 0;     // of the next record
  bool operator==(const Step&) const = default;
};

class Arc {
 public:
  // `may_have_lost`: a power cut may have taken what this node acknowledged.
  Arc(Host& host, ArcId id, Standing standing, Table table, bool may_have_lost);
  Arc(const Arc&) = delete;
  Arc& operator=(const Arc&) = delete;

  // Makes this node the arc's first and only member.
  void found(Effects& effects);

  // Events. `from` is the sender's proven identity.
  void on(Time now, NodeId from, const PreVote&, Effects&);
  void on(Time now, NodeId from, const PreVoteReply&, Effects&);
  void on(Time now, NodeId from, const Prepare&, Effects&);
  void on(Time now, NodeId from, Promised, Effects&);
  void on(Time now, NodeId from, const Install&, Effects&);
  void on(Time now, NodeId from, const Installed&, Effects&);
  void on(Time now, NodeId from, const Refused&, Effects&);
  void on(Time now, NodeId from, const SyncBegin&, Effects&);
  void on(Time now, NodeId from, const SyncWant&, Effects&);
  void on(Time now, NodeId from, SyncPart, Effects&);
  void on(Time now, NodeId from, const SyncAck&, Effects&);
  void on(Time now, NodeId from, const AppendsView::Arc&, Effects&);
  void on(Time now, NodeId from, const Acks::Arc&, Effects&);
  void on(Time now, NodeId from, const StreamLost&, Effects&);
  void on(Time now, NodeId from, const Fetch&, Effects&);
  void on(Time now, NodeId from, const Fetched&, Effects&);
  void on(Time now, NodeId from, const Pull&, Effects&);
  void on(Time now, NodeId from, const Pulled&, Effects&);
  void on(Time now, NodeId from, const Flush&, Effects&);
  void on(Time now, NodeId from, const Flushed&, Effects&);
  void on(Time now, NodeId from, const Drop&, Effects&);
  void on(Time now, NodeId from, const Compare&, Effects&);
  // True: the member is bound until its lease has run out.
  bool on_heartbeat(Time now, NodeId from, const Heartbeat::Arc&, Effects&);
  // `lease`: for how long the member has bound itself, if it has.
  void on_lease(Time now, NodeId from, Time sent, std::uint64_t boot, Duration lease,
                const HeartbeatReply::Arc&, Effects&);
  void on_completed(Time now, const Completion&, Effects&);
  void on_request(Time now, WallMs wall, const Asked&, Effects&);
  // Bytes that the answer would have at most, as things are; without what little each has.
  std::size_t most_answered(const Asked&) const;
  void on_rumor(Time now, const Record& record, Effects&);
  // What the store has of an entry that was evicted.
  void on_read(Time now, WallMs wall, const Effects::Read& read, Result<Entry> result, Effects&);
  // A few times in each heartbeat interval.
  void on_tick(Time now, WallMs wall, Effects&);
  // At the end of a turn: what was written since the last one goes to the members.
  void flush(Effects&);

  // Drops a value that is used little from memory; false: none was found that may go.
  bool evict(std::uint64_t random);
  // Where entries are in memory only, their owner deletes some for room, with all copies.
  bool may_delete_for_room() const {
    return serving() && !(reign_->change && reign_->change->draining) && table_.live() > 0;
  }
  // One that is used little, and how much it is used; none was found.
  std::optional<std::pair<std::string, std::uint8_t>> coldest(std::uint64_t random);
  void delete_for_room(const Key& key, Effects& effects);
  // Brings what all arcs have in memory together (Host::memory) in line with this one's table.
  void count_memory() {
    host_.memory.count(counted_, table_.sizes());
    counted_ = table_.sizes();
  }

  // The owner's next record. Refused (false) while another change is under way or not possible.
  bool begin(Time now, const Step& step, Effects&);
  // Makes this node the arc's only member, in an epoch above `above` that is nobody else's. What it
  // has stays if it is a member of the record of that epoch.
  void take_over_alone(Time now, Epoch above, Effects& effects);
  // Gives up a change that waits for its newcomer's copy.
  void abandon();
  // Falls silent as the owner, so that the other members take over.
  void withdraw(Time now, Effects&);

  // What is confirmed from now on is as Host::hive.durability has it: streams begin anew, and what
  // members confirmed in earlier ones counts no more.
  void change_durability(Time now, Effects&);

  // Members in the order in which the placement wants them, the desired owner first.
  void want(std::vector<NodeId> desired) { desired_ = std::move(desired); }

  ArcId id() const { return id_; }
  const Standing& standing() const { return standing_; }
  const Record& record() const { return standing_.record; }
  const Promise& promise() const { return standing_.promise; }
  const Table& table() const { return table_; }
  const std::vector<NodeId>& desired() const { return desired_; }
  // Whether the newest record, `heard` perhaps, names this node, or one to come may.
  bool may_be_named(const Record& heard) const;
  bool owns() const { return reign_.has_value(); }
  // Its record is in force; requests are taken.
  bool serving() const { return reign_ && reign_->serving; }
  bool may_read(Time now) const { return serving() && lease_valid(now); }
  // Whether others may hear of its record as it is: see on_settled().
  bool may_tell() const { return !reign_ || reign_->replaced.empty(); }
  bool changing() const { return reign_ && (reign_->change || claim_); }
  bool waiting_for_recovery() const { return recovery_ != nullptr; }
  // Whether it is no more than its standing, which is on disk: this node takes no part in the arc,
  // and is bound to nobody.
  bool idle(Time now) const;
  // The epoch of its ownership; of its record, if it is not the owner.
  Epoch epoch() const { return reign_ ? reign_->epoch : record().epoch; }
  // To whom this member is bound, and until when; for checkers.
  std::pair<NodeId, Time> lease_given() const { return {given_.to, given_.until}; }
  // The change under way, if there is one.
  const Step* step() const { return reign_ && reign_->change ? &reign_->change->step : nullptr; }
  // The change that waits until its next members are ready, and may still be given up.
  const Step* waiting_step() const {
    const bool waits = reign_ && reign_->change && !claim_ && !reign_->change->draining;
    return waits ? &reign_->change->step : nullptr;
  }
  // Whether this peer of the owner's has a whole copy and every write.
  bool caught_up(NodeId peer) const;
  // Writes of this owner's that the peer has not confirmed; none: its copy is not whole yet.
  std::optional<std::uint64_t> unconfirmed(NodeId peer) const;
  // Peers that an owner sends heartbeats to.
  std::vector<NodeId> peers() const;
  // Since when the next heartbeat is urgent: reads wait for a lease.
  bool wants_lease() const { return reign_ && reign_->wants_lease; }
  std::size_t waiting_requests() const;
  // Whether flush() has something to do, or a lease is wanted.
  bool has_to_flush() const {
    return reign_ && (reign_->flushed != reign_->last || reign_->wants_lease);
  }

 private:
  // The stream of one owner's writes that this member follows.
  struct Stream {
    Epoch epoch = 0;
    NodeId from = 0;
    std::uint32_t round = 0;
    bool synced = false;       // what is confirmed
    std::uint64_t number = 0;  // the last write taken
    std::uint32_t part = 0;    // the next piece of the copy
    // Buckets whose copy is arriving, with the writes that came meanwhile.
    std::map<std::uint8_t, std::map<std::string, Entry, std::less<>>> staging;
  };

  struct Lease {
    NodeId to = 0;
    Time until{};
  };

  // An attempt to get an epoch: for a takeover, or for the owner's own next record.
  struct Claim {
    enum class Stage : std::uint8_t { voting, promising, merging, writing };
    struct Source {
      NodeId node = 0;
      std::uint8_t bucket = 0;
    };
    Stage stage = Stage::voting;
    Epoch epoch = 0;
    Time started{};
    Time asked{};                // when the last question was sent
    Record base;                 // the newest record known; its majorities count
    std::optional<Record> next;  // an owner's own: the record to write
    std::set<NodeId> yes;
    std::set<NodeId> answered;  // the vote
    std::map<NodeId, Table::Digests> promised;
    std::vector<Source> sources;  // still to be fetched, the last one first
    std::string from;             // where in the bucket
    std::vector<Item> fetched;    // of the bucket, which is merged as a whole
  };

  struct Recovery {
    struct Other {
      bool answered = false;
      bool counts = false;
      bool done = false;
      std::vector<std::uint8_t> buckets;  // still to be fetched
      std::string from;
    };
    Record record;
    std::map<NodeId, Other> others;
    Time asked{};
    bool writing = false;
  };

  // The owner's view of one member, replaced member or newcomer.
  struct Peer {
    enum class Sync : std::uint8_t { none, asked, copying, done };
    bool has_record = false;
    bool settled = false;  // so is the record on its disk
    Time lease_until{};
    std::uint64_t boot = 0;
    Sync sync = Sync::none;
    std::uint32_t round = 0;
    std::uint64_t begun = 0;  // the stream's number at which the round began
    std::vector<std::uint8_t> want;
    std::size_t at = 0;  // in `want`
    std::string from;    // in that bucket
    bool first = true;
    bool more = false;  // the piece under way is not the bucket's last
    std::uint32_t part = 0;
    std::uint64_t sent = 0;
    std::uint64_t acked = 0;
    std::optional<std::uint64_t> synced;  // it has said so of everything up to here
    Time heard{};                         // progress of its copy or acknowledgements
    Time installed_sent{};
  };

  struct Waiting {
    std::uint64_t token = 0;
    std::uint64_t number = 0;  // 0: as soon as the owner serves
    bool write = false;
    bool needs_lease = false;
    Time deadline{};
    Answer answer;
  };
  struct Held {
    Asked asked;
    std::vector<std::string> args;
  };
  // Requests for the keys of a slot, the first of which waits for values from the disk.
  struct Reading {
    std::deque<Held> held;
    std::size_t outstanding = 0;  // values that were asked for
  };
  struct Change {
    Step step;
    Time started{};
    bool draining = false;
  };

  // This node's time as the owner in one epoch.
  struct Reign {
    Epoch epoch = 0;
    bool serving = false;
    bool wants_lease = false;
    std::uint64_t last = 0;       // number of the last write
    std::uint64_t own = 0;        // in this node's journal
    std::uint32_t own_round = 0;  // only what was written in it counts for `own`
    std::uint64_t committed = 0;  // on a majority
    std::map<NodeId, Peer> peers;
    std::vector<NodeId> replaced;  // by a settled record, and not to be told yet
    std::uint64_t flushed = 0;     // up to here the members were told
    std::vector<Item> tail;        // writes not yet flushed, if there is a peer; the last is `last`
    std::size_t tail_bytes = 0;
    std::vector<Waiting> waiting;  // by number
    std::deque<Waiting> parked;    // reads that wait for nothing but a lease
    Time lease_seen{};             // when it last held one, or began
    std::deque<Held> held;
    std::map<Slot, Reading> reading;
    std::size_t behind_reads = 0;  // requests in `reading`
    std::optional<Change> change;
    // Upkeep.
    std::deque<Tombstone> tombstones;     // of the table, some of them
    std::uint32_t searched = 0;           // buckets; in the others there may be more of them
    std::optional<std::uint64_t> synced;  // by this node's disk
    Time swept{};                         // when the members were asked last
    Time compared{};
  };

  // arc_member.cpp
  Epoch highest() const;  // below it, everything is refused
  bool declines() const;
  void tick_leaving(Time now, Effects&);
  bool bound_to_another(Time now, NodeId candidate) const;
  bool would_promise(Time now, NodeId candidate, Epoch epoch) const;
  void learn(Time now, const Record& heard, Effects&);
  void install(Time now, const Record& record, NodeId teller, Effects&);
  void save(Standing standing, Completion completion, Effects&);
  Effects::Write& write_entries(Effects&) const;
  bool in_memory() const { return host_.hive.durability == Durable::none; }
  void refuse(NodeId to, Epoch epoch, Effects&);
  void drop_copy(Effects&);
  void store_entry(const Key& key, const EntryView& entry, Effects&);
  void erase_entry(const Key& key, Effects&);
  void finish_bucket(std::uint8_t bucket, Effects&);
  void lose_stream(NodeId owner, Epoch epoch, std::uint32_t round, Effects&);

  // arc_alone.cpp
  void set_aside(Effects&);
  Epoch next_epoch() const;
  bool bypassed(Epoch epoch) const;

  // arc_claim.cpp
  void tick_candidate(Time now, Effects&);
  Time attempt_at() const;
  void start_vote(Time now, Effects&);
  void start_promising(Time now, Effects&);
  void ask_promises(Time now, Effects&);
  void check_votes(Time now, Effects&);
  bool may_be_behind(const Record& base) const;
  bool all_answered() const;
  void check_promises(Time now, Effects&);
  void fetch_next(Time now, Effects&);
  void write_record(Time now, Effects&);
  void give_up_claim(Time now, Effects&);
  void merge(const std::vector<Item>& items, Effects&);

  // arc_recovery.cpp
  void tick_recovery(Time now, Effects&);
  void pull_on(Time now, NodeId from, const Fetched&, Effects&);
  void pull_next(NodeId from, Effects&);
  void recover_under(Time now, const Record& newer, Effects&);
  void check_recovery(Effects&);

  // arc_owner.cpp
  void begin_reign(Time now, Effects&);
  void add_peer(Time now, NodeId node);
  void step_down(Time now, Effects&, const char* why);
  bool lease_valid(Time now) const;
  void check_in_force(Time now, Effects&);
  void settle(Effects&);
  void on_settled(Effects&);
  void dismiss(Effects&);
  void advance(Time now, Effects&);
  std::uint64_t on_majority() const;
  void release(Time now, Effects&);
  void serve(Time now, WallMs wall, const Asked&, Effects&);
  void serve_now(Time now, WallMs wall, const Asked&, Effects&);
  void serve_command(Time now, WallMs wall, const Asked&, Effects&);
  void serve_together(Time now, WallMs wall, const Asked&, Effects&);
  bool turns_away(const Asked&, Effects&) const;
  bool owes_too_much(const Asked&, Effects&) const;
  bool holds(const Key& key) const { return arc_of(key.slot, host_.hive.arcs) == id_; }
  struct Looked {
    bool is_new = true;            // there is no entry, not even a tombstone
    std::uint64_t number = 0;      // what a decision waits for; 0: nothing
    std::optional<Stored> stored;  // what it is made on
  };
  Looked look(const Key& key, WallMs wall, Effects&);
  void apply(const Key& key, Decision::Effect effect, std::string_view value, WallMs expires,
             Effects&);
  static std::optional<std::pair<std::uint64_t, std::size_t>> walk_words(const Asked& asked);
  void serve_walk(Time now, WallMs wall, const Asked&, Effects&);
  void serve_clear(Time now, WallMs wall, const Asked&, Effects&);
  void append(const Key& key, EntryView entry, Effects&);
  void remove(const Key& key, Effects&);
  void expire(const Key& key, Effects&);
  void answer_later(Time now, const Asked&, Waiting&&, Effects&);
  void answer_parked(Time now, Effects&);
  void expire_requests(Time now, Effects&);
  void hold(const Asked&, Effects&);
  void serve_held(Time now, Effects&);
  void tick_owner(Time now, WallMs wall, Effects&);
  void progress_change(Time now, Effects&);
  bool ready_for_change(Time now) const;
  Record next_record(const Step& step) const;

  // arc_memory.cpp
  bool wait_for_values(WallMs wall, const Asked&, Effects&);
  std::vector<std::string> cold_keys(WallMs wall, const Asked&) const;
  bool read_for_first(WallMs wall, Slot slot, Effects&);
  Held take_first(Slot slot);
  void go_on(Time now, WallMs wall, Slot slot, Effects&);
  void expire_reading(Time now, Effects&);
  const char* no_room(bool is_new) const;

  // arc_sync.cpp
  void tick_peers(Time now, Effects&);
  void begin_sync(Time now, NodeId id, Peer& peer, Effects&);
  void send_part(Time now, NodeId id, Peer& peer, Effects&);
  void meet(Time now, NodeId id, Peer& peer, std::uint64_t boot, Effects&);
  void flush_peer(Peer& peer, bool last, Appends& into);
  bool accepts_stream(NodeId from, Epoch epoch) const;
  bool follows(NodeId from, Epoch epoch, std::uint32_t round) const;

  // arc_upkeep.cpp
  void tick_upkeep(Time now, Effects&);
  void list_tombstone(std::string_view key, Version version);
  void search_tombstones();
  void ask_synced(Time now, Effects&);
  std::optional<std::uint64_t> all_synced() const;
  void drop_tombstones(Effects&);
  void compare(Effects&);
  bool drop(const Tombstone&, Effects&);

  Host& host_;
  const ArcId id_;
  Standing standing_;
  Table table_;
  Table::Size counted_;  // of the table, as it is in host_.memory
  std::vector<NodeId> desired_;

  Lease given_;        // to whom this member is bound
  Time heard_{};       // when the owner was last heard
  Epoch durable_ = 0;  // of the newest record that is on disk
  Time next_attempt_{};
  Epoch void_ = 0;   // promised, and given up by whom it was promised
  Epoch seen_ = 0;   // the highest epoch anybody spoke of
  WallMs wall_ = 0;  // of the last tick
  std::optional<Stream> stream_;
  std::optional<Claim> claim_;
  std::optional<Reign> reign_;
  std::unique_ptr<Recovery> recovery_;
};

}  // namespace skep::ring
