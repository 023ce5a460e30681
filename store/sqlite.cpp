#include "store/sqlite.hpp"

#include "net/base/assert.hpp"

namespace skep::sqlite {

namespace {

Code code_of(int rc) {
  switch (rc) {
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC: return Code::unknown;
    default: break;
  }
  switch (rc & 0xff) {
    case SQLITE_FULL: return Code::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::conflict;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return Code::permission;
    case SQLITE_ERROR: return Code::invalid;
    default: return Code::io;
  }
}

tl::unexpected<Error> error(sqlite3* db, int rc) {
  std::string message = sqlite3_errstr(rc);
  if (db != nullptr) {
    const char* path = sqlite3_db_filename(db, "main");
    if (path != nullptr && *path != '\0') message = std::string(path) + ": " + message;
    if ((rc & 0xff) == SQLITE_ERROR) message += std::string(" (") + sqlite3_errmsg(db) + ")";
  }
  return fail(code_of(rc), message);
}

std::string uri(const std::string& path, bool immutable) {
  std::string out = "file:";
  for (char c : path) {
    if (c == '%')
      out += "%25";
    else if (c == '?')
      out += "%3f";
    else if (c == '#')
      out += "%23";
    else
      out += c;
  }
  return immutable ? out + "?immutable=1" : out;
}

}  // namespace

Statement& Statement::bind(int index, std::int64_t value) {
  SKEP_ASSERT(sqlite3_bind_int64(statement_.get(), index, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int index, std::string_view bytes) {
  // A null pointer would be NULL, which is not the empty string.
  const char* data = bytes.empty() ? "" : bytes.data();
  SKEP_ASSERT(sqlite3_bind_blob64(statement_.get(), index, data, bytes.size(), SQLITE_STATIC) ==
              SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  const int rc = sqlite3_step(statement_.get());
  if (rc == SQLITE_ROW) return true;
  sqlite3* db = sqlite3_db_handle(statement_.get());
  // The reset may end the transaction, and that may fail too.
  const int ended = sqlite3_reset(statement_.get());
  if (rc != SQLITE_DONE) return error(db, rc);
  if (ended != SQLITE_OK) return error(db, ended);
  return false;
}

Result<> Statement::run() {
  for (;;) {
    const Result<bool> row = step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

Result<Db> Db::open(const std::string& path, const std::string& vfs, Mode mode) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
  flags |= mode == Mode::peek ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int rc = sqlite3_open_v2(uri(path, mode == Mode::peek).c_str(), &raw, flags,
                                 vfs.empty() ? nullptr : vfs.c_str());
  Db db;
  db.db_.reset(raw);
  if (rc != SQLITE_OK) return fail(code_of(rc), path + ": " + sqlite3_errstr(rc));
  if (sqlite3_db_readonly(raw, "main") == 1 && mode != Mode::peek)
    return fail(Code::permission, path + ": cannot be written");
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (mode != Mode::work) return db;

  constexpr int kBusyMs = 5000;
  sqlite3_busy_timeout(raw, kBusyMs);
  // NORMAL: a commit writes and does not sync, a checkpoint does. The store syncs by itself.
  // secure_delete: Debian's default would write every page that is freed.
  if (const Result<> set = db.run("PRAGMA synchronous = NORMAL;"
                                  "PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = OFF;"
                                  "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;"
                                  "PRAGMA journal_size_limit = 67108864");
      !set)
    return tl::unexpected(set.error());
  sqlite3_wal_hook(
      raw,
      [](void* pages, sqlite3*, const char*, int now) {
        *static_cast<int*>(pages) = now;
        return SQLITE_OK;
      },
      db.log_pages_.get());
  return db;
}

Result<Statement> Db::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return error(db_.get(), rc);
  return Statement(statement);
}

Result<> Db::run(const char* sql) {
  const int rc = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return error(db_.get(), rc);
  return {};
}

Result<std::optional<std::int64_t>> Db::number(const char* sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  const Result<bool> row = statement->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<std::int64_t>();
  return std::optional(statement->integer(0));
}

Result<> Db::cache(std::size_t bytes) {
  return run(("PRAGMA cache_size = -" + std::to_string(bytes >> 10)).c_str());
}

void Db::shrink() { sqlite3_db_release_memory(db_.get()); }

Result<> Db::sync() {
  sqlite3_file* log = nullptr;
  // In WAL mode the "journal" is the log.
  const int rc = sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (rc != SQLITE_OK) return error(db_.get(), rc);
  if (log == nullptr || log->pMethods == nullptr) return {};  // nothing was written
  const int synced = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  // Whatever xSync says, it is a failed sync.
  if (synced != SQLITE_OK) return error(db_.get(), SQLITE_IOERR_FSYNC);
  return {};
}

Result<> Db::checkpoint(bool truncate) {
  const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const int rc = sqlite3_wal_checkpoint_v2(db_.get(), "main", mode, nullptr, nullptr);
  if (rc == SQLITE_BUSY && !truncate) return {};
  if (rc != SQLITE_OK) return error(db_.get(), rc);
  return {};
}

}  // namespace skep::sqlite
