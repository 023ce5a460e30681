#include "store/segments.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "store/directory.hpp"

namespace skep {

namespace {

constexpr const char* kEnding = ".segment";
constexpr const char* kUnfinished = "unfinished";
// What is kept of files that are not needed now: as much as a fold sets free at once.
constexpr std::size_t kSpares = 8;
constexpr std::size_t kPage = 4096;

// "00000001.segment"
std::string file_name(std::uint64_t name) {
  constexpr std::size_t kDigits = 8;
  const std::string digits = std::to_string(name);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits + kEnding;
}

Result<> fill(Disk::File& file, std::uint64_t size) {
  const std::string zeros(std::size_t{1} << 20, '\0');
  for (std::uint64_t at = 0; at < size; at += zeros.size()) {
    const auto part = std::string_view(zeros).substr(0, size - at);
    if (Result<> written = file.write(at, part); !written) return written;
  }
  return file.sync();
}

// The paths of all segments, in the order of their names.
Result<std::vector<std::string>> list(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->path().extension() == kEnding) found.push_back(entry->path().string());
  if (error && error != std::errc::no_such_file_or_directory)
    return fail(Code::io, directory + ": cannot be read: " + error.message());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

Result<> Segments::create(Disk& disk, const std::string& directory, std::uint64_t identity,
                          std::size_t segment_bytes) {
  std::error_code error;
  std::filesystem::create_directory(directory, error);
  if (error) return fail(Code::io, directory + ": cannot be made: " + error.message());
  Segments segments(disk, directory, segment_bytes);
  segments.identity_ = identity;
  return disk.sync_directory(std::filesystem::path(directory).parent_path().string())
      .and_then([&] { return segments.begin(0, 0, 0); })
      .and_then([&] { return segments.sync(); });
}

Result<> Segments::remove(Disk& disk, const std::string& directory) {
  const auto paths = list(directory);
  if (!paths) return tl::unexpected(paths.error());
  for (const std::string& path : *paths)
    if (Result<> removed = disk.remove(path); !removed) return removed;
  return {};
}

bool Segments::exist(const std::string& directory) {
  const auto paths = list(directory);
  return !paths || !paths->empty();
}

Result<Segments> Segments::open(Disk& disk, const std::string& directory,
                                std::size_t segment_bytes) {
  Segments segments(disk, directory, segment_bytes);
  const auto paths = list(directory);
  if (!paths) return tl::unexpected(paths.error());
  for (const std::string& path : *paths) {
    Result<Segment> found = look(disk, path);
    if (!found) return tl::unexpected(found.error());
    const std::string name = std::filesystem::path(path).stem().string();
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    segments.names_ = std::max(segments.names_, number);
    segments.bytes_ += found->size;
    if (found->head.number == 0) {
      segments.spare_.push_back(std::move(*found));
      continue;
    }
    if (segments.identity_ == 0) segments.identity_ = found->head.identity;
    if (segments.identity_ != found->head.identity)
      return fail(Code::conflict, path + ": is of another store than those beside it");
    segments.live_.push_back(std::move(*found));
  }
  if (segments.live_.empty())
    return fail(Code::not_found, directory + ": has no segment that was ever used");
  std::sort(segments.live_.begin(), segments.live_.end(),
            [](const auto& a, const auto& b) { return a.head.number < b.head.number; });
  for (std::size_t i = 1; i < segments.live_.size(); ++i)
    if (const Segment& a = segments.live_[i - 1], &b = segments.live_[i];
        a.head.number == b.head.number || a.head.after > b.head.after)
      return fail(Code::corrupt, b.path + ": is damaged: it says it is in the place of " + a.path);
  return segments;
}

Result<Segments::Segment> Segments::look(Disk& disk, const std::string& path) {
  Result<std::unique_ptr<Disk::File>> file = disk.open(path);
  if (!file) return tl::unexpected(file.error());
  const Result<std::uint64_t> size = (*file)->size();
  if (!size) return tl::unexpected(size.error());
  const Result<std::string> bytes = (*file)->read(0, segment::kHeadSize);
  if (!bytes) return tl::unexpected(bytes.error());
  const Result<segment::Head> head = segment::decode(*bytes, *size);
  if (!head) return fail(head.error().code, path + ": " + head.error().message);
  return Segment{path, std::move(*file), *size, *head};
}

Result<> Segments::begin(std::size_t bytes, std::uint64_t after, std::uint64_t synced) {
  const Result<std::uint64_t> salt = random_number();
  if (!salt) return tl::unexpected(salt.error());
  const std::size_t needed = segment::kHeadSize + bytes;
  if (needed > segment_bytes_ || spare_.empty()) {
    const std::size_t pages = (needed + kPage - 1) / kPage;
    Result<Segment> made = make(std::max<std::uint64_t>(segment_bytes_, pages * kPage));
    if (!made) return tl::unexpected(made.error());
    spare_.push_back(std::move(*made));
  }
  Segment& next = spare_.back();
  const std::uint64_t number = live_.empty() ? 1 : live_.back().head.number + 1;
  const segment::Head head{identity_, number, after, synced, *salt, next.size};
  if (Result<> written = next.file->write(0, segment::encode(head)); !written) return written;
  next.head = head;
  next.dirty = true;
  next.known = false;
  live_.push_back(std::move(next));
  spare_.pop_back();
  return {};
}

// Under a name that nobody looks for until it is whole.
Result<Segments::Segment> Segments::make(std::uint64_t size) {
  const std::string unfinished = directory_ + "/" + kUnfinished;
  Result<std::unique_ptr<Disk::File>> file = disk_->make(unfinished);
  if (!file) return tl::unexpected(file.error());
  const std::string path = directory_ + "/" + file_name(names_ + 1);
  const Result<> made =
      fill(**file, size).and_then([&] { return disk_->rename(unfinished, path); }).and_then([&] {
        return sync_names();
      });
  if (!made) {
    // The room that it took belongs to others, and the error that counts is the first.
    static_cast<void>(disk_->remove(unfinished));
    return tl::unexpected(made.error());
  }
  ++names_;
  bytes_ += size;
  return Segment{path, std::move(*file), size, {}};
}

Result<> Segments::sync() {
  for (Segment& segment : live_) {
    if (segment.dirty)
      if (Result<> synced = segment.file->sync(); !synced) return synced;
    segment.dirty = false;
    segment.known = true;
  }
  return {};
}

Result<> Segments::trim(std::uint64_t folded) {
  while (live_.size() > 1 && live_[1].head.after <= folded && live_[1].known) {
    Segment& first = live_.front();
    if (first.size == segment_bytes_ && spare_.size() < kSpares) {
      spare_.push_back(std::move(first));
    } else {
      if (Result<> removed = disk_->remove(first.path); !removed) return removed;
      bytes_ -= first.size;
    }
    live_.pop_front();
  }
  return {};
}

Result<> Segments::cut(std::size_t count) {
  while (live_.size() > count) {
    Segment& last = live_.back();
    const Result<> cleared =
        last.file->write(0, std::string(segment::kHeadSize, '\0')).and_then([&] {
          return last.file->sync();
        });
    if (!cleared) return cleared;
    last.head = {};
    spare_.push_back(std::move(last));
    live_.pop_back();
  }
  return {};
}

}  // namespace skep
