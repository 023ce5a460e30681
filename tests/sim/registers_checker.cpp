#include "tests/sim/registers_checker.hpp"

#include <algorithm>
#include <set>

#include "net/base/checksum.hpp"
#include "net/checked_row.hpp"
#include "net/wire.hpp"

namespace skep::sim {

using acceptor::Register;
using registers::Type;

namespace {

// The proposers have registers of their own, whose names are not for printing.
std::string quoted(std::string_view key) {
  return key.starts_with('\0') ? "(" + std::string(key.substr(1)) + ")" : std::string(key);
}

std::string show(const registers::Ballot& ballot) {
  return std::to_string(ballot.counter) + "." + std::to_string(ballot.node % 10000) + "." +
         std::to_string(ballot.boot);
}

std::string show(const Register& row) {
  return "promised " + show(row.promise) + ", accepted " + show(row.accepted) + ": v" +
         std::to_string(row.version) + (row.present ? "" : ", absent");
}

}  // namespace

void RegistersChecker::saw(std::size_t from, std::size_t to, const Message& message) {
  if (message.part == Part::proposer) return check_answer(from, to, message);
  if (message.part != Part::acceptor) return;
  const auto note = [&](auto request, bool accept) {
    if (!request) return;
    const bool outdated =
        request->configuration < disks_[nodes_[to]->identity()].whole.configuration;
    asked_[{from, to, message.request}] = {std::string(request->key), request->ballot, accept,
                                           outdated};
  };
  if (message.type == static_cast<std::uint16_t>(Type::prepare))
    return note(wire::decode<registers::Prepare>(message.payload), false);
  if (message.type != static_cast<std::uint16_t>(Type::accept)) return;
  const auto accept = wire::decode<registers::Accept>(message.payload);
  note(accept, true);
  if (accept)
    check_value(std::string(accept->key), accept->ballot, accept->value.version,
                accept->value.present, accept->value.content,
                "a message of node" + std::to_string(from));
}

void RegistersChecker::check_value(const std::string& key, const Ballot& ballot,
                                   std::uint64_t version, bool present, std::string_view content,
                                   const std::string& where) {
  const std::uint64_t hash = hash64(content, version * 2 + (present ? 1 : 0));
  const auto [known, first] = values_.try_emplace({key, ballot}, hash);
  if (!first && known->second != hash)
    broken_("ballot " + show(ballot) + " of " + quoted(key) +
            " has two values, the second one in " + where);
}

void RegistersChecker::check_answer(std::size_t from, std::size_t to, const Message& message) {
  const auto type = static_cast<Type>(message.type);
  if (type != Type::promised && type != Type::accepted) return;
  const auto found = asked_.find({to, from, message.request});
  if (found == asked_.end()) return;  // of an earlier life
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  if (asked.outdated)
    broken_("node" + std::to_string(from) + " goes by an older configuration for " +
            quoted(asked.key) + " than it was told of");
  const Standing& at = disks_[nodes_[from]->identity()];
  const auto row = at.rows.find(asked.key);
  const Ballot bar = row != at.rows.end() ? row->second.bar() : at.whole.floor;
  const bool kept =
      type == Type::promised || row == at.rows.end() || row->second.accepted >= asked.ballot;
  if (bar < asked.ballot || !kept || asked.accept != (type == Type::accepted))
    broken_("node" + std::to_string(from) + " says of " + quoted(asked.key) + " that ballot " +
            show(asked.ballot) + " is " + (asked.accept ? "accepted" : "promised") +
            ", and on its disk is " + (row == at.rows.end() ? "nothing" : show(row->second)));
}

void RegistersChecker::durable(const RegistersNode& node, const Batch& batch) {
  Standing& at = disks_[node.identity()];
  const std::string name = Machine::name(node.index());
  std::vector<Register> erased;
  for (const Batch::Op& op : batch.ops()) {
    if (op.space == acceptor::kRegisterSpace) {
      if (op.put) {
        check_row(node, at, op.key, op.value);
      } else if (const auto row = at.rows.find(op.key); row != at.rows.end()) {
        erased.push_back(std::move(row->second));
        at.rows.erase(row);
      }
    } else if (op.space == acceptor::kStandingSpace && op.key == acceptor::kStandingKey) {
      check_standing(name, at, op.value);
    } else if (op.space == "proposer" && op.key == "configuration") {
      const auto kept = wire::decode_checked<proposer::Configuration>(op.value);
      if (!kept || kept->version < at.proposes_by)
        broken_(name + " keeps an older configuration than " + std::to_string(at.proposes_by));
      if (kept) at.proposes_by = kept->version;
    }
  }
  for (const Register& row : erased)
    if (row.bar() > at.whole.floor || row.version > at.whole.floor_version || row.present)
      broken_(name + " erases what is above its floor: " + show(row));
}

void RegistersChecker::check_standing(const std::string& name, Standing& at,
                                      std::string_view bytes) {
  auto now = acceptor::decode_standing(bytes);
  if (!now) return broken_(name + " writes a standing that cannot be read");
  const acceptor::Standing& before = at.whole;
  if (now->floor < before.floor || now->floor_version < before.floor_version)
    broken_("the floor falls on " + name + "'s disk");
  if (now->configuration < before.configuration)
    broken_(name + " goes back from configuration " + std::to_string(before.configuration) +
            " to " + std::to_string(now->configuration));
  if (now->configuration == before.configuration && before.in_force &&
      (!now->in_force || now->content != before.content))
    broken_(name + " has two configurations of version " + std::to_string(now->configuration));
  at.whole = std::move(*now);
}

void RegistersChecker::check_row(const RegistersNode& node, Standing& at, std::string_view key,
                                 std::string_view bytes) {
  auto now = acceptor::decode_register(bytes);
  const std::string where = Machine::name(node.index()) + "'s disk";
  if (!now) return broken_("a row that cannot be read is written to " + where);
  check_value(std::string(key), now->accepted, now->version, now->present, now->content, where);
  const auto before = at.rows.find(key);
  const Ballot bar = before == at.rows.end() ? at.whole.floor : before->second.promise;
  const Ballot accepted = before == at.rows.end() ? Ballot{} : before->second.accepted;
  if (now->promise < bar || now->accepted < accepted)
    broken_(quoted(key) + " falls on " + where + " to: " + show(*now));
  at.rows.insert_or_assign(std::string(key), std::move(*now));
}

bool RegistersChecker::damaged(const RegistersNode& node, const std::string& key) {
  const SimStore::Space* rows =
      node.store() == nullptr ? nullptr : node.store()->durable(acceptor::kRegisterSpace);
  if (rows == nullptr) return false;
  const auto row = rows->find(key);
  return row != rows->end() && !acceptor::decode_register(row->second);
}

bool RegistersChecker::may_damage(const RegistersNode& node, const std::string& key) const {
  return std::none_of(nodes_.begin(), nodes_.end(), [&](const auto& other) {
    return other.get() != &node && damaged(*other, key);
  });
}

std::string RegistersChecker::unequal(const std::vector<NodeId>& acceptors, const std::string& key,
                                      bool removed) const {
  std::set<std::string> different;
  for (const NodeId id : acceptors) {
    const auto disk = disks_.find(id);
    if (disk == disks_.end()) return "an acceptor has nothing on its disk";
    const auto row = disk->second.rows.find(key);
    const bool has = row != disk->second.rows.end();
    if (has && removed) return key + " was removed, and is not erased: " + show(row->second);
    different.insert(has ? show(row->second.accepted) + ": " + row->second.content : "nothing");
  }
  if (different.size() > 1) {
    std::string all;
    for (const std::string& one : different) all += " " + wire::show(one);
    return "acceptors have different values of " + key + ":" + all;
  }
  for (const auto& node : nodes_)
    if (std::find(acceptors.begin(), acceptors.end(), node->identity()) != acceptors.end() &&
        damaged(*node, key))
      return key + " is damaged at " + Machine::name(node->index());
  return {};
}

std::string RegistersChecker::behind(const proposer::Configuration& present) const {
  for (const proposer::Node& node : present.acceptors()) {
    const auto disk = disks_.find(node.id);
    const std::uint64_t version = disk == disks_.end() ? 0 : disk->second.whole.configuration;
    if (version != present.version)
      return "the acceptor " + node.name + " serves configuration " + std::to_string(version) +
             ", not " + std::to_string(present.version);
  }
  return {};
}

void RegistersChecker::print(const std::function<void(const std::string&)>& line) const {
  for (const auto& node : nodes_) {
    if (!node->roles().acceptor) continue;
    const auto disk = disks_.find(node->identity());
    if (disk == disks_.end()) continue;
    const std::string name = Machine::name(node->index()) + (node->up() ? " " : " (down) ");
    const acceptor::Standing& whole = disk->second.whole;
    line(name + "serves configuration " + std::to_string(whole.configuration) +
         (whole.in_force ? "" : " (not in force)") + ", floor " + show(whole.floor) + " v" +
         std::to_string(whole.floor_version));
    for (const auto& [key, row] : disk->second.rows) line(name + quoted(key) + ": " + show(row));
  }
}

}  // namespace skep::sim
