#include "tests/sim/register_model.hpp"

#include <charconv>
#include <set>

namespace skep::sim {

namespace {

struct Step {
  resp::Value reply;
  RegisterModel::State next;
};

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text != std::to_string(value)) return std::nullopt;  // Redis: "+1", "01" and "-0" are not
  return value;
}

Step incr(const RegisterModel::State& state) {
  const std::optional<std::int64_t> now = state.value ? number(*state.value) : 0;
  if (!now) return {resp::Value::error("ERR value is not an integer or out of range"), state};
  if (*now == std::numeric_limits<std::int64_t>::max())
    return {resp::Value::error("ERR increment or decrement would overflow"), state};
  return {resp::Value::integer(*now + 1), {std::to_string(*now + 1), state.expiry}};
}

Step step(const RegisterModel::State& state, const RegisterModel::Op& op) {
  using Kind = RegisterModel::Kind;
  const resp::Value ok = resp::Value::status("OK");
  const auto& value = state.value;
  const bool expires = state.expiry.from != Interval::kNever;
  switch (op.kind) {
    case Kind::get: return {value ? resp::Value::bulk(*value) : resp::Value::null(), state};
    case Kind::set: return {ok, {op.value, op.expiry}};
    case Kind::setnx:
      if (value) return {resp::Value::integer(0), state};
      return {resp::Value::integer(1), {op.value, {}}};
    case Kind::set_ifeq:
      if (value != op.expected) return {resp::Value::null(), state};
      return {ok, {op.value, {}}};
    case Kind::incr: return incr(state);
    case Kind::del: return {resp::Value::integer(value ? 1 : 0), {}};
    case Kind::delifeq:
      if (value != op.expected) return {resp::Value::integer(0), state};
      return {resp::Value::integer(1), {}};
    case Kind::pexpire:
      if (!value) return {resp::Value::integer(0), state};
      return {resp::Value::integer(1), {value, op.expiry}};
    case Kind::persist:
      if (!value || !expires) return {resp::Value::integer(0), state};
      return {resp::Value::integer(1), {value, {}}};
  }
  return {resp::Value::error("ERR unknown command"), state};
}

// An error is the same error whatever the rest of its text says.
bool same(const resp::Value& a, const resp::Value& b) {
  using Kind = resp::Value::Kind;
  if (a.kind == Kind::error && b.kind == Kind::error) return true;
  return a == b;
}

std::string show_evicted(std::int64_t from) {
  return from == Interval::kNever ? "" : " (may go from " + std::to_string(from) + ")";
}

std::string show_reply(const resp::Value& reply) {
  using Kind = resp::Value::Kind;
  switch (reply.kind) {
    case Kind::null: return "nothing";
    case Kind::integer: return std::to_string(reply.number);
    case Kind::bulk: return "'" + reply.text + "'";
    default: return reply.text;
  }
}

// " (expires in [5000, 7000])"
std::string show_expiry(const RegisterModel::Expiry& expiry) {
  if (expiry.from == Interval::kNever) return {};
  if (expiry.from == RegisterModel::kAlways) return " (expires)";
  return " (expires in [" + std::to_string(expiry.from) + ", " +
         (expiry.to == Interval::kNever ? "unknown" : std::to_string(expiry.to)) + "])";
}

}  // namespace

std::optional<RegisterModel::State> RegisterModel::apply(const State& state, const Op& op,
                                                         const Reply* reply) {
  if (op.asked > state.expiry.to) return std::nullopt;  // it has gone by then
  Step result = step(state, op);
  if (reply != nullptr && !same(result.reply, *reply)) return std::nullopt;
  if (result.next.value)
    result.next.evicted = result.next.value == state.value ? state.evicted : op.evicted;
  return std::move(result.next);
}

bool RegisterModel::only_reads(const Op& op, const Reply& reply) {
  switch (op.kind) {
    case Kind::get: return true;
    case Kind::set: return false;
    case Kind::set_ifeq: return reply.kind == Reply::Kind::null;
    case Kind::incr: return reply.kind == Reply::Kind::error;
    case Kind::setnx:
    case Kind::del:
    case Kind::delifeq:
    case Kind::pexpire:
    case Kind::persist: return reply == Reply::integer(0);
  }
  return false;
}

std::string RegisterModel::key(const State& state) {
  if (!state.value) return {};
  return "=" + *state.value + show_expiry(state.expiry) + show_evicted(state.evicted);
}

std::string RegisterModel::show(const State& state) {
  if (!state.value) return "nothing";
  return "'" + *state.value + "'" + show_expiry(state.expiry) + show_evicted(state.evicted);
}

std::string RegisterModel::show(const Op& op, const Reply* reply) {
  std::string out;
  switch (op.kind) {
    case Kind::get: out = "GET"; break;
    case Kind::set: out = "SET " + op.value; break;
    case Kind::setnx: out = "SETNX " + op.value; break;
    case Kind::set_ifeq: out = "SET " + op.value + " IFEQ " + op.expected; break;
    case Kind::incr: out = "INCR"; break;
    case Kind::del: out = "DEL"; break;
    case Kind::delifeq: out = "DELIFEQ " + op.expected; break;
    case Kind::pexpire: out = "PEXPIRE " + std::to_string(op.ttl); break;
    case Kind::persist: out = "PERSIST"; break;
  }
  if (op.kind == Kind::set && op.ttl != 0) out += " PX " + std::to_string(op.ttl);
  out += show_expiry(op.expiry) + show_evicted(op.evicted);
  return out + " -> " + (reply != nullptr ? show_reply(*reply) : "?");
}

Finding check_register(RegisterHistory history, std::size_t max_configurations) {
  std::set<std::string> told_apart;
  for (auto& operation : history) {
    told_apart.insert(operation.op.expected);
    if (!operation.when.known()) continue;
    told_apart.insert(operation.reply.text);
    operation.op.asked = operation.when.invoked;
  }
  for (auto& operation : history) {
    std::string& value = operation.op.value;
    if (!told_apart.contains(value) && !number(value)) value = "(unseen)";
  }
  return check_linearizable(history, max_configurations);
}

}  // namespace skep::sim
