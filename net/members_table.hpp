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

#include <functional>
#include <utility>
#include <vector>

#include "net/membership.hpp"

namespace skep::members {

// The place of a state within an incarnation: a higher one is believed over a lower one.
int rank(MemberState state) noexcept;

// Whether `update` is news to one who believes `known`. Both are of the same identity.
bool newer(const Member& update, const Member& known) noexcept;

// Whether `a` has the better right to a name or an address that both claim.
bool outranks(const Member& a, const Member& b) noexcept;

class Table {
 public:
  // Keeps a member for a list.
  using Keep = std::function<MemberList::Shared(Member)>;
  explicit Table(Keep keep = {});

  const MemberList& all() const { return members_; }
  // Nullptr when unknown. Valid until the member is replaced or erased.
  const Member* find(NodeId id) const;
  // When this node saw it enter its state. Requires that it is known.
  Time since(NodeId id) const { return members_.find(id).since(); }
  // The living ones, by id.
  const std::vector<NodeId>& living() const { return living_; }
  // A living member has this address.
  bool lives_at(const Address& address) const;
  // Other identities with the same name or the same address.
  std::vector<NodeId> rivals(const Member& member) const;
  // Equal for equal lists of (identity, incarnation, state).
  std::uint64_t digest() const { return digest_; }

  // These in place of all; the first of those with one id counts.
  void fill(std::vector<std::pair<Member, Time>> members);
  MemberList::Shared put(Member member, Time since = {});
  void erase(NodeId id);
  void shift(Duration by) { members_.shift(by); }

 private:
  Keep keep_;
  MemberList members_;
  std::vector<NodeId> living_;
  std::uint64_t digest_ = 0;
};

}  // namespace skep::members
