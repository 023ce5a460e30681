// CLUSTER's replies, out of topologies made up.
#include "roles/ring/cluster_replies.hpp"

#include <gtest/gtest.h>

#include "net/resp_encode.hpp"

namespace skep::ring {
namespace {

Topology three_nodes() {
  Topology topology;
  topology.nodes = {
      {"id1", "one", "10.0.0.1:2836", "10.0.0.1:5000", MemberState::alive, true},
      {"id2", "two", "[fe80::2]:2836", "[fe80::2]:5000", MemberState::suspect, false},
      {"id3", "three", "", "10.0.0.3:5000", MemberState::dead, false},
  };
  topology.epoch = 7;
  topology.add({0, 99, 0, {1, 2}});
  topology.add({100, 199, 0, {1, 2}});
  topology.add({200, 299, 0, {1}});
  topology.add({300, 300, 1, {0}});
  topology.add({301, 16383, 0, {1, 2}});
  return topology;
}

std::string show(const resp::Value& value) {
  std::string text;
  resp::encode(text, value, resp::Version::resp2);
  return text;
}

TEST(Topology, NeighboursOfTheSameNodesAreOneRange) {
  const Topology topology = three_nodes();
  ASSERT_EQ(topology.ranges.size(), 4U);
  EXPECT_EQ(topology.ranges[0], (Topology::Range{0, 199, 0, {1, 2}}));
  EXPECT_EQ(topology.ranges[1], (Topology::Range{200, 299, 0, {1}}));
}

TEST(Topology, NodeIdsAreFortyDigitsAndTellIdentitiesApart) {
  EXPECT_EQ(node_id(0x0123456789abcdef), "0123456789abcdef0123456789abcdef01234567");
  EXPECT_EQ(node_id(1).size(), 40U);
  EXPECT_NE(node_id(1), node_id(2));
}

TEST(ClusterReplies, NodesTellTheirSlotsAndTheirState) {
  EXPECT_EQ(cluster_nodes(three_nodes()).text,
            "id1 10.0.0.1:2836@5000 myself,master - 0 0 7 connected 0-299 301-16383\n"
            "id2 fe80::2:2836@5000 master,fail? - 0 0 7 connected 300\n"
            "id3 :0@5000 master,fail - 0 0 7 disconnected\n");
  EXPECT_EQ(cluster_myid(three_nodes()).text, "id1");
  EXPECT_TRUE(cluster_myid({}).is_error());
}

TEST(ClusterReplies, SlotsTellTheOwnerFirstAndNobodyThatIsNotThere) {
  const resp::Value slots = cluster_slots(three_nodes());
  ASSERT_EQ(slots.items.size(), 4U);
  EXPECT_EQ(show(slots.items[0]),
            "*4\r\n:0\r\n:199\r\n*4\r\n$8\r\n10.0.0.1\r\n:2836\r\n$3\r\nid1\r\n*0\r\n"
            "*4\r\n$7\r\nfe80::2\r\n:2836\r\n$3\r\nid2\r\n*0\r\n");
  EXPECT_EQ(slots.items[2].items[0].number, 300);
  EXPECT_EQ(slots.items[2].items[2].items[2].text, "id2");
}

TEST(ClusterReplies, ShardsAreRangesOfTheSameNodes) {
  const resp::Value shards = cluster_shards(three_nodes());
  ASSERT_EQ(shards.items.size(), 3U);
  EXPECT_EQ(show(shards.items[1].items[1]), "*4\r\n:0\r\n:199\r\n:301\r\n:16383\r\n");
  const resp::Value& nodes = shards.items[1].items[3];
  ASSERT_EQ(nodes.items.size(), 3U);
  EXPECT_EQ(nodes.items[0].items[9].text, "master");
  EXPECT_EQ(nodes.items[2].items[9].text, "replica");
  EXPECT_EQ(nodes.items[2].items[13].text, "fail");
}

TEST(ClusterReplies, TheStateIsOkWhileEverySlotHasAnOwnerThatIsThere) {
  Topology topology = three_nodes();
  EXPECT_TRUE(covers_all_slots(topology));
  EXPECT_TRUE(cluster_info(topology).text.starts_with(
      "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n"));
  topology.nodes[1].state = MemberState::dead;
  EXPECT_FALSE(covers_all_slots(topology));
  EXPECT_TRUE(cluster_info(topology).text.starts_with(
      "cluster_state:fail\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16383\r\n"));
  topology.ranges.pop_back();
  EXPECT_TRUE(cluster_info(topology).text.starts_with(
      "cluster_state:fail\r\ncluster_slots_assigned:301\r\n"));
}

}  // namespace
}  // namespace skep::ring
