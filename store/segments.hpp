// The journal's directory: files of one size, written in turn. One that is not needed any more is
// written again rather than made anew, so that syncing a record writes nothing but the record: no
// new blocks, no new size. A record that does not fit gets a file of its own size, once.
//
// Files are made whole: full of zeros, synced, and only then called *.segment. Which of them is
// written in which order their heads say, not their names.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "store/disk.hpp"
#include "store/segment.hpp"

namespace skep {

class Segments {
 public:
  struct Segment {
    std::string path;
    std::unique_ptr<Disk::File> file;
    std::uint64_t size = 0;
    segment::Head head;
    bool dirty = false;  // written since it was synced
    bool known = false;  // its head is synced, so the journal goes on here after a power cut, too
  };

  // Makes the directory, with one segment that is begun, all of it synced.
  static Result<> create(Disk& disk, const std::string& directory, std::uint64_t identity,
                         std::size_t segment_bytes);
  // Removes all of them.
  static Result<> remove(Disk& disk, const std::string& directory);
  // Whether there is one.
  static bool exist(const std::string& directory);
  // Looks at the heads and changes nothing. `segment_bytes`: the size of files that are made from
  // now on. Code::not_found: there is none, or one is empty; Code::corrupt, Code::conflict (no
  // segment, or not all of one store), Code::unsupported (of a newer version), Code::io.
  static Result<Segments> open(Disk& disk, const std::string& directory, std::size_t segment_bytes);

  const std::string& directory() const { return directory_; }
  std::uint64_t identity() const { return identity_; }
  // Those that are written, in order, one at least; the last is the one that is being written.
  std::deque<Segment>& live() { return live_; }
  const std::deque<Segment>& live() const { return live_; }

  // Begins the next one, with room for a record of `bytes`, after batch `after`, while all up to
  // `synced` is synced. After an error nothing was begun.
  Result<> begin(std::size_t bytes, std::uint64_t after, std::uint64_t synced);
  // Syncs what was written; what an earlier one left unsynced before what a later one did.
  Result<> sync();
  // Gives up those all of whose batches are at or below `folded`, if the next one is known: one at
  // least stays that says where the journal ends. Some are kept to be written again.
  Result<> trim(std::uint64_t folded);
  // Gives up those behind the first `count` for good: they are not begun any more.
  Result<> cut(std::size_t count);
  // The names, too.
  Result<> sync_names() { return disk_->sync_directory(directory_); }

  // The size of all files together.
  std::uint64_t bytes() const { return bytes_; }

 private:
  Segments(Disk& disk, std::string directory, std::size_t segment_bytes)
      : disk_(&disk), directory_(std::move(directory)), segment_bytes_(segment_bytes) {}
  static Result<Segment> look(Disk& disk, const std::string& path);
  Result<Segment> make(std::uint64_t size);

  Disk* disk_;
  std::string directory_;
  std::size_t segment_bytes_;
  std::uint64_t identity_ = 0;
  std::uint64_t names_ = 0;  // the highest name there is, a number
  std::uint64_t bytes_ = 0;
  std::deque<Segment> live_;
  std::vector<Segment> spare_;
};

}  // namespace skep
