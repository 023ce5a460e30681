// What no observer of a members list may ever see, whatever the faults: that what is believed of a
// member goes back. Per observer and subject (incarnation, rank of the state) never falls, and
// `left` is for good. An observer that restarts begins anew.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "net/members_table.hpp"

namespace skep::test {

class MembersChecker {
 public:
  // To be called with every member that an observer's on_change reports. The complaint, if any.
  std::optional<std::string> observe(NodeId observer, const Member& member) {
    Member& last = last_[observer].try_emplace(member.id, member).first->second;
    const bool back = last.state == MemberState::left
                          ? member.state != MemberState::left
                          : member.state != MemberState::left &&
                                std::pair(member.incarnation, members::rank(member.state)) <
                                    std::pair(last.incarnation, members::rank(last.state));
    std::string before = show(last);
    last = member;
    if (!back) return std::nullopt;
    return "node " + std::to_string(observer) + " believed " + before + " and then " + show(member);
  }
  void forget(NodeId observer) { last_.erase(observer); }

 private:
  static std::string show(const Member& member) {
    return member.name + " " + std::string(name(member.state)) + " in incarnation " +
           std::to_string(member.incarnation);
  }
  std::map<NodeId, std::map<NodeId, Member>> last_;
};

}  // namespace skep::test
