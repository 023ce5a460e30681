// The ring role: connects the core and the router to the environment, the store and the members
// list, and is the Keyspace of this node. One event's effects are carried out together with those
// of the whole turn: one batch to the store, one frame of appends to each member.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/base/metrics.hpp"
#include "net/env.hpp"
#include "net/membership.hpp"
#include "roles/ring/bringing.hpp"
#include "roles/ring/core.hpp"
#include "roles/ring/importing.hpp"
#include "roles/ring/keyspace.hpp"
#include "roles/ring/router.hpp"
#include "store/store.hpp"

namespace skep::ring {

// Topics of the members list's rumors.
inline constexpr std::string_view kRecordTopic = "ring.arc";  // key: arc; version: epoch, settled
inline constexpr std::string_view kOptionsTopic = "ring.options";      // key: 0; the hive's options
inline constexpr std::string_view kTakenTopic = "ring.options.taken";  // key: who goes by them
inline constexpr std::string_view kWithdrawnTopic = "ring.withdrawn";  // key: a node's id; 0 or 1
inline constexpr std::string_view kForgottenTopic = "ring.forgotten";  // key: a node's id

inline constexpr std::string_view kWrittenOff =
    "the ring has written this node off (RING FORGET): empty its data directory and join it anew";

class Ring : public Keyspace {
 public:
  // What env, store and membership name outlives the ring. Registers itself for Part::ring.
  Ring(Env env, Store& store, Membership& membership, Options options);
  ~Ring() override;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // What an own hive of this node left in a store that made room is brought into this one. Before
  // start(); `former` outlives the call of `done`, which says that it is not needed any more.
  void bring(Store& former, std::function<void()> done);

  // Reads what the store has and begins. Code::corrupt when a record is damaged. A node that is to
  // join waits from here on until it has heard of the hive's options.
  Result<> start();

  void run(Args args, std::size_t key, bool write, Done done) override;
  void run_together(Args args, std::size_t key, Done done) override;
  void scan(std::uint64_t cursor, std::size_t count, std::string_view match,
            std::function<void(Result<Page>)> done) override;
  void scan_slot(Slot slot, std::size_t most, std::function<void(Result<SlotKeys>)> done) override;
  void count(std::function<void(Result<Counted>)> done) override;
  void clear(std::function<void(Result<>)> done) override;
  Topology topology() const override;
  resp::Value describe(Args args) override;
  void stop(std::function<void(Result<>)> done) override;
  void leave(std::function<void(Result<>)> done) override;
  void forget(std::string_view node, bool sure, std::function<void(Result<>)> done) override;

  // What the hive's options are to be instead; an error says what is accepted.
  using Change = std::function<Result<HiveOptions>(const HiveOptions&)>;
  // The nodes that live and have not said within some seconds that they go by it: they will, when
  // they hear of it.
  using Changed = std::function<void(Result<std::vector<std::string>> missing)>;
  // Changes the hive's options everywhere. Errors: Code::unknown, it may still come about; others:
  // nothing has changed.
  void change_options(const Change& change, Changed done);
  std::uint64_t hive_version() const { return hive_version_; }

  struct Status {
    bool started = false;      // the hive's options are known
    bool written_off = false;  // by RING FORGET
    bool refusing = false;     // the store takes no writes at present
    std::size_t refused = 0;   // bytes of writes that wait for that
    bool disk_full = false;    // the store holds more than max_disk, so clients may not write
    bool ready = false;        // every arc has an owner that is alive
    bool stable = false;       // and every arc is where it should be (in_place())
    std::size_t arcs = 0;
    std::size_t owned = 0;       // by this node
    std::size_t kept = 0;        // copies on this node
    std::size_t keys_owned = 0;  // live, in the arcs that this node owns
    std::size_t keys_kept = 0;   // live, in all its copies
    std::uint64_t requests = 0;  // of this node's clients, sent to an owner since the start
    std::size_t waiting = 0;     // of them, under way
  };
  Status status() const;
  void report(Metrics& metrics) const;
  // The newest record that is known of each arc, and who should keep it.
  struct ArcStatus {
    Record record;
    bool in_place = false;
  };
  std::vector<ArcStatus> arcs() const;
  // Entries on their way into the hive.
  const Bringing& bringing() const { return bringing_; }
  bool importing() const { return importing_ != nullptr; }
  // How many entries the hive has, where this node is all of it and could take it elsewhere. An
  // error says why it is not, or cannot.
  Result<std::uint64_t> own_entries() const;
  const HiveOptions& hive() const { return options_.hive; }
  // For checkers; none before the hive's options are known.
  const Core* core() const { return core_.get(); }

 private:
  struct Ending {
    bool leaving = false;
    Time until{};
    std::function<void(Result<>)> done;
  };
  struct Walk;

  Result<> load();
  Result<> load_standings(std::map<ArcId, Core::Stored>& arcs);
  void erase_first(const std::vector<std::string>& rows);
  Result<std::set<NodeId>> read_forgotten();
  void write_off(NodeId node, std::function<void(Result<>)> done);
  void tell_forgotten();
  // ring_options.cpp
  struct Told {
    std::uint64_t version = 0;
    HiveOptions hive;
    bool newer_than(const Told& other) const;
  };
  struct Confirming {
    std::uint64_t version = 0;
    Time until{};
    Changed done;
  };
  Result<bool> read_options();
  static void put_options(const Told& told, Batch& batch);
  Durable durable_before() const;
  void hear_options(const Rumor& rumor);
  void tick_options(Time now);
  void take_over(const Told& told);
  void tell_options();
  void forget_before(Time now);
  std::vector<std::string> without_options(std::uint64_t version) const;
  void tell_confirmed(Time now);
  Result<std::uint64_t> read_number(std::string_view key);
  void adopt(const Told& told);
  void write_first(const Batch& batch, std::function<void()> then);
  void begin();
  void on_message(NodeId from, const Message& message);
  void tick();
  void changed_nodes();
  Router::Sent request(Time now, NodeId to, std::uint64_t token, const Request& request);
  bool send(NodeId to, Type type, std::uint64_t request, std::string_view payload);
  Address address_of(NodeId node) const;

  void schedule();
  void carry_out();
  void submit(Effects::Write write);
  void wait_refused(Effects::Write write);
  void retry_refused();
  void taken(const Effects::Write& write);
  void completed(const Effects::Write& write);
  void note_refusing();
  void hear_withdrawn(const Rumor& rumor);
  void tell_withdrawn();
  Result<Entry> stored_entry(std::string_view key);
  bool complete(Effects::Copy& copy, std::string& payload);
  void read_back();
  void look_at_disk();
  void send_frames(NodeId to, std::vector<Appends::Arc> arcs);
  void spread(ArcId arc);
  void report();
  bool in_place(ArcId arc) const;
  // ring_aside.cpp
  void take_over_lost(Time now);
  void set_aside(ArcId arc);
  bool may_be_named() const;
  void check_ending();
  void route(Op op, Args args, std::size_t key, bool write, Done done);
  void walk(std::shared_ptr<Walk> walk);
  struct SlotWalk;
  void walk_slot(std::shared_ptr<SlotWalk> walk, std::uint64_t cursor);
  struct Clearing;
  void clear(const std::shared_ptr<Clearing>& all, ArcId arc, std::uint64_t cursor);
  void ask(ArcId arc, Op op, bool write, const std::vector<std::string>& args, Router::Done done);

  Env env_;
  Store& store_;
  Membership& membership_;
  Options options_;
  std::uint64_t hive_version_ = 1;  // of options_.hive
  std::optional<Told> heard_;       // newer ones, not taken over yet
  bool taking_over_ = false;        // they are on their way to the disk
  bool options_refused_ = false;    // by it: said in the log
  bool forgetting_ = false;         // so are the next two, which the next life need not know
  Duration lease_before_{};         // the longest that may run, if it is not the present one's
  Time lease_over_{};               // when it has run out
  bool weak_before_ = false;        // what is on disk may be less than durability = "commit" says
  std::map<NodeId, std::uint64_t> taken_;  // the versions that others go by
  std::vector<Confirming> confirming_;
  Time began_{};  // this life: it has had the store by then
  std::uint64_t boot_ = 0;
  bool founder_ = false;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Router> router_;
  Bringing bringing_;
  std::unique_ptr<Importing> importing_;  // none: there is nothing to import
  Effects effects_;                       // of the turn, so far
  Effects carried_out_;                   // kept for its memory
  bool scheduled_ = false;
  bool refusing_ = false;                // the store: said in the log
  std::uint64_t withdrawn_version_ = 0;  // of what was told last
  bool told_withdrawn_ = false;
  Time looked_at_disk_{};
  bool disk_full_ = false;
  std::deque<Effects::Read> reads_;     // still to be made
  std::deque<Effects::Write> refused_;  // by the store, and all that followed; the first is tried
  std::size_t refused_bytes_ = 0;       // of all of them
  bool retrying_ = false;               // the store has the first one
  Timers::Id ticking_ = 0;
  bool nodes_changed_ = false;       // the core has not been told
  Time told_nodes_{};                // when it was told last
  Time next_death_{};                // when a dead node becomes one to be replaced
  std::uint64_t answered_here_ = 0;  // requests of this node's clients, by where they were sent
  std::uint64_t forwarded_ = 0;
  std::size_t reported_ = 0;  // arcs owned, as the log has it
  Time reported_at_{};
  std::optional<Ending> ending_;
  bool written_off_ = false;  // by RING FORGET: nobody listens to this node any more
  // Dies with the ring: what the store and the timers still hold of it looks here first.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skep::ring
