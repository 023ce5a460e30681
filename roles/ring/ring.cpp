#include "roles/ring/ring.hpp"

#include "net/base/assert.hpp"
#include "net/base/checksum.hpp"
#include "net/base/plant.hpp"
#include "roles/ring/loading.hpp"

namespace skep::ring {

namespace {

constexpr Duration kLookAtDisk = std::chrono::milliseconds(250);
constexpr Duration kReadInATurn = std::chrono::milliseconds(2);  // roughly
constexpr Duration kAskStoreAgain = std::chrono::seconds(1);
constexpr std::size_t kMaxFrame = 1 << 20;  // of collected appends, roughly

// Of each name there is one identity that answers, or else the one that did last: all others.
std::vector<NodeId> outlived_identities(const MemberList& members) {
  const auto rank = [](const Member& member) {
    return std::pair(living(member.state), member.incarnation);
  };
  std::vector<NodeId> outlived;
  const Member* newest = nullptr;  // of its name
  for (const Member* member : members.by_name()) {
    const bool another = newest != nullptr && newest->name == member->name;
    const bool newer = !another || rank(*newest) < rank(*member);
    if (another) outlived.push_back((newer ? newest : member)->id);
    if (newer) newest = member;
  }
  std::sort(outlived.begin(), outlived.end());
  return outlived;
}

// Of what is kept for it in memory.
std::size_t size_of(const Effects::Write& write) {
  return sizeof write + write.batch.size() + write.completions.size() * sizeof(Completion);
}

}  // namespace

Result<std::uint64_t> Ring::read_number(std::string_view key) {
  auto row = store_.get(kHiveSpace, key);
  if (!row) return tl::unexpected(row.error());
  if (!*row) return 0;
  return wire::decode<std::uint64_t>(**row);
}

Ring::Ring(Env env, Store& store, Membership& membership, Options options)
    : env_(env),
      store_(store),
      membership_(membership),
      options_(options),
      bringing_(store, *this, env.log) {}

Ring::~Ring() {
  *alive_ = false;
  env_.timers.cancel(ticking_);
}

// Every life has a number of its own, on disk before anything is said in it.
Result<> Ring::start() {
  began_ = env_.clock.now();
  auto boot = read_number("boot");
  auto founder = read_number("founder");
  auto options = read_options();
  if (!boot) return tl::unexpected(boot.error());
  if (!founder) return tl::unexpected(founder.error());
  if (!options) return tl::unexpected(options.error());
  boot_ = *boot + 1;
  founder_ = *founder != 0 || (membership_.founded() && !*options);
  Batch batch;
  batch.put(kHiveSpace, "boot", wire::encode(boot_));
  if (!*options && founder_) {
    batch.put(kHiveSpace, "founder", wire::encode(std::uint64_t{1}));
    put_options({hive_version_, options_.hive}, batch);
  }
  const bool known = *options || founder_;
  if (auto brought = bringing_.start(); !brought) return brought;
  if (importing_)
    if (auto imported = importing_->start(); !imported) return imported;
  if (known)
    if (auto loaded = load(); !loaded) return loaded;
  write_first(batch, [this, known] {
    if (known) begin();
    membership_.on_rumor(kOptionsTopic, [this, alive = alive_](const Rumor& rumor) {
      if (*alive) hear_options(rumor);
    });
  });
  return {};
}

// A joiner takes the hive's options over.
void Ring::adopt(const Told& told) {
  const HiveOptions& hive = told.hive;
  if (hive.arcs == 0 || hive.arcs > kSlots || kSlots % hive.arcs != 0 || hive.replication == 0)
    return env_.log.write(Level::error, "ring", "the hive's options cannot be: " + hive.show());
  if (hive != options_.hive)
    env_.log.write(Level::warn, "ring",
                   "the hive's options differ from this node's file, and hold: " + hive.show() +
                       " instead of " + options_.hive.show());
  options_.hive = hive;
  hive_version_ = told.version;
  Batch batch;
  put_options(told, batch);
  if (auto loaded = load(); !loaded)
    return env_.log.write(Level::error, "ring", "cannot begin: " + loaded.error().message);
  write_first(batch, [this] { begin(); });
}

// What has to be on disk before this node says anything. A store that refuses is asked again.
void Ring::write_first(const Batch& batch, std::function<void()> then) {
  store_.submit(
      batch, Durability::durable, [this, alive = alive_, again = batch, then](Result<> ok) {
        if (!*alive) return;
        if (ok) return then();
        env_.log.write(Level::error, "ring", "cannot begin yet: " + ok.error().message);
        ticking_ =
            env_.timers.after(kAskStoreAgain, [this, again, then] { write_first(again, then); });
      });
}

Result<> Ring::load_standings(std::map<ArcId, Core::Stored>& arcs) {
  std::string damaged;
  auto scanned = store_.scan(kArcSpace, {}, {}, [&](std::string_view key, std::string_view row) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(key[i]); };
    const std::size_t arc = key.size() == 2 ? byte(0) * 256U + byte(1) : options_.hive.arcs;
    auto standing = decode_standing(row);
    if (arc >= options_.hive.arcs || !standing) {
      damaged = "the record of arc " + std::to_string(arc) + " is damaged";
      return false;
    }
    const bool lost = standing->losses < store_.opening().losses;
    const Durable durable = durable_before();
    const bool may_have_lost = (lost && durable == Durable::interval) ||
                               (durable == Durable::none && !SKEP_PLANT(count_without_entries));
    const auto id = static_cast<ArcId>(arc);
    arcs.try_emplace(id, Core::Stored{std::move(*standing), Core::empty_table(id, options_.hive),
                                      may_have_lost});
    return true;
  });
  if (!scanned) return scanned;
  if (!damaged.empty()) return fail(Code::corrupt, damaged);
  return {};
}

Result<> Ring::load() {
  std::map<ArcId, Core::Stored> arcs;
  if (auto loaded = load_standings(arcs); !loaded) return loaded;
  Loading loading(options_, store_.identity(), arcs);
  const auto replayed = store_.replay(
      kEntrySpace,
      [&](std::string_view key, std::optional<std::string_view> row) { loading.take(key, row); });
  if (!replayed) return replayed;
  if (const std::size_t damaged = loading.damaged(); damaged > 0)
    env_.log.write(Level::error, "ring",
                   std::to_string(damaged) +
                       " damaged entries; their arcs count in "
                       "no majority until they are repaired from the other members");
  erase_first(loading.worthless());

  auto forgotten = read_forgotten();
  if (!forgotten) return tl::unexpected(forgotten.error());
  Host host;
  host.forgotten = std::move(*forgotten);
  host.self = membership_.self();
  host.boot = boot_;
  host.hive = options_.hive;
  host.hive_version = hive_version_;
  host.earlier_lease = std::max(lease_before_, options_.hive.lease());
  host.losses = store_.opening().losses;
  host.options = options_;
  host.booted = env_.clock.now();
  host.earlier_ended = began_;
  lease_over_ = began_ + lease_at_member(host.earlier_lease);
  if (store_.opening().created) {  // there was no earlier life
    host.booted -= 2 * host.hive.lease();
    host.earlier_ended = host.booted;
  }
  host.random = env_.random.next();
  core_ = std::make_unique<Core>(std::move(host), std::move(arcs));
  return {};
}

// Before anything else is written.
void Ring::erase_first(const std::vector<std::string>& rows) {
  constexpr std::size_t kAtOnce = 1000;
  for (std::size_t i = 0; i < rows.size(); i += kAtOnce) {
    Batch batch;
    for (std::size_t j = i; j < std::min(rows.size(), i + kAtOnce); ++j)
      batch.erase(kEntrySpace, rows[j]);
    effects_.writes.push_back({Durability::written, std::move(batch), {}});
  }
}

void Ring::begin() {
  router_ = std::make_unique<Router>(
      options_.hive.arcs, boot_ << 40,
      [this](Time now, NodeId to, std::uint64_t token, const Request& asked) {
        return request(now, to, token, asked);
      },
      [this](ArcId arc) { return core_->likely_owner(arc); });
  env_.transport.on_message(
      Part::ring,
      [this](NodeId from, const Address&, const Message& message) { on_message(from, message); });
  env_.transport.on_down([this, alive = alive_](NodeId node) {
    if (!*alive) return;
    router_->on_down(env_.clock.now(), node);
    schedule();
  });
  membership_.on_change([this, alive = alive_](const Member&) {
    if (*alive) nodes_changed_ = true;  // told in the next tick: changes come by the dozen
  });
  tell_options();
  membership_.on_rumor(kTakenTopic, [this, alive = alive_](const Rumor& rumor) {
    if (*alive) taken_[rumor.key] = rumor.version;
  });
  membership_.on_rumor(kRecordTopic, [this, alive = alive_](const Rumor& rumor) {
    const auto record = wire::decode<Record>(rumor.value);
    if (!*alive || !record || rumor.key >= options_.hive.arcs) return;
    const auto arc = static_cast<ArcId>(rumor.key);
    router_->learn(env_.clock.now(), arc, *record);
    core_->on_rumor(env_.clock.now(), arc, *record, effects_);
    schedule();
  });
  membership_.on_rumor(kWithdrawnTopic, [this, alive = alive_](const Rumor& rumor) {
    if (*alive) hear_withdrawn(rumor);
  });
  tell_forgotten();
  for (const Arc* arc : core_->arcs())
    if (arc->record().epoch > 0) router_->learn(env_.clock.now(), arc->id(), arc->record());
  if (founder_) core_->found(effects_);
  changed_nodes();
  tick();
}

void Ring::tick() {
  const Duration interval =
      std::max<Duration>(options_.heartbeat / 8, std::chrono::milliseconds(1));
  ticking_ = env_.timers.after(interval, [this] { tick(); });
  if (written_off_) return;
  const Time now = env_.clock.now();
  tick_options(now);
  const bool settled = now >= told_nodes_ + options_.heartbeat;  // a storm of changes may last
  if (settled && (nodes_changed_ || now >= next_death_)) changed_nodes();
  for (NodeId node : core_->owing())
    core_->set_queued(node, env_.transport.queued(address_of(node)));
  core_->on_tick(now, env_.clock.wall(), effects_);
  tell_withdrawn();
  router_->on_tick(now);
  take_over_lost(now);
  if (importing_) importing_->tick(now, env_.clock.wall());
  bringing_.tick(now, env_.clock.wall());
  retry_refused();
  look_at_disk();
  report();
  check_ending();
  schedule();
}

void Ring::changed_nodes() {
  if (!core_ || !router_) return;
  const Time now = env_.clock.now();
  nodes_changed_ = false;
  told_nodes_ = now;
  next_death_ = Time::max();
  const MemberList& members = membership_.members();
  std::vector<Node> nodes;
  nodes.reserve(members.size());
  const std::vector<NodeId> outlived = outlived_identities(members);
  const bool alone = options_.hive.replication == 1 && options_.hive.takeover_empty_us != 0;
  for (auto at = members.begin(); at != members.end(); ++at) {
    const auto& [id, member] = *at;
    if (!member.runs("ring")) continue;
    const bool forgotten = core_->host().forgotten.contains(id);
    const bool replaced = forgotten || std::binary_search(outlived.begin(), outlived.end(), id);
    const bool dead = member.state == MemberState::dead;
    // This node may have been away itself.
    const Time lost_at =
        std::max(at.since(), core_->host().booted) + options_.hive.takeover_empty();
    if (dead && now < lost_at) next_death_ = std::min(next_death_, lost_at);
    const bool recently_dead = dead && !replaced && now < at.since() + options_.replace_after;
    if (recently_dead) next_death_ = std::min(next_death_, at.since() + options_.replace_after);
    Node node;
    node.id = id;
    node.weight = std::max(member.weight, 1U);
    node.alive =
        !forgotten && (member.state == MemberState::alive || member.state == MemberState::leaving);
    node.gone = member.state == MemberState::leaving || member.state == MemberState::left ||
                replaced;  // its disk is lost
    node.lost = alone && dead && now >= lost_at;
    node.eligible = !forgotten && (member.state == MemberState::alive ||
                                   member.state == MemberState::suspect || recently_dead);
    nodes.push_back(node);
  }
  core_->on_nodes(std::move(nodes));
}

// Arcs change hands by the dozen: one line for those of a second.
void Ring::report() {
  const Time now = env_.clock.now();
  const std::size_t owned = core_->owned();
  if (owned == reported_ || now < reported_at_ + std::chrono::seconds(1)) return;
  env_.log.write(Level::info, "ring",
                 "owns " + std::to_string(owned) + " of " + std::to_string(options_.hive.arcs) +
                     " arcs, before " + std::to_string(reported_));
  reported_ = owned;
  reported_at_ = now;
}

Address Ring::address_of(NodeId node) const {
  const auto found = membership_.members().find(node);
  return found == membership_.members().end() ? Address() : found->second.address;
}

void Ring::on_message(NodeId from, const Message& message) {
  if (written_off_) return;
  const Time now = env_.clock.now();
  if (message.type == static_cast<std::uint16_t>(Type::answer)) {
    if (auto answer = wire::decode<Answer>(message.payload))
      router_->on_answer(now, message.request, std::move(*answer));
  } else {
    if (message.type == static_cast<std::uint16_t>(Type::request))
      core_->set_queued(from, env_.transport.queued(address_of(from)));
    core_->on_message(now, env_.clock.wall(), from, static_cast<Type>(message.type),
                      message.request, message.payload, effects_);
  }
  schedule();
}

// What this node can answer at once, it does: a read inside a lease, a refusal.
Router::Sent Ring::request(Time now, NodeId to, std::uint64_t token, const Request& request) {
  if (to != core_->host().self) {
    const bool sent = send(to, Type::request, token, wire::encode(request));
    forwarded_ += sent ? 1 : 0;
    return {sent, std::nullopt};
  }
  ++answered_here_;
  const Duration timeout(static_cast<std::int64_t>(request.timeout_us));
  core_->on_request(
      now, env_.clock.wall(), request.arc,
      {token, request.epoch, request.op, request.write, request.key, now + timeout, request.args},
      effects_);
  Router::Sent sent{true, std::nullopt};
  auto& replies = effects_.replies;
  const bool scalar = request.op == Op::command || request.op == Op::together;
  if (scalar && !replies.empty() && replies.back().token == token) {
    sent.answer = std::move(replies.back().answer);
    replies.pop_back();
  }
  sent.begun = effects_.begun == token;
  if (core_->has_to_flush() || !effects_.empty()) schedule();
  return sent;
}

// A message may be lost: the core asks again. False: it certainly is.
bool Ring::send(NodeId to, Type type, std::uint64_t request, std::string_view payload) {
  const Address address = address_of(to);
  return !address.empty() &&
         env_.transport.send(address, to,
                             {Part::ring, static_cast<std::uint16_t>(type), request, payload});
}

// What is decided in a turn of the loop is carried out at its end, in one go.
void Ring::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  env_.timers.at_turn_end([this, alive = alive_] {
    if (!*alive) return;
    scheduled_ = false;
    carry_out();
  });
}

void Ring::carry_out() {
  const Time now = env_.clock.now();
  core_->flush(now, effects_);
  while (!effects_.memory.completions.empty()) {
    for (const Completion& completion : std::exchange(effects_.memory.completions, {}))
      core_->on_completed(now, completion, effects_);
    core_->flush(now, effects_);
  }
  std::swap(effects_, carried_out_);
  Effects& effects = carried_out_;
  for (ArcId arc : effects.aside) set_aside(arc);
  for (auto& write : effects.writes) submit(std::move(write));
  for (auto& message : effects.sends) {
    if (!message.copy || complete(*message.copy, message.payload))
      send(message.to, message.type, message.request, message.payload);
    std::string().swap(message.payload);  // the transport has it
  }
  for (auto& [node, appends] : effects.appends) send_frames(node, std::move(appends.arcs));
  for (const auto& [node, acks] : effects.acks) send(node, Type::acks, 0, wire::encode(acks));
  for (const auto& line : effects.lines) env_.log.write(line.level, "ring", line.text);
  for (ArcId arc : effects.changed) spread(arc);
  for (auto& reply : effects.replies) router_->on_answer(now, reply.token, std::move(reply.answer));
  for (auto& read : effects.reads) reads_.push_back(std::move(read));
  effects.clear();
  read_back();
}

Result<Entry> Ring::stored_entry(std::string_view key) {
  auto row = store_.get(kEntrySpace, row_key(key));
  if (!row) return tl::unexpected(row.error());
  if (!*row) return fail(Code::corrupt, "an entry is missing");
  return decode_entry(**row);
}

// Reads what is cold of a copy's part. False: it is not as it was any more.
bool Ring::complete(Effects::Copy& copy, std::string& payload) {
  return std::visit(
      [&](auto& message) {
        for (const std::size_t place : copy.cold) {
          Item& item = message.items[place];
          auto entry = stored_entry(item.key);
          if (!entry)
            env_.log.write(Level::error, "ring",
                           "cannot copy an entry to another node: " + entry.error().message);
          if (!entry || entry->version != item.entry.version) return false;
          item.entry = std::move(*entry);
        }
        payload = wire::encode(message);
        return true;
      },
      copy.message);
}

// Now and then: how much a store holds changes slowly.
void Ring::look_at_disk() {
  const Time now = env_.clock.now();
  if (options_.max_disk == 0 || now < looked_at_disk_ + kLookAtDisk) return;
  looked_at_disk_ = now;
  const auto used = store_.used();
  const bool full = used && *used > options_.max_disk;
  core_->set_disk_full(full);
  if (full) store_.make_room();  // perhaps something was erased
  if (full != std::exchange(disk_full_, full))
    env_.log.write(full ? Level::error : Level::info, "ring",
                   full ? "the store holds " + std::to_string(*used) +
                              " bytes, more than ring.max_disk: writes are refused"
                        : "the store holds less than ring.max_disk: writes are taken again");
}

// A few in a turn, and fewer where they miss the page cache: other clients are not kept waiting.
void Ring::read_back() {
  if (reads_.empty()) return;
  const Time began = env_.clock.now();
  Time now = began;
  for (std::size_t i = 0; i < options_.reads_at_once && !reads_.empty(); ++i) {
    if ((now = env_.clock.now()) >= began + kReadInATurn) break;
    const Effects::Read read = std::move(reads_.front());
    reads_.pop_front();
    core_->on_read(now, env_.clock.wall(), read, stored_entry(read.key), effects_);
  }
  schedule();
}

void Ring::send_frames(NodeId to, std::vector<Appends::Arc> arcs) {
  Appends frame;
  std::size_t bytes = 0;
  for (auto& arc : arcs) {
    for (const Item& item : arc.items) bytes += item.key.size() + item.entry.value.size();
    frame.arcs.push_back(std::move(arc));
    if (bytes < kMaxFrame) continue;
    send(to, Type::appends, 0, wire::encode(frame));
    frame.arcs.clear();
    bytes = 0;
  }
  if (!frame.arcs.empty()) send(to, Type::appends, 0, wire::encode(frame));
}

// The store's order is the core's: behind a batch that was refused all others wait, too.
void Ring::submit(Effects::Write write) {
  if (!refused_.empty()) return wait_refused(std::move(write));
  auto shared = std::make_shared<Effects::Write>(std::move(write));
  store_.submit(shared->batch, shared->durability, [this, alive = alive_, shared](Result<> ok) {
    if (!*alive) return;
    if (ok) return taken(*shared);
    if (!std::exchange(refusing_, true))
      env_.log.write(ending_ ? Level::info : Level::error, "ring",
                     "the store refuses writes, which are tried again: " + ok.error().message);
    wait_refused(std::move(*shared));
    note_refusing();
  });
}

void Ring::wait_refused(Effects::Write write) {
  refused_bytes_ += size_of(write);
  refused_.push_back(std::move(write));
  core_->set_backlog(refused_bytes_);
}

// The first one only: it goes on waiting in its place until the store has it.
void Ring::retry_refused() {
  if (refused_.empty() || std::exchange(retrying_, true)) return;
  const Effects::Write& first = refused_.front();
  store_.submit(first.batch, first.durability, [this, alive = alive_](Result<> ok) {
    if (!*alive) return;
    retrying_ = false;
    if (!ok) return;
    std::deque<Effects::Write> all = std::exchange(refused_, {});
    core_->set_backlog(refused_bytes_ = 0);
    for (auto next = all.begin() + 1; next != all.end(); ++next) submit(std::move(*next));
    // What becomes of the others says whether it takes writes again.
    all.size() == 1 ? taken(all.front()) : completed(all.front());
  });
}

void Ring::taken(const Effects::Write& write) {
  if (refused_.empty() && std::exchange(refusing_, false))
    env_.log.write(Level::info, "ring", "the store takes writes again");
  note_refusing();
  completed(write);
}

void Ring::completed(const Effects::Write& write) {
  const Time now = env_.clock.now();
  for (const Completion& completion : write.completions)
    core_->on_completed(now, completion, effects_);
  schedule();
}

// Between a try and what the store says to it, it is as before.
void Ring::note_refusing() {
  core_->set_refusing(env_.clock.now(), refusing_ || !refused_.empty());
}

void Ring::hear_withdrawn(const Rumor& rumor) {
  const auto withdrawn = wire::decode<std::uint64_t>(rumor.value);
  if (!withdrawn) return;
  if (rumor.key != core_->host().self) return core_->set_withdrawn(rumor.key, *withdrawn != 0);
  // An earlier life's, which this one has to correct with a later version.
  if (rumor.version <= withdrawn_version_) return;
  withdrawn_version_ = rumor.version;
  told_withdrawn_ = *withdrawn != 0;
}

void Ring::tell_withdrawn() {
  const NodeId self = core_->host().self;
  const bool withdrawn = core_->withdrawn(self);
  if (withdrawn == std::exchange(told_withdrawn_, withdrawn)) return;
  withdrawn_version_ = std::max(withdrawn_version_ + 1, boot_ << 32);
  membership_.spread({std::string(kWithdrawnTopic), self, withdrawn_version_,
                      wire::encode(std::uint64_t{withdrawn ? 1U : 0U})});
  env_.log.write(withdrawn ? Level::warn : Level::info, "ring",
                 withdrawn ? "as the store refuses writes, others are to own this node's arcs"
                           : "as the store takes writes, this node may own arcs again");
}

void Ring::spread(ArcId arc) {
  const Record& record = core_->standing(arc).record;
  router_->learn(env_.clock.now(), arc, record);
  // That a record is settled is its owner's to say, when it is time to.
  const Arc* own = core_->find(arc);
  if (record.settled() &&
      (record.owner != core_->host().self || own == nullptr || !own->may_tell()))
    return;
  const std::uint64_t version = record.epoch << 1 | (record.settled() ? 1U : 0U);
  membership_.spread({std::string(kRecordTopic), arc, version, wire::encode(record)});
}

}  // namespace skep::ring
