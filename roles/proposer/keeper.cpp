#include "roles/proposer/keeper.hpp"

#include <algorithm>
#include <utility>

#include "net/base/plant.hpp"

namespace skep::proposer {

using registers::Configure;
using registers::RaiseFloor;
using registers::Standing;
using registers::Stands;

namespace {

constexpr Duration kUpkeep = std::chrono::seconds(2);
constexpr Duration kAnswerTime = std::chrono::seconds(1);
constexpr std::uint32_t kSweep = 1000;  // registers at a time
constexpr const char* kSameLists =
    "; the proposers must all be given the same initial_acceptors and initial_proposers";

std::string names(const std::vector<Node>& nodes) {
  std::string all;
  for (const Node& node : nodes) all += (all.empty() ? "" : ", ") + node.name;
  return all;
}

const Core::Answer* answer_of(const Core::Answers& answers, NodeId node, Type type) {
  for (const Core::Answer& answer : answers)
    if (answer.from == node && answer.type == type) return &answer;
  return nullptr;
}

}  // namespace

Keeper::Keeper(Core& core, NodeId self, Duration collect_every)
    : core_(core), self_(self), collect_every_(collect_every) {
  core_.on_outdated = [this](Time now, const Configuration& configuration, Effects& effects) {
    hear(now, configuration, effects);
  };
}

// Founding.

void Keeper::found(Time now, Configuration first, Effects& effects) {
  first_ = std::move(first);
  look_for_earlier(now, effects);
}

// The request is of no configuration, so whoever knows of one answers with it; and if that is in
// force, it is heard here, too.
void Keeper::look_for_earlier(Time now, Effects& effects) {
  std::vector<Node> asked = first_->acceptors();
  if (!SKEP_PLANT(founds_beside))
    for (const std::vector<Node>* nodes : {&there_, &away_})
      for (const Node& node : *nodes)
        if (first_->acceptor(node.id) == nullptr) asked.push_back(node);
  next_upkeep_ = now + kAnswerTime + kUpkeep;
  core_.ask(
      now, Part::acceptor, asked, registers::Read{0, kConfigurationKey}, now + kAnswerTime, {},
      [this, asked](Time at, const Core::Answers& answers, Effects& more) {
        if (!first_ || present().version != 0) return;
        next_upkeep_ = at + kAnswerTime;
        const std::string waits = may_found(asked, answers, more);
        if (waits.empty()) return propose_first(at, more);
        more.log(Level::info,
                 "the registers are not founded yet: asks every acceptor of the cluster whether "
                 "they are already, and waits for " +
                     waits);
      },
      effects);
}

// Empty, or for whom it has to wait.
std::string Keeper::may_found(const std::vector<Node>& asked, const Core::Answers& answers,
                              Effects& effects) const {
  const std::string first = wire::encode(*first_);
  std::string waits;
  for (const Node& node : asked) {
    if (answer_of(answers, node.id, Type::state) != nullptr) continue;
    if (const Core::Answer* answer = answer_of(answers, node.id, Type::outdated)) {
      const auto known = wire::decode<registers::Outdated>(answer->payload);
      if (known && known->content == first) continue;
      effects.log(Level::error,
                  node.name + " knows another configuration of the registers" + kSameLists);
    }
    waits += (waits.empty() ? "" : ", ") + node.name;
  }
  return waits;
}

void Keeper::propose_first(Time now, Effects& effects) {
  const std::string content = wire::encode(*first_);
  const Configure message{first_->version, false, content};
  next_upkeep_ = now + kAnswerTime + kUpkeep;
  core_.ask(
      now, Part::acceptor, first_->acceptors(), message, now + kAnswerTime, {},
      [this](Time at, const Core::Answers& answers, Effects& more) {
        if (!first_ || present().version != 0) return;
        std::string waits;
        for (const Node& node : first_->acceptors()) {
          if (answer_of(answers, node.id, Type::noted) != nullptr) continue;
          if (answer_of(answers, node.id, Type::outdated) != nullptr)
            more.log(Level::error,
                     node.name + " has another first configuration of the registers" + kSameLists);
          waits += (waits.empty() ? "" : ", ") + node.name;
        }
        next_upkeep_ = at + kAnswerTime;
        if (!waits.empty()) {
          more.log(Level::info, "the registers are not founded yet: waits for " + waits);
          return;
        }
        more.keep = std::exchange(first_, std::nullopt);
        keeping_ = more.keep->version;
      },
      effects);
}

// A new one comes into force.

void Keeper::resume(Time now, Configuration kept, Effects& effects) {
  keeping_ = kept.version;
  this->kept(now, kept, effects);
}

void Keeper::hear(Time now, const Configuration& configuration, Effects& effects) {
  static_cast<void>(now);
  if (configuration.version <= std::max(present().version, keeping_)) return;
  first_.reset();
  keeping_ = configuration.version;
  effects.keep = configuration;
}

void Keeper::kept(Time now, const Configuration& configuration, Effects& effects) {
  if (configuration.version <= present().version) return;
  told_.clear();
  others_told_.clear();
  rescanned_ = 0;
  effects.log(Level::info,
              "configuration " + std::to_string(configuration.version) +
                  " of the registers is in force: " + std::to_string(configuration.prepare.quorum) +
                  " of " + names(configuration.prepare.nodes) + " to prepare, " +
                  std::to_string(configuration.accept.quorum) + " of " +
                  names(configuration.accept.nodes) + " to accept");
  core_.serve(now, configuration, effects);
  tell_acceptors(now, effects);
  tell_proposers(now, effects);
  if (job_ && job_->after.version <= configuration.version) {
    if (job_->after != configuration)
      return end_job(fail(Code::conflict, "the configuration has been changed by somebody else"),
                     effects);
    when_complete(
        now, job_->until,
        [this, job = job_->number](bool, Time, Effects& more) {
          if (works_on(job)) end_job({}, more);
        },
        effects);
  }
}

// Who knows.

std::vector<Node> Keeper::everybody() const {
  std::vector<Node> all = present().acceptors();
  for (const Quorums* before : {&present().prepare_before, &present().accept_before})
    for (const Node& node : before->nodes)
      if (std::none_of(all.begin(), all.end(),
                       [&](const Node& known) { return known.id == node.id; }))
        all.push_back(node);
  return all;
}

bool Keeper::complete() const { return !left(present(), {told_.begin(), told_.end()}); }

void Keeper::tell_acceptors(Time now, Effects& effects) {
  const std::uint64_t version = present().version;
  core_.ask(
      now, Part::acceptor, everybody(), Configure{version, true, wire::encode(present())},
      now + kAnswerTime, {},
      [this, version](Time at, const Core::Answers& answers, Effects& more) {
        if (version != present().version) return;
        for (const Core::Answer& answer : answers)
          if (answer.type == Type::noted) told_.insert(answer.from);
        check_waiters(at, more);
      },
      effects);
}

// Who was an acceptor learns that it is none any more, though it was away then; and who is new,
// that the registers are founded.
void Keeper::tell_others(Time now, Effects& effects) {
  const std::vector<Node> all = everybody();
  std::vector<Node> others;
  for (const Node& node : there_)
    if (others_told_.count(node.id) == 0 &&
        std::none_of(all.begin(), all.end(),
                     [&](const Node& known) { return known.id == node.id; }))
      others.push_back(node);
  if (others.empty() || SKEP_PLANT(founds_beside)) return;
  const std::uint64_t version = present().version;
  core_.ask(
      now, Part::acceptor, others, Configure{version, true, wire::encode(present())},
      now + kAnswerTime, {},
      [this, version](Time, const Core::Answers& answers, Effects&) {
        if (version != present().version) return;
        for (const Core::Answer& answer : answers)
          if (answer.type == Type::noted) others_told_.insert(answer.from);
      },
      effects);
}

void Keeper::tell_proposers(Time now, Effects& effects) {
  std::vector<Node> others;
  for (const Node& node : present().proposers)
    if (node.id != self_) others.push_back(node);
  core_.ask(
      now, Part::proposer, others, News{present()}, now + kAnswerTime, {},
      [this](Time, const Core::Answers& answers, Effects&) {
        proposers_.clear();
        for (const Core::Answer& answer : answers)
          if (const auto told = wire::decode<Told>(answer.payload); told)
            proposers_[answer.from] = told->configuration;
      },
      effects);
}

void Keeper::when_complete(Time now, Time until, std::function<void(bool, Time, Effects&)> then,
                           Effects& effects) {
  waiters_.push_back({present().version, until, std::move(then)});
  if (complete()) return check_waiters(now, effects);
  tell_acceptors(now, effects);
}

void Keeper::check_waiters(Time now, Effects& effects) {
  for (std::size_t i = 0; i < waiters_.size();) {
    const bool reached = waiters_[i].version < present().version || complete();
    if (!reached && now < waiters_[i].until) {
      ++i;
      continue;
    }
    Waiter waiter = std::move(waiters_[i]);
    waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
    waiter.then(reached, now, effects);
  }
}

// Acceptors that were not told of the present version.
std::string Keeper::missing() const {
  std::vector<Node> untold;
  for (const Node& node : everybody())
    if (told_.count(node.id) == 0) untold.push_back(node);
  return names(untold);
}

void Keeper::note(const Node& node, const Core::Answer* answer) {
  AcceptorStatus& status = acceptors_[node.id];
  status.node = node;
  status.answers = answer != nullptr;
  const auto stands = answer != nullptr ? wire::decode<Stands>(answer->payload)
                                        : Result<Stands>(fail(Code::unavailable, ""));
  if (!stands) return;
  status.configuration = stands->configuration;
  status.empty = stands->empty;
  status.waiting = stands->waiting;
  status.latency = answer->took;
  if (stands->configuration >= present().version) told_.insert(node.id);
}

void Keeper::keep_up(Time now, Effects& effects) {
  if (present().version == 0) {
    if (first_) look_for_earlier(now, effects);
    return;
  }
  const std::uint64_t version = present().version;
  core_.ask(
      now, Part::acceptor, everybody(), Standing{}, now + kAnswerTime, {},
      [this, version](Time at, const Core::Answers& answers, Effects& more) {
        if (version != present().version) return;
        for (const Node& node : everybody()) note(node, answer_of(answers, node.id, Type::stands));
        if (told_.size() < everybody().size()) tell_acceptors(at, more);
        check_waiters(at, more);
      },
      effects);
  tell_proposers(now, effects);
  tell_others(now, effects);
  // Whoever has chosen the next one may not have come to tell.
  change(
      now, kConfigurationKey, {}, now + kUpkeep,
      [this](Time at, const Outcome& outcome, Effects& more) {
        if (outcome.how != Outcome::How::done || !outcome.present) return;
        if (const auto chosen = wire::decode<Configuration>(*outcome.value))
          hear(at, *chosen, more);
      },
      effects);
}

// Frees deleted registers: those that were deleted here, and, a few at a time, those that somebody
// else left.
void Keeper::collect(Time now, Effects& effects) {
  for (const std::string& key : core_.take_deleted()) core_.collect(now, key, effects);
  if (!present().at_rest()) return;
  list(
      now, "", sweep_after_, kSweep, now + kAnswerTime,
      [this, now](const Result<Merged>& merged, Effects& more) {
        if (!merged) return;
        for (const Listed& listed : merged->registers)
          if (!listed.present && core_.prefers_self(listed.key))
            core_.collect(now, listed.key, more);
        sweep_after_ = merged->more ? merged->registers.back().key : "";
      },
      effects);
}

void Keeper::tick(Time now, Effects& effects) {
  check_waiters(now, effects);
  if (now >= next_upkeep_) {
    next_upkeep_ = now + kUpkeep;
    keep_up(now, effects);
  }
  if (now >= next_collect_) {
    const bool first = next_collect_ == Time{};
    next_collect_ = now + collect_every_;
    if (!first && present().version != 0) collect(now, effects);
  }
}

Time Keeper::due() const {
  Time at = std::min(next_upkeep_, next_collect_);
  for (const Waiter& waiter : waiters_) at = std::min(at, waiter.until);
  return at;
}

void Keeper::go_on(Time now, Effects& effects) {
  while (!more_.empty()) {
    const Next next = std::move(more_.front());
    more_.pop_front();
    next(now, effects);
  }
}

void Keeper::change(Time now, const std::string& key, Change change, Time until,
                    std::function<void(Time, Outcome, Effects&)> then, Effects& effects) {
  Request request{key, std::move(change), {}, {}, until - now};
  core_.change(
      now, std::move(request),
      [this, then = std::move(then)](Outcome outcome) {
        more_.push_back([then, outcome = std::move(outcome)](Time at, Effects& more) {
          then(at, outcome, more);
        });
      },
      effects);
}

// The next configuration.

void Keeper::configure(Time now, const Wanted& wanted, Time until, Done done, Effects& effects) {
  const auto refuse = [&](Error error) {
    effects.told.push_back([done, error] { done(tl::unexpected(error)); });
  };
  if (present().version == 0)
    return refuse({Code::unavailable, "the registers are not founded yet"});
  if (job_) return refuse({Code::unavailable, "another change of the configuration is under way"});
  auto after = next(present(), wanted);
  if (!after) return refuse(after.error());
  std::vector<Node> newcomers = wanted.newcomers;
  for (const Node& node : after->acceptors())
    if (present().acceptor(node.id) == nullptr) newcomers.push_back(node);
  job_ = Job{++last_job_, std::move(*after), std::move(newcomers), until, std::move(done)};
  when_complete(
      now, until,
      [this, job = job_->number](bool reached, Time at, Effects& more) {
        if (!works_on(job)) return;
        if (job_->after.version != present().version + 1)
          return end_job(
              fail(Code::conflict, "the configuration has been changed by somebody else"), more);
        if (!reached)
          return end_job(fail(Code::unavailable,
                              "the version that is in force has first to be told to more "
                              "acceptors; these do not answer: " +
                                  missing()),
                         more);
        prepare_newcomers(at, more);
      },
      effects);
}

void Keeper::end_job(Result<> result, Effects& effects) {
  Job job = *std::exchange(job_, std::nullopt);
  effects.told.push_back(
      [done = std::move(job.done), result = std::move(result)] { done(result); });
}

// A newcomer has to be an acceptor and to hold nothing; before it counts it takes the floor over.
void Keeper::prepare_newcomers(Time now, Effects& effects) {
  if (job_->newcomers.empty()) return choose(now, effects);
  std::vector<Node> asked = present().prepare.nodes;
  asked.insert(asked.end(), job_->newcomers.begin(), job_->newcomers.end());
  core_.ask(
      now, Part::acceptor, asked, Standing{}, std::min(now + kAnswerTime, job_->until), {},
      [this, job = job_->number](Time at, const Core::Answers& answers, Effects& more) {
        if (works_on(job)) raise_floors(at, answers, more);
      },
      effects);
}

void Keeper::raise_floors(Time now, const Core::Answers& answers, Effects& effects) {
  RaiseFloor floor;
  std::size_t told = 0;
  for (const Core::Answer& answer : answers) {
    const auto stands = wire::decode<Stands>(answer.payload);
    if (answer.type != Type::stands || !stands || !present().prepare.has(answer.from)) continue;
    floor.ballot = std::max(floor.ballot, stands->floor);
    floor.version = std::max(floor.version, stands->floor_version);
    ++told;
  }
  for (const Node& node : job_->newcomers) {
    const Core::Answer* answer = answer_of(answers, node.id, Type::stands);
    const auto stands = answer != nullptr ? wire::decode<Stands>(answer->payload)
                                          : Result<Stands>(fail(Code::unavailable, ""));
    if (!stands)
      return end_job(fail(Code::unavailable,
                          node.name + " at " + node.address +
                              " does not answer as an acceptor; it has to run, with the role "
                              "acceptor, in this cluster"),
                     effects);
    if (!stands->empty)
      return end_job(
          fail(Code::conflict, node.name + " has registers already, from an earlier life as an "
                                           "acceptor; empty its data directory before it joins"),
          effects);
  }
  if (told < present().prepare.quorum)
    return end_job(fail(Code::unavailable, "too few acceptors answer"), effects);
  core_.ask(
      now, Part::acceptor, job_->newcomers, floor, std::min(now + kAnswerTime, job_->until), {},
      [this, job = job_->number](Time at, const Core::Answers& noted, Effects& more) {
        if (!works_on(job)) return;
        for (const Node& node : job_->newcomers)
          if (answer_of(noted, node.id, Type::noted) == nullptr)
            return end_job(fail(Code::unavailable, node.name + " has not answered in time"), more);
        choose(at, more);
      },
      effects);
}

// On top of the present one, which stands in the register; the first one never did.
void Keeper::choose(Time now, Effects& effects) {
  Change change;
  change.value = wire::encode(job_->after);
  if (present().version == 1) {
    change.function = Function::set;
    change.condition = Condition::absent;
  } else {
    change.function = Function::cas_value;
    change.expected = wire::encode(present());
  }
  this->change(
      now, kConfigurationKey, std::move(change), job_->until,
      [this, job = job_->number](Time at, const Outcome& outcome, Effects& more) {
        if (works_on(job)) chosen(at, outcome, more);  // else it came another way
      },
      effects);
}

void Keeper::chosen(Time now, const Outcome& outcome, Effects& effects) {
  switch (outcome.how) {
    case Outcome::How::done: return hear(now, job_->after, effects);
    case Outcome::How::unavailable: return end_job(fail(Code::unavailable, outcome.why), effects);
    case Outcome::How::unknown:
      return end_job(fail(Code::unknown, "the configuration may have been changed: " + outcome.why),
                     effects);
    case Outcome::How::invalid: return end_job(fail(Code::invalid, outcome.why), effects);
    case Outcome::How::mismatch: break;
  }
  const auto other = outcome.present && outcome.value
                         ? wire::decode<Configuration>(*outcome.value)
                         : Result<Configuration>(fail(Code::corrupt, ""));
  if (other) hear(now, *other, effects);
  if (job_)
    end_job(fail(Code::conflict, "the configuration has been changed by somebody else"), effects);
}

// Listing, and how all stand.

void Keeper::list(Time now, std::string prefix, std::string after, std::uint32_t limit, Time until,
                  std::function<void(Result<Merged>, Effects&)> listed, Effects& effects) {
  if (present().version == 0)
    return listed(fail(Code::unavailable, "the registers are not founded yet"), effects);
  const Quorums prepare = present().prepare;
  core_.ask(
      now, Part::acceptor, prepare.nodes, registers::List{present().version, prefix, after, limit},
      until, [prepare](const Core::Answers& answers) { return enough_lists(prepare, answers); },
      [prepare, limit, listed = std::move(listed)](Time, const Core::Answers& answers,
                                                   Effects& more) {
        listed(merge_lists(prepare, answers, limit), more);
      },
      effects);
}

void Keeper::status(Time now, Time until, std::function<void(Status)> told, Effects& effects) {
  const auto tell = [this, told = std::move(told)](Effects& more) {
    Status status;
    status.configuration = present();
    status.in_force = present().version != 0;
    status.complete = status.in_force && complete();
    for (const Node& node : present().acceptors()) {
      AcceptorStatus acceptor = acceptors_[node.id];
      acceptor.node = node;
      status.acceptors.push_back(std::move(acceptor));
    }
    for (const Node& node : present().proposers)
      if (const auto at = proposers_.find(node.id);
          at != proposers_.end() && at->second < present().version)
        status.behind.push_back(node.name);
    status.rescanned = rescanned_;
    status.rescanning = rescanned_ > 0 && !present().holding.empty();
    more.told.push_back([told, status = std::move(status)] { told(status); });
  };
  if (present().version == 0) return tell(effects);
  tell_proposers(now, effects);
  core_.ask(
      now, Part::acceptor, everybody(), Standing{}, until, {},
      [this, tell](Time at, const Core::Answers& answers, Effects& more) {
        for (const Node& node : everybody()) note(node, answer_of(answers, node.id, Type::stands));
        check_waiters(at, more);
        tell(more);
      },
      effects);
}

void Keeper::report_acceptors(const std::function<void(const AcceptorStatus&)>& each) const {
  for (const Node& node : present().acceptors())
    if (const auto status = acceptors_.find(node.id); status != acceptors_.end())
      each(status->second);
}

}  // namespace skep::proposer
