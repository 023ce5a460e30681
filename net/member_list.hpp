// The list of a cluster's members, as its readers see it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/env.hpp"

namespace skep {

enum class MemberState : std::uint8_t {
  alive,
  suspect,  // does not answer; may still refute it
  dead,     // believed dead; comes back with a higher incarnation
  leaving,  // alive, and giving away what it holds, for good
  left,     // gone for good
};
constexpr MemberState wire_max(MemberState) { return MemberState::left; }
std::string_view name(MemberState state) noexcept;
// Whether such a member runs, as far as is known: it is probed, and told the news.
constexpr bool living(MemberState state) {
  return state != MemberState::dead && state != MemberState::left;
}

struct Listener {
  std::string role;  // "ring", "admin", …
  Address address;   // what clients dial
  template <class M, class V> static void fields(M& m, V&& v) {
    v("role", m.role);
    v("address", m.address);
  }
  bool operator==(const Listener&) const = default;
};

struct Member {
  NodeId id = 0;
  std::string name;
  Address address;  // of its cluster port
  std::uint64_t incarnation = 0;
  MemberState state = MemberState::alive;
  std::vector<std::string> roles;
  std::vector<Listener> listeners;
  std::uint32_t weight = 100;  // share of the ring, in percent of a plain node's

  bool runs(std::string_view role) const {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
  }

  template <class M, class V> static void fields(M& m, V&& v) {
    v("id", m.id);
    v("name", m.name);
    v("address", m.address);
    v("incarnation", m.incarnation);
    v("state", m.state);
    v("roles", m.roles);
    v("listeners", m.listeners);
    v("weight", m.weight);
  }
  bool operator==(const Member&) const = default;
};

// Members, each identity once. One is never changed but replaced, so whoever needs it for longer
// than the list has it shares it instead of a copy.
class MemberList {
 public:
  using Shared = std::shared_ptr<const Member>;
  struct Row {
    NodeId id = 0;
    Time since{};  // when this node saw it enter its state
    Shared member;
  };
  // Of (id, member), as a map's; valid until the list changes.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::pair<NodeId, const Member&>;
    using reference = value_type;
    using difference_type = std::ptrdiff_t;
    struct pointer {
      value_type entry;
      const value_type* operator->() const { return &entry; }
    };
    explicit Iterator(const Row* row) : row_(row) {}
    value_type operator*() const { return {row_->id, *row_->member}; }
    pointer operator->() const { return {**this}; }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(row_++); }
    bool operator==(const Iterator&) const = default;
    Time since() const { return row_->since; }
    const Shared& shared() const { return row_->member; }

   private:
    const Row* row_;
  };

  MemberList() = default;
  // In any order; of an id that comes twice the first counts.
  explicit MemberList(std::vector<Row> rows);

  Iterator begin() const { return Iterator(rows_.data()); }
  Iterator end() const { return Iterator(rows_.data() + rows_.size()); }
  std::size_t size() const { return rows_.size(); }
  Iterator find(NodeId id) const;
  bool contains(NodeId id) const { return find(id) != end(); }
  // Requires that it is there.
  const Member& at(NodeId id) const;
  // Those with that name, or that address; several identities may have had it. Valid until the list
  // changes.
  std::span<const Member* const> named(const std::string& name) const;
  std::span<const Member* const> with_address(const Address& address) const;
  // All of them, by name and id.
  std::span<const Member* const> by_name() const { return names_; }

  // In place of the one with its id, if there is one.
  void put(Shared member, Time since);
  void erase(NodeId id);
  // All times of the list are so much later.
  void shift(Duration by);

 private:
  std::size_t place(NodeId id) const;  // of the first that is not before it

  std::vector<Row> rows_;                         // by id
  std::vector<const Member*> names_, addresses_;  // by name, or address, and id
};

}  // namespace skep
