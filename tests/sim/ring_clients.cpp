#include "tests/sim/ring_clients.hpp"

#include <algorithm>

namespace skep::sim {

using Kind = RegisterModel::Kind;
using Op = RegisterModel::Op;

namespace {

bool touches(Kind kind) { return kind == Kind::pexpire || kind == Kind::persist; }
bool counter(std::size_t key) { return key % 3 == 2; }

std::vector<std::string_view> words(const Op& op, std::string_view key, std::string_view ttl) {
  switch (op.kind) {
    case Kind::get: return {"GET", key};
    case Kind::set:
      if (op.ttl != 0) return {"SET", key, op.value, "PX", ttl};
      return {"SET", key, op.value};
    case Kind::setnx: return {"SETNX", key, op.value};
    case Kind::set_ifeq: return {"SET", key, op.value, "IFEQ", op.expected};
    case Kind::incr: return {"INCR", key};
    case Kind::del: return {"DEL", key};
    case Kind::delifeq: return {"DELIFEQ", key, op.expected};
    case Kind::pexpire: return {"PEXPIRE", key, ttl};
    case Kind::persist: return {"PERSIST", key};
  }
  return {};
}

}  // namespace

RingClients::RingClients(const RingPlan& plan, VirtualTime& time, Nodes& nodes, Dice dice,
                         RingNode::Print print, Acknowledged acknowledged)
    : plan_(plan),
      time_(time),
      nodes_(nodes),
      dice_(dice),
      print_(std::move(print)),
      acknowledged_(std::move(acknowledged)),
      clients_(plan.clients),
      touches_(plan.keys),
      evictions_(plan.keys) {
  for (Client& client : clients_) client.seen.resize(plan.keys);
}

void RingClients::start() {
  for (std::size_t client = 0; client < clients_.size(); ++client) next(client);
}

std::vector<std::string> RingClients::keys() const {
  std::vector<std::string> keys;
  for (std::size_t key = 0; key < plan_.keys; ++key) keys.push_back(key_name(key));
  return keys;
}

std::set<std::string> RingClients::written() const {
  std::set<std::string> written;
  for (const Asked& asked : records_)
    if (asked.state == State::done && !deletes(asked.key) &&
        !RegisterModel::only_reads(asked.op, asked.reply))
      written.insert(key_name(asked.key));
  return written;
}

// Strictly growing, so that what came first in one microsecond is known to have come first.
std::int64_t RingClients::stamp() {
  return last_stamp_ = std::max<std::int64_t>(last_stamp_ + 1, time_.now().count() * 1000);
}

RingNode* RingClients::pick_node() {
  std::vector<RingNode*> up;
  for (const auto& node : nodes_)
    if (node->up() && !node->paused()) up.push_back(node.get());
  return up.empty() ? nullptr : up[dice_.below(up.size())];
}

Op RingClients::draw_expiry(std::size_t key) {
  Op op;
  const std::uint64_t what = dice_.below(10);
  op.kind = what < 2 ? Kind::persist : what < 5 || counter(key) ? Kind::pexpire : Kind::set;
  if (op.kind == Kind::set) op.value = "v" + std::to_string(++values_);
  const Duration longest = dice_.chance(0.7) ? std::chrono::milliseconds(100) : kLongestLife;
  if (op.kind != Kind::persist)
    op.ttl = dice_.between(std::chrono::milliseconds(1), longest).count() / 1000;
  return op;
}

Op RingClients::draw(Client& client, std::size_t key) {
  if (plan_.expiry && deletes(key) && dice_.chance(0.3)) return draw_expiry(key);
  const std::uint64_t what = dice_.below(100);
  const bool may_delete = deletes(key);
  Op op;
  op.expected = client.seen[key];
  if (what < 35) return {Kind::get, {}, {}};
  if (counter(key)) return {may_delete && what > 95 ? Kind::del : Kind::incr, {}, {}};
  op.value = "v" + std::to_string(++values_);
  op.kind = what < 65 ? Kind::set : what < 75 ? Kind::setnx : Kind::set_ifeq;
  if (what >= 92 && may_delete) op.kind = what < 97 ? Kind::del : Kind::delifeq;
  if ((op.kind == Kind::set_ifeq || op.kind == Kind::delifeq) && op.expected.empty())
    op = {Kind::get, {}, {}};
  return op;
}

void RingClients::next(std::size_t index) {
  if (stopped_) return;
  Client& client = clients_[index];
  const std::uint64_t turn = ++client.turn;
  time_.after(dice_.between(Duration(1), plan_.think), nullptr, [this, index, turn] {
    Client& self = clients_[index];
    RingNode* node = pick_node();
    if (stopped_ || node == nullptr) return next(index);
    const std::size_t key = dice_.below(plan_.keys);
    // A client waits longer than the node says it will take, then goes on.
    time_.after(plan_.ring.request_timeout + std::chrono::seconds(2), nullptr,
                [this, index, turn] { turn_over(index, turn); });
    if (const std::size_t other = partner(key); other != key && dice_.chance(0.3))
      return ask_pair(*node, key, other, [this, index, turn] { turn_over(index, turn); });
    ask(*node, key, draw(self, key), [this, index, turn](const Asked& asked) {
      if (asked.state == State::done && asked.op.kind == Kind::get)
        clients_[index].seen[asked.key] = asked.reply.text;
      turn_over(index, turn);
    });
  });
}

void RingClients::turn_over(std::size_t client, std::uint64_t turn) {
  if (clients_[client].turn == turn) next(client);
}

void RingClients::ask(RingNode& node, std::size_t key, Op op,
                      std::function<void(const Asked&)> then) {
  records_.push_back({key, std::move(op), {}, State::open, stamp(), 0, node.index(), node.life()});
  Asked& asked = records_.back();  // a deque's elements stay
  const std::string name = key_name(key);
  const std::string ttl = std::to_string(asked.op.ttl);
  const bool write = asked.op.kind != Kind::get;
  if (touches(asked.op.kind)) ++touches_[key].open;
  if (print_)
    print_(node.index(), "client", "asks " + name + " " + RegisterModel::show(asked.op, nullptr));
  node.ring().run(words(asked.op, name, ttl), 1, write,
                  [this, &asked, then = std::move(then)](Result<resp::Value> result) {
                    answered(asked, result);
                    then(asked);
                  });
}

std::size_t RingClients::partner(std::size_t key) const {
  if (!plan_.together || counter(key) || !deletes(key)) return key;
  for (std::size_t other = key % plan_.tags; other < plan_.keys; other += plan_.tags)
    if (other != key && !counter(other) && deletes(other)) return other;
  return key;
}

void RingClients::ask_pair(RingNode& node, std::size_t key, std::size_t other,
                           std::function<void()> then) {
  const Op op{Kind::setnx, "v" + std::to_string(++values_), {}};
  Asked* asked[2];
  for (std::size_t i = 0; i < 2; ++i) {
    records_.push_back(
        {i == 0 ? key : other, op, {}, State::open, stamp(), 0, node.index(), node.life()});
    asked[i] = &records_.back();  // a deque's elements stay
  }
  const std::string names[] = {key_name(key), key_name(other)};
  if (print_) print_(node.index(), "client", "asks MSETNX " + names[0] + " " + names[1]);
  const std::string_view words[] = {"MSETNX", names[0], op.value, names[1], op.value};
  node.ring().run_together(words, 1,
                           [this, one = asked[0], two = asked[1],
                            then = std::move(then)](const Result<resp::Value>& result) {
                             for (Asked* part : {one, two}) {
                               answered(*part, result);
                               // One was there, it is not said which: that tells of neither.
                               if (part->state == State::done && result->number == 0)
                                 part->state = State::failed;
                             }
                             then();
                           });
}

void RingClients::answered(Asked& asked, const Result<resp::Value>& result) {
  asked.returned = stamp();
  if (print_) {
    const std::string text =
        result ? RegisterModel::show(asked.op, &*result)
               : std::string(name(result.error().code)) + ": " + result.error().message;
    print_(asked.node, "client", "hears " + key_name(asked.key) + " " + text);
  }
  if (!result) {
    asked.state = result.error().done() == Done::no ? State::failed : State::unknown;
  } else if (result->kind == resp::Value::Kind::error && result->text.starts_with("OOM ")) {
    asked.state = State::failed;
  } else {
    ++done_;
    asked.state = State::done;
    asked.reply = *result;
  }
  if (touches(asked.op.kind) && asked.state != State::unknown)
    touches_[asked.key] = {touches_[asked.key].open - 1, asked.returned};
  if (asked.state == State::done) tell_acknowledged(asked);
}

void RingClients::tell_acknowledged(const Asked& asked) {
  if (RegisterModel::only_reads(asked.op, asked.reply)) return;
  const bool put =
      asked.op.kind == Kind::set || asked.op.kind == Kind::setnx || asked.op.kind == Kind::set_ifeq;
  const Touches& touched = touches_[asked.key];
  if (put)
    acknowledged_.put(key_name(asked.key), asked.op.value, deletes(asked.key),
                      touched.open == 0 && touched.last < asked.invoked);
  const bool erased = asked.op.kind == Kind::del || asked.op.kind == Kind::delifeq;
  if (erased) acknowledged_.deleted(key_name(asked.key));
}

void RingClients::read_all(RingNode& node, std::function<void(const std::string&)> failed) {
  for (std::size_t key = 0; key < plan_.keys; ++key)
    ask(node, key, {}, [this, failed, &node](const Asked& asked) {
      if (asked.state != State::done)
        failed(key_name(asked.key) + " cannot be read at node" + std::to_string(node.index()));
    });
}

void RingClients::lost_since(Duration safe) {
  losses_.push_back({stamp(), safe.count() * 1000});
  stamp();  // of what the key has then
}

void RingClients::evicted(const std::string& key) {
  const std::vector<std::string> all = keys();
  const auto found = std::find(all.begin(), all.end(), key);
  if (found == all.end()) return;
  const std::int64_t from = time_.now().count() * 1000 - 1;
  evictions_[static_cast<std::size_t>(found - all.begin())].push_back({from, stamp()});
}

std::int64_t RingClients::may_go(std::size_t key, std::int64_t invoked) const {
  for (const Eviction& eviction : evictions_[key])
    if (eviction.seen > invoked) return eviction.from;
  return Interval::kNever;
}

std::size_t RingClients::unanswered() const {
  return static_cast<std::size_t>(
      std::count_if(records_.begin(), records_.end(), [&](const Asked& asked) {
        return asked.state == State::open && nodes_[asked.node]->up() &&
               nodes_[asked.node]->life() == asked.life;
      }));
}

// By the owner's wall clock, which is the true time, to the millisecond, where none jumps.
RegisterModel::Expiry RingClients::expiry(const Op& op, const Interval& when) const {
  constexpr std::int64_t kMs = 1'000'000;
  if (op.ttl == 0) return {};
  if (plan_.has(Fault::wall_jump)) return {RegisterModel::kAlways, Interval::kNever};
  return {when.invoked + (op.ttl - 1) * kMs,
          when.known() ? when.returned + op.ttl * kMs : Interval::kNever};
}

// What certainly was not done is not there; reads whose answer nobody heard say nothing.
RegisterHistory RingClients::history(std::size_t key) const {
  RegisterHistory history;
  for (const Asked& asked : records_) {
    if (asked.key != key || asked.state == State::failed) continue;
    const bool known = asked.state == State::done;
    if (!known && asked.op.kind == Kind::get) continue;
    const Interval when{asked.invoked, known ? asked.returned : Interval::kNever};
    history.push_back({asked.op, asked.reply, when});
    history.back().op.expiry = expiry(asked.op, when);
    history.back().op.evicted = may_go(key, asked.invoked);
  }
  return history;
}

std::string RingClients::check() const {
  for (std::size_t key = 0; key < plan_.keys; ++key) {
    const Finding finding = check_lossy_register(history(key), losses_, 3'000'000);
    if (finding.verdict == Verdict::not_linearizable)
      return key_name(key) + " is not linearizable: " + finding.explanation;
  }
  return {};
}

}  // namespace skep::sim
