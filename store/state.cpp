#include "store/state.hpp"

#include <algorithm>
#include <vector>

#include "net/base/checksum.hpp"

namespace skep {

namespace {

constexpr std::size_t kMaxSpaceName = 64;
constexpr std::size_t kChecksum = 4;
constexpr std::size_t kFoldCache = std::size_t{32} << 20;

std::string table_of(std::string_view space) { return "\"space " + std::string(space) + "\""; }

std::uint32_t checksum(std::string_view space, std::string_view key, std::string_view value) {
  return static_cast<std::uint32_t>(hash64(value, hash64(key, hash64(space))));
}

// A stored value: its checksum, little-endian, and its bytes.
void seal(std::string& out, std::string_view space, std::string_view key, std::string_view value) {
  out.clear();
  const std::uint32_t sum = checksum(space, key, value);
  for (std::size_t i = 0; i < kChecksum; ++i) out.push_back(static_cast<char>(sum >> (8 * i)));
  out.append(value);
}

Result<std::string_view> unseal(std::string_view space, std::string_view key,
                                std::string_view stored) {
  if (stored.size() >= kChecksum) {
    std::uint32_t sum = 0;
    for (std::size_t i = kChecksum; i-- > 0;) sum = sum << 8 | static_cast<std::uint8_t>(stored[i]);
    const std::string_view value = stored.substr(kChecksum);
    if (sum == checksum(space, key, value)) return value;
  }
  return fail(Code::corrupt, "a value in space '" + std::string(space) + "' is damaged");
}

Result<bool> has_table(sqlite::Db& db, std::string_view space) {
  auto found =
      db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = CAST(?1 AS TEXT)");
  if (!found) return tl::unexpected(found.error());
  const std::string name = "space " + std::string(space);
  return found->bind(1, name).step();
}

}  // namespace

bool valid_space(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("._/:-").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= kMaxSpaceName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), allowed);
}

Result<std::uint64_t> StateWriter::folded() {
  const auto number = db_.number("SELECT sequence FROM folded");
  if (!number) return tl::unexpected(number.error());
  if (!*number || **number < 0)
    return fail(Code::corrupt, "the store's state does not say up to where it reaches");
  return static_cast<std::uint64_t>(**number);
}

Result<> StateWriter::fold(const Memtable& table, const std::atomic<bool>& stop) {
  // Its pages are written in an order, once a fold: kept between folds they would be of no use.
  if (Result<> cached = db_.cache(kFoldCache); !cached) return cached;
  const Result<> done = fold_spaces(table, stop);
  db_.shrink();
  return done;
}

Result<> StateWriter::fold_spaces(const Memtable& table, const std::atomic<bool>& stop) {
  if (Result<> begun = db_.run("BEGIN IMMEDIATE"); !begun) return begun;
  Result<> done;
  table.each_space([&](std::string_view space, const Memtable::Newest& newest) {
    if (done) done = fold_space(space, newest, stop);
  });
  if (done) {
    auto mark = db_.prepare("UPDATE folded SET sequence = ?1");
    if (mark)
      done = mark->bind(1, static_cast<std::int64_t>(table.last())).run();
    else
      done = tl::unexpected(mark.error());
  }
  if (done) done = db_.run("COMMIT");
  // The error that counts is the first; SQLite may have rolled back by itself.
  if (!done) static_cast<void>(db_.run("ROLLBACK"));
  return done;
}

Result<> StateWriter::fold_space(std::string_view space, const Memtable::Newest& newest,
                                 const std::atomic<bool>& stop) {
  // Sorted, because neighbours share pages: several times as fast as any other order.
  std::vector<const Memtable::Entry*> entries;
  entries.reserve(newest.size());
  for (const Memtable::Entry& entry : newest) entries.push_back(&entry);
  Memtable::sort(entries);

  const std::string table = table_of(space);
  const std::string make =
      "CREATE TABLE IF NOT EXISTS " + table + " (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID";
  if (Result<> made = db_.run(make.c_str()); !made) return made;
  auto put = db_.prepare("INSERT OR REPLACE INTO " + table + " VALUES (?1, ?2)");
  auto erase = db_.prepare("DELETE FROM " + table + " WHERE k = ?1");
  if (!put || !erase) return tl::unexpected(!put ? put.error() : erase.error());

  std::string stored;
  for (const Memtable::Entry* entry : entries) {
    if (stop.load(std::memory_order_relaxed)) return fail(Code::unavailable, "the store stops");
    const auto& [key, value] = *entry;
    if (value) seal(stored, space, key, *value);
    const Result<> done =
        value ? put->bind(1, key).bind(2, stored).run() : erase->bind(1, key).run();
    if (!done) return done;
  }
  return {};
}

Result<> StateReader::begin() {
  if (reading_) return {};
  Result<> begun = db_.run("BEGIN");
  reading_ = begun.has_value();
  return begun;
}

Result<> StateReader::refresh() {
  // A space without a table may have one now.
  std::erase_if(gets_, [](const auto& known) { return !known.second; });
  if (!reading_) return {};
  reading_ = false;
  return db_.run("COMMIT");
}

Result<std::optional<std::string>> StateReader::get(std::string_view space, std::string_view key) {
  if (const Result<> begun = begin(); !begun) return tl::unexpected(begun.error());
  auto known = gets_.find(space);
  if (known == gets_.end()) {
    const Result<bool> table = has_table(db_, space);
    if (!table) return tl::unexpected(table.error());
    sqlite::Statement statement;
    if (*table) {
      auto prepared = db_.prepare("SELECT v FROM " + table_of(space) + " WHERE k = ?1");
      if (!prepared) return tl::unexpected(prepared.error());
      statement = std::move(*prepared);
    }
    known = gets_.try_emplace(std::string(space), std::move(statement)).first;
  }
  sqlite::Statement& read = known->second;
  if (!read) return std::optional<std::string>();
  const Result<bool> row = read.bind(1, key).step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<std::string>();
  const Result<std::string_view> value = unseal(space, key, read.bytes(0));
  Result<std::optional<std::string>> found =
      value ? Result<std::optional<std::string>>(std::string(*value))
            : tl::unexpected(value.error());
  read.reset();
  return found;
}

Result<std::uint64_t> StateReader::used() {
  if (const Result<> begun = begin(); !begun) return tl::unexpected(begun.error());
  std::int64_t numbers[3] = {0, 0, 0};
  const char* const names[3] = {"PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size"};
  for (int i = 0; i < 3; ++i) {
    const auto number = db_.number(names[i]);
    if (!number) return tl::unexpected(number.error());
    numbers[i] = number->value_or(0);
  }
  return static_cast<std::uint64_t>((numbers[0] - numbers[1]) * numbers[2]);
}

Result<StateReader::Cursor> StateReader::walk(std::string_view space, std::string_view from,
                                              std::string_view to) {
  if (const Result<> begun = begin(); !begun) return tl::unexpected(begun.error());
  const Result<bool> table = has_table(db_, space);
  if (!table) return tl::unexpected(table.error());
  Cursor cursor;
  cursor.space_ = space;
  cursor.from_ = from;
  cursor.to_ = to;
  if (!*table) return cursor;
  auto rows = db_.prepare("SELECT k, v FROM " + table_of(space) + " WHERE k >= ?1" +
                          (to.empty() ? "" : " AND k < ?2") + " ORDER BY k");
  if (!rows) return tl::unexpected(rows.error());
  cursor.rows_ = std::move(*rows);
  return cursor;
}

Result<bool> StateReader::Cursor::next() {
  if (!rows_) return false;
  if (!started_) {
    rows_.bind(1, from_);
    if (!to_.empty()) rows_.bind(2, to_);
    started_ = true;
  }
  const Result<bool> row = rows_.step();
  if (!row) return row;
  if (!*row) {
    rows_ = {};  // another step would start again
    return false;
  }
  key_ = rows_.bytes(0);
  const Result<std::string_view> value = unseal(space_, key_, rows_.bytes(1));
  if (!value) return tl::unexpected(value.error());
  value_ = *value;
  return true;
}

}  // namespace skep
