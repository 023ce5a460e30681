// The members list itself, and which of two claims about a member is the newer one. The order is
// what makes every list end up the same, in whatever order the claims come:
//
//   - left is for good;
//   - otherwise the higher incarnation wins; only the member itself raises it;
//   - within an incarnation suspect beats alive and leaving, and dead beats them all: death is
//     final for that incarnation.
//
// A name, and an address, belong to one identity at a time: the one with the highest incarnation.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "net/membership.hpp"

namespace skep::members {

// Alive, as far as one knows: is probed, and told the news.
constexpr bool living(MemberState state) {
  return state == MemberState::alive || state == MemberState::suspect ||
         state == MemberState::leaving;
}

// The place of a state within an incarnation: a higher one is believed over a lower one.
int rank(MemberState state) noexcept;

// Whether `update` is news to one who believes `known`. Both are of the same identity.
bool newer(const Member& update, const Member& known) noexcept;

// Whether `a` has the better right to a name or an address that both claim.
bool outranks(const Member& a, const Member& b) noexcept;

class Table {
 public:
  const std::map<NodeId, Member>& all() const { return members_; }
  // Nullptr when unknown. Valid until the member is erased.
  const Member* find(NodeId id) const;
  // The living ones, by id.
  const std::vector<NodeId>& living() const { return living_; }
  // A living member has this address.
  bool lives_at(const Address& address) const;
  // Other identities with the same name or the same address.
  std::vector<NodeId> rivals(const Member& member) const;
  // Equal for equal lists of (identity, incarnation, state).
  std::uint64_t digest() const { return digest_; }

  void put(Member member);
  void erase(NodeId id);

 private:
  void index(const Member& member);
  void unindex(const Member& member);

  std::map<NodeId, Member> members_;
  std::vector<NodeId> living_;
  // Hashes of names and addresses with their members, sorted: a large list has many of them.
  using Index = std::vector<std::pair<std::uint64_t, NodeId>>;
  Index names_, addresses_;
  std::uint64_t digest_ = 0;
};

}  // namespace skep::members
