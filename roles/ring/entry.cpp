#include "roles/ring/entry.hpp"

#include "net/base/checksum.hpp"
#include "net/wire.hpp"

namespace skep::ring {

namespace {

// As an Entry, and then the checksum.
struct Row {
  Version version;
  WallMs expires = 0;
  bool tombstone = false;
  std::string_view value;
  std::uint32_t checksum = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("version", m.version);
    v("expires", m.expires);
    v("tombstone", m.tombstone);
    v("value", m.value);
    v("checksum", m.checksum);
  }
};

constexpr std::size_t kSlotBytes = 2;
// Version, expiry, kind; then the value with its size, and the checksum.
constexpr std::size_t kAroundValue = 16 + 8 + 1;

}  // namespace

std::string slot_prefix(Slot slot) {
  return {static_cast<char>(slot >> 8), static_cast<char>(slot & 0xff)};
}

std::string row_key(const Key& key) {
  std::string row;
  row.reserve(kSlotBytes + key.text.size());
  row.push_back(static_cast<char>(key.slot >> 8));
  row.push_back(static_cast<char>(key.slot & 0xff));
  row.append(key.text);
  return row;
}

std::string_view key_of_row(std::string_view row_key) {
  return row_key.size() < kSlotBytes ? std::string_view{} : row_key.substr(kSlotBytes);
}

std::string encode_row(const Entry& entry) {
  std::string row;
  row.reserve(row_size(entry.view()));
  append_row(row, entry.view());
  return row;
}

void append_row(std::string& out, const EntryView& entry) {
  const std::size_t begin = out.size();
  wire::encode(out, Row{entry.version, entry.expires, entry.tombstone, entry.value, 0});
  const std::size_t end = out.size() - sizeof(Row::checksum);
  store_little(out.data() + end, checksum32(std::string_view(out).substr(begin, end - begin)));
}

std::size_t row_size(const EntryView& entry) {
  return kAroundValue + wire::count_size(entry.value.size()) + entry.value.size() +
         sizeof(Row::checksum);
}

Result<EntryView> view_row(std::string_view row) {
  const auto decoded = wire::decode<Row>(row);
  if (!decoded ||
      checksum32(row.substr(0, row.size() - sizeof(std::uint32_t))) != decoded->checksum)
    return fail(Code::corrupt, "an entry is damaged");
  return EntryView{decoded->version, decoded->expires, decoded->tombstone, false, decoded->value};
}

Result<Entry> decode_entry(std::string_view row) {
  const auto view = view_row(row);
  if (!view) return tl::unexpected(view.error());
  return view->entry();
}

}  // namespace skep::ring
