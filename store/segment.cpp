#include "store/segment.hpp"

#include <algorithm>

#include "net/base/assert.hpp"
#include "net/base/checksum.hpp"
#include "net/wire.hpp"

namespace skep::segment {

namespace {

constexpr std::uint64_t kMagic = 0x6c6e724a70656b53;  // "SkepJrnl"
constexpr std::uint32_t kFormat = 1;

// What stands at the beginning of the file: 64 bytes, one sector's, so that a disk writes all of it
// or nothing.
struct FileHead {
  std::uint64_t magic = kMagic;
  std::uint32_t format = kFormat;
  Head head;
  std::uint32_t checksum = 0;  // of what stands before it
  template <class M, class V> static void fields(M& m, V&& v) {
    v("magic", m.magic);
    v("format", m.format);
    v("head", m.head);
    v("checksum", m.checksum);
  }
};

// What stands before a record's batches.
struct RecordHead {
  std::uint64_t checksum = 0;  // of what follows, with the salt
  std::uint64_t last = 0;
  std::uint64_t synced = 0;
  std::uint32_t count = 0;
  std::uint32_t size = 0;  // of the batches
  template <class M, class V> static void fields(M& m, V&& v) {
    v("checksum", m.checksum);
    v("last", m.last);
    v("synced", m.synced);
    v("count", m.count);
    v("size", m.size);
  }
};
// Records begin at multiples of this, so that one can be found behind damage.
constexpr std::size_t kAlignment = 8;

std::size_t aligned(std::size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

std::uint32_t checksum(std::string_view file_head) {
  return checksum32(file_head.substr(0, kHeadSize - sizeof(std::uint32_t)));
}

std::uint64_t checksum(std::string_view record, std::uint64_t salt) {
  return hash64(record.substr(sizeof(RecordHead::checksum)), salt);
}

}  // namespace

std::string encode(const Head& head) {
  FileHead whole;
  whole.head = head;
  std::string bytes = wire::encode(whole);
  SKEP_ASSERT(bytes.size() == kHeadSize);
  whole.checksum = checksum(bytes);
  return wire::encode(whole);
}

Result<Head> decode(std::string_view bytes, std::uint64_t size) {
  if (size == 0) return fail(Code::not_found, "is empty, but a store's file never is");
  if (std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == '\0'; }))
    return Head{};
  const auto whole = wire::decode<FileHead>(bytes);
  if (whole && whole->magic != kMagic) return fail(Code::conflict, "is no segment of a journal");
  if (!whole || whole->checksum != checksum(bytes)) return fail(Code::corrupt, "is damaged");
  if (whole->format != kFormat)
    return fail(Code::unsupported, "has format " + std::to_string(whole->format) +
                                       "; this program knows format " + std::to_string(kFormat));
  if (whole->head.size != size)
    return fail(Code::corrupt, "is truncated: it has " + std::to_string(size) +
                                   " bytes, and should have " + std::to_string(whole->head.size));
  return whole->head;
}

void encode(std::string& out, const std::vector<std::string_view>& batches) {
  out.assign(kRecordHead, '\0');
  wire::encode(out, batches);
}

void seal(std::string& record, std::uint64_t last, std::uint64_t synced, std::size_t count,
          std::uint64_t salt) {
  const RecordHead head{0, last, synced, static_cast<std::uint32_t>(count),
                        static_cast<std::uint32_t>(record.size() - kRecordHead)};
  record.replace(0, kRecordHead, wire::encode(head));
  store_little(record.data(), checksum(record, salt));
  record.resize(aligned(record.size()), '\0');
}

Result<std::vector<std::string_view>> batches(const Record& record) {
  auto batches = wire::decode<std::vector<std::string_view>>(record.bytes);
  if (batches && batches->size() != record.count)
    return fail(Code::corrupt, "has not as many batches as it says");
  return batches;
}

std::optional<Record> record_at(std::string_view segment, std::size_t offset, const Head& of) {
  if (offset > segment.size() || segment.size() - offset < kRecordHead) return std::nullopt;
  const auto head = wire::decode<RecordHead>(segment.substr(offset, kRecordHead));
  SKEP_ASSERT(head);  // any bytes are one
  const std::size_t room = segment.size() - offset - kRecordHead;
  // A batch has a byte at least: what has higher numbers is no record of this segment.
  if (head->count == 0 || head->size > room || head->last <= of.after ||
      head->last - of.after > segment.size() || head->count > head->last - of.after ||
      head->synced >= head->last)
    return std::nullopt;
  const std::string_view whole = segment.substr(offset, kRecordHead + head->size);
  if (head->checksum != checksum(whole, of.salt)) return std::nullopt;
  return Record{head->last, head->synced, head->count, whole.substr(kRecordHead),
                std::min(aligned(whole.size()), segment.size() - offset)};
}

std::optional<Found> find_record(std::string_view segment, std::size_t offset, const Head& head) {
  for (; offset < segment.size(); offset += kAlignment)
    if (const auto record = record_at(segment, offset, head)) return Found{offset, *record};
  return std::nullopt;
}

}  // namespace skep::segment
