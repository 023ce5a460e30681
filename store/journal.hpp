// The journal: what was submitted and is not folded into the state yet, in order. It alone decides
// what is durable. A record holds one group of batches: their encodings, the sequence number of the
// last one, how many they are, and a checksum of all that. Records follow each other without a gap,
// from segment to segment. Used by one thread at a time, the commit thread once there is one.
//
// It ends at the first record that does not check. After a power cut that may be one that was never
// synced, and others behind it may be there: none of them counts, and nobody was told that they
// were durable. Each record says up to where the journal was synced when it was written, so one
// that is missing although it was synced is found out by any that was written after.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "store/end_mark.hpp"
#include "store/segments.hpp"

namespace skep {

class Journal {
 public:
  // `mark` is told how far the journal is written and synced.
  Journal(Segments segments, EndMark mark)
      : segments_(std::move(segments)), mark_(std::move(mark)) {}

  // Calls `take` with each batch above `folded`, in order; false from it stops, with Code::corrupt.
  // Returns the number of the last batch there is; 0: none. Changes nothing on the disk.
  // Code::corrupt also for a damaged record that was synced, a gap, or an end before `folded`.
  using Take = std::function<bool(std::uint64_t sequence, std::string_view batch)>;
  Result<std::uint64_t> replay(std::uint64_t folded, const Take& take);
  // Whether the end, where replay() came, is as far as the process before had come: as far as it
  // had written or, after a power cut or a sync that failed, as it had synced. Code::corrupt.
  Result<> check_end(bool may_have_lost) const;
  // Makes what replay() found the journal that is written from now on, and syncs all of it.
  Result<> take_over();

  // Appends a record: it is written, not synced. `last` is the number of the last batch. After an
  // error nothing was appended, and it may be tried again; but not after Code::unknown.
  Result<> append(std::uint64_t last, const std::vector<std::string_view>& batches);
  Result<> sync();

  // Gives up what holds nothing but batches at or below `folded`, all of which are synced.
  Result<> trim(std::uint64_t folded) { return segments_.trim(folded); }
  // The size of its files.
  std::uint64_t bytes() const { return segments_.bytes(); }

 private:
  Result<> walk(std::size_t index, std::uint64_t folded, const Take& take);
  void look_behind(const std::string& bytes, std::size_t index, std::size_t offset);
  Result<> write(std::size_t index, std::size_t offset, std::string_view bytes);

  Segments segments_;
  EndMark mark_;
  EndMark::Ends ends_;
  std::size_t position_ = 0;  // in the last segment, where the next record goes
  std::string record_;        // kept for its memory

  // Between replay() and take_over().
  struct Behind {  // the end: what is there and does not count
    std::size_t segment;
    std::size_t offset;
  };
  std::vector<std::size_t> used_;  // bytes of each segment; fewer than segments: cut off there
  std::vector<Behind> behind_;
  std::uint64_t synced_behind_ = 0;  // what that says of how far the journal was synced
};

}  // namespace skep
