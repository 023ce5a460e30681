// How the bytes of a journal's segment look: a head, then records up to the first one that does not
// check. A segment is used again and again, and what an earlier use has left behind the end must
// never pass for records of this one. So every use has a random number of its own, the salt of all
// its checksums, which nobody outside learns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/error.hpp"

namespace skep::segment {

struct Head {
  std::uint64_t identity = 0;  // of the store
  std::uint64_t number = 0;    // of the segment, in the journal's order; not used yet: 0
  std::uint64_t after = 0;     // the batch before its first
  std::uint64_t synced = 0;    // up to which batch the journal was synced by then
  std::uint64_t salt = 0;
  std::uint64_t size = 0;  // of the file
  template <class M, class V> static void fields(M& m, V&& v) {
    v("identity", m.identity);
    v("number", m.number);
    v("after", m.after);
    v("synced", m.synced);
    v("salt", m.salt);
    v("size", m.size);
  }
};
// Where the records begin.
inline constexpr std::size_t kHeadSize = 64;

std::string encode(const Head& head);
// From the first kHeadSize bytes of a file of `size` bytes, if it has so many. Zeros are the head
// of a segment that was not used yet. Code::corrupt, Code::conflict (no segment),
// Code::unsupported.
Result<Head> decode(std::string_view bytes, std::uint64_t size);

// A group of batches that were written together.
struct Record {
  std::uint64_t last = 0;    // the number of the last batch
  std::uint64_t synced = 0;  // up to which batch the journal was synced by then
  std::uint32_t count = 0;   // of batches
  std::string_view bytes;    // them
  std::size_t size = 0;      // in the file

  std::uint64_t before() const { return last - count; }
};

// What stands before a record's bytes; zeros are none's.
inline constexpr std::size_t kRecordHead = 32;

// Replaces `out` by a record of these batches; what its head says and where it ends is seal()'s.
void encode(std::string& out, const std::vector<std::string_view>& batches);
void seal(std::string& record, std::uint64_t last, std::uint64_t synced, std::size_t count,
          std::uint64_t salt);
// The batches of a record. Code::corrupt.
Result<std::vector<std::string_view>> batches(const Record& record);

// The record that begins at an offset of a segment; none: there is none, or it is damaged.
std::optional<Record> record_at(std::string_view segment, std::size_t offset, const Head& head);
// The first whole record at or behind an offset.
struct Found {
  std::size_t offset;
  Record record;
};
std::optional<Found> find_record(std::string_view segment, std::size_t offset, const Head& head);

}  // namespace skep::segment
