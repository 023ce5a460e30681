// What a node keeps of itself in its store: which life of it this is, and whom it knew.
#pragma once

#include <cstdint>
#include <string>

#include "net/base/log.hpp"
#include "net/base/time.hpp"
#include "store/store.hpp"

namespace skep {

class Notes {
 public:
  // Both must outlive it. What the store does not keep is said in the log.
  Notes(Store& store, Log& log) : store_(store), log_(log) {}

  // A number that is higher in each life of the store, whatever the wall clock does: once a life.
  // Durable soon. Code::corrupt: the last one is damaged.
  Result<std::uint64_t> next_incarnation(WallMs now);

  // What keep_members() was given last; nothing yet: empty.
  Result<std::string> members() const;
  void keep_members(std::string_view bytes);

 private:
  void submit(const Batch& batch, Durability durability);

  Store& store_;
  Log& log_;
};

}  // namespace skep
