// The ring's keys, to whoever serves clients with them: RESP sessions, and other roles through
// main. Any node's Keyspace answers for any key; who owns it is not the caller's business.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/error.hpp"
#include "net/resp.hpp"
#include "roles/ring/topology.hpp"

namespace skep::ring {

// A command's words, its name first. The views live during the call only.
using Args = std::span<const std::string_view>;

class Keyspace {
 public:
  // Success carries the command's reply, an error reply of the command included. A failure says
  // that the ring could not do it: Code::unavailable certainly not done, Code::unknown may have
  // been. Called exactly once, maybe from within the call.
  using Done = std::function<void(Result<resp::Value>&&)>;

  struct Page {
    std::uint64_t cursor = 0;  // 0: the end
    std::vector<std::string> keys;
  };

  // Cursors grow along the ring and are below this. A client may invent one.
  static constexpr std::uint64_t kCursorEnd = std::uint64_t{1} << 62;

  virtual ~Keyspace() = default;

  // A command on one key, which is args[key]; decided by decide() (commands.hpp) at its owner.
  virtual void run(Args args, std::size_t key, bool write, Done done) = 0;

  // A command on several keys of one slot (Kind::joint), args[key] one of them: one write, decided
  // by decide_together().
  virtual void run_together(Args args, std::size_t key, Done done) = 0;

  // Live keys in cursor order from `cursor` (0: the start), about `count` of them, those that match
  // the glob `match` (empty: all). A key that is there throughout a whole walk is returned at least
  // once.
  virtual void scan(std::uint64_t cursor, std::size_t count, std::string_view match,
                    std::function<void(Result<Page>)> done) = 0;
  // The live keys of a slot: how many, and the first `most` of them.
  struct SlotKeys {
    std::uint64_t count = 0;
    std::vector<std::string> keys;
  };
  virtual void scan_slot(Slot slot, std::size_t most,
                         std::function<void(Result<SlotKeys>)> done) = 0;
  // How many live keys the whole ring has, and how many of these will expire.
  struct Counted {
    std::uint64_t keys = 0;
    std::uint64_t expiring = 0;
  };
  virtual void count(std::function<void(Result<Counted>)> done) = 0;
  // Deletes every key that is there now; not atomic over keys.
  virtual void clear(std::function<void(Result<>)> done) = 0;

  // Who answers for which slots.
  virtual Topology topology() const = 0;
  // RING NODES, OWNER key, STATUS: args[0] is the word after RING.
  virtual resp::Value describe(Args args) = 0;
  // RING STOP (this process ends) and RING LEAVE (this node leaves for good): `done` when it is
  // safe to.
  virtual void stop(std::function<void(Result<>)> done) = 0;
  virtual void leave(std::function<void(Result<>)> done) = 0;
  // RING FORGET: writes a dead node off, by its name or its id in hexadecimals. Without `sure` it
  // is refused, with what it means. `done` when it is on this node's disk; the others hear of it.
  virtual void forget(std::string_view node, bool sure, std::function<void(Result<>)> done) = 0;
};

}  // namespace skep::ring
