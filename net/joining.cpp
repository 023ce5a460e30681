#include "net/joining.hpp"

#include <algorithm>
#include <utility>

namespace skep {

namespace {

constexpr std::size_t kMaxPeers = 16;

// The one that was named may be gone when the next process starts.
std::vector<Address> some_of(const Visited& there, const Address& named) {
  std::vector<Address> some{named};
  for (const Member& member : there.members)
    if (some.size() < kMaxPeers && living(member.state)) some.push_back(member.address);
  return some;
}

}  // namespace

void Joining::join(const Address& peer, bool bring, Done done) {
  const std::uint64_t own = hooks_.cluster_id();
  const bool itself = peer == members_.members().at(members_.self()).address;
  if (own == 0 || itself) return join_now(peer, std::move(done));
  const auto found = [this, peer, bring, own, done = std::move(done)](Result<Visited> there) {
    if (!there)
      return done(fail(there.error().code, "nothing has changed: " + there.error().message));
    if (bring && there->cluster == own)
      return done(fail(Code::conflict, "\"" + there->node + "\" at " + peer +
                                           " is in this node's cluster already; there is nothing "
                                           "to bring"));
    if (there->cluster == 0 || there->cluster == own) return join_now(peer, done);
    const Result<> moved =
        may_move(*there, bring).and_then([&] { return hooks_.move(some_of(*there, peer)); });
    moved ? done(Outcome::moves) : done(tl::unexpected(moved.error()));
  };
  for (const auto& [id, member] : members_.members())
    if (living(member.state) && member.address == peer) return found(Visited{member.name, own, {}});
  hooks_.visit(peer, found);
}

void Joining::join_now(const Address& peer, Done done) const {
  hooks_.join(peer, [done = std::move(done)](Result<> joined) {
    joined ? done(Outcome::joined) : done(tl::unexpected(joined.error()));
  });
}

// Nobody else may need what this node keeps of its cluster, and somebody there must take it.
Result<> Joining::may_move(const Visited& there, bool bring) const {
  const Member& self = members_.members().at(members_.self());
  std::string others;
  for (const auto& [id, member] : members_.members())
    if (id != self.id && living(member.state)) others += (others.empty() ? "" : ", ") + member.name;
  if (!others.empty())
    return fail(Code::conflict,
                "this node's own cluster has other nodes (" + others +
                    "), and a node joins another cluster alone: let them leave first; what they "
                    "keep comes here");
  for (const Member& member : there.members)
    if (living(member.state) && member.name == self.name && member.address != self.address)
      return fail(Code::conflict, "a living node there, at " + member.address + ", is called " +
                                      self.name +
                                      ", too; two nodes of a cluster cannot have one name");
  const auto entries = hooks_.entries();
  if (!entries) return tl::unexpected(entries.error());
  if (std::none_of(there.members.begin(), there.members.end(), [](const Member& member) {
        return living(member.state) && member.runs("ring");
      }))
    return fail(Code::conflict,
                "no node of the cluster there has a ring (roles) that would take "
                "what this one holds");
  if (*entries > 0 && !bring)
    return fail(Code::conflict,
                "this node holds a hive of its own, with " + std::to_string(*entries) +
                    " entries; `cluster join HOST:PORT --bring` takes them along: each is put "
                    "there if its key is absent");
  return {};
}

}  // namespace skep
