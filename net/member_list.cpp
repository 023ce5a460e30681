#include "net/member_list.hpp"

#include "net/base/assert.hpp"

namespace skep {
namespace {

using Index = std::vector<const Member*>;
// What an index goes by.
using Field = std::string Member::*;

bool before(const Member& a, const Member& b, Field field) {
  const int order = (a.*field).compare(b.*field);
  return order != 0 ? order < 0 : a.id < b.id;
}

Index::iterator place(Index& index, const Member& member, Field field) {
  return std::lower_bound(
      index.begin(), index.end(), member,
      [field](const Member* one, const Member& to) { return before(*one, to, field); });
}

void take_out(Index& from, const Member& member, Field field) {
  const auto found = place(from, member, field);
  SKEP_ASSERT(found != from.end() && *found == &member);
  from.erase(found);
}

void replace(Index& in, const Member* known, const Member& member, Field field) {
  if (known != nullptr && known->*field == member.*field) {
    const auto found = place(in, *known, field);
    SKEP_ASSERT(found != in.end() && *found == known);
    *found = &member;
    return;
  }
  if (known != nullptr) take_out(in, *known, field);
  in.insert(place(in, member, field), &member);
}

Index sorted(const std::vector<MemberList::Row>& rows, Field field) {
  Index index;
  index.reserve(rows.size());
  for (const auto& row : rows) index.push_back(row.member.get());
  std::sort(index.begin(), index.end(), [field](const Member* one, const Member* other) {
    return before(*one, *other, field);
  });
  return index;
}

std::span<const Member* const> equal(const Index& index, const std::string& key, Field field) {
  const auto begin = std::lower_bound(
      index.begin(), index.end(), key,
      [field](const Member* one, const std::string& to) { return one->*field < to; });
  auto end = begin;
  while (end != index.end() && (*end)->*field == key) ++end;
  return {begin, end};
}

}  // namespace

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

MemberList::MemberList(std::vector<Row> rows) : rows_(std::move(rows)) {
  std::stable_sort(rows_.begin(), rows_.end(),
                   [](const Row& one, const Row& other) { return one.id < other.id; });
  const auto same = [](const Row& one, const Row& other) { return one.id == other.id; };
  rows_.erase(std::unique(rows_.begin(), rows_.end(), same), rows_.end());
  names_ = sorted(rows_, &Member::name);
  addresses_ = sorted(rows_, &Member::address);
}

std::size_t MemberList::place(NodeId id) const {
  const auto found = std::lower_bound(rows_.begin(), rows_.end(), id,
                                      [](const Row& row, NodeId to) { return row.id < to; });
  return static_cast<std::size_t>(found - rows_.begin());
}

MemberList::Iterator MemberList::find(NodeId id) const {
  const std::size_t at = place(id);
  return at < rows_.size() && rows_[at].id == id ? Iterator(&rows_[at]) : end();
}

const Member& MemberList::at(NodeId id) const {
  const Iterator found = find(id);
  SKEP_ASSERT(found != end());
  return *found.shared();
}

std::span<const Member* const> MemberList::named(const std::string& name) const {
  return equal(names_, name, &Member::name);
}

std::span<const Member* const> MemberList::with_address(const Address& address) const {
  return equal(addresses_, address, &Member::address);
}

void MemberList::put(Shared member, Time since) {
  const NodeId id = member->id;
  const auto at = rows_.begin() + static_cast<std::ptrdiff_t>(place(id));
  const bool known = at != rows_.end() && at->id == id;
  replace(names_, known ? at->member.get() : nullptr, *member, &Member::name);
  replace(addresses_, known ? at->member.get() : nullptr, *member, &Member::address);
  if (known)
    *at = {id, since, std::move(member)};
  else
    rows_.insert(at, {id, since, std::move(member)});
}

void MemberList::erase(NodeId id) {
  const auto at = rows_.begin() + static_cast<std::ptrdiff_t>(place(id));
  take_out(names_, *at->member, &Member::name);
  take_out(addresses_, *at->member, &Member::address);
  rows_.erase(at);
}

void MemberList::shift(Duration by) {
  for (Row& row : rows_) row.since += by;
}

}  // namespace skep
