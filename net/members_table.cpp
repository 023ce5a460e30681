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

void erase_one(std::multimap<std::string, NodeId>& from, const std::string& key, NodeId id) {
  auto [first, last] = from.equal_range(key);
  auto found = std::find_if(first, last, [&](const auto& entry) { return entry.second == id; });
  SKEP_ASSERT(found != last);
  from.erase(found);
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
  auto [first, last] = addresses_.equal_range(address);
  return std::any_of(first, last, [&](const auto& entry) {
    return skep::members::living(members_.at(entry.second).state);
  });
}

std::vector<NodeId> Table::rivals(const Member& member) const {
  std::vector<NodeId> found;
  auto collect = [&](const auto& index, const std::string& key) {
    auto [first, last] = index.equal_range(key);
    for (; first != last; ++first)
      if (first->second != member.id) found.push_back(first->second);
  };
  collect(names_, member.name);
  collect(addresses_, member.address);
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
  names_.emplace(member.name, member.id);
  addresses_.emplace(member.address, member.id);
  digest_ ^= fingerprint(member);
  if (skep::members::living(member.state))
    living_.insert(std::lower_bound(living_.begin(), living_.end(), member.id), member.id);
}

void Table::unindex(const Member& member) {
  erase_one(names_, member.name, member.id);
  erase_one(addresses_, member.address, member.id);
  digest_ ^= fingerprint(member);
  if (skep::members::living(member.state))
    living_.erase(std::lower_bound(living_.begin(), living_.end(), member.id));
}

}  // namespace skep::members
