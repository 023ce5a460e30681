// Requests of other nodes, and what this one owes them in answers (owed.hpp). Of one node those for
// one arc keep their order: what comes behind one that waits, waits. Other small ones overtake.
#include "roles/ring/core.hpp"

namespace skep::ring {

namespace {

constexpr std::size_t kValuesBehind = 2;  // of the largest size, that wait in requests

}  // namespace

std::vector<NodeId> Core::owing() const {
  std::vector<NodeId> nodes;
  for (const auto& [node, behind] : behind_) nodes.push_back(node);
  return nodes;
}

void Core::take_remote(Time now, WallMs wall, ArcId arc, const Asked& asked, Effects& effects) {
  if (has_to_wait(arc, asked)) return wait_behind(arc, asked, effects);
  on_request(now, wall, arc, asked, effects);
}

// False: it does not, and what its answer may take is promised.
bool Core::has_to_wait(ArcId arc, const Asked& asked) {
  const std::size_t bytes = arcs_[arc] ? arcs_[arc]->most_answered(asked) : 0;
  const auto behind = behind_.find(asked.from);
  if (behind != behind_.end() && (behind->second.arcs.contains(arc) || !host_.owed.small(bytes)))
    return true;
  return !host_.owed.make(asked.from, asked.token, bytes);
}

void Core::wait_behind(ArcId arc, const Asked& asked, Effects& effects) {
  Behind& behind = behind_[asked.from];
  std::size_t bytes = 0;
  for (std::string_view word : asked.args) bytes += sizeof(std::string) + word.size();
  const bool many = behind.held.size() >= host_.options.max_waiting ||
                    behind.bytes + bytes > kValuesBehind * host_.options.max_value;
  if (many && !behind.held.empty()) return refuse_owed(asked, effects);
  behind.held.push_back({asked, {asked.args.begin(), asked.args.end()}, arc, bytes});
  behind.held.back().asked.args = {};
  ++behind.arcs[arc];
  behind.bytes += bytes;
}

// Whoever waits for an arc that this node does not own any more hears so at once, and goes to its
// owner. Others wait for their turn; not until their askers give up, or these would not hear that
// nothing was done.
void Core::serve_behind(Time now, WallMs wall, Effects& effects) {
  const auto owned = [&](ArcId arc) { return arcs_[arc] && arcs_[arc]->owns(); };
  for (auto& [node, behind] : behind_) {
    const bool moved = std::any_of(behind.arcs.begin(), behind.arcs.end(),
                                   [&](const auto& arc) { return !owned(arc.first); });
    bool blocked = false;
    std::deque<Behind::Held> left;
    while (!behind.held.empty() && (moved || !blocked)) {
      Behind::Held next = std::move(behind.held.front());
      behind.held.pop_front();
      const std::vector<std::string_view> args(next.args.begin(), next.args.end());
      next.asked.args = args;
      const bool late = now + host_.options.heartbeat >= next.asked.deadline;
      const Asked& asked = next.asked;
      const bool waits = !late && owned(next.arc);
      blocked = blocked || (waits && !host_.owed.make(node, asked.token,
                                                      arcs_[next.arc]->most_answered(asked)));
      if (waits && blocked) {
        next.asked.args = {};
        left.push_back(std::move(next));
        continue;
      }
      behind.bytes -= next.bytes;
      if (--behind.arcs[next.arc] == 0) behind.arcs.erase(next.arc);
      late ? refuse_owed(asked, effects) : on_request(now, wall, next.arc, asked, effects);
    }
    behind.held.insert(behind.held.begin(), std::make_move_iterator(left.begin()),
                       std::make_move_iterator(left.end()));
  }
  std::erase_if(behind_, [](const auto& each) { return each.second.held.empty(); });
}

void Core::refuse_owed(const Asked& asked, Effects& effects) {
  effects.replies.push_back({asked.token, failed(Outcome::refused, kOwesTooMuch)});
}

// Turns replies to other nodes' requests into messages. Each answer is there once: the copy that it
// was made as goes as soon as it is encoded.
void Core::answer_remotes(Effects& effects) {
  std::erase_if(effects.replies, [&](Effects::Reply& reply) {
    if (reply.token < kRemote) return false;
    if (const auto remote = remote_.find(reply.token); remote != remote_.end()) {
      Answer answer = std::move(reply.answer);
      answer.arc = remote->second.arc;
      effects.send(remote->second.node, answer, remote->second.request);
      host_.owed.give(reply.token);
      remote_.erase(remote);
    }
    return true;
  });
}

}  // namespace skep::ring
