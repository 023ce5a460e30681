// The environment: everything that a role touches outside itself, but for its store
// (store/store.hpp). Production implements it with libuv and the OS (net/loop.hpp, net/links.hpp);
// tests/sim with one virtual-time queue and a faulty network. All calls are made on, and all
// callbacks come on, the loop thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "net/base/log.hpp"
#include "net/base/time.hpp"

namespace skep {

// A node's identity: the random number that its store was given at creation. A node that lost its
// disk is another node. 0 is nobody.
using NodeId = std::uint64_t;

// A dialable "host:port".
using Address = std::string;

class Clock {
 public:
  virtual ~Clock() = default;
  // A fresh reading (CLOCK_BOOTTIME), never the loop's cached time: leases depend on it.
  virtual Time now() = 0;
  // The latest reading that anybody took: for figures only. Costs next to nothing.
  virtual Time lately() { return now(); }
  virtual WallMs wall() = 0;
};

class Timers {
 public:
  using Id = std::uint64_t;
  virtual ~Timers() = default;
  // Calls `fire` once, not before `delay` has passed. The id is never 0 and never used again.
  virtual Id after(Duration delay, std::function<void()> fire) = 0;
  // Of a timer that has fired, or 0: does nothing. A cancelled timer never fires.
  virtual void cancel(Id id) = 0;
  // Calls `fire` once when the events at hand are through, soon: at the end of the loop's turn.
  virtual void at_turn_end(std::function<void()> fire) { after(Duration::zero(), std::move(fire)); }
};

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

// Which part of a node a frame is for (the frame's role byte). Values are on the wire.
enum class Part : std::uint8_t {
  link = 0,
  members = 1,
  ring = 2,
  acceptor = 3,
  proposer = 4,
  replica = 5,
  gateway = 6,
  admin = 7
};

// A message to another node, without its frame header's length and checksum.
struct Message {
  Part part = Part::link;
  std::uint16_t type = 0;
  std::uint64_t request = 0;  // 0: not a request
  std::string_view payload;   // valid during the call only
};

// Node-to-node messages. At most once while a connection lasts and in order; a message may be
// lost, and across reconnects delayed or reordered. The simulator also duplicates.
class Transport {
 public:
  // `from` is the sender's identity, proven by its Hello; `address` is what the sender advertises.
  using Receive = std::function<void(NodeId from, const Address& address, const Message&)>;
  using Down = std::function<void(NodeId peer)>;
  virtual ~Transport() = default;
  // Hands the message to the connection with `to`. False: certainly not sent (there is no
  // connection yet, one is being dialled; or the peer does not read, and its queue is full).
  // `expect` is the identity that must answer there (0: anybody): a message for another one is not
  // delivered.
  virtual bool send(const Address& to, NodeId expect, const Message& message) = 0;
  // Bytes that were sent to that address and wait here for the other side to take them.
  virtual std::size_t queued(const Address& to) const = 0;
  // One receiver a part; set before the first message can arrive.
  virtual void on_message(Part part, Receive receive) = 0;
  // A connection that was up is gone: what was sent and not answered has an unknown outcome.
  // Several parts may ask to be told; none may take it back.
  virtual void on_down(Down down) = 0;
};

struct Env {
  Clock& clock;
  Timers& timers;
  Random& random;
  Transport& transport;
  Log& log;
};

}  // namespace skep
