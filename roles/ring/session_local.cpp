// What a connection answers by itself.
#include "net/resp_text.hpp"
#include "roles/ring/cluster_replies.hpp"
#include "roles/ring/session.hpp"
#include "roles/ring/slots.hpp"

namespace skep::ring {
namespace {

using resp::is_word;
using resp::Value;

// Takes as long for a wrong password as for the right one, whatever they have in common.
bool same_secret(std::string_view said, std::string_view secret) {
  unsigned difference = said.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < said.size(); ++i) {
    char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned char>(said[i] ^ expected);
  }
  return difference == 0;
}

Value time_of(Clock& clock) {
  // The wall clock is told in milliseconds.
  WallMs now = clock.wall();
  return Value::array(
      {Value::bulk(std::to_string(now / 1000)), Value::bulk(std::to_string(now % 1000 * 1000))});
}

Value ping(Args args) {
  if (args.size() > 2) return Value::error("ERR wrong number of arguments for 'ping' command");
  return args.size() == 2 ? Value::bulk(std::string(args[1])) : Value::status("PONG");
}

}  // namespace

Value Session::local(const Command& command, Args args) {
  switch (command.verb) {
    case Verb::ping: return ping(args);
    case Verb::echo: return Value::bulk(std::string(args[1]));
    case Verb::hello: return hello(args);
    case Verb::auth: return auth_command(args);
    case Verb::select: return select(args);
    case Verb::reset: return reset();
    case Verb::time: return time_of(server_.clock());
    case Verb::quit: close_after_replies(); return Value::status("OK");
    case Verb::readonly:
    case Verb::readwrite: return Value::status("OK");
    case Verb::config_get: return config_get(args.subspan(2));
    case Verb::config_set:
      return Value::error(
          "ERR CONFIG SET is not supported: a node's settings are in its configuration file");
    case Verb::command: return command_all();
    case Verb::command_count: return command_count();
    case Verb::command_info: return command_info(args.subspan(2));
    case Verb::command_docs: return command_docs(args.subspan(2));
    case Verb::ring_config: return ring_config();
    case Verb::command_list: return command_list(args.subspan(2));
    case Verb::command_getkeys: return command_getkeys(args.subspan(2));
    case Verb::help: return command_help(args[0]);
    case Verb::cluster_info: return cluster_info(server_.keyspace().topology());
    case Verb::cluster_myid: return cluster_myid(server_.keyspace().topology());
    case Verb::cluster_nodes: return cluster_nodes(server_.keyspace().topology());
    case Verb::cluster_slots: return cluster_slots(server_.keyspace().topology());
    case Verb::cluster_shards: return cluster_shards(server_.keyspace().topology());
    case Verb::cluster_keyslot: return Value::integer(slot_of(args[2]));
    case Verb::multi:
    case Verb::exec:
    case Verb::discard: return transaction(command.verb);
    case Verb::watch:
      return Value::error(
          "ERR WATCH is not supported: there are no transactions; SET key value IFEQ old and "
          "DELIFEQ key old compare first");
    case Verb::unwatch: return Value::status("OK");
    case Verb::ring_nodes:
    case Verb::ring_owner:
    case Verb::ring_status: return server_.keyspace().describe(args.subspan(1));
    default: return client(command, args);
  }
}

// A client that sends a transaction in one go must not have parts of it done because MULTI was
// refused: nothing is, up to its end.
Value Session::transaction(Verb verb) {
  const bool open = std::exchange(refusing_, verb == Verb::multi);
  if (verb == Verb::multi)
    return Value::error(
        "ERR MULTI is not supported: there are no transactions. Nothing is done until EXEC or "
        "DISCARD; MSETNX, RENAME and COPY write several keys of one slot at once");
  if (verb == Verb::discard)
    return open ? Value::status("OK") : Value::error("ERR DISCARD without MULTI");
  return Value::error(open ? "EXECABORT Transaction discarded because MULTI is not supported"
                           : "ERR EXEC without MULTI");
}

Value Session::hello(Args args) {
  std::optional<std::int64_t> version;
  if (args.size() > 1) {
    version = resp::to_integer(args[1]);
    if (!version) return Value::error("ERR Protocol version is not an integer or out of range");
    if (*version != 2 && *version != 3) return Value::error("NOPROTO unsupported protocol version");
  }
  std::optional<std::string_view> name;
  for (std::size_t i = 2; i < args.size(); ++i) {
    if (is_word(args[i], "AUTH") && i + 2 < args.size()) {
      Value outcome = auth(args[i + 1], args[i + 2]);
      if (outcome.is_error()) return outcome;
      i += 2;
    } else if (is_word(args[i], "SETNAME") && i + 1 < args.size()) {
      name = args[++i];
    } else {
      return Value::error("ERR Syntax error in HELLO option '" + std::string(args[i]) + "'");
    }
  }
  if (!authenticated_)
    return Value::error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
        "RESP protocol version at the same time");
  if (name) {
    Value outcome = set_name(*name);
    if (outcome.is_error()) return outcome;
  }
  if (version) version_ = *version == 3 ? resp::Version::resp3 : resp::Version::resp2;
  return Value::map({Value::bulk("server"), Value::bulk("redis"), Value::bulk("version"),
                     Value::bulk(std::string(kRedisVersion)), Value::bulk("proto"),
                     Value::integer(static_cast<int>(version_)), Value::bulk("id"),
                     Value::integer(static_cast<std::int64_t>(id_)), Value::bulk("mode"),
                     Value::bulk("standalone"), Value::bulk("role"), Value::bulk("master"),
                     Value::bulk("modules"), Value::array({})});
}

Value Session::auth(std::string_view user, std::string_view password) {
  const std::string& secret = server_.options().password;
  if (user != "default" || (!secret.empty() && !same_secret(password, secret)))
    return Value::error("WRONGPASS invalid username-password pair or user is disabled.");
  set_authenticated(true);
  return Value::status("OK");
}

Value Session::auth_command(Args args) {
  if (args.size() > 3) return Value::error("ERR syntax error");
  if (args.size() == 3) return auth(args[1], args[2]);
  if (server_.options().password.empty())
    return Value::error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  return auth("default", args[1]);
}

Value Session::ring_config() const {
  std::vector<Value> pairs;
  for (const auto& [key, value] : server_.options().config) {
    pairs.push_back(Value::bulk(key));
    pairs.push_back(value.empty() ? Value::null() : Value::bulk(value));
  }
  return Value::map(std::move(pairs));
}

Value Session::select(Args args) {
  auto index = resp::to_integer(args[1]);
  if (!index) return Value::error("ERR value is not an integer or out of range");
  if (*index != static_cast<int>(*index))
    return Value::error("ERR value is out of range, value must between -2147483648 and 2147483647");
  if (*index != 0) return Value::error("ERR DB index is out of range");
  return Value::status("OK");
}

Value Session::reset() {
  refusing_ = false;
  version_ = resp::Version::resp2;
  name_.clear();
  set_authenticated(server_.options().password.empty());
  return Value::status("RESET");
}

void Session::set_authenticated(bool authenticated) {
  authenticated_ = authenticated;
  parser_.set_strict(!authenticated);
}

}  // namespace skep::ring
