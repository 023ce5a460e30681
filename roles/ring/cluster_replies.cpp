#include "roles/ring/cluster_replies.hpp"

#include <algorithm>
#include <map>

#include "net/address.hpp"

namespace skep::ring {
namespace {

using resp::Value;

struct Count {
  std::uint32_t known = 0;  // slots
  std::uint32_t ok = 0;
  std::size_t owners = 0;
};

Count count_slots(const Topology& topology) {
  Count count;
  std::vector<bool> owns(topology.nodes.size());
  for (const auto& range : topology.ranges) {
    const std::uint32_t slots = range.last - range.first + 1U;
    count.known += slots;
    if (topology.nodes[range.owner].reachable()) count.ok += slots;
    owns[range.owner] = true;
  }
  count.owners = static_cast<std::size_t>(std::count(owns.begin(), owns.end(), true));
  return count;
}

HostPort place_of(const Address& address) { return parse_address(address).value_or(HostPort{}); }

void line(std::string& out, std::string_view name, std::uint64_t value) {
  out.append(name).append(":").append(std::to_string(value)).append("\r\n");
}

Value slots_node(const Topology::Node& node) {
  const HostPort place = place_of(node.clients);
  return Value::array(
      {Value::bulk(place.host), Value::integer(place.port), Value::bulk(node.id), Value::map({})});
}

Value shard_node(const Topology::Node& node, bool owner) {
  const HostPort place = place_of(node.clients);
  const bool there = node.reachable();
  return Value::map({Value::bulk("id"), Value::bulk(node.id), Value::bulk("port"),
                     Value::integer(place.port), Value::bulk("ip"), Value::bulk(place.host),
                     Value::bulk("endpoint"), Value::bulk(place.host), Value::bulk("role"),
                     Value::bulk(owner ? "master" : "replica"), Value::bulk("replication-offset"),
                     Value::integer(0), Value::bulk("health"),
                     Value::bulk(there ? "online" : "fail")});
}

std::string_view flag(MemberState state) {
  switch (state) {
    case MemberState::suspect: return ",fail?";
    case MemberState::dead:
    case MemberState::left: return ",fail";
    default: return "";
  }
}

}  // namespace

bool covers_all_slots(const Topology& topology) { return count_slots(topology).ok == kSlots; }

Value cluster_info(const Topology& topology) {
  const Count count = count_slots(topology);
  std::string text = "cluster_state:";
  text += count.ok == kSlots ? "ok\r\n" : "fail\r\n";
  line(text, "cluster_slots_assigned", count.known);
  line(text, "cluster_slots_ok", count.ok);
  line(text, "cluster_slots_pfail", 0);
  line(text, "cluster_slots_fail", count.known - count.ok);
  line(text, "cluster_known_nodes", topology.nodes.size());
  line(text, "cluster_size", count.owners);
  line(text, "cluster_current_epoch", topology.epoch);
  line(text, "cluster_my_epoch", topology.epoch);
  return Value::verbatim(std::move(text));
}

Value cluster_myid(const Topology& topology) {
  for (const auto& node : topology.nodes)
    if (node.self) return Value::bulk(node.id);
  return Value::error("TRYAGAIN this node is in no cluster yet");
}

Value cluster_nodes(const Topology& topology) {
  std::string text;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const auto& node = topology.nodes[i];
    HostPort place = place_of(node.clients);
    text += node.id + " " + place.host + ":" + std::to_string(place.port) + "@" +
            std::to_string(place_of(node.cluster).port);
    text.append(node.self ? " myself,master" : " master").append(flag(node.state));
    text += " - 0 0 " + std::to_string(topology.epoch) +
            (living(node.state) ? " connected" : " disconnected");
    // Here only the owner counts: ranges that differ in their other members are one again.
    std::int64_t first = -1, last = -1;
    const auto say = [&] {
      if (first < 0) return;
      text += " " + std::to_string(first);
      if (last > first) text += "-" + std::to_string(last);
    };
    for (const auto& range : topology.ranges) {
      if (range.owner != i) continue;
      if (first < 0 || range.first != last + 1) {
        say();
        first = range.first;
      }
      last = range.last;
    }
    say();
    text += '\n';
  }
  return Value::verbatim(std::move(text));
}

Value cluster_slots(const Topology& topology) {
  std::vector<Value> ranges;
  for (const auto& range : topology.ranges) {
    const auto& owner = topology.nodes[range.owner];
    if (owner.clients.empty()) continue;
    std::vector<Value> entry{Value::integer(range.first), Value::integer(range.last),
                             slots_node(owner)};
    for (std::size_t other : range.others)
      if (topology.nodes[other].reachable()) entry.push_back(slots_node(topology.nodes[other]));
    ranges.push_back(Value::array(std::move(entry)));
  }
  return Value::array(std::move(ranges));
}

Value cluster_shards(const Topology& topology) {
  std::map<std::pair<std::size_t, std::vector<std::size_t>>, std::vector<Value>> shards;
  for (const auto& range : topology.ranges) {
    auto& slots = shards[{range.owner, range.others}];
    slots.push_back(Value::integer(range.first));
    slots.push_back(Value::integer(range.last));
  }
  std::vector<Value> list;
  for (auto& [who, slots] : shards) {
    std::vector<Value> nodes{shard_node(topology.nodes[who.first], true)};
    for (std::size_t other : who.second) nodes.push_back(shard_node(topology.nodes[other], false));
    list.push_back(Value::map({Value::bulk("slots"), Value::array(std::move(slots)),
                               Value::bulk("nodes"), Value::array(std::move(nodes))}));
  }
  return Value::array(std::move(list));
}

}  // namespace skep::ring
