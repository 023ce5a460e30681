// What proposers and acceptors of registers say to each other: CASPaxos (Rystsov, "CASPaxos:
// replicated state machines without logs", 2018). Requests go to acceptors as frames of
// Part::acceptor, with a request id; each is answered by one frame of Part::proposer with the same
// id, or not at all: then nothing is known of it.
//
// Every request but Standing carries the version of the configuration that its sender goes by. An
// acceptor that was told a newer one does nothing and answers Outdated.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/env.hpp"
#include "net/wire.hpp"

namespace skep::registers {

// Orders the attempts at a register. (node, boot) is the proposer: its store's identity and how
// often it has started, so that nobody ever uses a ballot twice. The smallest one is nobody's.
struct Ballot {
  std::uint64_t counter = 0;
  NodeId node = 0;
  std::uint64_t boot = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("counter", m.counter);
    v("node", m.node);
    v("boot", m.boot);
  }
  auto operator<=>(const Ballot&) const = default;
};

// What a register has, as acceptors see it. The content is the proposers' affair; of the rest
// acceptors need the version, which each change that alters a value raises by one, and whether the
// value is there at all: a register that was deleted is a tombstone until it is erased.
struct Value {
  std::uint64_t version = 0;
  bool present = false;
  std::string_view content;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("version", m.version);
    v("present", m.present);
    v("content", m.content);
  }
};

// Values are on the wire.
enum class Type : std::uint16_t {
  // to acceptors
  prepare = 1,
  accept = 2,
  read = 3,
  list = 4,
  erase = 5,
  configure = 6,
  raise_floor = 7,
  standing = 8,
  // to proposers: answers of acceptors
  promised = 32,
  accepted = 33,
  refused = 34,
  state = 35,
  keys = 36,
  outdated = 37,
  damaged = 38,
  unavailable = 39,
  stands = 40,
  noted = 41,
  // between proposers
  pass_on = 64,
  passed = 65,
  news = 66,
  told = 67,
};

// "Promise to accept nothing below this ballot" (CASPaxos 2.1, prepare). Refused unless it is above
// every ballot that the register has promised or accepted. Answered Promised, Refused, Damaged.
struct Prepare {
  static constexpr Type kType = Type::prepare;
  std::uint64_t configuration = 0;
  std::string_view key;
  Ballot ballot;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
    v("key", m.key);
    v("ballot", m.ballot);
  }
};
struct Promised {
  static constexpr Type kType = Type::promised;
  Ballot accepted;  // nobody's: the register is absent, and `value` has only the floor's version
  Value value;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("accepted", m.accepted);
    v("value", m.value);
  }
};

// "Accept this value" (CASPaxos 2.1, accept). Refused if a higher ballot was promised, or this one
// was accepted before: one ballot carries one value for ever. `next`, not below the ballot, is the
// promise for the proposer's next change (2.2.1, one-round trip optimization). Answered Accepted,
// Refused.
struct Accept {
  static constexpr Type kType = Type::accept;
  std::uint64_t configuration = 0;
  std::string_view key;
  Ballot ballot;
  Ballot next;
  Value value;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
    v("key", m.key);
    v("ballot", m.ballot);
    v("next", m.next);
    v("value", m.value);
  }
};

// What was accepted? Promises nothing and writes nothing. Answered State (as Promised), Damaged.
struct Read {
  static constexpr Type kType = Type::read;
  std::uint64_t configuration = 0;
  std::string_view key;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
    v("key", m.key);
  }
};
struct State {
  static constexpr Type kType = Type::state;
  Ballot accepted;
  Value value;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("accepted", m.accepted);
    v("value", m.value);
  }
};

// Which registers are there? In the order of their keys, those after `after` that begin with
// `prefix`. An acceptor tells fewer than `limit` if they would make too large a frame; `more` says
// that there are others behind. Damaged ones are told, too, with nobody's ballot.
struct List {
  static constexpr Type kType = Type::list;
  std::uint64_t configuration = 0;
  std::string_view prefix;
  std::string_view after;
  std::uint32_t limit = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
    v("prefix", m.prefix);
    v("after", m.after);
    v("limit", m.limit);
  }
};
struct Listed {
  std::string_view key;
  Ballot accepted;
  std::uint64_t version = 0;
  bool present = false;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("key", m.key);
    v("accepted", m.accepted);
    v("version", m.version);
    v("present", m.present);
  }
};
struct Keys {
  static constexpr Type kType = Type::keys;
  bool more = false;
  std::vector<Listed> registers;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("more", m.more);
    v("registers", m.registers);
  }
};

// Frees a deleted register: it is erased if what it accepted is `ballot` and it has promised
// nothing above `next`; the floor rises to its promise and to its version. Whoever asks has seen
// the tombstone accepted by all acceptors (CASPaxos 3.1, but for the floor instead of ages).
// Answered Noted, also where the register is absent, or Refused.
struct Erase {
  static constexpr Type kType = Type::erase;
  std::uint64_t configuration = 0;
  std::string_view key;
  Ballot ballot;
  Ballot next;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
    v("key", m.key);
    v("ballot", m.ballot);
    v("next", m.next);
  }
};

// There is a configuration of this version: nothing below it is served from now on. Its first one
// is in force only when all acceptors in it have been told of it. Answered Noted when it is the
// same as the one known, or newer; Outdated with the one known if that is newer, or another one of
// the same version.
struct Configure {
  static constexpr Type kType = Type::configure;
  std::uint64_t configuration = 0;
  bool in_force = false;
  std::string_view content;  // roles/proposer/configuration.hpp
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
    v("in_force", m.in_force);
    v("content", m.content);
  }
};
struct Outdated {
  static constexpr Type kType = Type::outdated;
  std::uint64_t configuration = 0;
  bool in_force = false;
  std::string_view content;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
    v("in_force", m.in_force);
    v("content", m.content);
  }
};

// The floor, below which absent registers have promised and been: not lower than this from now on.
// Answered Noted.
struct RaiseFloor {
  static constexpr Type kType = Type::raise_floor;
  Ballot ballot;
  std::uint64_t version = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("ballot", m.ballot);
    v("version", m.version);
  }
};

// How do you stand? Answered Stands.
struct Standing {
  static constexpr Type kType = Type::standing;
  template <class M, class V> static void fields(M&, V&&) {}
};
struct Stands {
  static constexpr Type kType = Type::stands;
  std::uint64_t configuration = 0;
  Ballot floor;
  std::uint64_t floor_version = 0;
  bool empty = true;          // it has no registers
  std::uint64_t waiting = 0;  // answers that wait for the disk
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
    v("floor", m.floor);
    v("floor_version", m.floor_version);
    v("empty", m.empty);
    v("waiting", m.waiting);
  }
};

// Other answers of an acceptor. Whatever is answered is on its disk before; Refused, Outdated and
// Unavailable mean that this request has done nothing there.
struct Noted {
  static constexpr Type kType = Type::noted;
  template <class M, class V> static void fields(M&, V&&) {}
};
struct Accepted {
  static constexpr Type kType = Type::accepted;
  template <class M, class V> static void fields(M&, V&&) {}
};
// A ballot not below this one is in the way.
struct Refused {
  static constexpr Type kType = Type::refused;
  Ballot ballot;
  template <class M, class V> static void fields(M& m, V&& v) { v("ballot", m.ballot); }
};
// What the disk has of the register is not what was written. It has promised nothing above this
// ballot; an Accept above it, prepared at the others, mends it.
struct Damaged {
  static constexpr Type kType = Type::damaged;
  Ballot ballot;
  template <class M, class V> static void fields(M& m, V&& v) { v("ballot", m.ballot); }
};
// The disk takes nothing now.
struct Unavailable {
  static constexpr Type kType = Type::unavailable;
  template <class M, class V> static void fields(M&, V&&) {}
};

}  // namespace skep::registers
