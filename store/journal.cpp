#include "store/journal.hpp"

#include <algorithm>

namespace skep {

namespace {

constexpr const char* kAdvice =
    "; remove the data directory to start as a new node (an older copy of it must not come back)";

tl::unexpected<Error> damaged(const std::string& where, std::uint64_t sequence,
                              const std::string& how) {
  return fail(Code::corrupt, where + ": the store's journal is damaged: batch " +
                                 std::to_string(sequence) + " " + how + kAdvice);
}

}  // namespace

Result<std::uint64_t> Journal::replay(std::uint64_t folded, const Take& take) {
  const auto& live = segments_.live();
  // What is folded was synced before.
  ends_ = {live.front().head.after, std::max(live.front().head.synced, folded)};
  if (ends_.written > folded)
    return damaged(live.front().path, folded + 1, "is not there, but later ones are");
  for (std::size_t i = 0; i < live.size(); ++i) {
    const bool waits = i + 1 < live.size() && live[i + 1].head.after <= folded;
    if (waits) {  // only to be trimmed
      ends_.written = live[i + 1].head.after;
      used_.push_back(segment::kHeadSize);
    } else if (Result<> walked = walk(i, folded, take); !walked) {
      return tl::unexpected(walked.error());
    }
  }
  if (synced_behind_ > ends_.written)
    return damaged(segments_.directory(), ends_.written + 1,
                   "is not there or has a wrong checksum, but all up to " +
                       std::to_string(synced_behind_) + " had been synced");
  if (ends_.written < folded)
    return fail(Code::corrupt, segments_.directory() + ": the store's journal ends at batch " +
                                   std::to_string(ends_.written) +
                                   ", but its state has all up to " + std::to_string(folded) +
                                   ": the journal is older than the state; restore both of one "
                                   "time, or remove both to start as a new node");
  return ends_.written;
}

// Takes the records of a segment, if the journal comes as far as that.
Result<> Journal::walk(std::size_t index, std::uint64_t folded, const Take& take) {
  const Segments::Segment& segment = segments_.live()[index];
  const Result<std::string> bytes = segment.file->read(0, segment.size);
  if (!bytes) return tl::unexpected(bytes.error());
  std::size_t offset = segment::kHeadSize;
  if (used_.size() < index || segment.head.after != ends_.written) {
    synced_behind_ = std::max(synced_behind_, segment.head.synced);
    look_behind(*bytes, index, offset);
    return {};
  }
  ends_.durable = std::max(ends_.durable, segment.head.synced);
  for (;;) {
    const auto record = segment::record_at(*bytes, offset, segment.head);
    if (!record || record->before() != ends_.written) break;
    offset += record->size;
    ends_ = {record->last, std::max(ends_.durable, record->synced)};
    if (record->last <= folded) continue;
    const auto batches = segment::batches(*record);
    if (!batches) return damaged(segment.path, record->last, "cannot be read");
    std::uint64_t sequence = record->before();
    for (const std::string_view batch : *batches)
      if (++sequence > folded && !take(sequence, batch))
        return damaged(segment.path, sequence, "cannot be read");
  }
  used_.push_back(offset);
  look_behind(*bytes, index, offset);
  return {};
}

// Notes which records there are that do not count.
void Journal::look_behind(const std::string& bytes, std::size_t index, std::size_t offset) {
  const segment::Head& head = segments_.live()[index].head;
  while (const auto found = segment::find_record(bytes, offset, head)) {
    behind_.push_back({index, found->offset});
    synced_behind_ = std::max(synced_behind_, found->record.synced);
    offset = found->offset + found->record.size;
  }
}

Result<> Journal::check_end(bool may_have_lost) const {
  if (const auto& before = mark_.before()) {
    const bool synced = may_have_lost || !mark_.same_boot();
    const std::uint64_t least = synced ? before->durable : before->written;
    if (ends_.written < least)
      return fail(Code::corrupt, segments_.directory() + ": the store's journal ends at batch " +
                                     std::to_string(ends_.written) + ", but all up to " +
                                     std::to_string(least) + " had been " +
                                     (synced ? "synced" : "written") +
                                     ": it is damaged or an old one" + kAdvice);
  }
  if (!may_have_lost && (!behind_.empty() || used_.size() < segments_.live().size()))
    return damaged(segments_.directory(), ends_.written + 1,
                   "is not there or has a wrong checksum, but later ones are there");
  return {};
}

Result<> Journal::take_over() {
  auto& live = segments_.live();
  // What does not count must be gone before anything is written in front of it that it would
  // follow.
  for (const auto& [index, offset] : std::exchange(behind_, {})) {
    if (index >= used_.size()) break;  // the whole segment is
    const std::string zeros(segment::kRecordHead, '\0');
    if (Result<> erased = write(index, offset, zeros); !erased) return erased;
  }
  if (Result<> cut = segments_.cut(used_.size()); !cut) return cut;
  // A bare sync would not do: after one that failed, what was read may be on no disk, and the next
  // sync would not write it.
  const std::uint64_t synced =
      mark_.before() ? std::max(ends_.durable, mark_.before()->durable) : ends_.durable;
  for (std::size_t i = 0; i < live.size(); ++i) {
    const bool is_last = i + 1 == live.size();
    const bool all_synced = synced >= (is_last ? ends_.written : live[i + 1].head.after);
    if (all_synced && !is_last) continue;
    const auto bytes = live[i].file->read(0, all_synced ? segment::kHeadSize : used_[i]);
    if (!bytes) return tl::unexpected(bytes.error());
    if (Result<> again = write(i, 0, *bytes); !again) return again;
  }
  position_ = used_.back();
  used_.clear();
  return segments_.sync_names().and_then([&] { return sync(); });
}

Result<> Journal::write(std::size_t index, std::size_t offset, std::string_view bytes) {
  Segments::Segment& segment = segments_.live()[index];
  segment.dirty = true;
  return segment.file->write(offset, bytes);
}

Result<> Journal::append(std::uint64_t last, const std::vector<std::string_view>& batches) {
  segment::encode(record_, batches);
  if (segments_.live().back().size - position_ < record_.size()) {
    if (Result<> begun = segments_.begin(record_.size(), ends_.written, ends_.durable); !begun)
      return begun;
    position_ = segment::kHeadSize;
  }
  segment::seal(record_, last, ends_.durable, batches.size(), segments_.live().back().head.salt);
  if (Result<> written = write(segments_.live().size() - 1, position_, record_); !written)
    return written;
  position_ += record_.size();
  ends_.written = last;
  mark_.note(ends_);
  return {};
}

Result<> Journal::sync() {
  if (Result<> synced = segments_.sync(); !synced) return synced;
  ends_.durable = ends_.written;
  mark_.note(ends_);
  return {};
}

}  // namespace skep
