#include "conf/reload.hpp"

#include <algorithm>

#include "conf/keys.hpp"
#include "net/base/assert.hpp"

namespace skep::conf {
namespace {

// The values stand in the table's order in both.
std::size_t index_of(const Loaded& loaded, std::string_view key) {
  const auto found = std::find_if(loaded.effective.begin(), loaded.effective.end(),
                                  [&](const Effective& each) { return each.key == key; });
  SKEP_ASSERT(found != loaded.effective.end());
  return static_cast<std::size_t>(found - loaded.effective.begin());
}

bool other_secret(const Key& key, const Loaded& one, const Loaded& other) {
  const auto* secret = std::get_if<Secret>(&key.type);
  if (secret == nullptr) return false;
  NodeConfig a = one.config;
  NodeConfig b = other.config;
  return secret->field(a) != secret->field(b);
}

// A credential may come or change. One that goes might leave open what the file protects in another
// way, which waits for the next start.
bool reloadable(std::string_view key, const NodeConfig& again) {
  if (key == "log.level") return true;
  if (key == "cluster.secret_file") return !again.cluster.secret.empty();
  if (key == "ring.password_file") return !again.ring.password.empty();
  if (key == "proposer.token_file") return !again.proposer.token.empty();
  if (key == "proposer.admin_token_file") return !again.proposer.admin_token.empty();
  if (key == "admin.token_file") return !again.admin.token.empty();
  if (key == "admin.admin_token_file") return !again.admin.admin_token.empty();
  return false;
}

// Takes the key's value over from `again`.
void take(Loaded& running, const Loaded& again, std::string_view key) {
  const Key* known = find_key(key);
  SKEP_ASSERT(known != nullptr);
  NodeConfig from = again.config;
  std::visit([&](const auto& type) { type.field(running.config) = type.field(from); }, known->type);
  running.effective[index_of(running, key)] = again.effective[index_of(again, key)];
}

}  // namespace

std::vector<Change> changes(const Loaded& running, const Loaded& again) {
  std::vector<Change> changes;
  for (const Key& key : keys()) {
    const std::string& from = running.effective[index_of(running, key.path)].value;
    const std::string& to = again.effective[index_of(again, key.path)].value;
    const bool secret = other_secret(key, running, again);
    if (from == to && !secret) continue;
    Change change{std::string(key.path), from.empty() ? "nothing" : from,
                  to.empty() ? "nothing" : to};
    if (from == to) change.to = "another secret in the same file";
    changes.push_back(std::move(change));
  }
  return changes;
}

void take_over(Loaded& running, const Loaded& again, Log& log) {
  const std::vector<Change> all = changes(running, again);
  for (const Change& change : all) {
    const std::string what = change.key + " from " + change.from + " to " + change.to;
    if (reloadable(change.key, again.config)) {
      take(running, again, change.key);
      log.write(Level::info, "node", "reloaded: " + what);
    } else {
      log.write(Level::warn, "node", "not reloaded, but at the next start: " + what);
    }
  }
  if (all.empty())
    log.write(Level::info, "node", "reloaded: nothing in the configuration has changed");
}

}  // namespace skep::conf
