// The registers, to whoever offers them to clients: linearizable values by key, the configuration
// that keeps them. roles/proposer/proposer.hpp is the real thing. All calls are made on, and all
// callbacks come on, the loop thread; a callback comes exactly once, and possibly before the call
// returns.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/base/error.hpp"
#include "net/base/time.hpp"
#include "roles/proposer/change.hpp"
#include "roles/proposer/configuration.hpp"

namespace skep::proposer {

// Names a change, so that a repeat is known as one: 128 bits, of a client's Idempotency-Key or
// drawn. Zero is nobody's.
struct ChangeId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("high", m.high);
    v("low", m.low);
  }
  bool operator==(const ChangeId&) const = default;
};

// A key: 1 to Limits::max_key bytes, any but a first one of zero.
struct Request {
  std::string key;
  Change change;
  // Given by the client, for a change that it may repeat; none: one is drawn.
  std::optional<ChangeId> id{};
  // With a repeat: the version that the register had when the id was first tried
  // (Outcome::base). Without it a repeat is known as one only while fewer than 16 versions have
  // come between.
  std::optional<std::uint64_t> base{};
  Duration timeout{};  // after which the outcome is told, whatever it is
};

struct Outcome {
  enum class How : std::uint8_t {
    done,
    mismatch,     // refused; the register is as told here
    invalid,      // refused: not with these arguments; `why`
    unavailable,  // certainly not done; `why`
    unknown,      // may have been done, or may still be; never for Function::read
  };
  How how = How::unavailable;
  bool present = false;
  // done: of the change (of a read: what is there); mismatch, invalid: what is there.
  std::uint64_t version = 0;
  // With that version. None: done long ago, as a repeat finds, and others have changed it since.
  std::optional<std::string> value{};
  bool created = false;                 // it was absent before
  std::optional<std::uint64_t> base{};  // unknown: see Request::base; none: nothing was tried
  std::string why{};                    // for a person
};
// Outcome::why, where there was no quorum until the request's time was up.
inline constexpr const char* kLate = "the registers did not answer in time";
constexpr Outcome::How wire_max(Outcome::How) { return Outcome::How::unknown; }

struct Listing {
  struct Item {
    std::string key;
    std::uint64_t version = 0;
  };
  std::vector<Item> items;  // in the order of their keys
  bool more = false;        // there are others after the last one
  std::string after;        // where to go on
};

// How an acceptor is doing, as this proposer sees it.
struct AcceptorStatus {
  Node node;
  bool answers = false;
  std::uint64_t configuration = 0;  // that it serves
  bool empty = false;               // it has no registers
  std::uint64_t waiting = 0;        // answers that wait for its disk
  Duration latency{};               // of its last answer
};

struct Status {
  Configuration configuration;
  bool in_force = false;  // this proposer serves
  // Nothing of the version before can be done any more: the next step may come.
  bool complete = false;
  std::vector<AcceptorStatus> acceptors;
  std::vector<std::string> behind;  // living proposers that go by an older version
  // Where clients reach the proposers, as far as this one knows.
  std::map<NodeId, Address> listeners;
  std::uint64_t rescanned = 0;  // registers, of the rescan that was begun under this version
  bool rescanning = false;      // one was begun and is not through
};

struct Rescanned {
  std::uint64_t registers = 0;  // since the rescan began, under this configuration
  bool finished = false;
};

class Registers {
 public:
  virtual ~Registers() = default;

  virtual void change(Request request, std::function<void(Outcome)> told) = 0;

  // Keys that begin with `prefix`, after `after`, at most `limit` (1 to 10,000) of them. Each that
  // was there throughout is told; it is no snapshot. Code::unavailable.
  virtual void list(std::string prefix, std::string after, std::uint32_t limit, Duration timeout,
                    std::function<void(Result<Listing>)> told) = 0;

  // Asks everybody; comes after the timeout at the latest.
  virtual void status(Duration timeout, std::function<void(Status)> told) = 0;

  // Replaces the configuration of that version by the one that is wanted, if that is safe; names
  // are those of nodes in the members list. `told` comes when it is chosen and in force here, and
  // as many acceptors were told as are needed, or the time is up (Status::complete).
  // Code::conflict: another version is in force, or the step would not be safe now; Code::invalid;
  // Code::not_found: a name that nobody has, or that has not that role; Code::unavailable;
  // Code::unknown.
  struct Names {
    std::vector<std::string> nodes;
    std::uint32_t quorum = 0;
  };
  struct Step {
    std::uint64_t from = 0;  // the version
    std::optional<Names> prepare{};
    std::optional<Names> accept{};
    std::optional<std::vector<std::string>> proposers{};
    std::optional<std::vector<std::string>> goal{};
  };
  virtual void configure(Step step, Duration timeout, std::function<void(Result<Status>)> told) = 0;
  // The next step of the way to the configuration's goal, if it is no rescan; as configure().
  virtual void advance(std::uint64_t from, Duration timeout,
                       std::function<void(Result<Status>)> told) = 0;
  // Accepts the next `limit` registers anew; begins, or goes on where anybody came to under this
  // configuration. The last piece makes a configuration in which nothing is held by older systems.
  virtual void rescan(std::uint32_t limit, Duration timeout,
                      std::function<void(Result<Rescanned>)> told) = 0;
};

}  // namespace skep::proposer
