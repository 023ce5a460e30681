// A hive of cores without sockets or disks, for tests that want to see single steps: messages
// arrive at once and in order, writes complete at once, time moves when the test says so.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "net/resp.hpp"
#include "roles/ring/core.hpp"
#include "roles/ring/router.hpp"

namespace skep::ring {

class Hive {
 public:
  struct Node_ {
    std::unique_ptr<Core> core;
    std::unique_ptr<Router> router;
    Effects effects;
    std::map<std::string, std::map<std::string, std::string>> disk;  // by space
    std::uint64_t boot = 0;
    bool up = false;
  };

  explicit Hive(std::uint16_t arcs = 8) { options_.hive.arcs = arcs; }

  // Starts a node, for the first time or again with what its disk has.
  void start(NodeId id, bool may_have_lost = false) {
    Node_& node = nodes_[id];
    const bool first = node.boot == 0;
    Host host;
    host.self = id;
    host.boot = ++node.boot;
    host.booted = host.earlier_ended = first ? now_ - std::chrono::seconds(10) : now_;
    host.hive = options_.hive;
    host.options = options_;
    host.random = id * 1000 + node.boot;
    std::map<ArcId, Core::Stored> arcs;
    for (const auto& [key, row] : node.disk["ring.arc"]) {
      const auto arc = static_cast<ArcId>(static_cast<unsigned char>(key[0]) << 8 |
                                          static_cast<unsigned char>(key[1]));
      arcs.try_emplace(arc, Core::Stored{decode_standing(row).value(),
                                         Core::empty_table(arc, options_.hive), may_have_lost});
    }
    for (const auto& [key, row] : node.disk["ring"])
      arcs.at(arc_of(slot_of(key_of_row(key)), options_.hive.arcs))
          .table.put(key_of_row(key), decode_entry(row).value());
    node.core = std::make_unique<Core>(host, std::move(arcs));
    node.router = std::make_unique<Router>(
        options_.hive.arcs, node.boot << 40,
        [this, id](Time, NodeId to, std::uint64_t token, const Request& r) {
          return Router::Sent{send_request(id, to, token, r), {}};
        },
        [this, id](ArcId arc) { return nodes_[id].core->likely_owner(arc); });
    for (const Arc* arc : node.core->arcs())
      if (arc->record().epoch > 0) node.router->learn(now_, arc->id(), arc->record());
    node.effects = {};
    node.up = true;
    if (first && nodes_.size() == 1) node.core->found(node.effects);
    see_nodes();
    settle();
  }
  void kill(NodeId id) {
    nodes_[id].up = false;
    nodes_[id].core.reset();
    nodes_[id].router.reset();
    see_nodes();
  }
  void set_gone(NodeId id) {
    gone_.insert(id);
    see_nodes();
  }
  // Dead for longer than arcs with one copy wait.
  void set_lost(NodeId id) {
    lost_.insert(id);
    see_nodes();
  }
  // After so many messages more, all are lost.
  void lose_after(std::uint64_t messages) { to_deliver_ = messages; }
  // What the transports say that they have for everybody.
  void set_queued(std::size_t bytes) { queued_ = bytes; }
  void cut(NodeId a, NodeId b, bool is_cut = true) {
    if (is_cut) cut_.insert({a, b});
    if (!is_cut) cut_.erase({a, b});
  }

  // Lets time pass in small ticks.
  void run(Duration duration) {
    for (const Time end = now_ + duration; now_ < end;) {
      now_ += std::chrono::milliseconds(10);
      for (auto& [id, node] : nodes_) {
        if (!node.up) continue;
        for (NodeId other : node.core->owing()) node.core->set_queued(other, queued_);
        node.core->on_tick(now_, wall(), node.effects);
        node.router->on_tick(now_);
      }
      settle();
    }
  }

  // Runs a command on its first argument's key through a node; empty: no answer within the time
  // given.
  std::optional<Answer> command(NodeId at, std::vector<std::string> args,
                                Duration wait = std::chrono::seconds(5)) {
    auto result = std::make_shared<std::optional<Answer>>();
    submit(at, std::move(args), [result](Answer answer) { *result = std::move(answer); });
    settle();
    for (const Time end = now_ + wait; !*result && now_ < end;) run(std::chrono::milliseconds(10));
    return *result;
  }
  void submit(NodeId at, const std::vector<std::string>& args, std::function<void(Answer)> done) {
    const ArcId arc = arc_of(slot_of(args.at(1)), options_.hive.arcs);
    const bool write = args[0] != "GET";
    const std::vector<std::string_view> words(args.begin(), args.end());
    const Op op = joint_keys(words).error.empty() ? Op::together : Op::command;
    nodes_[at]
        .router->submit(now_, {arc, op, write, 1, now_ + std::chrono::seconds(5), words})
        .later->done = std::move(done);
  }

  Core& core(NodeId id) { return *nodes_[id].core; }
  auto& disk(NodeId id) { return nodes_[id].disk; }
  Node_& node(NodeId id) { return nodes_[id]; }
  Options& options() { return options_; }
  Time now() const { return now_; }
  WallMs wall() const { return 1'700'000'000'000 + now_.time_since_epoch().count() / 1000; }

  // Every arc is served by its desired owner with its desired members, settled, copies equal.
  ::testing::AssertionResult settled() {
    for (std::uint16_t a = 0; a < options_.hive.arcs; ++a) {
      NodeId owner = 0;
      for (auto& [id, node] : nodes_)
        if (const Arc* arc = node.up ? node.core->find(a) : nullptr; arc && arc->may_read(now_)) {
          if (owner != 0) return ::testing::AssertionFailure() << "arc " << a << " has two owners";
          owner = id;
        }
      if (owner == 0) return ::testing::AssertionFailure() << "arc " << a << " has no owner";
      const Arc& arc = *core(owner).find(a);
      auto desired = arc.desired();
      if (desired.front() != owner)
        return ::testing::AssertionFailure() << "arc " << a << " has another owner";
      std::sort(desired.begin(), desired.end());
      if (arc.record().members != desired || !arc.record().settled())
        return ::testing::AssertionFailure()
               << "arc " << a << " has other members: " << wire::show(arc.record());
      for (NodeId member : arc.record().members)
        if (nodes_[member].up && core(member).find(a)->table().digests() != arc.table().digests())
          return ::testing::AssertionFailure()
                 << "arc " << a << " has another copy on node " << member;
    }
    return ::testing::AssertionSuccess();
  }

 private:
  struct Mail {
    NodeId from = 0;
    NodeId to = 0;
    Type type{};
    std::uint64_t request = 0;
    std::string payload;
  };

  void see_nodes() {
    std::vector<Node> seen;
    for (const auto& [id, node] : nodes_) {
      Node n;
      n.id = id;
      n.alive = node.up;
      n.gone = gone_.contains(id);
      n.eligible = !n.gone;
      n.lost = lost_.contains(id);
      seen.push_back(n);
    }
    for (auto& [id, node] : nodes_)
      if (node.up) node.core->on_nodes(seen);
  }
  bool send_request(NodeId from, NodeId to, std::uint64_t token, const Request& r) {
    if (!nodes_[to].up) return false;
    mail_.push_back({from, to, Type::request, token, wire::encode(r)});
    return true;
  }
  static Result<Entry> stored_entry(Node_& node, const std::string& key) {
    const auto& space = node.disk["ring"];
    const auto row = space.find(row_key(key));
    if (row == space.end()) return fail(Code::corrupt, "an entry is missing");
    return decode_entry(row->second);
  }
  static bool complete(Node_& node, Effects::Copy& copy, std::string& payload) {
    return std::visit(
        [&](auto& message) {
          for (const std::size_t place : copy.cold) {
            Item& item = message.items[place];
            auto entry = stored_entry(node, item.key);
            if (!entry || entry->version != item.entry.version) return false;
            item.entry = std::move(*entry);
          }
          payload = wire::encode(message);
          return true;
        },
        copy.message);
  }
  // Carries everything out until nothing is left.
  void settle() {
    bool busy = true;
    while (busy) {
      busy = false;
      for (auto& [id, node] : nodes_) {
        if (!node.up) continue;
        node.core->flush(now_, node.effects);
        while (!node.effects.memory.completions.empty()) {
          for (const auto& done : std::exchange(node.effects.memory.completions, {}))
            node.core->on_completed(now_, done, node.effects);
          node.core->flush(now_, node.effects);
        }
        Effects effects = std::exchange(node.effects, {});
        for (const auto& write : effects.writes) {
          busy = true;
          for (const auto& op : write.batch.ops()) {
            auto& space = node.disk[std::string(op.space)];
            if (op.put) space[std::string(op.key)] = op.value;
            if (!op.put) space.erase(std::string(op.key));
          }
          for (const auto& done : write.completions)
            node.core->on_completed(now_, done, node.effects);
        }
        for (auto& send : effects.sends)
          if (!send.copy || complete(node, *send.copy, send.payload))
            mail_.push_back({id, send.to, send.type, send.request, send.payload});
        for (const auto& read : effects.reads) {
          busy = true;
          node.core->on_read(now_, wall(), read, stored_entry(node, read.key), node.effects);
        }
        for (auto& [to, appends] : effects.appends)
          if (!appends.arcs.empty())
            mail_.push_back({id, to, Type::appends, 0, wire::encode(appends)});
        for (auto& [to, acks] : effects.acks)
          mail_.push_back({id, to, Type::acks, 0, wire::encode(acks)});
        for (ArcId arc : effects.changed)
          for (auto& [other, node2] : nodes_)
            if (node2.up) node2.router->learn(now_, arc, node.core->standing(arc).record);
        for (auto& reply : effects.replies)
          node.router->on_answer(now_, reply.token, std::move(reply.answer));
      }
      std::deque<Mail> mail = std::exchange(mail_, {});
      for (const Mail& m : mail) {
        busy = true;
        if (!nodes_[m.to].up || cut_.contains({m.from, m.to})) continue;
        if (to_deliver_ == 0) continue;
        --to_deliver_;
        Node_& node = nodes_[m.to];
        if (m.type == Type::answer) {
          node.router->on_answer(now_, m.request, wire::decode<Answer>(m.payload).value());
        } else {
          if (m.type == Type::request) node.core->set_queued(m.from, queued_);
          node.core->on_message(now_, wall(), m.from, m.type, m.request, m.payload, node.effects);
        }
      }
    }
  }

  Options options_;
  Time now_{std::chrono::seconds(100)};
  std::map<NodeId, Node_> nodes_;
  std::set<NodeId> gone_;
  std::set<NodeId> lost_;
  std::set<std::pair<NodeId, NodeId>> cut_;
  std::deque<Mail> mail_;
  std::uint64_t to_deliver_ = UINT64_MAX;
  std::size_t queued_ = 0;
};

}  // namespace skep::ring
