// What says who may answer for an arc: its record and the promises of its members. Both are
// durable.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/error.hpp"
#include "net/base/plant.hpp"
#include "net/env.hpp"

namespace skep::ring {

using Epoch = std::uint64_t;

// Epochs are counted by ones, but for those that a node takes without asking anybody: these are so
// far above all that were known, each by a number of its own (see arc_alone.cpp).
constexpr Epoch kAlone = Epoch{1} << 40;
// Whether somebody took the arc over alone between the two.
constexpr bool apart(Epoch older, Epoch newer) {
  return newer > older && newer - older >= (kAlone >> 16);
}

// Of an entry; those of a key only grow. `number` is the write's place in its epoch's stream,
// from 1.
struct Version {
  Epoch epoch = 0;
  std::uint64_t number = 0;
  auto operator<=>(const Version&) const = default;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("epoch", m.epoch);
    v("number", m.number);
  }
};

// An epoch carries one record, written by the node to whom a majority promised that epoch.
// While it is not settled it names the members that it replaces, and majorities of both sets count.
struct Record {
  Epoch epoch = 0;  // 0: none is known
  NodeId owner = 0;
  std::vector<NodeId> members;   // sorted
  std::vector<NodeId> replaces;  // sorted; empty once the record is settled

  bool settled() const { return replaces.empty(); }
  bool names(NodeId node) const { return has(members, node); }
  // Members and those they replace.
  std::vector<NodeId> everybody() const {
    std::vector<NodeId> all;
    std::set_union(members.begin(), members.end(), replaces.begin(), replaces.end(),
                   std::back_inserter(all));
    return all;
  }
  // Whether the nodes for which `counts` is true are a majority: of the members and, while the
  // record is not settled, of the replaced ones too.
  template <class Counts> bool majority(Counts&& counts) const {
    if (SKEP_PLANT(change_with_new_majority_only)) return most(members, counts);
    return most(members, counts) && (replaces.empty() || most(replaces, counts));
  }
  // The same where some nodes are written off (RING FORGET): as many count as ever, or else all
  // that are left. So nothing is lost that is on any node that is left.
  template <class Counts> bool majority(const std::set<NodeId>& forgotten, Counts&& counts) const {
    if (forgotten.empty()) return majority(counts);
    const Record left = without(forgotten);
    const auto enough = [&](const std::vector<NodeId>& all, const std::vector<NodeId>& rest) {
      const auto count = std::count_if(rest.begin(), rest.end(), counts);
      return static_cast<std::size_t>(count) >= std::min(all.size() / 2 + 1, rest.size());
    };
    if (left.members.empty()) return false;
    if (!std::any_of(members.begin(), members.end(), [&](NodeId n) { return left.names(n); }))
      return enough(replaces, left.members);
    return enough(members, left.members) && enough(replaces, left.replaces);
  }
  // What is left of it. If none of the members is, those that they were to replace are it.
  Record without(const std::set<NodeId>& forgotten) const;
  template <class Counts> static bool most(const std::vector<NodeId>& nodes, Counts&& counts) {
    const auto count = std::count_if(nodes.begin(), nodes.end(), counts);
    return static_cast<std::size_t>(count) >= nodes.size() / 2 + 1;
  }
  static bool has(const std::vector<NodeId>& nodes, NodeId node) {
    return std::binary_search(nodes.begin(), nodes.end(), node);
  }

  template <class M, class V> static void fields(M& m, V&& v) {
    v("epoch", m.epoch);
    v("owner", m.owner);
    v("members", m.members);
    v("replaces", m.replaces);
  }
  bool operator==(const Record&) const = default;
};

// A member's promise to refuse everything below `epoch`, given to one node.
struct Promise {
  Epoch epoch = 0;
  NodeId to = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("epoch", m.epoch);
    v("to", m.to);
  }
  bool operator==(const Promise&) const = default;
};

// What a node holds durably of an arc, beside the entries: one row of the space "ring.arc".
struct Standing {
  Record record;
  Promise promise;
  // How many losses of the store (Opening::losses) this copy has been repaired from.
  std::uint64_t losses = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("record", m.record);
    v("promise", m.promise);
    v("losses", m.losses);
  }
};

// A checked record from outside: sorted sets without repeats, an owner that is a member.
bool well_formed(const Record& record);

// Rows with a checksum. Code::corrupt when it does not match.
std::string encode_row(const Standing& standing);
Result<Standing> decode_standing(std::string_view row);

}  // namespace skep::ring
