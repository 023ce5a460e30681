// What ring nodes say to each other about arcs. Every message names its arc and carries an epoch.
//
//   message      answered by        before it leaves                      sent again
//
//   Heartbeat    HeartbeatReply     -                                     each interval
//   PreVote      PreVoteReply       -                                     with the next attempt
//   Prepare      Promised           - / the promise is durable            each interval
//   Install      Installed          the record is durable, here / there   each interval
//   SyncBegin    SyncWant, SyncAck  - / the copy is in the journal        after silence
//   Appends      Acks               - / the entries are in the journal    by a new SyncBegin
//   Fetch        Fetched            -                                     after silence
//   Pull         Pulled             -                                     each interval
//   Flush        Flushed            - / the stream is synced              each sweep interval
//   Drop         -                  every member has synced the deletes   never
//   Compare      StreamLost         -                                     each compare interval
//   Request      Answer             what it says is on a majority         never
//   any of them  Refused            the promise that refuses is durable   -
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/rare.hpp"
#include "roles/ring/entry.hpp"
#include "roles/ring/record.hpp"
#include "roles/ring/slots.hpp"

namespace skep::ring {

// On the wire: never renumber.
enum class Type : std::uint16_t {
  heartbeat = 1,
  heartbeat_reply,
  pre_vote,
  pre_vote_reply,
  prepare,
  promised,
  install,
  installed,
  refused,
  sync_begin,
  sync_want,
  sync_part,
  sync_ack,
  appends,
  acks,
  stream_lost,
  fetch,
  fetched,
  pull,
  pulled,
  request,
  answer,
  flush,
  flushed,
  drop,
  compare,
};

// A key with its entry, as it travels.
struct Item {
  std::string key;
  Entry entry;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("key", m.key);
    v("entry", m.entry);
  }
};

// The same as it lies in a message, and no longer than that.
struct ItemView {
  std::string_view key;
  EntryView entry;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("key", m.key);
    v("entry", m.entry);
  }
};

// The owner of these arcs is alive, and asks for a lease on each (Gray & Cheriton, SOSP 1989).
struct Heartbeat {
  static constexpr Type kType = Type::heartbeat;
  struct Arc {
    ArcId arc = 0;
    Epoch epoch = 0;
    bool settled = false;
    template <class M, class V> static void fields(M& m, V&& v) {
      v("arc", m.arc);
      v("epoch", m.epoch);
      v("settled", m.settled);
    }
  };
  std::uint64_t sent_us = 0;  // by the sender's clock, echoed: leases count from it
  std::vector<Arc> arcs;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("sent_us", m.sent_us);
    v("arcs", m.arcs);
  }
};
struct HeartbeatReply {
  static constexpr Type kType = Type::heartbeat_reply;
  struct Arc {
    ArcId arc = 0;
    Epoch epoch = 0;
    bool granted = false;  // false: this member holds no such record yet
    template <class M, class V> static void fields(M& m, V&& v) {
      v("arc", m.arc);
      v("epoch", m.epoch);
      v("granted", m.granted);
    }
  };
  std::uint64_t sent_us = 0;
  std::uint64_t boot = 0;      // of the member: a copy is begun with one life of it
  bool stopping = false;       // the member is not to be made an owner
  std::uint64_t lease_us = 0;  // for how long it binds itself, where it grants
  std::vector<Arc> arcs;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("sent_us", m.sent_us);
    v("boot", m.boot);
    v("stopping", m.stopping);
    v("lease_us", m.lease_us);
    v("arcs", m.arcs);
  }
};

// Would you promise me this epoch? Nothing is promised by the answer. One that leaves asks with an
// epoch that it has promised, to learn whether that may still come to a record.
struct PreVote {
  static constexpr Type kType = Type::pre_vote;
  ArcId arc = 0;
  Epoch epoch = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
  }
};
struct PreVoteReply {
  static constexpr Type kType = Type::pre_vote_reply;
  ArcId arc = 0;
  Epoch epoch = 0;
  bool yes = false;
  bool claims = false;  // tries for it itself, or has written its record
  Epoch promised = 0;   // the highest that this member knows of
  Record record;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("yes", m.yes);
    v("claims", m.claims);
    v("promised", m.promised);
    v("record", m.record);
  }
};

// Phase 1 (Lamport, "Paxos made simple", 2.2): promise me this epoch.
struct Prepare {
  static constexpr Type kType = Type::prepare;
  ArcId arc = 0;
  Epoch epoch = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
  }
};
struct Promised {
  static constexpr Type kType = Type::promised;
  ArcId arc = 0;
  Epoch epoch = 0;
  Record record;
  std::vector<std::uint64_t> digests;
  std::uint64_t options = 0;  // the version of the hive's options that it goes by
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("record", m.record);
    v("digests", m.digests);
    v("options", m.options);
  }
};

// The record of an epoch; the same epoch again, settled, says that it is.
struct Install {
  static constexpr Type kType = Type::install;
  ArcId arc = 0;
  Record record;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("record", m.record);
  }
};
struct Installed {
  static constexpr Type kType = Type::installed;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint64_t boot = 0;
  bool settled = false;  // so is the record on this disk
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("boot", m.boot);
    v("settled", m.settled);
  }
};
// What was said in `epoch` is refused: a higher one is promised.
struct Refused {
  static constexpr Type kType = Type::refused;
  ArcId arc = 0;
  Epoch epoch = 0;
  Epoch promised = 0;
  Record record;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("promised", m.promised);
    v("record", m.record);
  }
};

// The owner's copy begins here, at `number` of its epoch's stream: later writes follow. `round`
// grows with every attempt in an epoch.
struct SyncBegin {
  static constexpr Type kType = Type::sync_begin;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint64_t boot = 0;
  std::uint32_t round = 0;
  std::uint64_t number = 0;
  bool synced = false;  // so is everything of this round, before it is confirmed
  std::vector<std::uint64_t> digests;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("boot", m.boot);
    v("round", m.round);
    v("number", m.number);
    v("synced", m.synced);
    v("digests", m.digests);
  }
};
// The buckets that differ.
struct SyncWant {
  static constexpr Type kType = Type::sync_want;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint32_t round = 0;
  std::vector<std::uint8_t> buckets;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("round", m.round);
    v("buckets", m.buckets);
  }
};
// A piece of a bucket as it is at `number`; after its last piece the bucket is what was sent, with
// the writes that came meanwhile.
struct SyncPart {
  static constexpr Type kType = Type::sync_part;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint32_t round = 0;
  std::uint32_t part = 0;  // counted through the round, from 0
  std::uint64_t number = 0;
  std::uint8_t bucket = 0;
  bool first = false;
  bool last = false;
  std::vector<Item> items;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("round", m.round);
    v("part", m.part);
    v("number", m.number);
    v("bucket", m.bucket);
    v("first", m.first);
    v("last", m.last);
    v("items", m.items);
  }
};
struct SyncAck {
  static constexpr Type kType = Type::sync_ack;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint32_t round = 0;
  std::uint32_t part = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("round", m.round);
    v("part", m.part);
  }
};

// Writes of the owners' streams, of all arcs that two nodes share in one frame.
template <class Each> struct AppendsOf {
  static constexpr Type kType = Type::appends;
  struct Arc {
    ArcId arc = 0;
    Epoch epoch = 0;
    std::uint32_t round = 0;
    std::uint64_t previous = 0;  // the number before the first item's; one item a number
    std::vector<Each> items;
    template <class M, class V> static void fields(M& m, V&& v) {
      v("arc", m.arc);
      v("epoch", m.epoch);
      v("round", m.round);
      v("previous", m.previous);
      v("items", m.items);
    }
  };
  std::vector<Arc> arcs;
  template <class M, class V> static void fields(M& m, V&& v) { v("arcs", m.arcs); }
};
using Appends = AppendsOf<Item>;
using AppendsView = AppendsOf<ItemView>;
// Everything in the streams up to these numbers is in this member's journal.
struct Acks {
  static constexpr Type kType = Type::acks;
  struct Arc {
    ArcId arc = 0;
    Epoch epoch = 0;
    std::uint32_t round = 0;
    std::uint64_t number = 0;
    template <class M, class V> static void fields(M& m, V&& v) {
      v("arc", m.arc);
      v("epoch", m.epoch);
      v("round", m.round);
      v("number", m.number);
    }
  };
  std::vector<Arc> arcs;
  template <class M, class V> static void fields(M& m, V&& v) { v("arcs", m.arcs); }
};
// This member is not at that place of the stream; begin a copy anew.
struct StreamLost {
  static constexpr Type kType = Type::stream_lost;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint32_t round = 0;
  std::uint64_t boot = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("round", m.round);
    v("boot", m.boot);
  }
};

// A bucket's entries from a key on: for a takeover (`epoch` is the promised one) or after a power
// cut (`epoch` is 0, `boot` the asker's).
struct Fetch {
  static constexpr Type kType = Type::fetch;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint64_t boot = 0;
  std::uint8_t bucket = 0;
  std::string from;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("boot", m.boot);
    v("bucket", m.bucket);
    v("from", m.from);
  }
};
struct Fetched {
  static constexpr Type kType = Type::fetched;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint64_t boot = 0;
  std::uint8_t bucket = 0;
  std::string from;
  bool more = false;
  std::string next;  // where to go on, if there is more
  std::vector<Item> items;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("boot", m.boot);
    v("bucket", m.bucket);
    v("from", m.from);
    v("more", m.more);
    v("next", m.next);
    v("items", m.items);
  }
};

// A member that may have lost what it acknowledged asks what the others have.
struct Pull {
  static constexpr Type kType = Type::pull;
  ArcId arc = 0;
  std::uint64_t boot = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("boot", m.boot);
  }
};
struct Pulled {
  static constexpr Type kType = Type::pulled;
  ArcId arc = 0;
  std::uint64_t boot = 0;
  bool counts = false;  // false: the answering member waits, too
  Record record;
  std::vector<std::uint64_t> digests;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("boot", m.boot);
    v("counts", m.counts);
    v("record", m.record);
    v("digests", m.digests);
  }
};

// Say when your disk has everything of the stream up to this number for good.
struct Flush {
  static constexpr Type kType = Type::flush;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint32_t round = 0;
  std::uint64_t number = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("round", m.round);
    v("number", m.number);
  }
};
struct Flushed {
  static constexpr Type kType = Type::flushed;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint32_t round = 0;
  std::uint64_t number = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("round", m.round);
    v("number", m.number);
  }
};
// A deleted key, and which delete it was.
struct Tombstone {
  std::string key;
  Version version;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("key", m.key);
    v("version", m.version);
  }
};
// No copy that counts can have anything older of these keys: their tombstones are of no more use.
struct Drop {
  static constexpr Type kType = Type::drop;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint32_t round = 0;
  std::vector<Tombstone> tombstones;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("round", m.round);
    v("tombstones", m.tombstones);
  }
};
// The digest of the owner's whole copy at this place of the stream. Who has another one there asks
// for a new copy.
struct Compare {
  static constexpr Type kType = Type::compare;
  ArcId arc = 0;
  Epoch epoch = 0;
  std::uint32_t round = 0;
  std::uint64_t number = 0;
  std::uint64_t digest = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("round", m.round);
    v("number", m.number);
    v("digest", m.digest);
  }
};

enum class Op : std::uint8_t {
  command,  // args: a command on the key args[key]
  walk,     // args: cursor, count, as decimal numbers; the answer's items are keys, its number the
            // next cursor
  count,    // the answer's number is the number of live keys
  clear,    // args: cursor, count; deletes about so many keys from there on, the answer's number is
            // the next cursor
  together,  // args: a command on several keys of one slot, one of them args[key]
};
constexpr Op wire_max(Op) { return Op::together; }

// A client's command, passed on to the arc's owner by the node that the client talks to.
struct Request {
  static constexpr Type kType = Type::request;
  ArcId arc = 0;
  Epoch epoch = 0;  // the one in which the sender believes; in another one: moved
  Op op = Op::command;
  bool write = false;
  std::uint16_t key = 0;
  std::uint64_t timeout_us = 0;  // what is left of it
  std::vector<std::string_view> args;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("epoch", m.epoch);
    v("op", m.op);
    v("write", m.write);
    v("key", m.key);
    v("timeout_us", m.timeout_us);
    v("args", m.args);
  }
};

enum class Outcome : std::uint8_t {
  done,     // the reply
  moved,    // certainly not done; `record` is the best that this node knows (epoch 0: nothing)
  refused,  // certainly not done, for the reason in `text`
  unknown,  // may have been done, or will be
};
constexpr Outcome wire_max(Outcome) { return Outcome::unknown; }

struct Answer {
  static constexpr Type kType = Type::answer;
  ArcId arc = 0;
  Outcome outcome = Outcome::done;
  std::uint8_t kind = 0;  // resp::Value::Kind of a scalar
  std::string text;
  std::uint64_t number = 0;
  // What few answers have: there are many on their way at once.
  struct More {
    std::vector<std::string> items;
    Record record;
    template <class M, class V> static void fields(M& m, V&& v) {
      v("items", m.items);
      v("record", m.record);
    }
    bool operator==(const More&) const = default;
  };
  Rare<More> more;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("outcome", m.outcome);
    v("kind", m.kind);
    v("text", m.text);
    v("number", m.number);
    v("more", m.more);
  }
};

inline Answer failed(Outcome outcome, std::string_view why) {
  Answer answer;
  answer.outcome = outcome;
  answer.text = why;
  return answer;
}

}  // namespace skep::ring
