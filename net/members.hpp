// The members list: who is in the cluster, and who of them is alive. SWIM (Das et al., DSN 2002)
// with the refinements of Lifeguard (Dadgar et al., 2018), as a pure core: events and their time
// in, Effects out; no sockets, clock, disk or randomness but a seed. The driver is net/cluster.hpp.
//
// What it promises, while messages get through sooner or later:
//   - every node's list becomes the same; so do the rumors, each at its highest version;
//   - a death is believed everywhere within about dead_after, which grows with log n;
//   - a node that lives and answers is not dead for long: it refutes with a higher incarnation;
//   - a cluster that was cut in two finds itself again: the dead are still called, now and then;
//   - what a node sends per second does not grow with n: of news, as much as fits the messages of
//     a second; of full exchanges, fewer the more there is to tell.
// It promises nothing to those who take the list for a permission.
//
// A list is founded, joined or kept. An empty store and no peers found a cluster; an empty store
// and peers wait until one of them answers from within a cluster; a store with a list goes by it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/error.hpp"
#include "net/members_messages.hpp"
#include "net/members_table.hpp"
#include "net/membership.hpp"
#include "net/retransmits.hpp"
#include "net/rumors.hpp"
#include "net/suspicion.hpp"

namespace skep::members {

struct Options {
  // This node: id, name, address, roles, listeners, weight. Its incarnation must be higher than in
  // any earlier life of its store; the wall clock's milliseconds, or the last one's successor, do.
  Member self;
  std::vector<Address> peers;  // its own address among them is ignored
  std::uint64_t founding = 0;  // the id of the cluster, if this node founds one; not 0
  std::uint64_t seed = 0;      // any random number
  Duration dead_after = std::chrono::seconds(1);
  Duration keep_dead = std::chrono::hours(72);  // how long the dead and those that left are known
  // Where members and rumors of this list are kept, if not in this list alone: where one process
  // has many lists, equal ones may be one object.
  Table::Keep keep_member;
  Rumors::Keep keep_rumor;
};

// What the driver is to do, in this order.
struct Effects {
  struct Send {
    Address to;
    NodeId expect = 0;
    Type type{};
    std::string payload;
  };
  struct Line {
    Level level{};
    std::string text;
  };
  struct Joined {
    Address address;  // as given to join()
    Result<> result;
  };
  std::optional<std::string> saved;      // keep these bytes instead of earlier ones
  std::optional<std::uint64_t> cluster;  // this node has come into this cluster
  std::vector<Send> sends;
  std::vector<Line> lines;  // for the log
  std::vector<MemberList::Shared> changed;
  std::vector<Rumor> heard;
  std::vector<Joined> joined;
};

struct Counters {
  std::uint64_t probes = 0;
  std::uint64_t probes_failed = 0;
  std::uint64_t refutations = 0;
  std::uint64_t late = 0;       // times that this node's own loop was late
  std::uint64_t malformed = 0;  // messages that do not parse
  std::uint64_t foreign = 0;    // messages of another cluster
  std::uint64_t refused = 0;    // claims and rumors out of bounds
  template <class M, class V> static void fields(M& m, V&& v) {
    v("probes", m.probes);
    v("probes_failed", m.probes_failed);
    v("refutations", m.refutations);
    v("late", m.late);
    v("malformed", m.malformed);
    v("foreign", m.foreign);
    v("refused", m.refused);
  }
};

class Core {
 public:
  static constexpr std::size_t kMaxMembers = 16384;
  static constexpr std::size_t kMaxClaim = 2048;            // a claim's bytes
  static constexpr std::size_t kMaxPiggyback = 8192;        // claims and rumors on a message
  static constexpr std::size_t kMaxPiggybackClaims = 5120;  // of these, claims
  static constexpr std::size_t kMaxPeers = 64;
  static constexpr std::uint64_t kMaxIncarnation = std::uint64_t{1} << 62;
  static constexpr int kMaxHealth = 8;  // Lifeguard's S

  // `saved`: the bytes that this node kept last; empty with an empty store. Code::corrupt when they
  // are not a list; Code::invalid when the options do not make a member.
  static Result<Core> open(Options options, std::string_view saved);

  // Once, before everything below. `now` never falls.
  Effects start(Time now);
  // To be called at due(), or a little later; an early call does no harm.
  Effects tick(Time now);
  Time due() const { return due_; }
  // `from` is proven, `address` is what it advertises; the rest may be anything.
  Effects receive(Time now, NodeId from, const Address& address, std::uint16_t type,
                  std::string_view payload);
  // A connection with this peer broke: a reason to probe it next, nothing more.
  Effects down(Time now, NodeId peer);

  // Calls a node at this address, to be in one cluster with it. Ends with a Joined in some Effects.
  Effects join(Time now, Address address);
  Effects spread(Time now, Rumor rumor);
  // This node's clients' addresses or its weight have changed.
  Effects describe(Time now, std::vector<Listener> listeners, std::uint32_t weight);
  // `state`: leaving or left, for good.
  Effects leave(Time now, MemberState state);

  const Member& self() const { return *self_; }
  std::uint64_t cluster() const { return cluster_; }  // 0: in none yet
  bool founded() const { return founded_; }
  const MemberList& members() const { return table_.all(); }
  const Rumors& rumors() const { return rumors_; }
  const std::vector<Address>& peers() const { return options_.peers; }
  // 0: well; up to kMaxHealth: this node does not trust its own view (Lifeguard 3.1, LHM).
  int health() const { return health_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Peer {
    NodeId id = 0;
    Address address;
  };
  // A probe of ours that is under way.
  struct Probe {
    NodeId target = 0;
    Time started;
    Time until;
    Duration unit;         // of the steps below; longer when this node is not well
    std::size_t step = 0;  // how many of its steps are done
    std::vector<NodeId> helpers;
    std::set<NodeId> nacked;  // of these
  };
  // A probe that we make for another node.
  struct Relay {
    Peer origin;
    std::uint64_t origin_seq = 0;
    NodeId target = 0;
    Time nack_at;
    Time until;
    bool nacked = false;
  };
  struct PendingJoin {
    Address address;
    Time until;
    Time again;            // when to call once more
    bool waiting = false;  // it answered that it is in no cluster
  };

  explicit Core(Options options);
  Result<> restore(std::string_view saved);

  // Every event is begin(), its handling, end().
  void begin(Time now);
  Effects end();
  Time next_due() const;
  void forgive(Duration late);

  // members.cpp: messages
  template <class M> bool parse(std::string_view payload, M& message);
  bool ours(std::uint64_t cluster, const Peer& peer);
  void dispatch(const Peer& peer, Type type, std::string_view payload);
  void on_ping(const Peer& peer, const Ping& message);
  void on_sync(const Peer& peer, const Sync& message);
  void on_full(const Peer& peer, const Full& message);
  void on_join(const Peer& peer, const Join& message);
  void on_waiting(const Waiting& message);
  void greet_stranger(const Peer& peer);
  void finish_join(std::uint64_t ticket, Result<> result);

  // members_claims.cpp: the list
  bool acceptable(const Claim& claim) const;
  void hear(const News& news, bool whole);
  void hear_claim(const Claim& claim, bool whole);
  void hear_of_self(const Member& claimed);
  void hear_rumor(const Rumor& rumor, bool own);
  void change(Member member, Time since, NodeId by);
  void settle_rivals(const Member& member);
  void defend();
  bool outranked() const;
  void set_self(Member self);
  void reap();
  void log_change(const Member& member, const Member* before);
  Claim claim_of(const Member& member) const;
  std::string save() const;
  void save_soon();
  Full full(const Digest& theirs, std::uint64_t ticket, bool answer) const;
  Digest digest() const { return {table_.digest(), rumors_.digests()}; }
  void enter(const Peer& peer, const Full& message);

  // members_probe.cpp: probes, timers, what goes out
  void probe_next();
  NodeId next_target();
  void advance_probe(std::uint64_t seq, Probe& probe);
  void ask_helpers(std::uint64_t seq, Probe& probe);
  void fail_probe(const Probe& probe);
  void on_ack(const Peer& peer, std::uint64_t seq);
  void on_nack(const Peer& peer, std::uint64_t seq);
  void on_ping_request(const Peer& peer, const PingRequest& message);
  void run_probes();
  void run_relays();
  void run_suspicions();
  void run_joins();
  void gossip();
  void sync_someone();
  void call_the_lost();
  void ask_to_join();
  News news_for(NodeId to);
  template <class M> void send(const Address& to, NodeId expect, Type type, const M& message) {
    out_.sends.push_back({to, expect, type, wire::encode(message)});
  }
  std::vector<NodeId> pick(std::size_t count, NodeId except);
  std::uint64_t random(std::uint64_t below);
  unsigned tell_limit() const;
  double size_factor() const;
  Duration part_of(double fraction) const;  // of dead_after
  bool active() const;                      // in a cluster, and has not left it
  bool worth_gossip() const;
  void adjust_health(int by);
  void line(Level level, std::string text) { out_.lines.push_back({level, std::move(text)}); }

  Options options_;
  Table table_;
  MemberList::Shared self_;  // as the list has it
  Rumors rumors_;
  Retransmits<NodeId> claims_told_;
  Retransmits<Rumors::Shared> rumors_told_;
  std::map<NodeId, Suspicion> suspicions_;
  std::map<std::uint64_t, Probe> probes_;  // by seq
  std::map<std::uint64_t, Relay> relays_;
  // By ticket; tickets up to kMaxPeers are the configured peers' places, plus one.
  std::map<std::uint64_t, PendingJoin> joins_;
  std::set<Address> waiting_peers_;  // peers that are in no cluster either
  std::vector<NodeId> order_;        // whom to probe, in turns (SWIM 4.3)
  std::size_t turn_ = 0;
  std::vector<NodeId> hurried_;  // to be probed before that
  std::uint64_t cluster_ = 0;
  std::uint64_t seq_ = kMaxPeers;
  std::uint64_t random_state_ = 0;
  bool founded_ = false;
  bool started_ = false;
  bool displaced_ = false;  // another living node has this node's name
  std::string clash_;       // as clash_told_, since ask_to_join() said the last line
  std::string clash_told_;  // what kept this node from joining, as the log has it
  bool tell_self_ = false;  // the one that we answer has old news of us
  bool unsaved_ = false;
  int health_ = 0;
  Counters counters_;
  Time now_{};
  Time due_{};
  Time next_probe_{}, next_gossip_{}, next_sync_{}, next_call_{}, next_join_{}, next_line_{};
  Time saved_{}, next_save_{}, next_reap_{}, next_greeting_{};
  Effects out_;
};

}  // namespace skep::members
