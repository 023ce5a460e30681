// RING FORGET: an operator writes a dead node off. From then on its identity counts for nothing, as
// long as the hive lives: majorities are of the others (Record::majority), nobody listens to it,
// and a node that finds itself written off serves nothing. Each node has it on disk before it acts
// on it, and tells the others.
#include "roles/ring/ring.hpp"

namespace skep::ring {

namespace {

constexpr std::string_view kForgottenSpace = "ring.forgotten";  // id, as wire has it -> nothing

std::string list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

}  // namespace

Result<std::set<NodeId>> Ring::read_forgotten() {
  std::set<NodeId> forgotten;
  bool damaged = false;
  auto scanned = store_.scan(kForgottenSpace, {}, {}, [&](std::string_view key, std::string_view) {
    const auto id = wire::decode<NodeId>(key);
    damaged = damaged || !id;
    if (id) forgotten.insert(*id);
    return true;
  });
  if (!scanned) return tl::unexpected(scanned.error());
  if (damaged) return fail(Code::corrupt, "the list of nodes written off is damaged");
  if (forgotten.contains(membership_.self())) return fail(Code::conflict, std::string(kWrittenOff));
  return forgotten;
}

// What this node's disk says of it, to the others; and what they say.
void Ring::tell_forgotten() {
  for (NodeId id : core_->host().forgotten)
    membership_.spread({std::string(kForgottenTopic), id, 1, {}});
  membership_.on_rumor(kForgottenTopic, [this, alive = alive_](const Rumor& rumor) {
    if (*alive) write_off(rumor.key, [](Result<>) {});
  });
}

void Ring::write_off(NodeId node, std::function<void(Result<>)> done) {
  if (core_->host().forgotten.contains(node)) return done({});
  Batch batch;
  batch.put(kForgottenSpace, wire::encode(node), {});
  store_.submit(batch, Durability::durable,
                [this, alive = alive_, node, done = std::move(done)](Result<> ok) {
                  if (!*alive) return;
                  if (!ok) {
                    // Heard again from whoever knows it, when this node starts again.
                    env_.log.write(Level::error, "ring",
                                   "cannot note that a node is written off: " + ok.error().message);
                    return done(std::move(ok));
                  }
                  core_->forget(node);
                  membership_.spread({std::string(kForgottenTopic), node, 1, {}});
                  const auto member = membership_.members().find(node);
                  env_.log.write(
                      Level::warn, "ring",
                      (member == membership_.members().end() ? "a node" : member->second.name) +
                          " is written off for good");
                  if (node == membership_.self()) {
                    written_off_ = true;
                    env_.log.write(Level::error, "ring", std::string(kWrittenOff));
                  }
                  changed_nodes();
                  done({});
                });
}

void Ring::forget(std::string_view node, bool sure, std::function<void(Result<>)> done) {
  if (!core_ || !router_)
    return done(fail(Code::unavailable, "this node has not joined a ring yet"));
  std::vector<NodeId> found;
  std::vector<std::string> dead;
  for (const auto& [id, member] : membership_.members()) {
    if (!member.runs("ring")) continue;
    const bool is_dead = member.state == MemberState::dead;
    if (is_dead && !core_->host().forgotten.contains(id)) dead.push_back(member.name);
    if (member.name != node && node_id(id) != node) continue;
    if (is_dead) found.push_back(id);
    if (is_dead || member.state == MemberState::left) continue;
    return done(fail(Code::invalid, member.name + " is " + std::string(name(member.state)) +
                                        "; only a dead node can be written off. A living one "
                                        "leaves: RING LEAVE, said to it"));
  }
  if (found.empty())
    return done(
        fail(Code::not_found, "no dead ring node has this name or id; dead are: " + list(dead)));
  if (!sure)
    return done(fail(Code::invalid,
                     "this writes " + std::string(node) +
                         " off for good: it cannot come back with its data, and what was "
                         "acknowledged but is on no node that is left is lost. If you are sure "
                         "that it will not run again: RING FORGET " +
                         std::string(node) + " YES"));
  auto waiting = std::make_shared<std::pair<std::size_t, Result<>>>(found.size(), Result<>{});
  for (const NodeId id : found)
    write_off(id, [waiting, done](Result<> ok) {
      if (!ok) waiting->second = std::move(ok);
      if (--waiting->first == 0) done(std::move(waiting->second));
    });
}

}  // namespace skep::ring
