#include "tests/sim/registers_clients.hpp"

#include <algorithm>

namespace skep::sim {

using proposer::Change;
using proposer::Condition;
using proposer::Function;
using How = proposer::Outcome::How;
using std::chrono::milliseconds;
using std::chrono::seconds;

RegistersClients::RegistersClients(const RegistersPlan& plan, VirtualTime& time, Nodes& nodes,
                                   Dice dice, Machine::Print print, Broken broken)
    : plan_(plan),
      time_(time),
      nodes_(nodes),
      dice_(dice),
      print_(std::move(print)),
      broken_(std::move(broken)),
      clients_(plan.clients),
      floors_(plan.keys, 0) {
  for (Client& client : clients_) client.seen.resize(plan.keys);
  for (std::size_t key = 0; key < plan.keys; ++key)
    kinds_.push_back({key % 3 == 1, key % 3 == 2, dice_.chance(0.5)});
}

void RegistersClients::start() {
  for (std::size_t client = 0; client < clients_.size(); ++client) next(client);
}

// Strictly growing, so that what came first in one microsecond is known to have come first.
std::int64_t RegistersClients::stamp() {
  return last_stamp_ = std::max<std::int64_t>(last_stamp_ + 1, time_.now().count() * 1000);
}

RegistersNode* RegistersClients::pick_node() {
  std::vector<RegistersNode*> up;
  for (const auto& node : nodes_)
    if (node->proposer() != nullptr && !node->paused()) up.push_back(node.get());
  return up.empty() ? nullptr : up[dice_.below(up.size())];
}

// Some keys are hot, and others are seldom touched.
std::size_t RegistersClients::draw_key() {
  return dice_.chance(0.6) ? dice_.below(std::min<std::size_t>(plan_.keys, 2))
                           : dice_.below(plan_.keys);
}

Change RegistersClients::draw_change(const Seen& seen, const Kind& kind) {
  const std::uint64_t what = dice_.below(100);
  Change change;
  if (kind.removed && what < 15) {
    change.function = Function::remove;
    return change;
  }
  if (kind.counter || what < 17) {
    change.function = Function::add;
    change.by = 1;
    return change;
  }
  change.value = new_value();
  change.function = Function::set;
  if (what < 30) change.function = Function::init;
  if (what >= 70 && kind.appended) change.function = Function::append;
  if (what >= 70 && !kind.appended && seen.present) {
    change.function = Function::cas_value;
    change.expected = seen.value;
  }
  return change;
}

ChangeModel::Op RegistersClients::draw(Client& client, std::size_t key) {
  const Kind& kind = kinds_[key];
  const Seen& seen = client.seen[key];
  ChangeModel::Op op;
  op.returns = kind.removed;
  if (dice_.chance(plan_.reads)) return op;
  op.change = draw_change(seen, kind);
  const std::uint64_t condition = dice_.below(100);
  if (condition < 30 && seen.present) {
    op.change.condition = Condition::version;
    op.change.version = seen.version;
  } else if (condition < 34) {
    op.change.condition = Condition::present;
  } else if (condition < 38) {
    op.change.condition = Condition::absent;
  }
  return op;
}

RegistersClients::Asked& RegistersClients::record(std::size_t key, ChangeModel::Op op,
                                                  Duration timeout) {
  Asked asked;
  asked.key = key;
  asked.op = std::move(op);
  asked.id = {dice_.next() | 1, dice_.next()};
  asked.timeout = timeout;
  records_.push_back(std::move(asked));
  return records_.back();  // a deque's elements stay
}

void RegistersClients::next(std::size_t index) {
  if (stopped_) return;
  const std::uint64_t turn = ++clients_[index].turn;
  time_.after(dice_.between(Duration(1), plan_.think), nullptr, [this, index, turn] {
    Client& client = clients_[index];
    RegistersNode* node = pick_node();
    if (stopped_ || node == nullptr) return next(index);
    if (dice_.chance(0.02)) return list(*node, index, turn);
    const std::size_t key = draw_key();
    const Duration timeout = dice_.between(plan_.request_timeout / 4, plan_.request_timeout);
    ask_as(index, record(key, draw(client, key), timeout));
  });
}

// One try, at any proposer that is there.
void RegistersClients::ask_as(std::size_t index, Asked& asked) {
  RegistersNode* node = pick_node();
  const auto with_base = repeats_with_base(asked);
  if (node == nullptr || !with_base) return next(index);
  const std::uint64_t turn = ++clients_[index].turn;
  // A client waits longer than the node says it will take, then takes it for unknown.
  time_.after(asked.timeout + milliseconds(500), nullptr,
              [this, index, &asked, turn] { give_up(index, asked, turn); });
  const bool may_repeat = asked.tries > 0 || dice_.chance(0.7);
  ask(*node, asked, may_repeat, *with_base, [this, index, turn](Asked& of) {
    if (clients_[index].turn == turn) end_try(index, of);
  });
}

void RegistersClients::give_up(std::size_t index, Asked& asked, std::uint64_t turn) {
  if (clients_[index].turn != turn) return;
  if (asked.state == State::open) asked.state = State::unknown;
  end_try(index, asked);
}

void RegistersClients::end_try(std::size_t index, Asked& asked) {
  Client& client = clients_[index];
  if (asked.state == State::answered && asked.reply.value)
    client.seen[asked.key] = {asked.reply.present, asked.reply.version, *asked.reply.value};
  const bool repeats = asked.state == State::unknown && asked.id != proposer::ChangeId{} &&
                       asked.op.change.function != Function::read && asked.tries < 5 &&
                       dice_.chance(0.6);
  if (!repeats || stopped_) return next(index);
  const std::uint64_t turn = ++client.turn;
  time_.after(dice_.between(Duration(1), milliseconds(800)), nullptr, [this, index, &asked, turn] {
    if (clients_[index].turn == turn) ask_as(index, asked);
  });
}

// Whether a try is made with the base that is known; none: no further one may be made.
std::optional<bool> RegistersClients::repeats_with_base(const Asked& asked) {
  if (asked.tries == 0) return false;
  if (asked.base && dice_.chance(0.7)) return true;
  // Without it, what is erased meanwhile has no memory of its changes.
  if (!kinds_[asked.key].removed && may_come_between(asked) < 14) return false;
  if (asked.base) return true;
  return std::nullopt;
}

// How many changes may have been made since the first try of this one.
std::size_t RegistersClients::may_come_between(const Asked& asked) const {
  std::size_t count = 0;
  for (const Asked& other : records_) {
    if (other.key != asked.key || &other == &asked || other.state == State::failed) continue;
    if (other.op.change.function == Function::read) continue;
    if (other.state != State::answered || other.returned > asked.invoked) ++count;
  }
  return count;
}

void RegistersClients::ask(RegistersNode& node, Asked& asked, bool with_id, bool with_base,
                           Then then) {
  if (!with_id) asked.id = {};
  ++asked.tries;
  asked.state = State::open;
  asked.node = node.index();
  asked.again = stamp();
  if (asked.tries == 1) asked.invoked = asked.again;
  proposer::Request request{key_name(asked.key), asked.op.change, {}, {}, asked.timeout};
  if (with_id) request.id = asked.id;
  if (with_base) request.base = asked.base;
  if (print_)
    print_(node.index(), "client",
           (asked.tries > 1 ? "repeats " : "asks ") + request.key + " " +
               ChangeModel::show(asked.op, nullptr) + " id " +
               std::to_string(asked.id.low % 10000) +
               (request.base ? " base " + std::to_string(*request.base) : ""));
  calls_.push_back({node.index(), node.life()});
  node.proposer()->change(std::move(request),
                          [this, &asked, &call = calls_.back(), tries = asked.tries,
                           then = std::move(then)](const proposer::Outcome& told) {
                            if (!std::exchange(call.open, false))
                              broken_("a request is answered twice");
                            if (asked.tries != tries || asked.state != State::open) return;  // late
                            answered(asked, told);
                            then(asked);
                          });
}

void RegistersClients::answered(Asked& asked, const proposer::Outcome& told) {
  asked.returned = stamp();
  if (print_) {
    constexpr const char* kHow[] = {"done", "mismatch", "invalid", "unavailable", "unknown"};
    print_(asked.node, "client",
           "hears " + key_name(asked.key) + " " + proposer::name(asked.op.change.function).data() +
               " id " + std::to_string(asked.id.low % 10000) + " " +
               kHow[static_cast<std::size_t>(told.how)] + " v" + std::to_string(told.version) +
               (!told.present ? " absent"
                : told.value  ? " '" + *told.value + "'"
                              : "") +
               (told.created ? " created" : "") +
               (told.base ? " base " + std::to_string(*told.base) : "") + " " + told.why);
  }
  if (told.how == How::unknown && asked.op.change.function == Function::read)
    broken_("a read's outcome is told to be unknown");
  if (told.how == How::unavailable || told.how == How::unknown) {
    if (told.base) asked.base = told.base;
    // Of an earlier try nothing is known by that.
    asked.state = told.how == How::unavailable && asked.tries == 1 ? State::failed : State::unknown;
    return;
  }
  ++done_;
  asked.state = State::answered;
  asked.reply = {told.how, told.present, told.version, told.value, {}};
  if (asked.tries == 1) asked.reply.created = told.created;
  if (!told.present) asked.reply.value = told.value ? std::optional(std::string()) : std::nullopt;
  if (told.present) floors_[asked.key] = std::max(floors_[asked.key], told.version);
}

void RegistersClients::ask_all(RegistersNode& node, What what, const Failed& failed) {
  for (std::size_t key = 0; key < plan_.keys; ++key)
    if (what != What::set || !kinds_[key].removed) ask_for_sure(node, key, what, 3, failed);
}

// An outcome may be unknown even now: what was tried by an old promise is too long ago then.
void RegistersClients::ask_for_sure(RegistersNode& node, std::size_t key, What what,
                                    std::size_t tries, const Failed& failed) {
  ChangeModel::Op op;
  op.returns = kinds_[key].removed;
  if (what != What::read) {
    op.change.function = op.returns            ? Function::remove
                         : kinds_[key].counter ? Function::add
                                               : Function::set;
    if (kinds_[key].counter) op.change.by = 1;
    if (!op.returns && !kinds_[key].counter) op.change.value = new_value();
  }
  ask(node, record(key, std::move(op), seconds(5)), false, false,
      [this, &node, what, tries, failed](Asked& asked) {
        if (asked.state == State::answered) return;
        if (asked.state == State::unknown && tries > 1)
          return ask_for_sure(node, asked.key, what, tries - 1, failed);
        failed(key_name(asked.key) + " cannot be used at node" + std::to_string(asked.node));
      });
}

std::string RegistersClients::new_value() { return "v" + std::to_string(++values_) + ";"; }

std::size_t RegistersClients::unanswered() const {
  return static_cast<std::size_t>(
      std::count_if(calls_.begin(), calls_.end(), [&](const Call& call) {
        return call.open && nodes_[call.node]->up() && nodes_[call.node]->life() == call.life;
      }));
}

// Lists. What is never removed, and was there before, is told, and not as it was earlier.
void RegistersClients::list(RegistersNode& node, std::size_t client, std::uint64_t turn) {
  std::vector<std::uint64_t> floors(plan_.keys, 0);
  for (std::size_t key = 0; key < plan_.keys; ++key)
    if (!kinds_[key].removed) floors[key] = floors_[key];
  const std::string prefix = dice_.chance(0.3) ? "key1" : "";
  const std::string after = dice_.chance(0.3) ? key_name(draw_key()) : "";
  const auto limit = static_cast<std::uint32_t>(dice_.between(1, 2 * plan_.keys));
  time_.after(plan_.request_timeout + milliseconds(500), nullptr, [this, client, turn] {
    if (clients_[client].turn == turn) next(client);
  });
  node.proposer()->list(prefix, after, limit, plan_.request_timeout,
                        [=, this](const Result<proposer::Listing>& listing) {
                          if (clients_[client].turn == turn) next(client);
                          if (listing) check_list(*listing, prefix, after, limit, floors);
                        });
}

void RegistersClients::check_list(const proposer::Listing& listing, const std::string& prefix,
                                  const std::string& after, std::uint32_t limit,
                                  const std::vector<std::uint64_t>& floors) {
  std::string last = after;
  if (listing.items.size() > limit) broken_("a list is longer than was asked for");
  for (const auto& item : listing.items) {
    if (item.key <= last || !item.key.starts_with(prefix))
      broken_("a list has " + item.key + " after " + last + " under " + prefix);
    last = item.key;
  }
  const std::string end = listing.more ? listing.after : std::string();
  for (std::size_t key = 0; key < floors.size(); ++key) {
    const std::string name = key_name(key);
    if (floors[key] == 0 || name <= after || !name.starts_with(prefix)) continue;
    if (listing.more && name > end) continue;
    const auto found = std::find_if(listing.items.begin(), listing.items.end(),
                                    [&](const auto& item) { return item.key == name; });
    if (found == listing.items.end())
      broken_("a list lacks " + name + ", which was there");
    else if (found->version < floors[key])
      broken_("a list has version " + std::to_string(found->version) + " of " + name +
              ", after version " + std::to_string(floors[key]) + " was seen");
  }
}

// What certainly was not done is not there; reads whose answer nobody heard say nothing. A refusal
// that only a repeat was told says what was there then; the first try may still be done.
ChangeHistory RegistersClients::history(std::size_t key) const {
  ChangeHistory history;
  for (const Asked& asked : records_) {
    if (asked.key != key || asked.state == State::failed) continue;
    const bool known = asked.state == State::answered;
    const bool refused = known && asked.reply.how != How::done;
    const bool changes = asked.op.change.function != Function::read;
    if (known && refused && asked.tries > 1)
      history.push_back({asked.op, asked.reply, {asked.again, asked.returned}});
    else if (known)
      history.push_back({asked.op, asked.reply, {asked.invoked, asked.returned}});
    if (changes && (!known || (refused && asked.tries > 1)))
      history.push_back({asked.op, {}, {asked.invoked, Interval::kNever}});
  }
  return history;
}

// What is added is counted, whatever the search finds; where the outcome is unknown it may be more.
std::string RegistersClients::check_counter(std::size_t key) const {
  std::int64_t surely = 0, maybe = 0;
  const Asked* last = nullptr;
  for (const Asked& asked : records_) {
    if (asked.key != key || asked.state == State::failed) continue;
    const bool known = asked.state == State::answered;
    if (asked.op.change.function == Function::read) {
      if (known) last = &asked;
      continue;
    }
    if (known && asked.reply.how == How::done)
      ++surely;
    else if (!known || asked.tries > 1)
      ++maybe;
  }
  if (last == nullptr || !last->reply.value) return {};
  const std::int64_t value = last->reply.present ? std::stoll(*last->reply.value) : 0;
  if (value >= surely && value <= surely + maybe) return {};
  return key_name(key) + " is " + std::to_string(value) + " after " + std::to_string(surely) +
         " additions of 1 and " + std::to_string(maybe) + " of unknown outcome";
}

std::string RegistersClients::check_counters() const {
  std::string wrong;
  for (std::size_t key = 0; key < plan_.keys && wrong.empty(); ++key)
    if (kinds_[key].counter && !kinds_[key].removed) wrong = check_counter(key);
  return wrong;
}

std::string RegistersClients::check() const {
  for (std::size_t key = 0; key < plan_.keys; ++key) {
    const Finding finding = check_changes(history(key), 1'000'000);
    if (finding.verdict == Verdict::not_linearizable)
      return key_name(key) + " is not linearizable: " + finding.explanation;
  }
  return {};
}

}  // namespace skep::sim
