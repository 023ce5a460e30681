// What the members part of two nodes say to each other (frames of Part::members), and the form in
// which a node keeps its list. Every message but Join and Waiting names the sender's cluster: one
// of another cluster is not believed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/membership.hpp"
#include "net/wire.hpp"

namespace skep::members {

// The frame's message type. Values are on the wire.
enum class Type : std::uint16_t {
  ping = 1,
  ack = 2,
  nack = 3,
  ping_request = 4,
  gossip = 5,
  sync = 6,
  full = 7,
  join = 8,
  waiting = 9,
};

// What somebody says of a member. The fields of `member` are as the member itself gave them with
// that incarnation.
struct Claim {
  Member member;
  NodeId by = 0;          // suspect: who accuses; several accusers make the suspicion shorter
  std::uint32_t age = 0;  // dead, left: for how many seconds, rounded up; never falls on its way
  template <class M, class V> static void fields(M& m, V&& v) {
    v("member", m.member);
    v("by", m.by);
    v("age", m.age);
  }
};

// Rides on every message (SWIM 4.1: infection-style dissemination).
struct News {
  std::vector<Claim> claims;
  std::vector<Rumor> rumors;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("claims", m.claims);
    v("rumors", m.rumors);
  }
};

// Are you there? (SWIM 3.1)
struct Ping {
  std::uint64_t cluster = 0;
  std::uint64_t seq = 0;
  News news;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("cluster", m.cluster);
    v("seq", m.seq);
    v("news", m.news);
  }
};

// Yes; or, from a helper: the one that you asked about said yes.
struct Ack {
  std::uint64_t cluster = 0;
  std::uint64_t seq = 0;
  News news;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("cluster", m.cluster);
    v("seq", m.seq);
    v("news", m.news);
  }
};

// From a helper: I am here, but the one that you asked about has not answered me (Lifeguard 3.1).
struct Nack {
  std::uint64_t cluster = 0;
  std::uint64_t seq = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("cluster", m.cluster);
    v("seq", m.seq);
  }
};

// Ping the target for me: I hear nothing from it (SWIM 3.1, ping-req).
struct PingRequest {
  std::uint64_t cluster = 0;
  std::uint64_t seq = 0;
  NodeId target = 0;
  Address address;
  News news;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("cluster", m.cluster);
    v("seq", m.seq);
    v("target", m.target);
    v("address", m.address);
    v("news", m.news);
  }
};

// News that should not wait for the next ping.
struct Gossip {
  std::uint64_t cluster = 0;
  News news;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("cluster", m.cluster);
    v("news", m.news);
  }
};

// What a node knows, in short: equal digests, equal knowledge (ages aside).
struct Digest {
  std::uint64_t members = 0;
  std::vector<std::uint64_t> rumors;  // one a bucket
  template <class M, class V> static void fields(M& m, V&& v) {
    v("members", m.members);
    v("rumors", m.rumors);
  }
  bool operator==(const Digest&) const = default;
};

// The opening of a full exchange: this is what I know, in short; is yours different?
struct Sync {
  std::uint64_t cluster = 0;
  std::uint64_t ticket = 0;  // not 0: answer in any case, with this number
  Digest digest;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("cluster", m.cluster);
    v("ticket", m.ticket);
    v("digest", m.digest);
  }
};

// All that the other one may not know: the whole list, and the rumors of the buckets that differ.
struct Full {
  std::uint64_t cluster = 0;
  std::uint64_t ticket = 0;
  bool answer = false;  // the sender wants the receiver's, too
  Digest digest;        // of the sender
  News news;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("cluster", m.cluster);
    v("ticket", m.ticket);
    v("answer", m.answer);
    v("digest", m.digest);
    v("news", m.news);
  }
};

// From a node that is in no cluster yet: tell me of yours.
struct Join {
  std::uint64_t ticket = 0;
  std::string name;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("ticket", m.ticket);
    v("name", m.name);
  }
};

// The answer of one that is in no cluster itself.
struct Waiting {
  std::uint64_t ticket = 0;
  template <class M, class V> static void fields(M& m, V&& v) { v("ticket", m.ticket); }
};

// The list as it is kept on disk.
struct Saved {
  std::uint16_t version = 1;
  std::uint64_t cluster = 0;
  bool founded = false;  // by this node
  std::vector<Claim> claims;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("version", m.version);
    v("cluster", m.cluster);
    v("founded", m.founded);
    v("claims", m.claims);
  }
};

}  // namespace skep::members
