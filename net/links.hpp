// The production Transport: TCP connections between nodes, all on the cluster port.
//
// A connection is dialled when something is to be sent and there is none; it carries messages both
// ways. When two nodes dial each other at the same time both connections stay: each side sends on
// the one that it saw first, for as long as that lasts, and receives on both. So messages of one
// direction never overtake each other, and nobody has to decide which of the two dies. A newer
// connection from a peer that has restarted ends the older ones.
//
// After a failure the address is dialled again, with a growing and jittered delay, if somebody
// still wants to send to it. A refusal is logged when it first happens, not on each attempt. What a
// turn sends leaves at its end, in one piece per connection.
//
// Bounded: frames (max_frame: the link is closed), bytes queued to a peer (max_queued: send()
// returns false; closed when none of them moves for `stalled`), connections, connections that have
// not proven themselves, addresses dialled.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/base/metrics.hpp"
#include "net/complaints.hpp"
#include "net/hello.hpp"
#include "net/loop.hpp"
#include "net/tls.hpp"
#include "net/visit.hpp"

struct uv_tcp_s;

namespace skep {

struct CloseUv;
class Acceptor;
class Link;

struct LinkOptions {
  std::string cluster;                // its name
  std::string node;                   // this node's name
  NodeId identity = 0;                // its store's
  std::uint64_t incarnation = 0;      // of this boot
  std::uint64_t cluster_id = 0;       // 0: not in a cluster yet
  Address listen;                     // port 0 takes a free one
  Address advertise;                  // what others dial; empty: where it listens
  Address admin;                      // of this node's role, if it has one; for advice
  std::string secret;                 // of the cluster; may be empty
  std::shared_ptr<tls::Context> tls;  // of Peer::node; null: links are not encrypted

  std::size_t max_frame = std::size_t{64} << 20;
  std::size_t max_queued = std::size_t{128} << 20;  // per connection
  std::size_t max_connections = 1024;
  std::size_t max_unproven = 128;
  std::size_t max_addresses = 4096;
  Duration handshake = std::chrono::seconds(5);  // from dialling or accepting to the last Proof
  Duration stalled = std::chrono::seconds(5);
  Duration first_redial = std::chrono::milliseconds(50);
  Duration last_redial = std::chrono::seconds(2);
};

class Links final : public Transport {
 public:
  // Listens. Errors: as TcpListener::open.
  static Result<std::unique_ptr<Links>> open(Loop& loop, Log& log, LinkOptions options);
  ~Links() override;

  // A message to this node itself, if it is expected there, comes at the end of the turn.
  bool send(const Address& to, NodeId expect, const Message& message) override;
  std::size_t queued(const Address& to) const override;
  // The receiver of Part::link gets the `unsupported` answers (net/hello.hpp: Unsupported), with
  // the request's id.
  void on_message(Part part, Receive receive) override;
  void on_down(Down down) override;
  // A peer has proven itself on a new connection: who it says it is.
  void on_up(std::function<void(const Hello&)> up);

  // This node has founded or joined a cluster. Peers are told; those of another one are refused.
  void set_cluster_id(std::uint64_t id);
  // Who connects from now on has to prove this one.
  void set_secret(std::string secret) { options_.secret = std::move(secret); }
  // Looks at the cluster of another node (net/visit.hpp) with what this one shows its peers.
  std::unique_ptr<Visit> visit(const Address& to, Visit::Done done);
  // As TcpListener::reload_tls.
  Result<> reload_tls();
  // What others dial, with the real port.
  const Address& address() const { return options_.advertise; }
  // That the node at the address is of another cluster than this one, and what to do, for a person;
  // empty: it is not, as far as is known.
  std::string is_elsewhere(const Address& peer) const;
  // Connections that are up.
  std::size_t up() const;
  void report(Metrics& metrics) const;

 private:
  struct Peer;

  Links(Loop& loop, Log& log, LinkOptions options);
  Hello hello() const;
  bool send_here(NodeId expect, const Message& message);
  Peer* peer(const Address& address);
  Link* link_to(Peer& peer);

  void dial(Peer& peer);
  void dialled(Peer& peer, Result<std::unique_ptr<uv_tcp_s, CloseUv>> handle);
  void back_off(Peer& peer);
  Link& add_link(std::unique_ptr<uv_tcp_s, CloseUv> handle, std::optional<Address> dialled);
  void accepted(Result<std::unique_ptr<uv_tcp_s, CloseUv>> handle);
  void link_up(Link& link);
  void link_frame(Link& link, const wire::Frame& frame);
  void link_control(Link& link, const wire::Frame& frame);
  void link_failed(Link& link, const Error& error);
  void link_gone(Link& link);
  void sweep();
  void sweep_peers(Time now);
  void tell_expiry();
  std::string advise(std::string text) const;
  void complain(const Address& about, const std::string& text);

  Loop& loop_;
  Log& log_;
  Complaints complaints_;
  LinkOptions options_;
  std::unique_ptr<Acceptor> acceptor_;
  std::list<std::unique_ptr<Link>> links_;
  std::map<Address, std::unique_ptr<Peer>> peers_;  // everybody who was sent to lately
  struct Traffic {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;  // of payloads
    void add(std::size_t payload) {
      ++messages;
      bytes += payload;
    }
  };
  std::array<Traffic, 8> sent_;       // by Part
  std::array<Traffic, 8> received_;   // by Part
  std::array<Receive, 8> receivers_;  // by Part
  struct Here {                       // a message to this node itself
    Part part = Part::link;
    std::uint16_t type = 0;
    std::uint64_t request = 0;
    std::string payload;
  };
  std::vector<Here> here_;
  std::vector<Down> downs_;
  std::function<void(const Hello&)> up_;
  Timers::Id sweep_ = 0;
};

}  // namespace skep
