// The store, to a role: an ordered map of bytes to bytes for each *space*, written in batches.
//
// There is one order: a batch takes every batch submitted before it along, and what survives a
// crash is a prefix of the submissions. A batch is reported when it is
//   written  in the journal: kill -9 loses nothing; a power cut may lose up to flush_interval;
//   durable  synced to disk: nothing loses it.
// Reads see every accepted batch at once, reported or not. All calls and callbacks are on the loop
// thread; callbacks come in the order of the submissions and never from within submit(). Only a
// refusal overtakes: it comes at the next turn of the loop, so refused batches pile up nowhere.
// Until it has come, everything submitted after it is refused, too: whoever submits again keeps the
// order.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "net/base/error.hpp"
#include "store/batch.hpp"

namespace skep {

enum class Durability : std::uint8_t { written, durable };

// What a store noticed when it was opened.
struct Opening {
  bool created = false;        // there was nothing: the identity is new
  bool may_have_lost = false;  // power cut or failed sync: written, unsynced batches may be gone
  // How often that has happened to this store. Who keeps, durably, up to which of them it has dealt
  // with, knows whether there is something to deal with after any number of restarts.
  std::uint64_t losses = 0;
};

class Store {
 public:
  // `ok` is an error only when the batch is certainly not, and never will be, in the store.
  using Reported = std::function<void(Result<> ok)>;
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  virtual ~Store() = default;

  // The random number this store was given at creation; never 0.
  virtual std::uint64_t identity() const = 0;
  virtual Opening opening() const = 0;

  // Bytes that it holds on disk, roughly; what was erased counts until it is folded.
  virtual Result<std::uint64_t> used() = 0;
  // Folds soon, however little there is.
  virtual void make_room() = 0;

  // Queues the batch; `reported` is called once, when it is written or durable. On a full disk or
  // an I/O error accepted batches stay queued and are retried. When the backlog is over its bound,
  // or after a failed sync, the batch is refused: `reported` gets Code::full or Code::io.
  // Names of spaces are 1 to 64 of a-z 0-9 . _ / : - without a dot first; others get Code::invalid.
  virtual void submit(const Batch& batch, Durability durability, Reported reported) = 0;

  // The value of a key; none: absent. Code::corrupt: there is one and it is damaged.
  virtual Result<std::optional<std::string>> get(std::string_view space, std::string_view key) = 0;

  // Visits the keys in [from, to) in order until `visit` returns false; an empty `to` is no bound.
  // The views live during the visit only. `visit` must not submit.
  virtual Result<> scan(std::string_view space, std::string_view from, std::string_view to,
                        const Visit& visit) = 0;

  // Calls `visit` for a space's keys as their values came and went, so that who takes all of them
  // in ends with what there is: a key may come several times, the last time with what it has, none
  // if it was erased. In no order of the keys, and for many of them faster than scan().
  using Replayed = std::function<void(std::string_view key, std::optional<std::string_view> value)>;
  virtual Result<> replay(std::string_view space, const Replayed& visit) = 0;
};

}  // namespace skep
