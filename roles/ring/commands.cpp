#include "roles/ring/commands.hpp"

#include <array>
#include <iterator>
#include <string>

#include "net/resp_text.hpp"
#include "roles/ring/decisions.hpp"

namespace skep::ring {
namespace {

using resp::Value;

constexpr std::uint16_t kRead = Command::kReadonly | Command::kFast;
constexpr std::uint16_t kReadSlow = Command::kReadonly;
constexpr std::uint16_t kPut = Command::kWrite | Command::kDenyOom;
constexpr std::uint16_t kPutFast = kPut | Command::kFast;
constexpr std::uint16_t kErase = Command::kWrite | Command::kFast;
constexpr std::uint16_t kConnection = Command::kNoScript | Command::kLoading | Command::kStale;
constexpr std::uint16_t kOpen = kConnection | Command::kFast | Command::kNoAuth;
constexpr std::uint16_t kQuick = Command::kLoading | Command::kStale | Command::kFast;
constexpr std::uint16_t kAdmin = Command::kAdmin | kConnection;

constexpr Command key(std::string_view name, int arity, std::uint16_t flags, Decide decide,
                      std::string_view group, std::string_view summary) {
  return {name, arity, flags, 1, 1, 1, Kind::key, Verb::none, decide, group, summary};
}
constexpr Command local(std::string_view name, int arity, std::uint16_t flags, Verb verb,
                        std::string_view group, std::string_view summary) {
  return {name, arity, flags, 0, 0, 0, Kind::local, verb, nullptr, group, summary};
}
constexpr Command whole(std::string_view name, int arity, std::uint16_t flags, Verb verb,
                        std::string_view group, std::string_view summary) {
  return {name, arity, flags, 0, 0, 0, Kind::whole, verb, nullptr, group, summary};
}
constexpr Command sum(std::string_view name, std::uint16_t flags, Decide decide,
                      std::string_view summary) {
  return {name, -2, flags, 1, -1, 1, Kind::keys, Verb::sum, decide, "generic", summary};
}

constexpr Command joint(std::string_view name, int arity, std::uint16_t flags, std::int8_t last,
                        std::int8_t step, DecideTogether together, std::string_view group,
                        std::string_view summary) {
  return {name,        arity,      flags,   1,     last,    step,
          Kind::joint, Verb::none, nullptr, group, summary, together};
}

constexpr Command kCommands[] = {
    key("get", 2, kRead, decide_get, "string", "The value of a key."),
    key("set", -3, kPut, decide_set, "string",
        "Sets a key: NX or XX or IFEQ value; GET; EX, PX, EXAT, PXAT or KEEPTTL."),
    key("setnx", 3, kPutFast, decide_setnx, "string", "Sets a key that is absent."),
    key("setex", 4, kPut, decide_setex, "string", "Sets a key for some seconds."),
    key("psetex", 4, kPut, decide_psetex, "string", "Sets a key for some milliseconds."),
    key("getset", 3, kPutFast, decide_getset, "string", "Sets a key; replies what it was."),
    key("getdel", 2, kErase, decide_getdel, "string", "Deletes a key; replies what it was."),
    key("getex", -2, kErase, decide_getex, "string", "The value of a key, with a new expiry."),
    key("append", 3, kPutFast, decide_append, "string", "Adds to the end of a value."),
    key("strlen", 2, kRead, decide_strlen, "string", "The length of a value in bytes."),
    key("getrange", 4, kReadSlow, decide_getrange, "string", "A part of a value."),
    key("substr", 4, kReadSlow, decide_getrange, "string", "The old name of GETRANGE."),
    key("setrange", 4, kPut, decide_setrange, "string", "Overwrites a part of a value."),
    key("incr", 2, kPutFast, decide_incr, "string", "Adds one to an integer."),
    key("decr", 2, kPutFast, decide_decr, "string", "Takes one from an integer."),
    key("incrby", 3, kPutFast, decide_incrby, "string", "Adds to an integer."),
    key("decrby", 3, kPutFast, decide_decrby, "string", "Takes from an integer."),
    key("incrbyfloat", 3, kPutFast, decide_incrbyfloat, "string", "Adds to a decimal number."),
    {"mget", -2, kRead, 1, -1, 1, Kind::keys, Verb::mget, nullptr, "string",
     "The values of several keys, each read on its own."},
    {"mset", -3, kPut, 1, -1, 2, Kind::keys, Verb::mset, nullptr, "string",
     "Sets several keys, each on its own."},
    joint("msetnx", -3, kPut, -1, 2, decide_msetnx, "string",
          "Sets several keys of one slot if none of them is there."),
    key("delifeq", 3, kErase, decide_delifeq, "string", "Deletes a key that has this value."),

    sum("del", Command::kWrite, decide_del, "Deletes keys; replies how many there were."),
    sum("unlink", kErase, decide_del, "The same as DEL."),
    sum("exists", kRead, decide_exists, "How many of the keys there are."),
    sum("touch", kRead, decide_exists, "The same as EXISTS."),
    key("type", 2, kRead, decide_type, "generic", "The type of a value: string, or none."),
    key("expire", -3, kErase, decide_expire, "generic", "Lets a key expire in some seconds."),
    key("pexpire", -3, kErase, decide_pexpire, "generic",
        "Lets a key expire in some milliseconds."),
    key("expireat", -3, kErase, decide_expireat, "generic",
        "Lets a key expire at a time in seconds."),
    key("pexpireat", -3, kErase, decide_pexpireat, "generic",
        "Lets a key expire at a time in milliseconds."),
    key("ttl", 2, kRead, decide_ttl, "generic", "The seconds until a key expires."),
    key("pttl", 2, kRead, decide_pttl, "generic", "The milliseconds until a key expires."),
    key("expiretime", 2, kRead, decide_expiretime, "generic", "When a key expires, in seconds."),
    key("pexpiretime", 2, kRead, decide_pexpiretime, "generic",
        "When a key expires, in milliseconds."),
    key("persist", 2, kErase, decide_persist, "generic", "Lets a key stay for ever."),
    joint("rename", 3, Command::kWrite, 2, 1, decide_rename, "generic",
          "Gives a value another key of the same slot, whatever that had."),
    joint("renamenx", 3, kErase, 2, 1, decide_renamenx, "generic",
          "Gives a value another key of the same slot that is absent."),
    joint("copy", -3, kPut, 2, 1, decide_copy, "generic",
          "Copies a value to another key of the same slot: REPLACE."),
    whole("keys", 2, kReadSlow, Verb::keys, "generic", "All keys that match a pattern."),
    whole("scan", -2, kReadSlow, Verb::scan, "generic", "Walks over all keys, a page at a time."),
    whole("randomkey", 1, kReadSlow, Verb::randomkey, "generic", "Some key."),
    whole("dbsize", 1, kRead, Verb::dbsize, "server", "How many keys there are."),
    whole("flushdb", -1, Command::kWrite, Verb::flush, "server", "Deletes every key."),
    whole("flushall", -1, Command::kWrite, Verb::flush, "server", "Deletes every key."),

    local("ping", -1, kQuick, Verb::ping, "connection", "Replies PONG, or its argument."),
    local("echo", 2, kQuick, Verb::echo, "connection", "Replies its argument."),
    local("hello", -1, kOpen, Verb::hello, "connection",
          "Chooses the protocol version; may authenticate and name the connection."),
    local("auth", -2, kOpen, Verb::auth, "connection", "Says the password."),
    local("quit", -1, kOpen, Verb::quit, "connection", "Closes the connection."),
    local("reset", 1, kOpen, Verb::reset, "connection", "Makes the connection as new."),
    local("select", 2, kQuick, Verb::select, "connection", "Chooses database 0, the only one."),
    local("readonly", 1, kQuick, Verb::readonly, "cluster", "Accepted; changes nothing."),
    local("readwrite", 1, kQuick, Verb::readwrite, "cluster", "Accepted; changes nothing."),
    local("client", -2, 0, Verb::container, "connection", "About connections."),
    local("client|id", 2, kConnection, Verb::client_id, "connection", "This connection's number."),
    local("client|getname", 2, kConnection, Verb::client_getname, "connection",
          "This connection's name."),
    local("client|setname", 3, kConnection, Verb::client_setname, "connection",
          "Names this connection."),
    local("client|setinfo", 4, kConnection, Verb::client_setinfo, "connection",
          "Says which library this client uses: LIB-NAME or LIB-VER."),
    local("client|list", -2, kAdmin, Verb::client_list, "connection",
          "This node's connections: [TYPE type] [ID id …]."),
    local("client|info", 2, kConnection, Verb::client_info, "connection",
          "This connection, as CLIENT LIST shows it."),
    local("client|kill", -3, kAdmin, Verb::client_kill, "connection",
          "Closes connections, by address or by ID, ADDR, LADDR, TYPE, USER, SKIPME."),
    local("client|no-touch", 3, kAdmin, Verb::client_no_touch, "connection",
          "ON or OFF: accepted; what is read here does not change what is evicted first."),
    local("client|no-evict", 3, kAdmin, Verb::client_no_evict, "connection",
          "ON or OFF: accepted; who holds the most of ring.max_client_memory is closed as ever."),

    local("client|help", 2, kConnection, Verb::help, "connection", "What there is of this."),

    local("multi", 1, kConnection | Command::kFast, Verb::multi, "transactions",
          "Refused: there are no transactions. What follows is not done, until EXEC or DISCARD."),
    local("exec", 1, kConnection, Verb::exec, "transactions", "Ends what MULTI began: nothing."),
    local("discard", 1, kConnection | Command::kFast, Verb::discard, "transactions",
          "Ends what MULTI began: nothing."),
    local("watch", -2, kConnection | Command::kFast, Verb::watch, "transactions",
          "Refused: SET with IFEQ, and DELIFEQ, compare first."),
    local("unwatch", 1, kConnection | Command::kFast, Verb::unwatch, "transactions",
          "Accepted; nothing is watched."),

    local("time", 1, kQuick, Verb::time, "server", "This node's time: seconds, microseconds."),
    whole("info", -1, Command::kLoading | Command::kStale, Verb::info, "server",
          "About this node: server, clients, memory, stats, keyspace."),
    local("config", -2, 0, Verb::container, "server", "About this node's configuration."),
    local("config|get", -3, kAdmin, Verb::config_get, "server",
          "The settings whose names match the patterns."),
    local("config|set", -4, kAdmin, Verb::config_set, "server",
          "Refused: settings are in the node's file."),
    local("config|help", 2, kConnection, Verb::help, "server", "What there is of this."),
    local("command", -1, Command::kLoading | Command::kStale, Verb::command, "server",
          "About all commands."),
    local("command|count", 2, Command::kLoading | Command::kStale, Verb::command_count, "server",
          "How many commands there are."),
    local("command|info", -2, Command::kLoading | Command::kStale, Verb::command_info, "server",
          "About some commands."),
    local("command|docs", -2, Command::kLoading | Command::kStale, Verb::command_docs, "server",
          "What some commands are for."),
    local("command|list", -2, Command::kLoading | Command::kStale, Verb::command_list, "server",
          "The commands' names: [FILTERBY MODULE|ACLCAT|PATTERN filter]."),
    local("command|getkeys", -3, Command::kLoading | Command::kStale, Verb::command_getkeys,
          "server", "The keys among the words of a command."),
    local("command|help", 2, Command::kLoading | Command::kStale, Verb::help, "server",
          "What there is of this."),

    local("cluster", -2, 0, Verb::container, "cluster", "About the ring, as a Redis cluster."),
    local("cluster|info", 2, Command::kStale, Verb::cluster_info, "cluster",
          "Whether every slot is served."),
    local("cluster|myid", 2, Command::kStale, Verb::cluster_myid, "cluster", "This node's id."),
    local("cluster|nodes", 2, Command::kStale, Verb::cluster_nodes, "cluster",
          "The nodes and the slots that each owns."),
    local("cluster|slots", 2, Command::kLoading | Command::kStale, Verb::cluster_slots, "cluster",
          "Of each range of slots, its owner and then its other members."),
    local("cluster|shards", 2, Command::kLoading | Command::kStale, Verb::cluster_shards, "cluster",
          "The ranges of slots that the same nodes keep, and these."),
    local("cluster|keyslot", 3, Command::kStale, Verb::cluster_keyslot, "cluster",
          "The slot of a key."),
    whole("cluster|countkeysinslot", 3, Command::kStale, Verb::cluster_countkeysinslot, "cluster",
          "How many keys a slot has, whoever owns it."),
    whole("cluster|getkeysinslot", 4, Command::kStale, Verb::cluster_getkeysinslot, "cluster",
          "Some keys of a slot, whoever owns it."),
    local("cluster|help", 2, Command::kLoading | Command::kStale, Verb::help, "cluster",
          "What there is of this."),
    local("memory", -2, 0, Verb::container, "server", "About what keys take."),
    {"memory|usage", -3, kReadSlow, 2, 2, 1, Kind::key, Verb::none, decide_memory_usage, "server",
     "About how many bytes of memory a key takes, with its value."},
    local("memory|help", 2, kConnection, Verb::help, "server", "What there is of this."),
    local("ring", -2, 0, Verb::container, "cluster", "About the ring."),
    local("ring|nodes", 2, kConnection, Verb::ring_nodes, "cluster", "The ring's nodes."),
    local("ring|owner", 3, kConnection, Verb::ring_owner, "cluster", "Who owns a key."),
    local("ring|status", 2, kConnection, Verb::ring_status, "cluster", "How the ring is."),
    local("ring|config", 2, kConnection | kAdmin, Verb::ring_config, "cluster",
          "This node's effective configuration."),
    whole("ring|stop", 2, kAdmin, Verb::ring_stop, "cluster", "Stops this node."),
    whole("ring|leave", 2, kAdmin, Verb::ring_leave, "cluster",
          "Gives away what this node holds, and leaves for good."),
    whole("ring|forget", -3, kAdmin, Verb::ring_forget, "cluster",
          "Writes a dead node off, for good."),
    local("ring|help", 2, kConnection, Verb::help, "cluster", "What there is of this."),
};

// In any case.
bool is_named(std::string_view text, std::string_view name) {
  if (text.size() != name.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (resp::lower(text[i]) != name[i]) return false;
  return true;
}

// The commands by their names: a table with more than twice as many places, by linear probing. A
// few letters tell the names apart well enough.
class ByName {
 public:
  ByName() {
    for (const Command& command : kCommands) {
      std::size_t place = home(command.name);
      while (places_[place] != nullptr) place = after(place);
      places_[place] = &command;
    }
  }
  const Command* find(std::string_view name) const {
    std::size_t place = home(name);
    while (places_[place] != nullptr && !is_named(name, places_[place]->name)) place = after(place);
    return places_[place];
  }

 private:
  static constexpr std::size_t kPlaces = 512;
  static_assert(std::size(kCommands) * 2 < kPlaces);

  static std::size_t home(std::string_view name) {
    const std::size_t size = name.size();
    if (size == 0) return 0;
    const auto letter = [&](std::size_t at) {
      return static_cast<std::size_t>(static_cast<unsigned char>(resp::lower(name[at])));
    };
    return (((size * 31 + letter(0)) * 31 + letter(size / 2)) * 31 + letter(size - 1)) % kPlaces;
  }
  static std::size_t after(std::size_t place) { return (place + 1) % kPlaces; }

  std::array<const Command*, kPlaces> places_{};
};

// As printf's %.128s shows it: a zero byte ends it.
std::string_view shown(std::string_view text, std::size_t most) {
  return text.substr(0, std::min(most, text.find('\0')));
}

std::string unknown_command(Args args) {
  std::string words;
  for (std::size_t i = 1; i < args.size() && words.size() < 128; ++i) {
    std::string_view word = shown(args[i], 128 - words.size());
    words.append("'").append(word).append("' ");
  }
  std::string text = "ERR unknown command '";
  return text.append(shown(args[0], 128)).append("', with args beginning with: ").append(words);
}

std::string uppercase(std::string_view text) {
  std::string upper;
  for (char c : text) upper += resp::upper(c);
  return upper;
}

std::string unknown_subcommand(Args args) {
  std::string text = "ERR unknown subcommand '";
  return text.append(shown(args[1], 128)) + "'. Try " + uppercase(args[0]) + " HELP.";
}

// It has no name of one word.
bool is_subcommand(const Command& command) {
  return command.name.find('|') != std::string_view::npos;
}

bool is_container(const Command& command) {
  return command.verb == Verb::container || command.verb == Verb::command;
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

std::string wrong_arity(const Command& command) {
  return "ERR wrong number of arguments for '" + std::string(command.name) + "' command";
}

std::vector<std::size_t> keys_of(const Command& command, Args args) {
  std::vector<std::size_t> keys;
  if (command.first == 0) return keys;
  const auto first = static_cast<std::size_t>(command.first);
  const auto step = static_cast<std::size_t>(command.step);
  const std::size_t end =
      command.last < 0 ? args.size() : static_cast<std::size_t>(command.last) + 1;
  if (end > args.size() || (command.last < 0 && (end - first) % step != 0)) return keys;
  for (std::size_t key = first; key < end; key += step) keys.push_back(key);
  return keys;
}

const Command* find_command(std::string_view name) {
  static const ByName kByName;
  return kByName.find(name);
}

Found resolve(Args args, const Command* guess) {
  if (guess != nullptr && guess->kind == Kind::key && is_named(args[0], guess->name) &&
      !is_subcommand(*guess) && guess->fits(args.size()))
    return {guess, {}};
  const Command* command = find_command(args[0]);
  if (command == nullptr || is_subcommand(*command)) return {nullptr, unknown_command(args)};
  if (is_container(*command) && args.size() > 1) {
    std::string full(command->name);
    full.append("|").append(args[1]);
    const Command* sub = find_command(full);
    if (sub == nullptr) return {nullptr, unknown_subcommand(args)};
    command = sub;
  }
  if (!command->fits(args.size())) return {nullptr, wrong_arity(*command)};
  return {command, {}};
}

}  // namespace skep::ring
