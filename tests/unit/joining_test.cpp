// What `cluster join` means, and the look at another cluster that decides it.
#include "net/joining.hpp"

#include <gtest/gtest.h>

#include "net/cluster.hpp"
#include "net/links.hpp"
#include "tests/unit/loopback.hpp"

namespace skep {
namespace {

using Outcome = Joining::Outcome;
using skep::testing::LinesLog;
using skep::testing::until;

Member member(NodeId id, const std::string& name, const std::string& role = "ring",
              MemberState state = MemberState::alive) {
  return {id, name, name + ":5000", 1, state, {role}, {}, 100};
}

class OneList final : public Membership {
 public:
  NodeId self() const override { return 1; }
  bool founded() const override { return true; }
  const MemberList& members() const override { return list; }
  void on_change(std::function<void(const Member&)>) override {}
  void spread(Rumor) override {}
  void on_rumor(std::string_view, std::function<void(const Rumor&)>) override {}
  void set_leaving() override {}
  void set_left() override {}

  void put(Member member) { list.put(std::make_shared<const Member>(std::move(member)), {}); }

  MemberList list{{{1, {}, std::make_shared<const Member>(member(1, "own"))}}};
};

class JoiningTest : public ::testing::Test {
 protected:
  Result<Outcome> join(bool bring) {
    Joining joining(members, {[this] { return cluster; },
                              [this](const Address&, const auto& done) {
                                ++joins;
                                done({});
                              },
                              [this](const Address&, const Visit::Done& done) { done(there); },
                              [this] { return entries; },
                              [this](const std::vector<Address>& peers) {
                                moved_to = peers;
                                return Result<>();
                              }});
    Result<Outcome> outcome = fail(Code::unknown, "no answer");
    joining.join("there:5000", bring, [&](Result<Outcome> got) { outcome = std::move(got); });
    return outcome;
  }
  void refuses(bool bring, Code code, const std::string& why) {
    const auto outcome = join(bring);
    ASSERT_FALSE(outcome) << why;
    EXPECT_EQ(outcome.error().code, code);
    EXPECT_NE(outcome.error().message.find(why), std::string::npos) << outcome.error().message;
    EXPECT_EQ(joins, 0);
    EXPECT_TRUE(moved_to.empty());
  }

  OneList members;
  std::uint64_t cluster = 7;
  Result<Visited> there = Visited{"there", 8, {member(2, "there"), member(3, "too")}};
  Result<std::uint64_t> entries = 10;
  int joins = 0;
  std::vector<Address> moved_to;
};

TEST_F(JoiningTest, JoinsAtOnceWhereOneOfTheTwoIsInNoClusterOrBothInOne) {
  for (const std::uint64_t other : {std::uint64_t{0}, cluster}) {
    there->cluster = other;
    EXPECT_EQ(join(false), Outcome::joined);
  }
  there = fail(Code::unavailable, "not asked");
  cluster = 0;
  EXPECT_EQ(join(false), Outcome::joined);
  EXPECT_EQ(join(true), Outcome::joined);
  EXPECT_EQ(joins, 4);
  EXPECT_TRUE(moved_to.empty());
}

TEST_F(JoiningTest, TakesEntriesAlongOnlyWhenTold) {
  refuses(false, Code::conflict, "--bring");
  EXPECT_EQ(join(true), Outcome::moves);
  EXPECT_EQ(moved_to, (std::vector<Address>{"there:5000", "there:5000", "too:5000"}));
  moved_to.clear();
  entries = 0;
  EXPECT_EQ(join(false), Outcome::moves) << "an empty one simply joins";
}

TEST_F(JoiningTest, RefusesWhatWouldLoseSomething) {
  entries = fail(Code::unavailable, "still moves arcs");
  refuses(true, Code::unavailable, "still moves arcs");
  entries = 10;
  members.put(member(4, "other"));
  refuses(true, Code::conflict, "has other nodes (other)");
  members.put(member(4, "other", "ring", MemberState::left));
  there->members = {member(2, "there", "admin"), member(3, "too", "ring", MemberState::dead)};
  refuses(true, Code::conflict, "has a ring");
}

TEST_F(JoiningTest, RefusesWhatCannotBe) {
  there->cluster = cluster;
  refuses(true, Code::conflict, "already");
  there = fail(Code::unavailable, "not asked");
  members.put(member(4, "there"));
  refuses(true, Code::conflict, "already");
  members.list.erase(4);
  there = Visited{"there", 8, {member(2, "there")}};
  there->members.push_back(member(9, "own"));
  there->members.back().address = "elsewhere:5000";
  refuses(true, Code::conflict, "called own, too");
  there = fail(Code::unavailable, "connection refused");
  refuses(true, Code::unavailable, "nothing has changed: connection refused");
}

// A node with its members list, on real sockets.
struct Node {
  Node(Loop& loop, NodeId id, std::vector<Address> peers) {
    LinkOptions o;
    o.cluster = "skep";
    o.node = "n" + std::to_string(id);
    o.identity = id;
    o.incarnation = 1;
    o.listen = "127.0.0.1:0";
    o.secret = "secret";
    links = std::move(*Links::open(loop, log, std::move(o)));
    Member self = member(id, "n" + std::to_string(id));
    self.address = links->address();
    cluster = std::move(*Cluster::open({loop, loop, loop, *links, log}, {self, std::move(peers)},
                                       "", [](const std::string&) {}));
    cluster->on_cluster([this](std::uint64_t cluster_id) { links->set_cluster_id(cluster_id); });
    cluster->start();
  }
  LinesLog log;
  std::unique_ptr<Links> links;
  std::unique_ptr<Cluster> cluster;
};

class VisitTest : public ::testing::Test {
 protected:
  Result<Visited> visit(Links& from, const Address& to) {
    std::optional<Result<Visited>> found;
    const auto visit = from.visit(to, [&](Result<Visited> there) { found = std::move(there); });
    until(loop, [&] { return found.has_value(); });
    return found.value_or(fail(Code::unknown, "no answer"));
  }
  Loop loop;
};

TEST_F(VisitTest, FindsTheMembersOfAnotherCluster) {
  Node there(loop, 1, {});
  Node here(loop, 2, {});
  const auto found = visit(*here.links, there.links->address());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->node, "n1");
  EXPECT_EQ(found->cluster, there.cluster->cluster_id());
  ASSERT_EQ(found->members.size(), 1u);
  EXPECT_EQ(found->members[0].name, "n1");
  EXPECT_EQ(there.cluster->members().size(), 1u) << "nothing changes by it";
  EXPECT_NE(here.cluster->cluster_id(), there.cluster->cluster_id());
}

TEST_F(VisitTest, SaysThatANodeIsInNone) {
  Node there(loop, 1, {"127.0.0.1:1"});
  Node here(loop, 2, {});
  const auto found = visit(*here.links, there.links->address());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->cluster, 0u);
}

TEST_F(VisitTest, SaysWhatKeepsThemApart) {
  Node there(loop, 1, {});
  Node here(loop, 2, {});
  EXPECT_EQ(visit(*here.links, "127.0.0.1:1").error().code, Code::unavailable);
  EXPECT_FALSE(visit(*here.links, "nonsense"));
  there.links->set_secret("another");
  const auto found = visit(*here.links, there.links->address());
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("another cluster secret"), std::string::npos)
      << found.error().message;
}

TEST_F(VisitTest, IsGivenUpWhenItIsDestroyed) {
  Node there(loop, 1, {});
  Node here(loop, 2, {});
  auto visit = here.links->visit(there.links->address(), [](const auto&) { FAIL(); });
  loop.run_once();
  visit.reset();
  skep::testing::turn(loop);
}

}  // namespace
}  // namespace skep
