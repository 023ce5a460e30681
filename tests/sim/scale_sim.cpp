#include "tests/sim/scale_sim.hpp"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <fstream>

#include "net/members_messages.hpp"
#include "net/wire.hpp"
#include "roles/ring/messages.hpp"
#include "roles/ring/placement.hpp"

namespace skep::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kMeasured = seconds(10);
constexpr Duration kServedWithin = seconds(10);  // of a crash
constexpr std::size_t kRequests = 1000;

std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

ScaleReport::Rate rate(std::uint64_t frames, std::uint64_t bytes, std::size_t nodes) {
  const double of = static_cast<double>(nodes) * std::chrono::duration<double>(kMeasured).count();
  return {static_cast<double>(frames) / of, static_cast<double>(bytes) / of};
}

RingPlan plan_of(std::size_t nodes, std::uint16_t arcs, std::uint64_t seed) {
  RingPlan plan;
  plan.seed = seed;
  plan.nodes = nodes;
  plan.ring.hive.arcs = arcs;
  plan.ring.replace_after = seconds(15);
  plan.dead_after = seconds(1);
  return plan;
}

}  // namespace

ScaleSim::ScaleSim(std::size_t nodes, std::uint16_t arcs, std::uint64_t seed)
    : plan_(plan_of(nodes, arcs, seed)), dice_(seed), network_(time_, dice_.fork(), nodes) {
  plan_.interned = &interned_;
  network_.options = plan_.network;
  network_.tap = [this](std::size_t, std::size_t, const Message& message) { count(message); };
}

void ScaleSim::count(const Message& message) {
  const auto add = [&](Count& to) {
    ++to.frames;
    to.bytes += message.payload.size() + wire::kFrameHeader;
  };
  add(all_);
  if (message.part == Part::members) add(members_);
  if (message.part != Part::ring) return;
  const auto type = static_cast<ring::Type>(message.type);
  if (type == ring::Type::heartbeat || type == ring::Type::heartbeat_reply) add(heartbeats_);
  if (type == ring::Type::request) ++hops_;
}

bool ScaleSim::fail(std::string wrong) {
  report_.wrong = std::move(wrong);
  return false;
}

void ScaleSim::run_for(Duration length) {
  const Duration until = time_.now() + length;
  Process* ran = nullptr;
  while (time_.step(until, ran))
    if (time_.now() >= said_ + seconds(2)) say("runs");
}

bool ScaleSim::run_until(Duration limit, const std::function<bool()>& done) {
  const Duration end = time_.now() + limit;
  while (!done()) {
    if (time_.now() >= end) return false;
    run_for(milliseconds(100));
  }
  return true;
}

// To stderr: a large ring takes a while.
void ScaleSim::say(const std::string& phase) {
  said_ = time_.now();
  std::fprintf(stderr, "%7.1f s: %s (%.1f GiB, %.0f s of processor time)\n",
               std::chrono::duration<double>(time_.now()).count(), phase.c_str(),
               static_cast<double>(resident()) / (1 << 30),
               static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
}

// What a ring that had settled and was stopped has on its disks.
void ScaleSim::fill_disks() {
  constexpr std::uint64_t kCluster = 42;
  std::vector<ring::Node> placed;
  list_head_ = wire::encode(members::Saved{1, kCluster, false, {}});
  list_head_.pop_back();  // the count of no claims
  for (const auto& node : nodes_) {
    const NodeId id = node->disk().identity();
    by_id_[id] = node.get();
    placed.push_back({.id = id, .alive = true, .eligible = true});
    members::Claim claim;
    claim.member.id = id;
    claim.member.name = RingNode::name(node->index());
    claim.member.address = RingNode::address(node->index());
    claim.member.incarnation = static_cast<std::uint64_t>(node->clock().wall());
    claim.member.roles = {"ring"};
    claims_.emplace_back(id, wire::encode(claim));
    node->disk().preset("ring.hive", "options", wire::encode(plan_.ring.hive));
  }
  std::sort(claims_.begin(), claims_.end());
  for (std::size_t arc = 0; arc < plan_.ring.hive.arcs; ++arc) {
    ring::Standing standing;
    std::vector<NodeId>& members = standing.record.members;
    members = desired_members(static_cast<ring::ArcId>(arc), placed, plan_.ring.hive.replication);
    standing.record.epoch = standing.promise.epoch = 1;
    standing.record.owner = standing.promise.to = members.front();
    std::sort(members.begin(), members.end());
    const std::string row = encode_row(standing);
    for (const NodeId id : members)
      by_id_.at(id)->disk().preset(
          ring::kArcSpace, {static_cast<char>(arc >> 8), static_cast<char>(arc & 0xff)}, row);
  }
}

// The others' claims. With its own, each would begin a new incarnation that all have to hear of.
std::string ScaleSim::list_without(std::size_t node) const {
  const NodeId own = nodes_[node]->identity();
  std::string list = list_head_;
  wire::encode_count(list, claims_.size() - 1);
  for (const auto& [id, claim] : claims_)
    if (id != own) list += claim;
  return list;
}

void ScaleSim::build() {
  for (std::size_t i = 0; i < plan_.nodes; ++i)
    nodes_.push_back(
        std::make_unique<RingNode>(plan_, time_, network_, i, dice_.fork(), RingNode::Print()));
  fill_disks();
  for (const auto& node : nodes_) node->start({RingNode::address(0)}, list_without(node->index()));
}

std::vector<const ring::Arc*> ScaleSim::served() const {
  std::vector<const ring::Arc*> served(plan_.ring.hive.arcs);
  for (const auto& node : nodes_) {
    if (!node->up() || node->core() == nullptr) continue;
    for (const ring::Arc* arc : node->core()->arcs())
      if (arc->serving()) served[arc->id()] = arc;
  }
  return served;
}

std::size_t ScaleSim::alive(const std::vector<NodeId>& nodes) const {
  return static_cast<std::size_t>(
      std::count_if(nodes.begin(), nodes.end(), [&](NodeId id) { return by_id_.at(id)->up(); }));
}

bool ScaleSim::settle() {
  const auto all_served = [&] {
    const auto all = served();
    return std::find(all.begin(), all.end(), nullptr) == all.end();
  };
  if (!run_until(seconds(60), all_served)) return fail("not every arc is served after a minute");
  report_.settled = time_.now();
  say("all arcs are served");
  run_for(seconds(20));  // until everybody has heard
  return true;
}

void ScaleSim::measure() {
  members_ = heartbeats_ = all_ = {};
  run_for(kMeasured);
  report_.members = rate(members_.frames, members_.bytes, plan_.nodes);
  report_.heartbeats = rate(heartbeats_.frames, heartbeats_.bytes, plan_.nodes);
  report_.all = rate(all_.frames, all_.bytes, plan_.nodes);
}

bool ScaleSim::ask() {
  // Once to each other node before, for the first message to one only dials.
  std::uint64_t done = 0, failed = 0;
  std::string why;  // of the last that failed
  const auto round = [&] {
    done = failed = 0;
    for (std::size_t i = 0; i < kRequests; ++i) {
      const std::string key = "key" + std::to_string(i);
      const std::string_view words[] = {"GET", key};
      nodes_[i % nodes_.size()]->ring().run(words, 1, false, [&](Result<resp::Value> reply) {
        ++(reply ? done : failed);
        if (!reply) why = reply.error().message;
      });
    }
    return run_until(seconds(10), [&] { return done + failed == kRequests; });
  };
  if (!round()) return fail("requests were not answered");
  hops_ = 0;
  if (!round() || failed > 0)
    return fail(std::to_string(failed) + " of " + std::to_string(kRequests) +
                " requests failed: " + why);
  report_.requests = kRequests;
  report_.hops = hops_;
  return hops_ <= kRequests || fail("requests took more than one hop");
}

bool ScaleSim::crash() {
  std::vector<ring::Record> records;
  for (const ring::Arc* arc : served()) {
    if (arc == nullptr) return fail("an arc is not served");
    records.push_back(arc->record());
  }
  report_.crashed = plan_.nodes / 10;
  for (std::size_t left = report_.crashed; left > 0;) {
    RingNode& node = *nodes_[dice_.below(nodes_.size())];
    if (!node.up()) continue;
    node.crash(SimStore::Crash::powercut);
    --left;
  }
  std::vector<std::size_t> kept;
  for (std::size_t arc = 0; arc < records.size(); ++arc)
    if (2 * alive(records[arc].members) > records[arc].members.size()) kept.push_back(arc);
  report_.kept = kept.size();
  report_.lost = records.size() - kept.size();
  const Duration since = time_.now();
  say("crashed");
  const auto all_served = [&] {
    const auto now = served();
    return std::all_of(kept.begin(), kept.end(),
                       [&](std::size_t arc) { return now[arc] != nullptr; });
  };
  if (!run_until(kServedWithin, all_served))
    return fail("an arc that kept a majority is not served " +
                std::to_string(kServedWithin / seconds(1)) + " s after the crash");
  report_.served = time_.now() - since;
  say("all arcs with a majority are served");
  const auto whole = [&] {
    const auto now = served();
    return std::all_of(kept.begin(), kept.end(), [&](std::size_t arc) {
      if (now[arc] == nullptr) return false;
      const ring::Record& record = now[arc]->record();
      return record.settled() && alive(record.members) == plan_.ring.hive.replication;
    });
  };
  if (!run_until(seconds(120), whole)) return fail("an arc does not have its full set again");
  report_.whole = time_.now() - since;
  return true;
}

ScaleReport ScaleSim::run() {
  const std::size_t before = resident();
  build();
  say("all nodes run");
  if (!settle()) return report_;
  say("settled");
  measure();
  say("measured");
  report_.memory = (resident() - before) / plan_.nodes;
  if (!ask()) return report_;
  say("requests answered");
  if (crash()) say("all arcs are whole");
  return report_;
}

}  // namespace skep::sim
