// An entry of the ring: what a key has, as it travels and as it is kept on disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/base/error.hpp"
#include "net/base/time.hpp"
#include "roles/ring/record.hpp"
#include "roles/ring/slots.hpp"

namespace skep::ring {

struct EntryView;

struct Entry {
  Version version;
  WallMs expires = 0;      // 0: never
  bool tombstone = false;  // deleted; the value is empty
  std::string value;

  bool live(WallMs now) const { return !tombstone && (expires == 0 || expires > now); }
  template <class M, class V> static void fields(M& m, V&& v) {
    v("version", m.version);
    v("expires", m.expires);
    v("tombstone", m.tombstone);
    v("value", m.value);
  }
  bool operator==(const Entry&) const = default;
  EntryView view() const;
};

// An entry in a table: a view that lives until the key is written or evicted again. Or one in a
// message.
struct EntryView {
  Version version;
  WallMs expires = 0;
  bool tombstone = false;
  bool cold = false;  // its value is on disk only, and empty here
  std::string_view value;

  bool live(WallMs now) const { return !tombstone && (expires == 0 || expires > now); }
  // As an Entry's.
  template <class M, class V> static void fields(M& m, V&& v) {
    v("version", m.version);
    v("expires", m.expires);
    v("tombstone", m.tombstone);
    v("value", m.value);
  }
  // A cold one without its value.
  Entry entry() const { return {version, expires, tombstone, std::string(value)}; }
};

inline EntryView Entry::view() const { return {version, expires, tombstone, false, value}; }

// A row of the space "ring": key = slot (big-endian) + key, so that an arc is one range. The value
// carries a checksum; Code::corrupt when it does not match.
std::string row_key(const Key& key);
std::string slot_prefix(Slot slot);  // of the rows of its keys
std::string_view key_of_row(std::string_view row_key);
std::string encode_row(const Entry& entry);
void append_row(std::string& out, const EntryView& entry);  // the same at the end of a string,
std::size_t row_size(const EntryView& entry);               // of so many bytes
Result<EntryView> view_row(std::string_view row);           // of these bytes
Result<Entry> decode_entry(std::string_view row);

}  // namespace skep::ring
