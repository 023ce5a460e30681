// What an event made a core decide, as a value: messages to send, writes to make, answers to give.
// Whatever may only be sent once a write is safe is not here: the completed write is an event of
// its own, and the message its effect.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/base/log.hpp"
#include "net/wire.hpp"
#include "roles/ring/messages.hpp"
#include "store/store.hpp"

namespace skep::ring {

inline constexpr std::string_view kEntrySpace = "ring";      // row_key(key) -> Entry
inline constexpr std::string_view kArcSpace = "ring.arc";    // arc, big-endian -> Standing
inline constexpr std::string_view kHiveSpace = "ring.hive";  // what is the node's: "options", …

// Which write was completed; comes back to the arc as an event.
struct Completion {
  enum class Kind : std::uint8_t {
    promised,   // the promise of `epoch` to `node`
    installed,  // the record of `epoch`; `number` 1: it is news here, `round` 1: it is settled
    settled,    // that it is settled, at its owner
    appended,   // this member's stream up to `number`
    synced,     // a copy's piece `number`
    own,        // the owner's own stream up to `number`
    recovered,  // what was pulled after a power cut
    flushed,    // the stream that comes from `node` is synced up to `number`
    lap,        // all writes of the lap `number` (see memory.hpp): the node's, not an arc's
  };
  ArcId arc = 0;
  Kind kind = Kind::promised;
  Epoch epoch = 0;
  std::uint32_t round = 0;
  std::uint64_t number = 0;
  NodeId node = 0;
};

struct Effects {
  // A part of a copy, of which some values are to be read from the store before it is sent. If one
  // is not there any more in that version, it is not sent: the other node asks again.
  struct Copy {
    std::variant<SyncPart, Fetched> message;
    std::vector<std::size_t> cold;  // places among its items
  };
  struct Send {
    NodeId to = 0;
    Type type = Type::heartbeat;
    std::uint64_t request = 0;
    std::string payload;
    std::optional<Copy> copy;  // instead of the payload
  };
  struct Write {
    Durability durability = Durability::written;
    Batch batch;
    std::vector<Completion> completions;
  };
  struct Reply {
    std::uint64_t token = 0;  // of the request
    Answer answer;
  };
  // The value of an entry that was evicted, to be read after the writes; comes back as an event.
  struct Read {
    ArcId arc = 0;
    std::string key;
    Version version;
  };
  struct Line {
    Level level = Level::info;
    std::string text;
  };

  std::vector<Send> sends;
  // Sent after `sends`, a frame each, when all events of a turn are through.
  std::map<NodeId, Appends> appends;
  std::map<NodeId, Acks> acks;
  std::vector<ArcId> aside;   // arcs whose rows are to be set aside, before `writes`
  std::vector<Write> writes;  // to be submitted in this order
  Write memory;               // completions of what is kept in memory only; without a batch
  std::vector<Read> reads;
  std::vector<Reply> replies;
  // The token of the last request that was begun here: what it writes has its place in the arc's
  // stream, and its answer will be the command's or `unknown`.
  std::uint64_t begun = 0;
  std::vector<Line> lines;
  std::vector<ArcId> changed;  // arcs whose record is news here

  template <class M> void send(NodeId to, const M& message, std::uint64_t request = 0) {
    sends.push_back({to, M::kType, request, wire::encode(message), {}});
  }
  template <class M> void send_copy(NodeId to, M message, std::vector<std::size_t> cold) {
    if (cold.empty()) return send(to, message);
    sends.push_back({to, M::kType, 0, {}, Copy{std::move(message), std::move(cold)}});
  }
  // The batch to add to; a new one where the durability changes, for there is one order.
  Write& write(Durability durability) {
    if (writes.empty() || writes.back().durability != durability)
      writes.push_back({durability, {}, {}});
    return writes.back();
  }
  bool empty() const {
    return sends.empty() && appends.empty() && acks.empty() && aside.empty() && writes.empty() &&
           memory.completions.empty() && reads.empty() && replies.empty() && lines.empty() &&
           changed.empty();
  }
  // Keeps the memory.
  void clear() {
    sends.clear();
    appends.clear();
    acks.clear();
    aside.clear();
    writes.clear();
    memory.completions.clear();
    reads.clear();
    replies.clear();
    lines.clear();
    changed.clear();
  }
  void log(Level level, std::string text) { lines.push_back({level, std::move(text)}); }
};

}  // namespace skep::ring
