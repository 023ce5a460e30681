// What a role sees of the cluster's members list (net/members.hpp keeps it). A view of it is never
// a permission: two nodes may see different lists at the same time, and nothing may depend on it
// for safety. It says whom to ask, whom to propose, and what others are rumoured to have.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/env.hpp"
#include "net/member_list.hpp"

namespace skep {

// A small fact that spreads with the members list: per topic and key, the highest version wins.
// Hints only (arc owners), and options that are the whole cluster's.
struct Rumor {
  std::string topic;  // "ring.arc", "ring.options"
  std::uint64_t key = 0;
  std::uint64_t version = 0;
  std::string value;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("topic", m.topic);
    v("key", m.key);
    v("version", m.version);
    v("value", m.value);
  }
  bool operator==(const Rumor&) const = default;
};

class Membership {
 public:
  virtual ~Membership() = default;

  virtual NodeId self() const = 0;
  // True on the node that created this cluster, in its later lives too: what it begins as the
  // founder it may have to finish after a crash.
  virtual bool founded() const = 0;
  // Everybody known, this node too, dead ones and those that left included (for a while).
  virtual const MemberList& members() const = 0;
  // Called after a member appeared or changed. Several subscribers; none may unsubscribe.
  virtual void on_change(std::function<void(const Member&)> changed) = 0;

  // Makes the rumor known everywhere, unless a higher version of it is known already. An own rumor
  // is not reported to on_rumor.
  virtual void spread(Rumor rumor) = 0;
  // Called for each rumor of the topic that is news here; those known already come at once.
  virtual void on_rumor(std::string_view topic, std::function<void(const Rumor&)> heard) = 0;

  // Says that this node is leaving (state `leaving`), or has left (`left`): for good.
  virtual void set_leaving() = 0;
  virtual void set_left() = 0;
};

}  // namespace skep
