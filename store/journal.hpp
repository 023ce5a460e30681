// The journal: what was submitted and is not folded into the state yet, in order. It alone decides
// what is durable. A row holds one group of batches: their encodings, the sequence number of the
// last one, how many they are, a checksum of all that. Rows follow each other without a gap. Used
// by one thread at a time, the commit thread once there is one.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "store/sqlite.hpp"

namespace skep {

class Journal {
 public:
  static Result<Journal> open(sqlite::Db db);

  // Calls `take` with each batch above `folded`, in order; false from it stops, with Code::corrupt.
  // Returns the number of the last batch there is; 0: none.
  // Code::corrupt also for a damaged row, a gap, or an end before `folded`.
  using Take = std::function<bool(std::uint64_t sequence, std::string_view batch)>;
  Result<std::uint64_t> replay(std::uint64_t folded, const Take& take);

  // Appends a row in a transaction of its own: it is written, not synced. `last` is the number of
  // the last batch. After an error nothing was appended, and it may be tried again; but not after
  // Code::unknown.
  Result<> append(std::uint64_t last, std::span<const std::string_view> batches);
  Result<> sync() { return db_.sync(); }

  // Removes some of the rows whose batches are all at or below `folded`, but never the last row,
  // which says where the journal ends. True: there may be more.
  Result<bool> trim(std::uint64_t folded);
  Result<> checkpoint(bool truncate) { return db_.checkpoint(truncate); }
  int log_pages() const { return db_.log_pages(); }

  sqlite::Db& db() { return db_; }

 private:
  explicit Journal(sqlite::Db db) : db_(std::move(db)) {}

  sqlite::Db db_;
  sqlite::Statement append_;
  sqlite::Statement trim_;
  std::string row_;  // kept for its memory
};

}  // namespace skep
