#include "net/hello.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "net/address.hpp"
#include "net/base/assert.hpp"

namespace skep {

namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMac = 32;

// Names and texts of a peer end up in logs.
bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool plausible(const Hello& hello) {
  const auto address = parse_address(hello.address);
  return hello.magic == Hello::kMagic && hello.nonce.size() == Hello::kNonce &&
         hello.identity != 0 && address && address->port != 0 && !hello.cluster.empty() &&
         hello.cluster.size() <= kMaxName && hello.node.size() <= kMaxName &&
         printable(hello.cluster) && printable(hello.node) && printable(hello.address) &&
         hello.min_version <= hello.max_version;
}

Hello with_secret(Hello hello, bool has_secret) {
  hello.has_secret = has_secret;
  return hello;
}

std::string versions(const Hello& hello) {
  if (hello.min_version == hello.max_version)
    return "protocol version " + std::to_string(hello.min_version);
  return "protocol versions " + std::to_string(hello.min_version) + " to " +
         std::to_string(hello.max_version);
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool starts_with_any(std::string_view in, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(), [&](auto each) { return in.starts_with(each); });
}

bool is_http(std::string_view in) {
  return starts_with_any(
      in, {"HTTP", "GET ", "POST", "PUT ", "HEAD", "DELE", "OPTI", "PATC", "CONN", "TRAC"});
}

bool is_tls(std::string_view in) {
  return in.starts_with("\x16\x03") || in.starts_with("\x15\x03");
}

bool is_resp(std::string_view in) {
  return starts_with_any(in, {"*", "$", "+", "-ERR", "-NOA", "-DEN", "-LOA", "PING", "ping", "AUTH",
                              "auth", "INFO", "info", "HELL"});
}

constexpr std::string_view kClusterPort =
    "this is the cluster port of a Skep node; only its peers connect here";

std::string answer_to_http() {
  const std::string body = std::string(kClusterPort) +
                           ". HTTP is served by the admin and proposer roles on their own ports.\n";
  return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string answer_to_resp() {
  return "-ERR " + std::string(kClusterPort) + ". Redis clients connect to ring.listen\r\n";
}

}  // namespace

std::optional<Refusal> judge_cluster(const Hello& self, const Hello& peer) {
  const std::string me = "node " + quoted(self.node) + " at " + self.address;
  const std::string you = "node " + quoted(peer.node) + " at " + peer.address;
  if (peer.cluster != self.cluster)
    return Refusal{Code::conflict,
                   you + " is of cluster " + quoted(peer.cluster) + ", this node of cluster " +
                       quoted(self.cluster) + " (cluster.name)",
                   me + " is of cluster " + quoted(self.cluster) + ", not " + quoted(peer.cluster) +
                       " (cluster.name)"};
  if (peer.cluster_id == 0 || self.cluster_id == 0 || peer.cluster_id == self.cluster_id)
    return std::nullopt;
  const std::string other =
      " is of another cluster that is also named " + quoted(self.cluster) + " but has another id; ";
  return Refusal{
      Code::conflict,
      you + other + "if it belongs here, run on it: server admin cluster join " + self.address +
          "; if this node belongs there, " + std::string(kRunHere) + "cluster join " + peer.address,
      me + other + "to join that one, " + std::string(kRunHere) + "cluster join " + self.address};
}

std::string reason(std::string_view payload) {
  auto refuse = wire::decode<Refuse>(payload);
  if (!refuse || !printable(refuse->text)) return "for no readable reason";
  return std::move(refuse->text);
}

Handshake::Handshake(Side side, Hello self, std::string secret, Address other)
    : side_(side),
      self_(with_secret(std::move(self), !secret.empty())),
      secret_(std::move(secret)),
      other_(std::move(other)),
      self_payload_(wire::encode(self_)) {
  SKEP_ASSERT(self_.nonce.size() == Hello::kNonce);
}

std::string Handshake::begin() {
  std::string out;
  if (side_ == Side::dialler) encode_link_frame(out, LinkType::hello, self_);
  return out;
}

Handshake::Step Handshake::feed(std::string_view in) {
  Step step;
  while (!step.done && !step.failed) {
    const std::string_view rest = in.substr(step.used);
    if (!heard_hello())
      if (auto stranger = foreign(rest)) return *std::move(stranger);
    const auto taken = wire::take_frame(rest, kMaxFrame);
    if (!taken) {
      const std::string text = "malformed handshake: " + taken.error().message;
      refuse(step, {taken.error().code, who() + " sent a " + text, "you sent a " + text});
      return step;
    }
    if (taken->size == 0) return step;
    step.used += taken->size;
    take(taken->frame, step);
  }
  return step;
}

// A protocol that has no business here, told from its first bytes: read as a frame's length they
// are far above a handshake's.
std::optional<Handshake::Step> Handshake::foreign(std::string_view in) const {
  constexpr std::size_t kTold = 4;
  if (in.size() < kTold || (in[2] == '\0' && in[3] == '\0')) return std::nullopt;
  const bool http = is_http(in);
  const bool tls = is_tls(in);
  if (!http && !tls && !is_resp(in)) return std::nullopt;
  const std::string protocol = http ? "HTTP" : "RESP";
  Step step;
  if (tls) {
    step.failed = Error{Code::invalid, other_ +
                                           " speaks TLS, and this node does not: cluster.tls "
                                           "has to be set on every node, or on none"};
    return step;
  }
  if (side_ == Side::dialler) {
    step.failed = Error{Code::invalid, other_ + " speaks " + protocol +
                                           ", so it is not the cluster port of a node; peers are "
                                           "named by their cluster port (cluster.listen, 5000 "
                                           "unless configured)"};
    return step;
  }
  if (http) step.send = answer_to_http();
  if (!http) step.send = answer_to_resp();
  step.failed = Error{Code::invalid, other_ + " speaks " + protocol +
                                         " to the cluster port; clients belong on the port of the "
                                         "role that serves them"};
  return step;
}

void Handshake::take(const wire::Frame& frame, Step& step) {
  const auto is = [&](LinkType type) {
    return frame.part == static_cast<std::uint8_t>(Part::link) &&
           frame.type == static_cast<std::uint16_t>(type) && frame.request == 0;
  };
  if (is(LinkType::refuse)) {
    step.failed = Error{Code::conflict, who() + " refuses this node: " + reason(frame.payload)};
  } else if (is(LinkType::hello) && !heard_hello()) {
    take_hello(frame.payload, step);
  } else if (is(LinkType::proof) && heard_hello()) {
    take_proof(frame.payload, step);
  } else {
    const std::string text = " sent a message out of turn in the handshake";
    refuse(step, {Code::invalid, who() + text, "you" + text});
  }
}

void Handshake::take_hello(std::string_view payload, Step& step) {
  std::optional<Refusal> refusal;
  auto hello = wire::decode<Hello>(payload);
  if (!hello || !plausible(*hello)) {
    refusal =
        Refusal{Code::invalid, who() + " sent a malformed Hello", "you sent a malformed Hello"};
  } else {
    peer_ = std::move(*hello);
    peer_payload_ = payload;
    refusal = judge();
  }
  if (refusal) return refuse(step, *std::move(refusal));
  if (side_ == Side::acceptor)
    encode_link_frame(step.send, LinkType::hello, self_);
  else
    encode_link_frame(step.send, LinkType::proof, Proof{proof_of(side_)});
}

void Handshake::take_proof(std::string_view payload, Step& step) {
  const Side theirs = side_ == Side::dialler ? Side::acceptor : Side::dialler;
  const std::string expected = proof_of(theirs);
  const auto proof = wire::decode<Proof>(payload);
  if (!proof || proof->mac.size() != expected.size() ||
      CRYPTO_memcmp(proof->mac.data(), expected.data(), expected.size()) != 0) {
    const std::string rule = "; cluster.secret_file must be the same on every node";
    return refuse(step,
                  {Code::permission, who() + " has another cluster secret than this node" + rule,
                   "node " + quoted(self_.node) + " at " + self_.address +
                       " has another cluster secret than you" + rule});
  }
  if (side_ == Side::acceptor)
    encode_link_frame(step.send, LinkType::proof, Proof{proof_of(side_)});
  step.done = true;
}

std::optional<Refusal> Handshake::judge() const {
  const std::string me = "node " + quoted(self_.node) + " at " + self_.address;
  if (peer_.min_version > self_.max_version || self_.min_version > peer_.max_version)
    return Refusal{
        Code::unsupported,
        who() + " speaks " + versions(peer_) + ", this node " + versions(self_) +
            "; upgrade the older one",
        me + " speaks " + versions(self_) + ", you " + versions(peer_) + "; upgrade the older one"};
  if (auto refusal = judge_cluster(self_, peer_)) return refusal;
  if (peer_.identity == self_.identity) {
    // The acceptor lets its own Hello through: the dialler, which is the same node, sees it too.
    if (peer_.incarnation == self_.incarnation && side_ == Side::acceptor) return std::nullopt;
    if (peer_.incarnation == self_.incarnation)
      return Refusal{Code::conflict, other_ + " is this node itself", "you are this node itself"};
    const std::string text =
        " has the same store identity: one of them runs on a copy of the "
        "other's data directory; give it an empty one";
    return Refusal{Code::conflict, who() + text, me + text};
  }
  if (peer_.has_secret != self_.has_secret) {
    const std::string rule = "; set cluster.secret_file to the same file on every node, or on none";
    const std::string with = " has a cluster secret, ";
    return Refusal{Code::permission,
                   (self_.has_secret ? "this node" + with + who() : who() + with + "this node") +
                       " has none" + rule,
                   (self_.has_secret ? me + with + "you have none"
                                     : "you have a cluster secret, " + me + " has none") +
                       rule};
  }
  return std::nullopt;
}

void Handshake::refuse(Step& step, Refusal refusal) {
  encode_link_frame(step.send, LinkType::refuse, Refuse{std::move(refusal.there)});
  step.failed = Error{refusal.code, std::move(refusal.here)};
}

std::string Handshake::proof_of(Side side) const {
  const bool ours_first = side_ == Side::dialler;
  std::string said = side == Side::dialler ? "skep dialler" : "skep acceptor";
  said += ours_first ? self_payload_ : peer_payload_;
  said += ours_first ? peer_payload_ : self_payload_;
  std::array<unsigned char, kMac> mac{};
  unsigned size = mac.size();
  const auto* made =
      HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
           reinterpret_cast<const unsigned char*>(said.data()), said.size(), mac.data(), &size);
  SKEP_ASSERT(made != nullptr && size == kMac);
  return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

std::string Handshake::who() const {
  if (!heard_hello()) return other_;
  return "node " + quoted(peer_.node) + " at " + peer_.address;
}

}  // namespace skep
