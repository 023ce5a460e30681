// CLUSTER's replies, out of a topology, as Redis 7.0 words them.
#pragma once

#include "net/resp.hpp"
#include "roles/ring/topology.hpp"

namespace skep::ring {

// Every slot has an owner that is there.
bool covers_all_slots(const Topology& topology);

resp::Value cluster_info(const Topology& topology);
resp::Value cluster_myid(const Topology& topology);
// A line a node; members of an arc that do not own it are not told here.
resp::Value cluster_nodes(const Topology& topology);
// The owner first, then the other members that are there.
resp::Value cluster_slots(const Topology& topology);
// Ranges of one owner and the same other members are one shard.
resp::Value cluster_shards(const Topology& topology);

}  // namespace skep::ring
