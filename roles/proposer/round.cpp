// One round of a register (CASPaxos, Rystsov 2018, 2.1): read, or prepare and accept.
#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "net/base/plant.hpp"
#include "roles/proposer/core.hpp"

namespace skep::proposer {

namespace {

constexpr std::size_t kMostAtOnce = 256;  // changes in a round, those that only read included
constexpr std::size_t kMostDeleted = 10'000;
// How long a read waits for an answer that could still make it agree, before it asks the others,
// or goes on as a change.
constexpr Duration kReadPatience = std::chrono::milliseconds(20);
constexpr Duration kFirstBackOff = std::chrono::milliseconds(2);
constexpr Duration kLastBackOff = std::chrono::milliseconds(100);

std::size_t count(const Quorums& quorums, const std::vector<NodeId>& nodes) {
  return static_cast<std::size_t>(
      std::count_if(nodes.begin(), nodes.end(), [&](NodeId node) { return quorums.has(node); }));
}

std::size_t needed(const Quorums& quorums) {
  return SKEP_PLANT(quorum_of_one) ? 1 : quorums.quorum;
}

}  // namespace

void Core::begin_phase(Time now, Active& active, Phase phase) {
  if (!active.round) active.round = Round{};
  Round& round = *active.round;
  rounds_.erase(round.request);
  round.phase = phase;
  round.request = ++last_request_;
  round.began = now;
  round.until = now + (phase == Phase::read ? kReadPatience : options_.round_timeout);
  round.asked.clear();
  round.refused = false;
  rounds_[round.request] = &active;
}

void Core::send_phase(Active& active, const std::vector<Node>& nodes, Type type,
                      std::string payload, Effects& effects) {
  Round& round = *active.round;
  auto shared = std::make_shared<const std::string>(std::move(payload));
  for (const Node& node : nodes) {
    round.asked.push_back(node.id);
    effects.sends.push_back({node.id, node.address, Part::acceptor, type, round.request, shared});
  }
  wake_at(active);
}

Core::Round Core::end_round(Active& active) {
  rounds_.erase(active.round->request);
  return *std::exchange(active.round, std::nullopt);
}

// Reads. As few are asked as make a quorum of both kinds, this node first.

void Core::begin_read(Time now, Active& active, Effects& effects) {
  begin_phase(now, active, Phase::read);
  Round& round = *active.round;
  while (!active.waiting.empty() && round.changes.size() < kMostAtOnce) {
    round.changes.push_back(std::move(active.waiting.front()));
    active.waiting.pop_front();
  }
  std::vector<Node> nodes = configuration_.acceptors();
  std::rotate(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(draw() % nodes.size()),
              nodes.end());
  std::stable_sort(nodes.begin(), nodes.end(), [&](const Node& one, const Node& other) {
    const auto rank = [&](const Node& node) {
      return node.id == options_.self ? 0 : is_there(node.id) ? 1 : 2;
    };
    return rank(one) < rank(other);
  });
  std::size_t asked = 0;
  std::vector<NodeId> chosen;
  while (asked < nodes.size() &&
         (count(configuration_.prepare, chosen) < needed(configuration_.prepare) ||
          count(configuration_.accept, chosen) < needed(configuration_.accept)))
    chosen.push_back(nodes[asked++].id);
  round.in_reserve.clear();
  for (std::size_t i = asked; i < nodes.size(); ++i) round.in_reserve.push_back(nodes[i].id);
  nodes.resize(asked);
  send_phase(active, nodes, Type::read,
             wire::encode(registers::Read{configuration_.version, active.key}), effects);
}

void Core::ask_reserve(Active& active, Effects& effects) {
  Round& round = *active.round;
  std::vector<Node> nodes;
  for (const NodeId id : std::exchange(round.in_reserve, {}))
    nodes.push_back(*configuration_.acceptor(id));
  round.until += 5 * kReadPatience;
  send_phase(active, nodes, Type::read,
             wire::encode(registers::Read{configuration_.version, active.key}), effects);
}

// Answers that form a quorum to prepare and one to accept name the same ballot: its value was
// accepted, and nothing was since when the read began.
void Core::judge_read(Time now, Active& active, Effects& effects) {
  Round& round = *active.round;
  bool may_agree = round.held.empty();
  for (const Held& candidate : round.held) {
    std::vector<NodeId> same;
    for (const Held& held : round.held)
      if (held.accepted == candidate.accepted) same.push_back(held.from);
    std::vector<NodeId> with_others = same;
    with_others.insert(with_others.end(), round.asked.begin(), round.asked.end());
    const auto agree = [&](const std::vector<NodeId>& nodes) {
      return count(configuration_.prepare, nodes) >= needed(configuration_.prepare) &&
             count(configuration_.accept, nodes) >= needed(configuration_.accept);
    };
    may_agree = may_agree || agree(with_others);
    if (!agree(same)) continue;
    round.version = candidate.version;
    round.present = candidate.present;
    round.content = candidate.content;
    ++figures_.reads;
    figures_.quorums.add(now - round.began);
    apply_changes(active);
    return confirmed(now, active, effects);
  }
  if (may_agree && !round.asked.empty()) return;
  if (!round.in_reserve.empty()) return ask_reserve(active, effects);
  disagreed(now, active, effects);
}

// A change is under way, or was left half done: the value has to be accepted before it is told.
void Core::disagreed(Time now, Active& active, Effects& effects) {
  if (!active.round->in_reserve.empty()) return ask_reserve(active, effects);
  ++figures_.read_disagreed;
  Round round = end_round(active);
  active.repair = active.repair || round.damaged;
  for (Waiting& waiting : round.changes) {
    if (!waiting.awaited()) continue;
    if (waiting.told && pass_on(now, active.key, waiting, effects)) continue;
    waiting.anew = true;
    active.waiting.push_back(std::move(waiting));
  }
  go_on(now, active, effects);
}

// Changes.

void Core::begin_prepare(Time now, Active& active, Effects& effects) {
  begin_phase(now, active, Phase::prepare);
  Round& round = *active.round;
  take_changes(active);
  round.ballot = new_ballot();
  send_phase(active, configuration_.prepare.nodes, Type::prepare,
             wire::encode(registers::Prepare{configuration_.version, active.key, round.ballot}),
             effects);
}

// As many as leave all their ids in the value.
void Core::take_changes(Active& active) {
  Round& round = *active.round;
  std::size_t changes = round.changes.size();
  while (!active.waiting.empty() && round.changes.size() < kMostAtOnce) {
    Waiting& waiting = active.waiting.front();
    if (waiting.change.function != Function::read && ++changes > Content::kIds) break;
    round.changes.push_back(std::move(waiting));
    active.waiting.pop_front();
  }
  figures_.combined += round.changes.size() - 1;
  // Only where nobody waits for anything.
  round.collects = active.collect && round.changes.size() == 1 && !round.changes[0].awaited();
}

// How many of those who were asked are worth waiting for. When another ballot is in the way, nobody
// who seems to be gone: to try again is quicker than to find out.
std::size_t Core::may_answer(const Round& round) const {
  if (!round.refused) return round.asked.size();
  return static_cast<std::size_t>(std::count_if(round.asked.begin(), round.asked.end(),
                                                [&](NodeId node) { return is_there(node); }));
}

void Core::judge_prepare(Time now, Active& active, Effects& effects) {
  Round& round = *active.round;
  std::vector<NodeId> promised;
  for (const Held& held : round.held) promised.push_back(held.from);
  const std::size_t have = count(configuration_.prepare, promised);
  const std::size_t need = needed(configuration_.prepare);
  if (have < need) {
    if (have + may_answer(round) < need) fail_round(now, active, effects);
    return;
  }
  // The value of the highest ballot; where nothing was ever accepted, or erased since, the highest
  // floor.
  const Held* best = &round.held.front();
  for (const Held& held : round.held)
    if (std::tie(held.accepted, held.version) > std::tie(best->accepted, best->version))
      best = &held;
  round.version = best->version;
  round.present = best->present;
  round.content = best->content;
  figures_.quorums.add(now - round.began);
  // This node may have stood still meanwhile, and who was told nothing have repeated it elsewhere.
  drop_late(now, active, effects);
  begin_accept(now, active, effects);
}

void Core::begin_accept(Time now, Active& active, Effects& effects) {
  const bool one_trip = !active.round;
  begin_phase(now, active, Phase::accept);
  Round& round = *active.round;
  if (one_trip) {
    take_changes(active);
    Promise promise = promises_.take(active.key);
    round.one_trip = true;
    round.ballot = promise.next;
    round.version = promise.version;
    round.present = promise.present;
    round.content = std::move(promise.content);
  }
  round.next = new_ballot();
  apply_changes(active);
  const std::string content = wire::encode(round.content);
  send_phase(active, configuration_.accept.nodes, Type::accept,
             wire::encode(registers::Accept{configuration_.version,
                                            active.key,
                                            round.ballot,
                                            round.next,
                                            {round.version, round.present, content}}),
             effects);
}

// Makes the round's changes of the value that it has, one after the other. Who does not wait any
// more was told that nothing was done in this round.
void Core::apply_changes(Active& active) {
  Round& round = *active.round;
  const std::uint64_t most =
      reserved(active.key) ? std::numeric_limits<std::uint64_t>::max() : options_.max_value;
  for (Waiting& waiting : round.changes)
    if (waiting.awaited()) apply_one(waiting, round, most);
  std::vector<ChangeId>& ids = round.content.ids;
  if (ids.size() > Content::kIds)
    ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(Content::kIds));
}

void Core::apply_one(Waiting& waiting, Round& round, std::uint64_t max_value) {
  Content& content = round.content;
  Outcome& outcome = waiting.outcome;
  outcome = {};
  waiting.changed = false;
  const auto tell_present = [&](Outcome::How how) {
    outcome.how = how;
    outcome.present = round.present;
    outcome.version = round.version;
    outcome.value = content.value;
  };
  if (waiting.named || (waiting.tried && !SKEP_PLANT(applied_twice))) {
    const auto made = std::find(content.ids.begin(), content.ids.end(), waiting.id);
    if (made != content.ids.end()) {
      tell_present(Outcome::How::done);
      const auto since = static_cast<std::uint64_t>(content.ids.end() - made) - 1;
      outcome.version -= since;
      if (since > 0) outcome.value.reset();
      outcome.created = std::find(waiting.created.begin(), waiting.created.end(),
                                  outcome.version) != waiting.created.end();
      return;
    }
    if (waiting.base &&
        round.version - std::min(round.version, content.ids.size()) > *waiting.base) {
      outcome.how = Outcome::How::unknown;
      outcome.base = waiting.base;
      outcome.why = "too much has changed since to tell whether this was done";
      return;
    }
  }
  Applied applied = apply(waiting.change, round.present, content.value, round.version, max_value);
  switch (applied.how) {
    case Applied::How::unchanged: return tell_present(Outcome::How::done);
    case Applied::How::mismatch: return tell_present(Outcome::How::mismatch);
    case Applied::How::invalid:
      tell_present(Outcome::How::invalid);
      outcome.why = std::move(applied.why);
      return;
    case Applied::How::changed: break;
  }
  if (!waiting.base) waiting.base = round.version;
  waiting.changed = true;
  const bool created = !round.present && applied.present;
  ++round.version;
  std::erase(waiting.created, round.version);  // by an earlier try, of another value
  if (created) waiting.created.push_back(round.version);
  round.present = applied.present;
  content.value = std::move(applied.value);
  content.ids.push_back(waiting.id);
  tell_present(Outcome::How::done);
  outcome.created = created;
}

void Core::judge_accept(Time now, Active& active, Effects& effects) {
  Round& round = *active.round;
  const std::size_t have = count(configuration_.accept, round.acknowledged);
  const std::size_t need =
      round.collects ? configuration_.accept.nodes.size() : needed(configuration_.accept);
  if (have >= need) {
    ++(round.one_trip ? figures_.one_trip : figures_.two_trip);
    figures_.quorums.add(now - round.began);
    return confirmed(now, active, effects);
  }
  if (have + may_answer(round) < need) fail_round(now, active, effects);
}

void Core::confirmed(Time now, Active& active, Effects& effects) {
  Round round = end_round(active);
  active.failures = 0;
  active.not_before = now;
  active.repair = round.damaged;
  for (Waiting& waiting : round.changes) tell(waiting, std::move(waiting.outcome), effects);
  if (round.phase == Phase::accept && round.collects) {
    active.collect = false;
    if (!round.present) erase_collected(active.key, round, effects);
  } else if (round.phase == Phase::accept) {
    // Those who accepted have promised `next`; is that enough of them to prepare with? And where
    // another one makes the register's changes, the promise would soon be an old one.
    if (prefers_self(active.key) &&
        count(configuration_.prepare, round.acknowledged) >= needed(configuration_.prepare))
      promises_.put(active.key,
                    {round.next, comings_, round.version, round.present, std::move(round.content)});
    if (!round.present && deleted_.size() < kMostDeleted) deleted_.push_back(active.key);
  }
  go_on(now, active, effects);
}

// Nobody knows now what became of an accept: what it changed is tried, and the promise is gone.
void Core::fail_round(Time now, Active& active, Effects& effects) {
  Round round = end_round(active);
  if (SKEP_PLANT(promise_kept) && round.phase == Phase::accept)
    promises_.put(active.key, {round.next, comings_, round.version, round.present, round.content});
  if (round.collects) active.collect = false;
  for (auto waiting = round.changes.rbegin(); waiting != round.changes.rend(); ++waiting) {
    if (!waiting->awaited()) continue;
    waiting->tried = waiting->tried || (round.phase == Phase::accept && waiting->changed);
    waiting->changed = false;
    active.waiting.push_front(std::move(*waiting));
  }
  const Duration most =
      std::min(kLastBackOff, kFirstBackOff * (1 << std::min(active.failures, 8U)));
  active.not_before =
      now + Duration(static_cast<Duration::rep>(draw() % static_cast<std::uint64_t>(most.count())));
  ++active.failures;
  go_on(now, active, effects);
}

// All acceptors have the tombstone, so none can bring back what was there before it (CASPaxos,
// 3.1).
void Core::erase_collected(const std::string& key, const Round& round, Effects& effects) {
  auto payload = std::make_shared<const std::string>(
      wire::encode(registers::Erase{configuration_.version, key, round.ballot, round.next}));
  const std::uint64_t request = ++last_request_;
  for (const Node& node : configuration_.accept.nodes)
    effects.sends.push_back({node.id, node.address, Part::acceptor, Type::erase, request, payload});
  ++figures_.collected;
}

// Answers.

void Core::answered(Time now, Active& active, NodeId from, const Message& message,
                    Effects& effects) {
  Round& round = *active.round;
  if (std::erase(round.asked, from) == 0) return;
  const auto hold = [&](auto answer) {
    if (!answer) return;
    // An absent register has none. One that cannot be read is as good as no answer.
    const bool absent = answer->value.content.empty();
    auto content =
        absent ? Result<Content>(Content()) : wire::decode<Content>(answer->value.content);
    if (!content) return;
    round.held.push_back({from, answer->accepted, answer->value.version, answer->value.present,
                          std::move(*content)});
  };
  switch (static_cast<Type>(message.type)) {
    case Type::state:
      if (round.phase == Phase::read) hold(wire::decode<registers::State>(message.payload));
      break;
    case Type::promised:
      if (round.phase == Phase::prepare) hold(wire::decode<registers::Promised>(message.payload));
      break;
    case Type::accepted:
      if (round.phase == Phase::accept) round.acknowledged.push_back(from);
      break;
    case Type::refused:
      if (const auto refused = wire::decode<registers::Refused>(message.payload)) {
        see(refused->ballot);
        round.refused = true;
        ++figures_.conflicts;
      }
      break;
    case Type::damaged:
      // An accept above its reach mends it: this one, or the one that is made for it afterwards.
      if (const auto damaged = wire::decode<registers::Damaged>(message.payload)) {
        if (!round.damaged) ++figures_.repaired;
        see(damaged->ballot);
        round.damaged = true;
      }
      break;
    default: break;  // outdated, unavailable: no answer
  }
  judge(now, active, effects);
}

void Core::judge(Time now, Active& active, Effects& effects) {
  switch (active.round->phase) {
    case Phase::read: return judge_read(now, active, effects);
    case Phase::prepare: return judge_prepare(now, active, effects);
    case Phase::accept: return judge_accept(now, active, effects);
  }
}

}  // namespace skep::proposer
