#include "tests/sim/versioned_model.hpp"

#include <charconv>
#include <map>

namespace skep::sim {

namespace {

using State = VersionedModel::State;
using Op = VersionedModel::Op;
using Reply = VersionedModel::Reply;

// Whether what is present can have this version.
bool can_be(const State& state, std::uint64_t version) {
  return state.exact ? state.version == version : state.version <= version;
}

State absent_after(const State& state) {
  return {.present = false, .exact = false, .version = state.version, .value = {}};
}

// What is there after a change to `value`, in a version that is not known from a reply.
State made(const State& state, std::string value) {
  return {.present = true,
          .exact = state.present && state.exact,
          .version = state.version + 1,
          .value = std::move(value)};
}

// As made(), in this version; none: it cannot have it.
std::optional<State> made_at(const State& state, std::string value, std::uint64_t version) {
  const bool fits =
      state.present ? version > 0 && can_be(state, version - 1) : version > state.version;
  if (!fits) return std::nullopt;
  return State{.present = true, .exact = true, .version = version, .value = std::move(value)};
}

std::optional<std::string> sum(const State& state, std::int64_t by) {
  std::int64_t number = 0;
  if (state.present) {
    const char* end = state.value.data() + state.value.size();
    if (std::from_chars(state.value.data(), end, number).ptr != end) return std::nullopt;
  }
  return std::to_string(number + by);
}

// The value that the operation makes of the state; none: it leaves it, or refuses.
std::optional<std::string> value_made(const State& state, const Op& op) {
  using Kind = VersionedModel::Kind;
  switch (op.kind) {
    case Kind::put: return op.value;
    case Kind::create: return state.present ? std::nullopt : std::optional(op.value);
    case Kind::cas:
      if (!state.present || !can_be(state, op.version)) return std::nullopt;
      return op.value;
    case Kind::add: return sum(state, op.by);
    case Kind::get:
    case Kind::del:
    case Kind::cut: break;
  }
  return std::nullopt;
}

// A change whose outcome nobody was told. That it was refused need not be followed up: it is as
// good as never.
std::optional<State> apply_unknown(const State& state, const Op& op) {
  using Kind = VersionedModel::Kind;
  if (op.kind == Kind::del) return absent_after(state);
  if (op.kind == Kind::cut)
    return state.present && can_be(state, op.version) ? absent_after(state) : state;
  std::optional<std::string> value = value_made(state, op);
  if (!value) return state;
  if (op.kind == Kind::cas) return made_at(state, *std::move(value), op.version + 1);
  if (op.made != 0) return made_at(state, *std::move(value), op.made);
  return made(state, *std::move(value));
}

// What is expected is not there: a register with `version`, or 0, none.
bool mismatches(const State& state, const Op& op, std::uint64_t version) {
  using Kind = VersionedModel::Kind;
  if (op.kind == Kind::create) return state.present && version != 0 && can_be(state, version);
  if (op.kind != Kind::cas && op.kind != Kind::cut) return false;
  if (version == 0) return !state.present;
  return state.present && can_be(state, version) && version != op.version;
}

std::string show_version(const State& state) {
  return (state.exact ? "version " : "version at least ") + std::to_string(state.version);
}

}  // namespace

std::string VersionedModel::key(const State& state) {
  return std::string(state.present ? "=" : "_") + (state.exact ? "!" : "?") +
         std::to_string(state.version) + ":" + state.value;
}

std::optional<State> VersionedModel::apply(const State& state, const Op& op, const Reply* reply) {
  if (reply == nullptr) return apply_unknown(state, op);
  switch (reply->kind) {
    case Reply::Kind::value:
      if (op.kind == Kind::get) {
        const bool fits =
            state.present && state.value == reply->value && can_be(state, reply->version);
        return fits ? std::optional(state) : std::nullopt;
      }
      if (value_made(state, op) != reply->value) return std::nullopt;
      return made_at(state, reply->value, reply->version);
    case Reply::Kind::changed:
    case Reply::Kind::created: {
      if (state.present != (reply->kind == Reply::Kind::changed)) return std::nullopt;
      if (op.kind == Kind::cas && reply->version != op.version + 1) return std::nullopt;
      std::optional<std::string> value = value_made(state, op);
      if (!value) return std::nullopt;
      return made_at(state, *std::move(value), reply->version);
    }
    case Reply::Kind::absent:
      if (op.kind == Kind::get) return state.present ? std::nullopt : std::optional(state);
      if (op.kind == Kind::cut && !(state.present && can_be(state, op.version)))
        return std::nullopt;
      return absent_after(state);
    case Reply::Kind::mismatch:
      return mismatches(state, op, reply->version) ? std::optional(state) : std::nullopt;
  }
  return std::nullopt;
}

bool VersionedModel::only_reads(const Op& op, const Reply& reply) {
  return op.kind == Kind::get || reply.kind == Reply::Kind::mismatch;
}

std::string VersionedModel::show(const State& state) {
  if (!state.present) return "nothing, " + show_version(state) + " before";
  return "'" + state.value + "', " + show_version(state);
}

std::string VersionedModel::show(const Op& op, const Reply* reply) {
  std::string out;
  switch (op.kind) {
    case Kind::get: out = "GET"; break;
    case Kind::put: out = "PUT " + op.value; break;
    case Kind::create: out = "PUT if absent " + op.value; break;
    case Kind::cas: out = "PUT if " + std::to_string(op.version) + " " + op.value; break;
    case Kind::add: out = "add " + std::to_string(op.by); break;
    case Kind::del: out = "DELETE"; break;
    case Kind::cut: out = "DELETE if " + std::to_string(op.version); break;
  }
  out += " -> ";
  if (reply == nullptr) return out + "?";
  switch (reply->kind) {
    case Reply::Kind::value:
      return out + "'" + reply->value + "' " + std::to_string(reply->version);
    case Reply::Kind::changed: return out + "changed, " + std::to_string(reply->version);
    case Reply::Kind::created: return out + "created, " + std::to_string(reply->version);
    case Reply::Kind::absent: return out + "nothing";
    case Reply::Kind::mismatch: return out + "refused, " + std::to_string(reply->version);
  }
  return out;
}

Finding check_versioned(VersionedHistory history, std::size_t max_configurations) {
  std::map<std::string, std::uint64_t> versions;
  for (const auto& operation : history) {
    if (operation.when.known() && operation.op.kind == VersionedModel::Kind::get)
      versions.try_emplace(operation.reply.value, operation.reply.version);
  }
  for (auto& operation : history) {
    if (operation.when.known() || operation.op.value.empty()) continue;
    const auto seen = versions.find(operation.op.value);
    if (seen != versions.end()) operation.op.made = seen->second;
  }
  return check_linearizable(history, max_configurations);
}

}  // namespace skep::sim
