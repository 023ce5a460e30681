#include "net/members_table.hpp"

#include <algorithm>
#include <tuple>

#include "net/base/assert.hpp"
#include "net/base/checksum.hpp"
#include "net/base/plant.hpp"

namespace skep::members {
namespace {

std::uint64_t fingerprint(const Member& member) {
  const std::uint64_t words[] = {member.id, member.incarnation,
                                 static_cast<std::uint64_t>(member.state)};
  return hash64({reinterpret_cast<const char*>(words), sizeof words});
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

Table::Table(Keep keep) : keep_(std::move(keep)) {
  if (!keep_)
    keep_ = [](Member member) { return std::make_shared<const Member>(std::move(member)); };
}

const Member* Table::find(NodeId id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : found.shared().get();
}

bool Table::lives_at(const Address& address) const {
  const auto there = members_.with_address(address);
  return std::any_of(there.begin(), there.end(),
                     [](const Member* member) { return skep::living(member->state); });
}

std::vector<NodeId> Table::rivals(const Member& member) const {
  std::vector<NodeId> found;
  for (const auto& same : {members_.named(member.name), members_.with_address(member.address)})
    for (const Member* other : same)
      if (other->id != member.id) found.push_back(other->id);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void Table::fill(std::vector<std::pair<Member, Time>> members) {
  std::vector<MemberList::Row> rows;
  rows.reserve(members.size());
  for (auto& [member, since] : members) {
    SKEP_ASSERT(member.id != 0);
    const NodeId id = member.id;
    rows.push_back({id, since, keep_(std::move(member))});
  }
  members_ = MemberList(std::move(rows));
  living_.clear();
  living_.reserve(members_.size());
  digest_ = 0;
  for (const auto& [id, member] : members_) {
    digest_ ^= fingerprint(member);
    if (skep::living(member.state)) living_.push_back(id);
  }
}

MemberList::Shared Table::put(Member member, Time since) {
  SKEP_ASSERT(member.id != 0);
  MemberList::Shared kept = keep_(std::move(member));
  const auto found = members_.find(kept->id);
  const MemberList::Shared known = found == members_.end() ? nullptr : found.shared();
  if (known) digest_ ^= fingerprint(*known);
  digest_ ^= fingerprint(*kept);
  const bool lived = known && skep::living(known->state);
  const bool lives = skep::living(kept->state);
  if (lived != lives) {
    const auto at = std::lower_bound(living_.begin(), living_.end(), kept->id);
    lives ? void(living_.insert(at, kept->id)) : void(living_.erase(at));
  }
  members_.put(kept, since);
  return kept;
}

void Table::erase(NodeId id) {
  const auto found = members_.find(id);
  SKEP_ASSERT(found != members_.end());
  const Member& member = *found.shared();
  digest_ ^= fingerprint(member);
  if (skep::living(member.state))
    living_.erase(std::lower_bound(living_.begin(), living_.end(), id));
  members_.erase(id);
}

}  // namespace skep::members
