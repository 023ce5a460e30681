#include "store/journal.hpp"

#include <vector>

#include "net/base/checksum.hpp"
#include "net/wire.hpp"

namespace skep {

namespace {

// Rows removed in one transaction: a group's worth of work, so that commits do not wait long.
constexpr int kTrimRows = 4;

struct Group {
  std::vector<std::string_view> batches;
  template <class M, class V> static void fields(M& m, V&& v) { v("batches", m.batches); }
};

// The number is part of what is checked: a row in another's place is damage too.
std::int64_t checksum(std::uint64_t last, std::string_view bytes) {
  return static_cast<std::int64_t>(hash64(bytes, last));
}

tl::unexpected<Error> damaged(std::uint64_t sequence, const std::string& how) {
  return fail(Code::corrupt, "the store's journal is damaged: batch " + std::to_string(sequence) +
                                 " " + how +
                                 "; restore the data directory, or remove it to start "
                                 "as a new node");
}

}  // namespace

Result<Journal> Journal::open(sqlite::Db db, EndMark mark) {
  Journal journal(std::move(db), std::move(mark));
  for (const auto& [statement, sql] :
       std::initializer_list<std::pair<sqlite::Statement*, const char*>>{
           {&journal.append_, "INSERT INTO journal VALUES (?1, ?2, ?3, ?4)"},
           {&journal.trim_,
            "DELETE FROM journal WHERE sequence = (SELECT min(sequence) FROM journal)"
            " AND sequence <= ?1 AND sequence < (SELECT max(sequence) FROM journal)"
            " RETURNING sequence"}}) {
    Result<sqlite::Statement> prepared = journal.db_.prepare(sql);
    if (!prepared) return tl::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return journal;
}

Result<std::uint64_t> Journal::replay(std::uint64_t folded, const Take& take) {
  Result<sqlite::Statement> rows =
      db_.prepare("SELECT sequence, batches, checksum, bytes FROM journal ORDER BY sequence");
  if (!rows) return tl::unexpected(rows.error());
  std::uint64_t end = 0;
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    const auto last = static_cast<std::uint64_t>(rows->integer(0));
    const auto count = static_cast<std::uint64_t>(rows->integer(1));
    std::uint64_t sequence = last - count;
    if (count == 0 || count > last || (end == 0 ? sequence > folded : sequence != end))
      return damaged(sequence, "is not the one before the next row");
    end = last;
    if (last <= folded) continue;  // only waits to be trimmed
    const std::string_view bytes = rows->bytes(3);
    if (checksum(last, bytes) != rows->integer(2)) return damaged(last, "has a wrong checksum");
    const Result<Group> group = wire::decode<Group>(bytes);
    if (!group || group->batches.size() != count) return damaged(last, "cannot be read");
    for (const std::string_view batch : group->batches)
      if (++sequence > folded && !take(sequence, batch)) return damaged(sequence, "cannot be read");
  }
  if (end < folded)
    return fail(Code::corrupt, "the store's journal ends at batch " + std::to_string(end) +
                                   ", but its state has all up to " + std::to_string(folded) +
                                   ": the journal is older than the state; restore both files of "
                                   "one time, or remove both to start as a new node");
  return end;
}

Result<> Journal::check_end(std::uint64_t end, bool sync_failed) const {
  if (!mark_.before()) return {};
  const bool may_lose = sync_failed || !mark_.same_boot();
  const std::uint64_t least = may_lose ? mark_.before()->durable : mark_.before()->written;
  if (end >= least) return {};
  return fail(Code::corrupt, "the store's journal ends at batch " + std::to_string(end) +
                                 ", but all up to " + std::to_string(least) + " had been " +
                                 (may_lose ? "synced" : "written") +
                                 ": the journal or its write-ahead log is damaged or an old one; "
                                 "restore the data directory, or remove it to start as a new "
                                 "node");
}

Result<> Journal::sync() {
  if (Result<> synced = db_.sync(); !synced) return synced;
  note_durable(ends_.written);
  return {};
}

void Journal::note_durable(std::uint64_t end) {
  ends_ = {end, end};
  mark_.note(ends_);
}

Result<> Journal::append(std::uint64_t last, std::span<const std::string_view> batches) {
  row_.clear();
  wire::encode(row_, Group{{batches.begin(), batches.end()}});
  if (Result<> appended = append_.bind(1, static_cast<std::int64_t>(last))
                              .bind(2, static_cast<std::int64_t>(batches.size()))
                              .bind(3, checksum(last, row_))
                              .bind(4, row_)
                              .run();
      !appended)
    return appended;
  ends_.written = last;
  mark_.note(ends_);
  return {};
}

Result<bool> Journal::trim(std::uint64_t folded) {
  if (const Result<> begun = db_.run("BEGIN IMMEDIATE"); !begun)
    return tl::unexpected(begun.error());
  int removed = 0;
  for (bool more = true; more && removed < kTrimRows;) {
    const Result<bool> row = trim_.bind(1, static_cast<std::int64_t>(folded)).step();
    trim_.reset();
    if (!row) {
      // The error that counts is the first; SQLite may have rolled back by itself.
      static_cast<void>(db_.run("ROLLBACK"));
      return tl::unexpected(row.error());
    }
    more = *row;
    removed += more;
  }
  if (const Result<> ended = db_.run(removed > 0 ? "COMMIT" : "ROLLBACK"); !ended) {
    static_cast<void>(db_.run("ROLLBACK"));
    return tl::unexpected(ended.error());
  }
  return removed == kTrimRows;
}

}  // namespace skep
