// The ring role's Keyspace: what clients ask, and how a node ends its part.
#include "net/base/assert.hpp"
#include "net/resp_text.hpp"
#include "roles/ring/glob.hpp"
#include "roles/ring/ring.hpp"

namespace skep::ring {

namespace {

constexpr std::string_view kNotStarted = "this node has not joined a ring yet";
// A cursor is a place (Table::place): a slot, and so many bits of a hash.
constexpr int kPlaceBits = 48;
// Keys that a walk over a slot asks for at once.
constexpr std::size_t kSlotPage = 1000;
// Keys of an arc that FLUSHALL deletes in one write.
constexpr std::size_t kClearedAtOnce = 1000;

// Counts the answers of all arcs down; the first failure is the whole's, an unknown outcome before
// any other.
struct Gathering {
  std::size_t left = 0;
  Keyspace::Counted sum;
  std::optional<Error> error;

  void add(const Answer& answer) {
    if (answer.outcome == Outcome::done) {
      sum.keys += answer.number;
      sum.expiring += static_cast<std::uint64_t>(resp::to_integer(answer.text).value_or(0));
    } else if (!error || error->code != Code::unknown) {
      error = error_of(answer);
    }
  }
};

}  // namespace

void Ring::ask(ArcId arc, Op op, bool write, const std::vector<std::string>& args,
               Router::Done done) {
  const Time now = env_.clock.now();
  const std::vector<std::string_view> words(args.begin(), args.end());
  auto submitted = router_->submit(now, {arc, op, write, 0, now + options_.request_timeout, words});
  if (submitted.answer) return done(std::move(*submitted.answer));
  submitted.later->done = std::move(done);
}

void Ring::run(Args args, std::size_t key, bool write, Done done) {
  route(Op::command, args, key, write, std::move(done));
}

void Ring::run_together(Args args, std::size_t key, Done done) {
  route(Op::together, args, key, true, std::move(done));
}

void Ring::route(Op op, Args args, std::size_t key, bool write, Done done) {
  SKEP_ASSERT(key < args.size() && key <= UINT16_MAX);
  if (!router_) return done(fail(Code::unavailable, std::string(kNotStarted)));
  if (written_off_) return done(fail(Code::unavailable, std::string(kWrittenOff)));
  const Time now = env_.clock.now();
  auto submitted =
      router_->submit(now, {arc_of(slot_of(args[key]), options_.hive.arcs), op, write,
                            static_cast<std::uint16_t>(key), now + options_.request_timeout, args});
  if (submitted.answer) return done(result_of(std::move(*submitted.answer)));
  submitted.later->reply = std::move(done);
}

struct Ring::Walk {
  std::uint64_t cursor = 0;
  std::size_t count = 0;
  std::size_t seen = 0;
  std::string match;
  Page page;
  std::function<void(Result<Page>)> done;
};

void Ring::scan(std::uint64_t cursor, std::size_t count, std::string_view match,
                std::function<void(Result<Page>)> done) {
  if (!router_) return done(fail(Code::unavailable, std::string(kNotStarted)));
  if ((cursor >> kPlaceBits) >= kSlots) return done(Page{});
  auto walk = std::make_shared<Walk>();
  walk->cursor = cursor;
  walk->count = count;
  walk->match = match;
  walk->done = std::move(done);
  this->walk(std::move(walk));
}

// One arc after the other, until there are enough keys.
void Ring::walk(std::shared_ptr<Walk> walk) {
  const ArcId arc = arc_of(static_cast<Slot>(walk->cursor >> kPlaceBits), options_.hive.arcs);
  ask(arc, Op::walk, false,
      {std::to_string(walk->cursor), std::to_string(walk->count - walk->seen)},
      [this, walk, arc](Answer answer) {
        if (answer.outcome != Outcome::done) return walk->done(tl::unexpected(error_of(answer)));
        std::vector<std::string> keys = std::move(answer.more.make().items);
        walk->seen += keys.size();
        for (std::string& key : keys)
          if (walk->match.empty() || glob_match(walk->match, key))
            walk->page.keys.push_back(std::move(key));
        const bool last = arc + 1U >= options_.hive.arcs;
        walk->cursor = answer.number;
        if (walk->cursor == 0 && !last)
          walk->cursor = static_cast<std::uint64_t>(
                             first_slot(static_cast<ArcId>(arc + 1), options_.hive.arcs))
                         << kPlaceBits;
        if (walk->cursor != 0 && walk->seen < walk->count) return this->walk(walk);
        walk->page.cursor = walk->cursor;
        walk->done(std::move(walk->page));
      });
}

struct Ring::SlotWalk {
  Slot slot = 0;
  std::size_t most = 0;
  SlotKeys found;
  std::function<void(Result<SlotKeys>)> done;
};

void Ring::scan_slot(Slot slot, std::size_t most, std::function<void(Result<SlotKeys>)> done) {
  auto walk = std::make_shared<SlotWalk>();
  walk->slot = slot;
  walk->most = most;
  walk->done = std::move(done);
  walk_slot(std::move(walk), static_cast<std::uint64_t>(slot) << kPlaceBits);
}

void Ring::walk_slot(std::shared_ptr<SlotWalk> walk, std::uint64_t cursor) {
  scan(cursor, kSlotPage, {}, [this, walk](Result<Page> page) {
    if (!page) return walk->done(tl::unexpected(page.error()));
    for (std::string& key : page->keys) {
      if (slot_of(key) != walk->slot) continue;
      ++walk->found.count;
      if (walk->found.keys.size() < walk->most) walk->found.keys.push_back(std::move(key));
    }
    if (page->cursor == 0 || page->cursor >> kPlaceBits != walk->slot)
      return walk->done(std::move(walk->found));
    walk_slot(walk, page->cursor);
  });
}

void Ring::count(std::function<void(Result<Counted>)> done) {
  if (!router_) return done(fail(Code::unavailable, std::string(kNotStarted)));
  auto all = std::make_shared<Gathering>();
  all->left = options_.hive.arcs;
  for (std::size_t arc = 0; arc < options_.hive.arcs; ++arc)
    ask(static_cast<ArcId>(arc), Op::count, false, {}, [all, done](const Answer& answer) {
      all->add(answer);
      if (--all->left > 0) return;
      if (all->error) return done(tl::unexpected(*all->error));
      done(all->sum);
    });
}

struct Ring::Clearing {
  std::size_t left = 0;  // arcs
  std::optional<Error> error;
  std::function<void(Result<>)> done;
};

void Ring::clear(std::function<void(Result<>)> done) {
  if (!router_) return done(fail(Code::unavailable, std::string(kNotStarted)));
  auto all = std::make_shared<Clearing>();
  all->left = options_.hive.arcs;
  all->done = std::move(done);
  for (std::size_t arc = 0; arc < options_.hive.arcs; ++arc) clear(all, static_cast<ArcId>(arc), 0);
}

// An arc, piece by piece: a piece is one write.
void Ring::clear(const std::shared_ptr<Clearing>& all, ArcId arc, std::uint64_t cursor) {
  ask(arc, Op::clear, true, {std::to_string(cursor), std::to_string(kClearedAtOnce)},
      [this, all, arc](const Answer& answer) {
        if (answer.outcome == Outcome::done && answer.number != 0)
          return clear(all, arc, answer.number);
        if (answer.outcome != Outcome::done && !all->error) all->error = error_of(answer);
        if (--all->left > 0) return;
        // Some arcs may be cleared, even when others certainly are not.
        if (all->error)
          return all->done(
              fail(Code::unknown, "not every arc was cleared: " + all->error->message));
        all->done({});
      });
}

std::vector<Ring::ArcStatus> Ring::arcs() const {
  std::vector<ArcStatus> arcs;
  if (!core_ || !router_) return arcs;
  for (ArcId arc = 0; arc < options_.hive.arcs; ++arc)
    arcs.push_back({router_->hint(arc), in_place(arc)});
  return arcs;
}

bool Ring::in_place(ArcId arc) const {
  return ring::in_place(router_->hint(arc), core_->desired(arc), core_->nodes(),
                        core_->host().hive.replication);
}

Ring::Status Ring::status() const {
  Status status;
  status.started = core_ && router_;
  if (!status.started) return status;
  status.arcs = options_.hive.arcs;
  status.owned = core_->owned();
  status.kept = core_->kept();
  status.requests = answered_here_ + forwarded_;
  status.waiting = router_->jobs();
  for (const Arc* arc : core_->arcs()) {
    if (arc->owns()) status.keys_owned += arc->table().live();
    status.keys_kept += arc->table().live();
  }
  status.written_off = written_off_;
  status.refusing = core_->host().refusing;
  status.refused = refused_bytes_;
  status.disk_full = disk_full_;
  status.ready = status.stable = !written_off_;
  for (ArcId id = 0; id < options_.hive.arcs; ++id) {
    const Arc* arc = core_->find(id);
    const Record& record = router_->hint(id);
    const auto owner = membership_.members().find(record.owner);
    const bool alive =
        owner != membership_.members().end() &&
        (owner->second.state == MemberState::alive || owner->second.state == MemberState::leaving);
    const bool mine = record.owner == core_->host().self;
    if (!alive || (mine && (arc == nullptr || !arc->serving()))) status.ready = false;
    if (!in_place(id) || (mine && arc != nullptr && arc->changing())) status.stable = false;
  }
  status.stable = status.stable && status.ready;
  return status;
}

Topology Ring::topology() const {
  Topology topology;
  std::map<NodeId, std::size_t> place;
  for (const auto& [id, member] : membership_.members()) {
    if (!member.runs("ring") || member.state == MemberState::left) continue;
    Address clients;
    for (const Listener& listener : member.listeners)
      if (listener.role == "ring") clients = listener.address;
    place.emplace(id, topology.nodes.size());
    topology.nodes.push_back({node_id(id), member.name, std::move(clients), member.address,
                              member.state, id == membership_.self()});
  }
  if (!core_ || !router_) return topology;
  for (std::uint32_t i = 0; i < options_.hive.arcs; ++i) {
    const auto arc = static_cast<ArcId>(i);
    const Record& record = router_->hint(arc);
    topology.epoch = std::max(topology.epoch, record.epoch);
    const auto owner = place.find(record.owner);
    if (owner == place.end()) continue;
    const Slot first = first_slot(arc, options_.hive.arcs);
    Topology::Range range{
        first, static_cast<Slot>(first + kSlots / options_.hive.arcs - 1), owner->second, {}};
    for (NodeId member : record.members)
      if (const auto other = place.find(member); other != place.end() && member != record.owner)
        range.others.push_back(other->second);
    topology.add(std::move(range));
  }
  return topology;
}

resp::Value Ring::describe(Args args) {
  const std::string_view word = args.empty() ? std::string_view() : args[0];
  if (resp::is_word(word, "NODES")) {
    resp::Value list = resp::Value::array({});
    for (const auto& [id, member] : membership_.members()) {
      std::string listens;
      for (const Listener& listener : member.listeners)
        if (listener.role == "ring") listens = listener.address;
      list.items.push_back(resp::Value::bulk(member.name + "@" + member.address + " " +
                                             std::string(name(member.state)) + " ring=" + listens));
    }
    return list;
  }
  if (resp::is_word(word, "OWNER") && args.size() == 2) {
    if (!router_) return resp::Value::error("TRYAGAIN " + std::string(kNotStarted));
    const Record& record = router_->hint(arc_of(slot_of(args[1]), options_.hive.arcs));
    const auto owner = membership_.members().find(record.owner);
    if (owner == membership_.members().end()) return resp::Value::null();
    return resp::Value::bulk(owner->second.name + "@" + owner->second.address);
  }
  if (resp::is_word(word, "STATUS")) {
    const Status now = status();
    const auto flag = [](bool value) { return value ? std::string("yes") : std::string("no"); };
    return resp::Value::bulk(
        "started:" + flag(now.started) + "\r\nready:" + flag(now.ready) +
        "\r\nstable:" + flag(now.stable) + "\r\narcs:" + std::to_string(now.arcs) +
        "\r\nowned:" + std::to_string(now.owned) + "\r\nkept:" + std::to_string(now.kept) +
        "\r\nkeys_owned:" + std::to_string(now.keys_owned) + "\r\nkeys_kept:" +
        std::to_string(now.keys_kept) + "\r\nrequests:" + std::to_string(now.requests) +
        "\r\nrequests_waiting:" + std::to_string(now.waiting) + "\r\n");
  }
  return resp::Value::error(
      "ERR RING takes NODES, OWNER key, STATUS, CONFIG, STOP, LEAVE or FORGET node");
}

void Ring::stop(std::function<void(Result<>)> done) {
  if (!core_ || !router_) return done({});
  if (ending_) return done(fail(Code::conflict, "this node is stopping or leaving already"));
  core_->stop();
  ending_ = Ending{false, env_.clock.now() + options_.request_timeout, std::move(done)};
  check_ending();
}

void Ring::leave(std::function<void(Result<>)> done) {
  if (!core_ || !router_) return done(fail(Code::unavailable, std::string(kNotStarted)));
  if (ending_) return done(fail(Code::conflict, "this node is stopping or leaving already"));
  const auto& nodes = core_->nodes();
  const bool others = std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) {
    return node.id != core_->host().self && node.eligible && node.alive;
  });
  if (!others)
    return done(fail(Code::unavailable, "no other ring node is there to take what this one keeps"));
  core_->leave();
  membership_.set_leaving();
  ending_ = Ending{true, Time::max(), std::move(done)};
  changed_nodes();
}

bool Ring::may_be_named() const {
  for (ArcId id = 0; id < options_.hive.arcs; ++id) {
    const Record& heard = router_->hint(id);
    const Arc* arc = core_->find(id);
    const bool newer = heard.epoch > core_->standing(id).record.epoch;
    if (arc != nullptr ? arc->may_be_named(heard)
                       : newer && Record::has(heard.everybody(), core_->host().self))
      return true;
  }
  return false;
}

// A stop waits until others own this node's arcs, if there are any that can; a leave until no
// record names this node any more, or will, and nothing waits here to be brought into the ring.
void Ring::check_ending() {
  if (!ending_) return;
  const bool stopped = !core_->has_successors() || env_.clock.now() >= ending_->until;
  const bool left = core_->kept() == 0 && !may_be_named() && bringing_.done() && !importing_;
  if (ending_->leaving ? !left : !stopped) return;
  Ending ending = std::move(*ending_);
  ending_.reset();
  if (ending.leaving) membership_.set_left();
  ending.done({});
}

}  // namespace skep::ring
