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

#include "store/end_mark.hpp"
#include "store/sqlite.hpp"

namespace skep {

class Journal {
 public:
  // `mark` is told how far the journal is written and synced.
  static Result<Journal> open(sqlite::Db db, EndMark mark);

  // Calls `take` with each batch above `folded`, in order; false from it stops, with Code::corrupt.
  // Returns the number of the last batch there is; 0: none.
  // Code::corrupt also for a damaged row, a gap, or an end before `folded`.
  using Take = std::function<bool(std::uint64_t sequence, std::string_view batch)>;
  Result<std::uint64_t> replay(std::uint64_t folded, const Take& take);
  // Whether `end`, where replay() ended, is as far as the process before had come: as far as it had
  // written or, after a power cut or a sync that failed, as it had synced. Code::corrupt.
  Result<> check_end(std::uint64_t end, bool sync_failed) const;

  // Appends a row in a transaction of its own: it is written, not synced. `last` is the number of
  // the last batch. After an error nothing was appended, and it may be tried again; but not after
  // Code::unknown.
  Result<> append(std::uint64_t last, std::span<const std::string_view> batches);
  Result<> sync();
  // Everything up to `end` is synced.
  void note_durable(std::uint64_t end);

  // Removes some of the rows whose batches are all at or below `folded`, but never the last row,
  // which says where the journal ends. True: there may be more.
  Result<bool> trim(std::uint64_t folded);
  Result<> checkpoint(bool truncate) { return db_.checkpoint(truncate); }
  int log_pages() const { return db_.log_pages(); }

  sqlite::Db& db() { return db_; }

 private:
  Journal(sqlite::Db db, EndMark mark) : db_(std::move(db)), mark_(std::move(mark)) {}

  sqlite::Db db_;
  EndMark mark_;
  EndMark::Ends ends_;
  sqlite::Statement append_;
  sqlite::Statement trim_;
  std::string row_;  // kept for its memory
};

}  // namespace skep
