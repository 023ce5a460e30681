// The first words of two nodes: who each is, that they belong together, and that both know the
// cluster's secret. A pure core: bytes in, bytes and a decision out.
//
//   dialler                                acceptor
//   Hello (nonce)            ->
//                            <-            Hello (nonce), or Refuse
//   Proof, or Refuse         ->
//                            <-            Proof, or Refuse
//
// A proof is HMAC-SHA256, keyed with the secret, over the side's name and both Hellos, hence over
// both nonces and over everything either side claims. The dialler proves first, so that a stranger
// who only connects gets nothing to guess the secret from. The layout of Hello and Refuse is the
// same in every protocol version.
// Nothing here is encrypted; that is the connection's business (net/tls.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/base/error.hpp"
#include "net/env.hpp"
#include "net/wire.hpp"

namespace skep {

// The protocol versions that this build speaks. A pair uses the highest that both do.
inline constexpr std::uint8_t kMinVersion = 1;
inline constexpr std::uint8_t kMaxVersion = wire::kProtocolVersion;

// Message types of Part::link. Values are on the wire.
enum class LinkType : std::uint16_t {
  hello = 1,
  proof = 2,
  refuse = 3,       // why, for a person; the connection ends
  unsupported = 4,  // answers a request whose part or type is not known; a role may send it too
  cluster = 5,      // the sender has founded or joined a cluster since its Hello
};

struct Hello {
  // Comes first. Holds line ends, so that a server of a text protocol answers, and says what it is.
  static constexpr std::string_view kMagic = "\r\nSKEP\r\n\r\n";
  static constexpr std::size_t kNonce = 16;

  std::string magic = std::string(kMagic);
  std::uint8_t min_version = kMinVersion;
  std::uint8_t max_version = kMaxVersion;
  std::string cluster;
  std::string node;
  NodeId identity = 0;
  std::uint64_t incarnation = 0;  // of this boot; higher than every earlier one's
  Address address;                // what others dial
  std::uint64_t cluster_id = 0;   // 0: not in a cluster yet
  bool has_secret = false;
  std::string nonce;

  template <class M, class V> static void fields(M& m, V&& v) {
    v("magic", m.magic);
    v("min_version", m.min_version);
    v("max_version", m.max_version);
    v("cluster", m.cluster);
    v("node", m.node);
    v("identity", m.identity);
    v("incarnation", m.incarnation);
    v("address", m.address);
    v("cluster_id", m.cluster_id);
    v("has_secret", m.has_secret);
    v("nonce", m.nonce);
  }
};

struct Proof {
  std::string mac;
  template <class M, class V> static void fields(M& m, V&& v) { v("mac", m.mac); }
};

struct Refuse {
  std::string text;
  template <class M, class V> static void fields(M& m, V&& v) { v("text", m.text); }
};

struct Unsupported {
  std::uint8_t part = 0;
  std::uint16_t type = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("part", m.part);
    v("type", m.type);
  }
};

struct ClusterId {
  std::uint64_t id = 0;
  template <class M, class V> static void fields(M& m, V&& v) { v("id", m.id); }
};

// Appends a frame of Part::link.
template <class T>
void encode_link_frame(std::string& out, LinkType type, const T& message,
                       std::uint64_t request = 0) {
  const std::string payload = wire::encode(message);
  wire::encode_frame(out, {wire::kProtocolVersion, static_cast<std::uint8_t>(Part::link),
                           static_cast<std::uint16_t>(type), request, payload});
}

// A refusal, in a sentence for each side. `here` is for our log, `there` for the other's.
struct Refusal {
  Code code = Code::conflict;
  std::string here;
  std::string there;
};

// In a refusal between two clusters, the way from one to the other: what stands behind it are words
// of `server admin` for the node in whose log it is.
inline constexpr std::string_view kRunHere = "run here: server admin ";

// Whether two nodes, `self` and `peer`, may be in one cluster, by their names and ids.
std::optional<Refusal> judge_cluster(const Hello& self, const Hello& peer);

// The text of a Refuse, fit for a log.
std::string reason(std::string_view payload);

class Handshake {
 public:
  enum class Side { dialler, acceptor };

  // The longest frame of a handshake; a stranger cannot make us hold more.
  static constexpr std::size_t kMaxFrame = 4096;

  // `self` with a fresh nonce of Hello::kNonce random bytes. `other` is what was dialled, or where
  // the connection comes from: for messages.
  Handshake(Side side, Hello self, std::string secret, Address other);

  struct Step {
    std::size_t used = 0;  // bytes of the input that are dealt with; the rest is to come again
    std::string send;
    bool done = false;            // peer() is proven; what follows in the input are its messages
    std::optional<Error> failed;  // send `send`, then close
  };
  // The dialler's first bytes; nothing for an acceptor.
  std::string begin();
  // All input that is not used yet. Not called again after `done` or `failed`.
  Step feed(std::string_view in);

  // What the other side says it is; after its Hello.
  const Hello& peer() const { return peer_; }
  void set_peer_cluster(std::uint64_t id) { peer_.cluster_id = id; }
  const Hello& self() const { return self_; }
  bool heard_hello() const { return !peer_payload_.empty(); }

 private:
  static void refuse(Step& step, Refusal refusal);
  std::optional<Step> foreign(std::string_view in) const;
  void take(const wire::Frame& frame, Step& step);
  void take_hello(std::string_view payload, Step& step);
  void take_proof(std::string_view payload, Step& step);
  std::optional<Refusal> judge() const;
  std::string proof_of(Side side) const;
  std::string who() const;

  const Side side_;
  const Hello self_;
  const std::string secret_;
  const Address other_;
  Hello peer_;
  std::string self_payload_;
  std::string peer_payload_;
};

}  // namespace skep
