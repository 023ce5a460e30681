#include "roles/proposer/core.hpp"

#include <algorithm>
#include <utility>

namespace skep::proposer {

Core::Core(CoreOptions options)
    : options_(options),
      drawn_(options.seed),
      last_request_(options.boot << 40),
      promises_(options.cache) {}

// Chance, from the seed: SplitMix64 (Steele, Lea, Flood, 2014).
std::uint64_t Core::draw() {
  std::uint64_t z = (drawn_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

Ballot Core::new_ballot() { return {++counter_, options_.self, options_.boot}; }

void Core::see(const Ballot& ballot) { counter_ = std::max(counter_, ballot.counter); }

void Core::serve(Time now, Configuration configuration, Effects& effects) {
  configuration_ = std::move(configuration);
  promises_.clear();
  std::vector<Active*> in_rounds;
  for (auto& [key, active] : active_)
    if (active.round) in_rounds.push_back(&active);
  for (Active* active : in_rounds) {
    active->failures = 0;
    fail_round(now, *active, effects);
  }
}

// What clients and others ask for.

void Core::change(Time now, Request request, Told told, Effects& effects) {
  Waiting waiting;
  waiting.change = std::move(request.change);
  waiting.named = request.id.has_value();
  waiting.id = request.id.value_or(ChangeId{options_.self ^ (options_.boot << 48), ++last_change_});
  waiting.base = request.base;
  waiting.deadline = now + request.timeout;
  waiting.told = std::move(told);
  if (stopped_) return give_up(waiting, "the node is ending", effects);
  if (!waiting.plain_read() && pass_on(now, request.key, waiting, effects)) return;
  Active& active = activate(request.key);
  active.waiting.push_back(std::move(waiting));
  go_on(now, active, effects);
}

void Core::accept_anew(Time now, const std::string& key, Duration timeout, Told told,
                       Effects& effects) {
  Waiting waiting;
  waiting.deadline = now + timeout;
  waiting.told = std::move(told);
  waiting.anew = true;
  if (stopped_) return give_up(waiting, "the node is ending", effects);
  Active& active = activate(key);
  active.waiting.push_back(std::move(waiting));
  go_on(now, active, effects);
}

void Core::collect(Time now, const std::string& key, Effects& effects) {
  if (stopped_ || !configuration_.at_rest()) return;
  Active& active = activate(key);
  active.collect = true;
  go_on(now, active, effects);
}

Core::Active& Core::activate(const std::string& key) {
  const auto [at, added] = active_.try_emplace(key);
  if (added) at->second.key = key;
  return at->second;
}

// Begins a round if there is none, or forgets the register if there is nothing to be done.
void Core::go_on(Time now, Active& active, Effects& effects) {
  drop_late(now, active, effects);
  if (active.round) return wake_at(active);
  if (active.waiting.empty() && (active.collect || active.repair)) {
    Waiting anew;
    anew.deadline = now + 2 * options_.round_timeout;
    anew.anew = true;
    active.waiting.push_back(std::move(anew));
  }
  if (active.waiting.empty()) {
    wakes_.erase({active.wakes, &active});
    active_.erase(std::string(active.key));
    return;
  }
  if (now < active.not_before) return wake_at(active);
  const bool reads = std::all_of(active.waiting.begin(), active.waiting.end(),
                                 [](const Waiting& waiting) { return waiting.plain_read(); });
  if (reads) return begin_read(now, active, effects);
  if (has_promise(active.key)) return begin_accept(now, active, effects);
  begin_prepare(now, active, effects);
}

// Where somebody else has come since, the register's changes may have been made there.
bool Core::has_promise(const std::string& key) {
  const Promise* promise = promises_.find(key);
  if (promise == nullptr) return false;
  if (promise->comings == comings_) return true;
  promises_.erase(key);
  return false;
}

void Core::wake_at(Active& active) {
  Time at = Time::max();
  if (active.round) {
    at = active.round->until;
    for (const Waiting& waiting : active.round->changes)
      if (waiting.awaited()) at = std::min(at, waiting.deadline);
  } else {
    at = active.not_before;
  }
  for (const Waiting& waiting : active.waiting) at = std::min(at, waiting.deadline);
  if (at == active.wakes) return;
  wakes_.erase({active.wakes, &active});
  active.wakes = at;
  wakes_.insert({at, &active});
}

// Those whose time is up are told what is known of them.
void Core::drop_late(Time now, Active& active, Effects& effects) {
  std::erase_if(active.waiting, [&](Waiting& waiting) {
    if (waiting.deadline > now) return false;
    give_up(waiting, kLate, effects);
    return true;
  });
  if (!active.round) return;
  for (Waiting& waiting : active.round->changes) {
    if (waiting.deadline > now || !waiting.awaited()) continue;
    waiting.tried = waiting.tried || waiting.changed;
    give_up(waiting, kLate, effects);
  }
}

void Core::tell(Waiting& waiting, Outcome outcome, Effects& effects) {
  if (waiting.remote) {
    const Remote& remote = *waiting.remote;
    const Passed passed{outcome.how,
                        outcome.present,
                        outcome.version,
                        outcome.value.has_value(),
                        std::move(outcome.value).value_or(""),
                        outcome.created,
                        outcome.base.has_value(),
                        outcome.base.value_or(0),
                        std::move(outcome.why)};
    effects.sends.push_back({remote.node, remote.address, Part::proposer, Passed::kType,
                             remote.request,
                             std::make_shared<const std::string>(wire::encode(passed))});
    waiting.remote.reset();
  } else if (waiting.told) {
    effects.told.push_back([told = std::exchange(waiting.told, nullptr),
                            outcome = std::move(outcome)]() mutable { told(std::move(outcome)); });
  }
}

void Core::give_up(Waiting& waiting, const std::string& why, Effects& effects) {
  Outcome outcome;
  outcome.why = why;
  if (waiting.tried && waiting.change.function != Function::read) {
    outcome.how = Outcome::How::unknown;
    outcome.base = waiting.base;
  }
  tell(waiting, std::move(outcome), effects);
}

// Questions to several nodes.

void Core::gather(Time now, Part part, const std::vector<Node>& nodes, Type type,
                  std::string payload, Time until, Enough enough, Gathered gathered,
                  Effects& effects) {
  const std::uint64_t request = ++last_request_;
  Gather& gather = gathers_[request];
  gather.gathered = std::move(gathered);
  gather.enough = std::move(enough);
  gather.began = now;
  gather.until = until;
  auto shared = std::make_shared<const std::string>(std::move(payload));
  for (const Node& node : nodes) {
    gather.asked.push_back(node.id);
    effects.sends.push_back({node.id, node.address, part, type, request, shared});
  }
  if (nodes.empty()) this->gathered(now, request, effects);
}

void Core::gathered(Time now, std::uint64_t request, Effects& effects) {
  auto gather = gathers_.extract(request);
  gather.mapped().gathered(now, std::move(gather.mapped().answers), effects);
}

// An answer will not come.
void Core::failed_at(Time now, NodeId node, std::uint64_t request, Effects& effects) {
  if (const auto round = rounds_.find(request); round != rounds_.end()) {
    Active& active = *round->second;
    if (std::erase(active.round->asked, node) > 0) judge(now, active, effects);
  } else if (const auto gather = gathers_.find(request); gather != gathers_.end()) {
    std::erase(gather->second.asked, node);
    if (gather->second.asked.empty()) gathered(now, request, effects);
  }
}

// What comes from others.

void Core::receive(Time now, NodeId from, const Address& address, const Message& message,
                   Effects& effects) {
  came(from);
  const auto type = static_cast<Type>(message.type);
  if (type == Type::pass_on) return take_passed(now, from, address, message, effects);
  if (type == Type::passed) return passed(now, message.request, message.payload, effects);
  if (type == Type::told) {
    const auto told = wire::decode<proposer::Told>(message.payload);
    if (told && told->configuration != 0) serves(from);
  }
  if (type == Type::news) {
    const auto news = wire::decode<News>(message.payload);
    if (!news) return;
    serves(from);
    if (on_outdated) on_outdated(now, news->configuration, effects);
    effects.sends.push_back({from, address, Part::proposer, Type::told, message.request,
                             std::make_shared<const std::string>(
                                 wire::encode(proposer::Told{configuration_.version}))});
    return;
  }
  if (type == Type::outdated && on_outdated) {
    const auto outdated = wire::decode<registers::Outdated>(message.payload);
    const auto newer = outdated && outdated->in_force
                           ? wire::decode<Configuration>(outdated->content)
                           : fail(Code::invalid, "");
    if (newer) on_outdated(now, *newer, effects);
  }
  if (const auto round = rounds_.find(message.request); round != rounds_.end())
    return answered(now, *round->second, from, message, effects);
  const auto gather = gathers_.find(message.request);
  if (gather == gathers_.end()) return;
  Gather& of = gather->second;
  if (std::erase(of.asked, from) == 0) return;
  of.answers.push_back({from, type, std::string(message.payload), now - of.began});
  if (of.asked.empty() || (of.enough && of.enough(of.answers)))
    gathered(now, message.request, effects);
}

void Core::unsent(Time now, const Effects::Send& send, Effects& effects) {
  if (send.type == Type::pass_on) {
    away_.insert(send.to);
    if (const auto passed = passed_.find(send.request); passed != passed_.end())
      run_here(now, take_out(passed), effects);
    return;
  }
  failed_at(now, send.to, send.request, effects);
}

void Core::unreachable(Time now, NodeId node, Effects& effects) {
  away_.insert(node);
  std::vector<std::uint64_t> waiting;
  for (const auto& [request, active] : rounds_) waiting.push_back(request);
  for (const auto& [request, gather] : gathers_) waiting.push_back(request);
  for (const std::uint64_t request : waiting) failed_at(now, node, request, effects);
  lose_passed(now, node, effects);
}

void Core::tick(Time now, Effects& effects) {
  while (!wakes_.empty() && wakes_.begin()->first <= now) {
    Active& active = *wakes_.begin()->second;
    wakes_.erase(wakes_.begin());
    active.wakes = Time::max();
    if (active.round && active.round->until <= now) {
      drop_late(now, active, effects);
      if (active.round->phase == Phase::read) {
        disagreed(now, active, effects);
      } else {
        ++figures_.timeouts;
        fail_round(now, active, effects);
      }
    } else {
      go_on(now, active, effects);
    }
  }
  std::vector<std::uint64_t> late;
  for (const auto& [request, gather] : gathers_)
    if (gather.until <= now) late.push_back(request);
  for (const std::uint64_t request : late) gathered(now, request, effects);
  drop_late_passed(now, effects);
}

std::optional<Time> Core::due() const {
  Time at = Time::max();
  if (!wakes_.empty()) at = wakes_.begin()->first;
  if (!passed_until_.empty()) at = std::min(at, passed_until_.begin()->first);
  for (const auto& [request, gather] : gathers_) at = std::min(at, gather.until);
  if (at == Time::max()) return std::nullopt;
  return at;
}

void Core::stop(Effects& effects) {
  stopped_ = true;
  const std::string why = "the node is ending";
  for (auto& [key, active] : active_) {
    for (Waiting& waiting : active.waiting) give_up(waiting, why, effects);
    if (!active.round) continue;
    for (Waiting& waiting : active.round->changes) {
      waiting.tried = waiting.tried || waiting.changed;
      give_up(waiting, why, effects);
    }
  }
  while (!passed_.empty()) {
    PassedOn passed = take_out(passed_.begin());
    passed.waiting.tried = true;
    give_up(passed.waiting, why, effects);
  }
}

}  // namespace skep::proposer
