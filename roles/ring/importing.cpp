#include "roles/ring/importing.hpp"

namespace skep::ring {

namespace {

constexpr std::string_view kProgress = "imported";  // in kHiveSpace
constexpr std::size_t kRows = 1000;                 // of a piece
constexpr std::size_t kBytes = 1 << 20;
constexpr Duration kPause = std::chrono::seconds(1);  // after a failure

}  // namespace

Result<> Importing::start() {
  progress_.store = from_.identity();
  auto row = to_.get(kHiveSpace, kProgress);
  if (!row) return tl::unexpected(row.error());
  if (!*row) return {};
  auto progress = wire::decode<Progress>(**row);
  if (!progress) return fail(Code::corrupt, "how far the old store has been brought is damaged");
  if (progress->store == progress_.store) progress_ = std::move(*progress);
  return {};
}

void Importing::tick(Time now, WallMs wall) {
  if (open_ || now < not_before_) return;
  if (!problem_.empty()) {
    problem_.clear();
    not_before_ = now + kPause;
    return;
  }
  if (progress_.done) return std::exchange(done_, nullptr)();
  Batch batch;
  Progress progress = progress_;
  progress.done = true;
  std::size_t seen = 0;
  std::size_t bytes = 0;
  std::size_t rows = 0;
  const auto scanned =
      from_.scan(kEntrySpace, progress_.next, {}, [&](std::string_view key, std::string_view row) {
        if (seen == kRows || bytes >= kBytes) {
          progress.next = key;
          progress.done = false;
          return false;
        }
        ++seen;
        bytes += key.size() + row.size();
        const auto entry = decode_entry(row);
        if (entry && entry->tombstone) return true;
        if (!entry || !entry->live(wall)) {
          ++progress.left_behind;
          return true;
        }
        batch.put(kAsideSpace, key, row);
        ++progress.entries;
        ++rows;
        return true;
      });
  if (!scanned) return put_off(scanned.error().message);
  batch.put(kHiveSpace, kProgress, wire::encode(progress));
  open_ = true;
  to_.submit(batch, Durability::durable,
             [this, alive = alive_, progress = std::move(progress), rows](Result<> ok) {
               if (*alive) reported(progress, rows, ok);
             });
}

void Importing::reported(Progress progress, std::size_t rows, const Result<>& ok) {
  open_ = false;
  if (!ok) return put_off(ok.error().message);
  progress_ = std::move(progress);
  if (rows > 0) bringing_.more(rows);
  if (!progress_.done) return;
  log_.write(Level::info, "ring",
             "brings what this node held before it joined: " + std::to_string(progress_.entries) +
                 " entries; " + std::to_string(progress_.left_behind) + " had expired");
  std::exchange(done_, nullptr)();
}

void Importing::put_off(const std::string& why) {
  problem_ = why;
  log_.write(Level::error, "ring", "cannot take over what this node held yet: " + why);
}

}  // namespace skep::ring
