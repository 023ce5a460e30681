#include "roles/proposer/configuration.hpp"

#include <algorithm>
#include <set>

#include "net/base/plant.hpp"

namespace skep::proposer {

namespace {

// How many nodes of the one are not in the other.
std::size_t beyond(const Quorums& one, const Quorums& other) {
  return static_cast<std::size_t>(std::count_if(
      one.nodes.begin(), one.nodes.end(), [&](const Node& node) { return !other.has(node.id); }));
}

std::size_t less(std::size_t from, std::size_t by) { return from > by ? from - by : 0; }

// Every quorum of `older` has a quorum of `accept` in it, so whoever meets that one meets it, too.
bool implied(const Quorums& older, const Quorums& accept) {
  return less(older.quorum, beyond(older, accept)) >= accept.quorum;
}

std::string show(const Quorums& quorums) {
  std::string names;
  for (const Node& node : quorums.nodes) names += (names.empty() ? "" : ", ") + node.name;
  return std::to_string(quorums.quorum) + " of " + names;
}

Result<> check_quorums(const Quorums& quorums, const std::string& what) {
  if (quorums.nodes.empty()) return fail(Code::invalid, "no acceptors to " + what + " at");
  if (quorums.quorum == 0 || quorums.quorum > quorums.nodes.size())
    return fail(Code::invalid, "a quorum of " + std::to_string(quorums.quorum) + " to " + what +
                                   "; accepted: 1 to " + std::to_string(quorums.nodes.size()) +
                                   ", which is how many acceptors are named");
  std::set<std::string> names;
  std::set<NodeId> ids;
  for (const Node& node : quorums.nodes)
    if (!names.insert(node.name).second || !ids.insert(node.id).second)
      return fail(Code::invalid, node.name + " is named twice to " + what + " at");
  return {};
}

Quorums sorted(Quorums quorums) {
  std::sort(quorums.nodes.begin(), quorums.nodes.end(),
            [](const Node& one, const Node& other) { return one.name < other.name; });
  return quorums;
}

Result<> check_meeting(const Configuration& configuration) {
  if (!meet(configuration.prepare, configuration.accept))
    return fail(Code::conflict, "some quorum to prepare (" + show(configuration.prepare) +
                                    ") has nobody of some quorum to accept (" +
                                    show(configuration.accept) +
                                    "), and would not see what that one accepted");
  for (const Quorums& held : configuration.holding)
    if (!meet(configuration.prepare, held))
      return fail(Code::conflict, "some values may be only where they were accepted earlier (" +
                                      show(held) + "), and some quorum to prepare (" +
                                      show(configuration.prepare) +
                                      ") would not see them; a rescan has to come first");
  return {};
}

}  // namespace

bool Quorums::has(NodeId id) const {
  return std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) { return node.id == id; });
}

bool meet(const Quorums& one, const Quorums& other) {
  const std::size_t beyond_one = beyond(one, other);
  const std::size_t common = one.nodes.size() - beyond_one;
  return less(one.quorum, beyond_one) + less(other.quorum, beyond(other, one)) > common;
}

std::vector<Node> Configuration::acceptors() const {
  std::vector<Node> all = prepare.nodes;
  for (const Node& node : accept.nodes)
    if (!prepare.has(node.id)) all.push_back(node);
  return all;
}

const Node* Configuration::acceptor(NodeId id) const {
  for (const Quorums* quorums : {&prepare, &accept})
    for (const Node& node : quorums->nodes)
      if (node.id == id) return &node;
  return nullptr;
}

const Node* Configuration::proposer(NodeId id) const {
  for (const Node& node : proposers)
    if (node.id == id) return &node;
  return nullptr;
}

bool Configuration::at_rest() const {
  return holding.empty() && goal.empty() && prepare.nodes == accept.nodes;
}

Result<> check(const Configuration& configuration) {
  if (configuration.proposers.empty()) return fail(Code::invalid, "no proposers");
  if (auto ok = check_quorums({configuration.proposers, 1}, "propose"); !ok) return ok;
  if (auto ok = check_quorums(configuration.prepare, "prepare"); !ok) return ok;
  if (auto ok = check_quorums(configuration.accept, "accept"); !ok) return ok;
  return check_meeting(configuration);
}

Result<Configuration> next(const Configuration& present, const Wanted& wanted) {
  Configuration after = present;
  ++after.version;
  after.prepare_before = present.prepare;
  after.accept_before = present.accept;
  if (wanted.prepare) after.prepare = sorted(*wanted.prepare);
  if (wanted.accept) after.accept = sorted(*wanted.accept);
  if (wanted.proposers) after.proposers = sorted({*wanted.proposers, 1}).nodes;
  if (wanted.goal) after.goal = *wanted.goal;
  const bool moved = after.accept != present.accept;
  if (wanted.rescanned && moved)
    return fail(Code::invalid, "a rescan is for the quorums that were there meanwhile");
  if (wanted.rescanned) after.holding.clear();
  if (moved) after.holding.push_back(present.accept);
  const bool forgets =
      SKEP_PLANT(grow_without_rescan)     ? after.accept.nodes.size() > present.accept.nodes.size()
      : SKEP_PLANT(shrink_without_rescan) ? after.accept.nodes.size() < present.accept.nodes.size()
                                          : false;
  std::erase_if(after.holding,
                [&](const Quorums& held) { return forgets || implied(held, after.accept); });
  if (auto ok = check(after); !ok) return tl::unexpected(ok.error());
  // While not all know of it, both versions are in use.
  if (!meet(present.prepare, after.accept))
    return fail(Code::conflict, "some quorum to prepare of the version that is in force (" +
                                    show(present.prepare) + ") would not see what some quorum " +
                                    "to accept of this one (" + show(after.accept) +
                                    ") accepts; prepare has to be changed before");
  return after;
}

bool left(const Configuration& configuration, const std::vector<NodeId>& told) {
  const auto untold = [&](const Quorums& quorums) {
    return static_cast<std::size_t>(
        std::count_if(quorums.nodes.begin(), quorums.nodes.end(), [&](const Node& node) {
          return std::find(told.begin(), told.end(), node.id) == told.end();
        }));
  };
  for (const Quorums* before : {&configuration.prepare_before, &configuration.accept_before})
    if (!before->nodes.empty() && untold(*before) >= before->quorum) return true;
  return false;
}

Result<> may_leave(std::string_view content, NodeId self) {
  if (content.empty()) return {};
  const auto configuration = wire::decode<Configuration>(content);
  if (!configuration)
    return fail(Code::corrupt, "the registers' configuration on this node cannot be read");
  const Node* node = configuration->acceptor(self);
  if (node == nullptr) return {};
  return fail(Code::conflict,
              "this node is an acceptor of the registers (configuration " +
                  std::to_string(configuration->version) +
                  "), and they would lose it for good; first: server acceptors shrink " +
                  node->name +
                  (configuration->acceptors().size() > 1
                       ? ""
                       : ", and before that, as it is the only one, server acceptors grow"));
}

namespace {

Quorums majority(std::vector<Node> nodes) {
  const auto quorum = static_cast<std::uint32_t>(nodes.size() / 2 + 1);
  return sorted({std::move(nodes), quorum});
}

Step change_to(Wanted wanted) { return {Step::Kind::wanted, std::move(wanted), {}}; }

bool among(const std::vector<std::string>& names, const Node& node) {
  return std::find(names.begin(), names.end(), node.name) != names.end();
}

// One set to accept at is a node larger than the one to prepare at: a growth that is half done, or
// a shrinking.
Step finish_half(const Configuration& present) {
  const auto more = std::find_if(present.accept.nodes.begin(), present.accept.nodes.end(),
                                 [&](const Node& node) { return !present.prepare.has(node.id); });
  const bool grows = more != present.accept.nodes.end() && among(present.goal, *more);
  if (!grows) return change_to({.accept = majority(present.prepare.nodes)});
  if (!present.holding.empty()) return {Step::Kind::rescan, {}, {}};
  return change_to({.prepare = majority(present.accept.nodes)});
}

}  // namespace

// From an odd number to the next even one: accept, rescan, prepare; on to the next odd one: both.
// Back from there: both, rescan; to the next odd one: prepare, accept.
Step towards_goal(const Configuration& present, const std::vector<Node>& known) {
  if (present.goal.empty()) return {};
  if (present.prepare.nodes != present.accept.nodes) return finish_half(present);
  if (!present.holding.empty()) return {Step::Kind::rescan, {}, {}};
  std::vector<Node> nodes = present.accept.nodes;
  const bool odd = nodes.size() % 2 == 1;
  for (const std::string& name : present.goal) {
    const auto is = [&](const Node& node) { return node.name == name; };
    if (std::any_of(nodes.begin(), nodes.end(), is)) continue;
    const auto newcomer = std::find_if(known.begin(), known.end(), is);
    if (newcomer == known.end()) return {Step::Kind::unknown, {}, name};
    nodes.push_back(*newcomer);
    if (odd) return change_to({.accept = majority(nodes)});
    return change_to({.prepare = majority(nodes), .accept = majority(nodes)});
  }
  for (auto node = nodes.begin(); node != nodes.end(); ++node) {
    if (among(present.goal, *node)) continue;
    nodes.erase(node);
    if (odd) return change_to({.prepare = majority(nodes), .accept = majority(nodes)});
    return change_to({.prepare = majority(nodes)});
  }
  return change_to({.goal = std::vector<std::string>()});
}

}  // namespace skep::proposer
