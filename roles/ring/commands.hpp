// The ring's commands: one table that says of each its name, its shape and where it is carried out.
// Sessions dispatch by it, decide() looks itself up in it, COMMAND answers from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "net/base/time.hpp"
#include "net/resp.hpp"
#include "roles/ring/decide.hpp"
#include "roles/ring/keyspace.hpp"

namespace skep::ring {

// What one key's command is decided from.
struct Call {
  Args args;
  const std::optional<Stored>& stored;
  WallMs now;
  std::size_t max_value;
};
using Decide = Decision (*)(const Call&);

// What a command on several keys of one slot is decided from.
struct JointCall {
  Args args;
  std::span<const std::optional<Stored>> stored;  // one a key
  WallMs now;
  std::size_t max_value;
};
using DecideTogether = JointDecision (*)(const JointCall&);

// Where a command is carried out.
enum class Kind : std::uint8_t {
  local,  // at the connection; it changes or tells something about it or this node
  key,    // at the owner of its one key
  keys,   // each of its keys on its own, put together afterwards
  joint,  // at the owner of all its keys, which are of one slot, as one write
  whole,  // by the whole ring: waits for what the connection asked before, and later ones wait
};

// Which function of a session answers; none for Kind::key.
enum class Verb : std::uint8_t {
  none,
  ping,
  echo,
  hello,
  auth,
  select,
  quit,
  reset,
  time,
  readonly,
  readwrite,
  client_id,
  client_getname,
  client_setname,
  client_setinfo,
  client_list,
  client_info,
  client_kill,
  client_no_evict,
  client_no_touch,
  config_get,
  config_set,
  command,
  command_count,
  command_info,
  command_docs,
  command_list,
  command_getkeys,
  cluster_info,
  cluster_myid,
  cluster_nodes,
  cluster_slots,
  cluster_shards,
  cluster_keyslot,
  cluster_countkeysinslot,
  cluster_getkeysinslot,
  multi,
  exec,
  discard,
  watch,
  unwatch,
  help,
  ring_nodes,
  ring_owner,
  ring_status,
  ring_config,
  ring_stop,
  ring_leave,
  ring_forget,
  mget,
  mset,
  sum,
  info,
  dbsize,
  scan,
  keys,
  flush,
  randomkey,
  container,
};

struct Command {
  // Redis's flags, by its names.
  enum Flag : std::uint16_t {
    kWrite = 1,
    kReadonly = 2,
    kDenyOom = 4,
    kAdmin = 8,
    kNoScript = 16,
    kLoading = 32,
    kStale = 64,
    kFast = 128,
    kNoAuth = 256,
  };

  std::string_view name;  // lower case; of a subcommand "client|list"
  int arity;              // with the name; negative: at least so many
  std::uint16_t flags;
  std::int8_t first, last, step;  // the keys among the words; 0: none
  Kind kind;
  Verb verb;
  Decide decide;
  std::string_view group;
  std::string_view summary;
  DecideTogether together = nullptr;

  bool is_write() const { return (flags & kWrite) != 0; }
  bool fits(std::size_t words) const {
    return arity >= 0 ? words == static_cast<std::size_t>(arity)
                      : words >= static_cast<std::size_t>(-arity);
  }
};

// In the table's order, subcommands right after their container.
std::span<const Command> commands();

// A command by its name in any case; null if there is none. Subcommands as "client|list".
const Command* find_command(std::string_view name);

// The command that the words ask for, a subcommand where there are any; or Redis's error (unknown
// command or subcommand, wrong number of arguments).
struct Found {
  const Command* command = nullptr;
  std::string error;
};
// `guess` is looked at first.
Found resolve(Args args, const Command* guess = nullptr);

// The places of the command's keys among its words; none when the words do not come in whole steps
// (MSET with a key and no value).
std::vector<std::size_t> keys_of(const Command& command, Args args);

// Redis's error for a wrong number of words.
std::string wrong_arity(const Command& command);

// Replies to COMMAND; COMMAND COUNT; COMMAND INFO, DOCS and LIST, GETKEYS with the words behind
// them; HELP of a command with subcommands.
resp::Value command_all();
resp::Value command_count();
resp::Value command_info(Args names);
resp::Value command_docs(Args names);
resp::Value command_list(Args filter);
resp::Value command_getkeys(Args words);
resp::Value command_help(std::string_view container);

}  // namespace skep::ring
