// Commands on several keys of one slot, each decided as one write.
#include "net/base/assert.hpp"
#include "net/resp_text.hpp"
#include "roles/ring/decisions.hpp"

namespace skep::ring {
namespace {

using resp::is_word;
using resp::Value;
using Change = JointDecision::Change;

JointDecision say(Value reply) { return {std::move(reply), {}}; }

// What is at the source, to the destination, with its expiry.
Change source_to(const JointCall& call, std::size_t key) {
  const Stored& source = *call.stored[0];
  return {key, Decision::Effect::put, std::string(source.value), source.expires};
}

// RENAME and RENAMENX.
JointDecision rename(const JointCall& call, bool only_if_absent, Value done) {
  const bool same = call.args[1] == call.args[2];
  if (!call.stored[0]) return say(Value::error("ERR no such key"));
  if (only_if_absent && (same || call.stored[1])) return say(Value::integer(0));
  if (same) return say(std::move(done));
  return {std::move(done), {{1, Decision::Effect::erase, {}, 0}, source_to(call, 2)}};
}

struct CopyOptions {
  bool replace = false;
  std::string error;
};

CopyOptions copy_options(Args words) {
  CopyOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is_word(words[i], "REPLACE")) {
      options.replace = true;
    } else if (is_word(words[i], "DB") && i + 1 < words.size()) {
      const auto index = resp::to_integer(words[++i]);
      if (!index || *index != static_cast<int>(*index))
        return {false, "ERR value is not an integer or out of range"};
      if (*index != 0) return {false, "ERR DB index is out of range"};
    } else {
      return {false, "ERR syntax error"};
    }
  }
  return options;
}

}  // namespace

JointDecision decide_msetnx(const JointCall& call) {
  for (const auto& stored : call.stored)
    if (stored) return say(Value::integer(0));
  JointDecision all = say(Value::integer(1));
  for (std::size_t key = 1; key < call.args.size(); key += 2) {
    const std::string_view value = call.args[key + 1];
    if (value.size() > call.max_value) return say(Value::error(std::string(kTooLong)));
    all.changes.push_back({key, Decision::Effect::put, std::string(value), 0});
  }
  return all;
}

JointDecision decide_rename(const JointCall& call) {
  return rename(call, false, Value::status("OK"));
}
JointDecision decide_renamenx(const JointCall& call) {
  return rename(call, true, Value::integer(1));
}

JointDecision decide_copy(const JointCall& call) {
  CopyOptions options = copy_options(call.args.subspan(3));
  if (!options.error.empty()) return say(Value::error(std::move(options.error)));
  if (call.args[1] == call.args[2])
    return say(Value::error("ERR source and destination objects are the same"));
  if (!call.stored[0] || (call.stored[1] && !options.replace)) return say(Value::integer(0));
  return {Value::integer(1), {source_to(call, 2)}};
}

JointKeys joint_keys(Args args) {
  if (args.empty()) return {{}, "ERR syntax error"};
  Found found = resolve(args);
  if (found.command == nullptr) return {{}, std::move(found.error)};
  if (found.command->together == nullptr) return {{}, "ERR not a command on keys of one slot"};
  JointKeys found_keys{keys_of(*found.command, args), {}};
  if (found_keys.keys.empty()) found_keys.error = wrong_arity(*found.command);
  return found_keys;
}

JointDecision decide_together(Args args, std::span<const std::optional<Stored>> stored, WallMs now,
                              std::size_t max_value) {
  const Found found = resolve(args);
  SKEP_ASSERT(found.command != nullptr && found.command->together != nullptr);
  return found.command->together({args, stored, now, max_value});
}

}  // namespace skep::ring
