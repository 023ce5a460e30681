// The hive's options while it runs. Each change has a version; the newest wins everywhere, of two
// with one version the same. It spreads as a rumor, and a node goes by it from when it has it on
// its disk. What a change of one option has to wait for:
//   lease        A member says for how long it binds itself; an owner counts on no more than that.
//                A node that starts waits for the longest that its last life may have given.
//   durability   An owner begins its streams anew, and counts what is confirmed in these. A node
//                has the weaker one noted until what it wrote under it is synced.
//   replication  The placement wants other members; arcs change one member at a time, as ever.
// Who is promised an epoch waits until it goes by what they go by who promised it (arc_claim.cpp).
#include <algorithm>

#include "roles/ring/ring.hpp"

namespace skep::ring {

namespace {

constexpr std::string_view kOptions = "options";
constexpr std::string_view kVersion = "options_version";
constexpr std::string_view kLeaseBefore = "lease_before";   // µs; the last life may have given it
constexpr std::string_view kWeakBefore = "written_before";  // not all on this disk is synced
constexpr Duration kConfirmed = std::chrono::seconds(8);    // by all nodes, or those are told of

// Without its members an arc may be taken over.
bool alone(const HiveOptions& hive) { return hive.replication == 1 && hive.takeover_empty_us != 0; }

}  // namespace

bool Ring::Told::newer_than(const Told& other) const {
  return version != other.version ? version > other.version
                                  : wire::encode(hive) > wire::encode(other.hive);
}

Result<bool> Ring::read_options() {
  auto options = store_.get(kHiveSpace, kOptions);
  auto version = read_number(kVersion);
  auto lease = read_number(kLeaseBefore);
  auto weak = read_number(kWeakBefore);
  if (!options) return tl::unexpected(options.error());
  for (const auto* number : {&version, &lease, &weak})
    if (!*number) return tl::unexpected(number->error());
  if (!*options) return false;
  auto hive = wire::decode<HiveOptions>(**options);
  if (!hive) return fail(Code::corrupt, "the ring's options in the store are damaged");
  options_.hive = *hive;
  hive_version_ = std::max<std::uint64_t>(*version, 1);
  lease_before_ = Duration(static_cast<std::int64_t>(*lease));
  weak_before_ = *weak != 0;
  return true;
}

void Ring::put_options(const Told& told, Batch& batch) {
  batch.put(kHiveSpace, kOptions, wire::encode(told.hive));
  batch.put(kHiveSpace, kVersion, wire::encode(told.version));
}

Durable Ring::durable_before() const {
  return weak_before_ ? Durable::interval : options_.hive.durability;
}

void Ring::hear_options(const Rumor& rumor) {
  const auto hive = wire::decode<HiveOptions>(rumor.value);
  if (!hive) return;
  const Told told{rumor.version, *hive};
  if (!core_) return adopt(told);
  if (!told.newer_than(heard_.value_or(Told{hive_version_, options_.hive}))) return;
  if (!options_.hive.may_become(*hive))
    return env_.log.write(Level::error, "ring",
                          "the hive's options cannot become: " + hive->show());
  heard_ = told;
}

// A few times in each heartbeat interval.
void Ring::tick_options(Time now) {
  forget_before(now);
  tell_confirmed(now);
  if (!heard_ || taking_over_ || forgetting_) return;
  const Told told = *heard_;
  const Durable next = told.hive.durability;
  const bool weak = weak_before_ || options_.hive.durability != Durable::commit;
  Batch batch;
  put_options(told, batch);
  const Duration lease = std::max(lease_before_, options_.hive.lease());
  batch.put(kHiveSpace, kLeaseBefore, wire::encode(static_cast<std::uint64_t>(lease.count())));
  if (next == Durable::commit && weak)
    batch.put(kHiveSpace, kWeakBefore, wire::encode(std::uint64_t{1}));
  taking_over_ = true;
  store_.submit(batch, Durability::durable, [this, alive = alive_, told](Result<> ok) {
    if (!*alive) return;
    taking_over_ = false;
    if (ok) return take_over(told);  // or else the next tick tries it again
    if (!std::exchange(options_refused_, true))
      env_.log.write(Level::error, "ring",
                     "cannot take the hive's new options over yet: " + ok.error().message);
  });
}

void Ring::take_over(const Told& told) {
  const HiveOptions before = std::exchange(options_.hive, told.hive);
  hive_version_ = told.version;
  options_refused_ = false;
  if (heard_ && !heard_->newer_than(told)) heard_.reset();
  const Time now = env_.clock.now();
  lease_before_ = std::max(lease_before_, before.lease());
  lease_over_ = now + lease_at_member(lease_before_);
  weak_before_ = told.hive.durability == Durable::commit &&
                 (weak_before_ || before.durability != Durable::commit);
  core_->change_hive(now, told.hive, told.version, effects_);
  env_.log.write(Level::warn, "ring",
                 "the hive's options are now, in version " + std::to_string(told.version) + ": " +
                     told.hive.show() + " instead of " + before.show());
  tell_options();
  changed_nodes();
  schedule();
}

void Ring::tell_options() {
  membership_.spread({std::string(kOptionsTopic), 0, hive_version_, wire::encode(options_.hive)});
  if (hive_version_ > 1)
    membership_.spread({std::string(kTakenTopic), membership_.self(), hive_version_, {}});
}

// What the last life needed to be known of is over, and need not be known of by the next one.
void Ring::forget_before(Time now) {
  if (forgetting_ || taking_over_) return;
  Batch batch;
  const bool lease = lease_before_ > Duration(0) && now >= lease_over_;
  if (lease) batch.erase(kHiveSpace, kLeaseBefore);
  // The batch takes along all that was written before, and what is written by now is synced.
  const auto arcs = core_->arcs();
  const bool strong = weak_before_ && options_.hive.durability == Durable::commit &&
                      std::none_of(arcs.begin(), arcs.end(),
                                   [](const Arc* arc) { return arc->waiting_for_recovery(); });
  if (strong) batch.erase(kHiveSpace, kWeakBefore);
  if (!lease && !strong) return;
  forgetting_ = true;
  store_.submit(batch, Durability::durable,
                [this, alive = alive_, lease, strong, version = hive_version_](Result<> ok) {
                  if (!*alive) return;
                  forgetting_ = false;
                  if (!ok || version != hive_version_) return;
                  if (lease) lease_before_ = Duration(0);
                  if (strong) weak_before_ = false;
                });
}

void Ring::change_options(const Change& change, Changed done) {
  if (!core_ || !router_)
    return done(fail(Code::unavailable, "this node has not joined a ring yet"));
  if (written_off_) return done(fail(Code::conflict, std::string(kWrittenOff)));
  const Told newest = heard_.value_or(Told{hive_version_, options_.hive});
  const auto next = change(newest.hive);
  if (!next) return done(tl::unexpected(next.error()));
  if (!newest.hive.may_become(*next))
    return done(fail(Code::invalid, "the hive's options cannot become: " + next->show()));
  if (*next == newest.hive) return done(std::vector<std::string>());
  if (alone(newest.hive) && !alone(*next))
    for (const auto& [id, member] : membership_.members())
      if (member.runs("ring") && member.state == MemberState::dead &&
          !core_->host().forgotten.contains(id))
        return done(fail(Code::unavailable,
                         member.name + " is dead, and would not hear of it: back, and cut off from "
                                       "the others, it would take arcs over without them. Start "
                                       "it, or write it off (RING FORGET)"));
  heard_ = Told{newest.version + 1, *next};
  confirming_.push_back({heard_->version, env_.clock.now() + kConfirmed, std::move(done)});
}

std::vector<std::string> Ring::without_options(std::uint64_t version) const {
  std::vector<std::string> names;
  for (const auto& [id, member] : membership_.members()) {
    if (!living(member.state) || !member.runs("ring") || core_->host().forgotten.contains(id))
      continue;
    const auto taken = taken_.find(id);
    const std::uint64_t has = id == membership_.self() ? hive_version_
                              : taken == taken_.end()  ? 1
                                                       : taken->second;
    if (has < version) names.push_back(member.name);
  }
  return names;
}

void Ring::tell_confirmed(Time now) {
  for (std::size_t i = 0; i < confirming_.size();) {
    std::vector<std::string> missing = without_options(confirming_[i].version);
    if (!missing.empty() && now < confirming_[i].until) {
      ++i;
      continue;
    }
    const Confirming over = std::move(confirming_[i]);
    confirming_.erase(confirming_.begin() + static_cast<std::ptrdiff_t>(i));
    if (hive_version_ < over.version)
      over.done(fail(Code::unknown, "this node's disk has not taken it yet; it may be done later"));
    else
      over.done(std::move(missing));
  }
}

}  // namespace skep::ring
