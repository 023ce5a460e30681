// A Keyspace in memory, of one node and one thread, which answers at once or when it is told to.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "roles/ring/decide.hpp"
#include "roles/ring/glob.hpp"
#include "roles/ring/keyspace.hpp"

namespace skep::ring {

class MemoryKeyspace : public Keyspace {
 public:
  struct Entry {
    std::string value;
    WallMs expires = 0;
  };

  // With `hold`, outcomes wait in `held` until they are called; decisions are made at once.
  bool hold = false;
  std::deque<std::function<void()>> held;
  // Set: what every command fails with, without effect.
  std::optional<Error> failure;
  std::function<WallMs()> wall = [] { return WallMs{1'000'000}; };
  std::map<std::string, Entry, std::less<>> entries;
  Topology nodes;
  int stops = 0;
  int forgets = 0;
  std::function<void()> on_stopped;  // called as soon as a stop is answered

  void run(Args args, std::size_t key, bool, Done done) override {
    if (failure) return give([done, error = *failure] { done(tl::unexpected(error)); });
    std::string name(args[key]);
    auto found = entries.find(name);
    if (found != entries.end() && found->second.expires != 0 && found->second.expires <= wall()) {
      entries.erase(found);
      found = entries.end();
    }
    std::optional<Stored> stored;
    if (found != entries.end()) stored = Stored{found->second.value, found->second.expires};
    Decision decision = decide(args, stored, wall());
    if (decision.effect == Decision::Effect::put)
      entries[name] = {std::string(decision.put()), decision.expires};
    if (decision.effect == Decision::Effect::erase) entries.erase(name);
    give([done, reply = std::move(decision.reply)] { done(reply); });
  }

  void run_together(Args args, std::size_t, Done done) override {
    if (failure) return give([done, error = *failure] { done(tl::unexpected(error)); });
    std::vector<std::optional<Stored>> stored;
    for (std::size_t key : joint_keys(args).keys) {
      const auto found = entries.find(args[key]);
      const bool live =
          found != entries.end() && (found->second.expires == 0 || found->second.expires > wall());
      stored.push_back(live ? std::optional(Stored{found->second.value, found->second.expires})
                            : std::nullopt);
    }
    JointDecision decision = decide_together(args, stored, wall());
    for (auto& change : decision.changes) {
      std::string name(args[change.key]);
      if (change.effect == Decision::Effect::put)
        entries[name] = {std::move(change.value), change.expires};
      if (change.effect == Decision::Effect::erase) entries.erase(name);
    }
    give([done, reply = std::move(decision.reply)] { done(reply); });
  }

  void scan(std::uint64_t cursor, std::size_t count, std::string_view match,
            std::function<void(Result<Page>)> done) override {
    Page page;
    std::uint64_t place = 0;
    for (const auto& [key, entry] : entries) {
      if (place++ < cursor) continue;
      if (place > cursor + count) {
        page.cursor = place - 1;
        break;
      }
      bool live = entry.expires == 0 || entry.expires > wall();
      if (live && (match.empty() || glob_match(match, key))) page.keys.push_back(key);
    }
    give([done, page] { done(page); });
  }
  void scan_slot(Slot slot, std::size_t most, std::function<void(Result<SlotKeys>)> done) override {
    SlotKeys found;
    for (const auto& [key, entry] : entries) {
      if (slot_of(key) != slot) continue;
      ++found.count;
      if (found.keys.size() < most) found.keys.push_back(key);
    }
    give([done, found] { done(found); });
  }
  void count(std::function<void(Result<Counted>)> done) override {
    Counted counted;
    for (const auto& [key, entry] : entries) {
      const bool expires = entry.expires != 0;
      if (expires && entry.expires <= wall()) continue;
      ++counted.keys;
      if (expires) ++counted.expiring;
    }
    give([done, counted] { done(counted); });
  }
  void clear(std::function<void(Result<>)> done) override {
    entries.clear();
    give([done] { done({}); });
  }
  Topology topology() const override { return nodes; }
  resp::Value describe(Args args) override {
    return resp::Value::bulk(args[0] == "STATUS" ? "ready:yes\r\narcs:256\r\n"
                                                 : std::string(args[0]));
  }
  void stop(std::function<void(Result<>)> done) override {
    ++stops;
    give([done, after = on_stopped] {
      done({});
      if (after) after();
    });
  }
  void leave(std::function<void(Result<>)> done) override {
    give([done] { done(fail(Code::unavailable, "the last node cannot leave")); });
  }
  void forget(std::string_view, bool sure, std::function<void(Result<>)> done) override {
    forgets += sure ? 1 : 0;
    give([done, sure] { done(sure ? Result<>{} : fail(Code::invalid, "say YES")); });
  }

 private:
  void give(std::function<void()> outcome) {
    if (hold)
      held.push_back(std::move(outcome));
    else
      outcome();
  }
};

}  // namespace skep::ring
