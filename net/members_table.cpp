#include "net/members_table.hpp"

#include <algorithm>
#include <tuple>

#include "net/base/assert.hpp"
#include "net/base/checksum.hpp"
#include "net/base/plant.hpp"

namespace skep {

std::string_view name(MemberState state) noexcept {
  switch (state) {
    case MemberState::alive: return "alive";
    case MemberState::suspect: return "suspect";
    case MemberState::dead: return "dead";
    case MemberState::leaving: return "leaving";
    case MemberState::left: return "left";
  }
  return "?";
}

}  // namespace skep

namespace skep::members {
namespace {

std::uint64_t fingerprint(const Member& member) {
  const std::uint64_t words[] = {member.id, member.incarnation,
                                 static_cast<std::uint64_t>(member.state)};
  return hash64({reinterpret_cast<const char*>(words), sizeof words});
}

using Index = std::vector<std::pair<std::uint64_t, NodeId>>;

void add(Index& into, const std::string& key, NodeId id) {
  const Index::value_type entry{hash64(key), id};
  into.insert(std::lower_bound(into.begin(), into.end(), entry), entry);
}

void take_out(Index& from, const std::string& key, NodeId id) {
  const Index::value_type entry{hash64(key), id};
  const auto found = std::lower_bound(from.begin(), from.end(), entry);
  SKEP_ASSERT(found != from.end() && *found == entry);
  from.erase(found);
}

// Calls visit(id) for those with the key's hash, and perhaps another key.
template <class Visit> void each(const Index& index, const std::string& key, Visit&& visit) {
  const std::uint64_t hash = hash64(key);
  auto at = std::lower_bound(index.begin(), index.end(), Index::value_type{hash, 0});
  for (; at != index.end() && at->first == hash; ++at) visit(at->second);
}

}  // namespace

int rank(MemberState state) noexcept {
  switch (state) {
    case MemberState::alive: return 0;
    case MemberState::leaving: return 1;
    case MemberState::suspect: return 2;
    case MemberState::dead: return 3;
    case MemberState::left: return 4;
  }
  return 0;
}

bool newer(const Member& update, const Member& known) noexcept {
  if (known.state == MemberState::left) return false;
  if (update.state == MemberState::left) return true;
  if (update.incarnation < known.incarnation) return SKEP_PLANT(older_incarnation_believed);
  if (update.incarnation > known.incarnation) return true;
  return rank(update.state) > rank(known.state);
}

bool outranks(const Member& a, const Member& b) noexcept {
  return std::tie(a.incarnation, a.id) > std::tie(b.incarnation, b.id);
}

const Member* Table::find(NodeId id) const {
  auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

bool Table::lives_at(const Address& address) const {
  bool lives = false;
  each(addresses_, address, [&](NodeId id) {
    const Member& member = members_.at(id);
    lives = lives || (member.address == address && skep::members::living(member.state));
  });
  return lives;
}

std::vector<NodeId> Table::rivals(const Member& member) const {
  std::vector<NodeId> found;
  const auto collect = [&](NodeId id) {
    const Member& other = members_.at(id);
    const bool rival = other.name == member.name || other.address == member.address;
    if (id != member.id && rival) found.push_back(id);
  };
  each(names_, member.name, collect);
  each(addresses_, member.address, collect);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void Table::put(Member member) {
  SKEP_ASSERT(member.id != 0);
  auto found = members_.find(member.id);
  if (found != members_.end()) {
    unindex(found->second);
    found->second = std::move(member);
    index(found->second);
  } else {
    NodeId id = member.id;
    index(members_.emplace(id, std::move(member)).first->second);
  }
}

void Table::erase(NodeId id) {
  auto found = members_.find(id);
  SKEP_ASSERT(found != members_.end());
  unindex(found->second);
  members_.erase(found);
}

void Table::index(const Member& member) {
  add(names_, member.name, member.id);
  add(addresses_, member.address, member.id);
  digest_ ^= fingerprint(member);
  if (skep::members::living(member.state))
    living_.insert(std::lower_bound(living_.begin(), living_.end(), member.id), member.id);
}

void Table::unindex(const Member& member) {
  take_out(names_, member.name, member.id);
  take_out(addresses_, member.address, member.id);
  digest_ ^= fingerprint(member);
  if (skep::members::living(member.state))
    living_.erase(std::lower_bound(living_.begin(), living_.end(), member.id));
}

}  // namespace skep::members
