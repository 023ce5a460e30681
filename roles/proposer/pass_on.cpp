// Affinity: a register's changes are all made by one proposer, as long as that is there, so that
// clients who pick proposers at random do not make these fight. Nothing depends on it but speed.
#include <algorithm>
#include <utility>

#include "net/base/checksum.hpp"
#include "roles/proposer/core.hpp"

namespace skep::proposer {

namespace {

constexpr std::size_t kMostTaken = 4096;

}  // namespace

void Core::came(NodeId node) {
  if (away_.erase(node) != 0) ++comings_;
}

void Core::serves(NodeId proposer) {
  if (idle_.erase(proposer) != 0) ++comings_;
}

void Core::set_living(std::set<NodeId> living) {
  if (!std::includes(living_.begin(), living_.end(), living.begin(), living.end())) ++comings_;
  living_ = std::move(living);
}

// Rendezvous hashing (Thaler and Ravishankar, 1998) over those that are believed to be there.
NodeId Core::preferred(std::string_view key) const {
  NodeId best = options_.self;
  std::uint64_t most = 0;
  for (const Node& node : configuration_.proposers) {
    if (node.id != options_.self && (!is_there(node.id) || idle_.count(node.id) != 0)) continue;
    const std::uint64_t weight = hash64(key, node.id);
    if (weight < most) continue;
    most = weight;
    best = node.id;
  }
  return best;
}

bool Core::prefers_self(std::string_view key) const { return preferred(key) == options_.self; }

bool Core::pass_on(Time now, const std::string& key, Waiting& waiting, Effects& effects) {
  if (reserved(key)) return false;
  // What is passed on may come late, when its client has repeated it elsewhere: without a version
  // from before it could not be known as done.
  if (waiting.named && !waiting.base) return false;
  const NodeId to = preferred(key);
  const Node* node = to == options_.self ? nullptr : configuration_.proposer(to);
  if (node == nullptr || waiting.deadline <= now) return false;
  promises_.erase(key);
  const Duration time = waiting.deadline - now;
  PassOn message{key, waiting.change, waiting.id, waiting.named, waiting.base.has_value(),
                 waiting.base.value_or(0),
                 // So that its word comes in time.
                 static_cast<std::uint64_t>((time - time / 8).count())};
  const std::uint64_t request = ++last_request_;
  effects.sends.push_back({to, node->address, Part::proposer, PassOn::kType, request,
                           std::make_shared<const std::string>(wire::encode(message))});
  passed_until_.insert({waiting.deadline, request});
  passed_.emplace(request, PassedOn{to, key, std::move(waiting), now + time / 2});
  ++figures_.passed_on;
  return true;
}

// It goes no further: a change takes one hop at most.
void Core::take_passed(Time now, NodeId from, const Address& address, const Message& message,
                       Effects& effects) {
  auto change = wire::decode<PassOn>(message.payload);
  if (!change || came_before(from, message.request)) return;
  Waiting waiting;
  waiting.change = std::move(change->change);
  waiting.id = change->id;
  waiting.named = change->named;
  if (change->has_base) waiting.base = change->base;
  waiting.deadline = now + Duration(static_cast<Duration::rep>(change->timeout_us));
  waiting.remote = Remote{from, address, message.request};
  if (stopped_ || configuration_.version == 0)
    return give_up(waiting, "the proposer that the change was passed on to is not serving",
                   effects);
  Active& active = activate(change->key);
  active.waiting.push_back(std::move(waiting));
  go_on(now, active, effects);
}

// A transport may bring a message twice. What was refused the first time has left no id by which it
// would be known.
bool Core::came_before(NodeId from, std::uint64_t request) {
  if (!taken_.emplace(from, request).second) return true;
  taken_in_order_.emplace_back(from, request);
  if (taken_in_order_.size() > kMostTaken) {
    taken_.erase(taken_in_order_.front());
    taken_in_order_.pop_front();
  }
  return false;
}

Core::PassedOn Core::take_out(std::unordered_map<std::uint64_t, PassedOn>::iterator passed) {
  passed_until_.erase({passed->second.waiting.deadline, passed->first});
  PassedOn taken = std::move(passed->second);
  passed_.erase(passed);
  return taken;
}

void Core::passed(Time now, std::uint64_t request, std::string_view payload, Effects& effects) {
  const auto found = passed_.find(request);
  auto message = wire::decode<Passed>(payload);
  if (found == passed_.end() || !message) return;
  PassedOn passed = take_out(found);
  // It is ending, or serves nothing yet.
  if (message->how == Outcome::How::unavailable && now < passed.soon && !stopped_) {
    idle_.insert(passed.to);
    return run_here(now, std::move(passed), effects);
  }
  Outcome outcome;
  outcome.how = message->how;
  outcome.present = message->present;
  outcome.version = message->version;
  if (message->has_value) outcome.value = std::move(message->value);
  outcome.created = message->created;
  if (message->has_base) outcome.base = message->base;
  outcome.why = std::move(message->why);
  tell(passed.waiting, std::move(outcome), effects);
}

// It was certainly not passed on.
void Core::run_here(Time now, PassedOn passed, Effects& effects) {
  // One that only reads was passed on because the acceptors did not agree.
  passed.waiting.anew = passed.waiting.plain_read();
  Active& active = activate(passed.key);
  active.waiting.push_back(std::move(passed.waiting));
  go_on(now, active, effects);
}

// What was sent to it may be done: only what changes nothing is done here instead.
void Core::lose_passed(Time now, NodeId node, Effects& effects) {
  std::vector<std::uint64_t> lost;
  for (const auto& [request, passed] : passed_)
    if (passed.to == node) lost.push_back(request);
  for (const std::uint64_t request : lost) {
    PassedOn passed = take_out(passed_.find(request));
    if (passed.waiting.change.function == Function::read) {
      run_here(now, std::move(passed), effects);
      continue;
    }
    passed.waiting.tried = true;
    give_up(passed.waiting, "the proposer that the change was passed on to is gone", effects);
  }
}

void Core::drop_late_passed(Time now, Effects& effects) {
  while (!passed_until_.empty() && passed_until_.begin()->first <= now) {
    PassedOn passed = take_out(passed_.find(passed_until_.begin()->second));
    passed.waiting.tried = true;
    give_up(passed.waiting, "the proposer that the change was passed on to does not answer",
            effects);
  }
}

}  // namespace skep::proposer
