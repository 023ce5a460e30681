#include "store/files.hpp"

#include <sys/random.h>

#include <charconv>
#include <filesystem>

namespace skep {

namespace {

using sqlite::Db;

constexpr int kFormat = 1;
constexpr int kPageSize = 4096;

struct Kind {
  const char* file;
  int application;  // SQLite's mark of whose format a file has
  const char* tables;
};
constexpr Kind kJournal{kJournalFile, 0x536b704a,
                        "CREATE TABLE journal (sequence INTEGER PRIMARY KEY, batches INTEGER,"
                        " checksum INTEGER, bytes BLOB)"};
constexpr Kind kState{kStateFile, 0x536b7053,
                      "CREATE TABLE folded (one INTEGER PRIMARY KEY CHECK (one = 1),"
                      " sequence INTEGER); INSERT INTO folded VALUES (1, 0)"};

Result<std::uint64_t> random_identity() {
  std::uint64_t identity = 0;
  while (identity == 0)
    if (getrandom(&identity, sizeof identity, 0) != sizeof identity)
      return fail(Code::io, "the system gives no random numbers");
  return identity;
}

using Facts = std::initializer_list<std::pair<std::string_view, std::string>>;

Result<> put_facts(Db& db, Facts facts) {
  Result<sqlite::Statement> write =
      db.prepare("INSERT OR REPLACE INTO facts VALUES (CAST(?1 AS TEXT), ?2)");
  if (!write) return tl::unexpected(write.error());
  for (const auto& [name, value] : facts)
    if (Result<> put = write->bind(1, name).bind(2, value).run(); !put) return put;
  return {};
}

Result<> create(const Kind& kind, const Directory& directory, const std::string& vfs,
                const Owner& owner, std::uint64_t identity) {
  Result<Db> db = Db::open(directory.path(kind.file), vfs, Db::Mode::create);
  if (!db) return tl::unexpected(db.error());
  const std::string script =
      "PRAGMA page_size = " + std::to_string(kPageSize) +
      "; PRAGMA synchronous = EXTRA; BEGIN; PRAGMA application_id = " +
      std::to_string(kind.application) + "; PRAGMA user_version = " + std::to_string(kFormat) +
      "; CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID; " + kind.tables;
  if (Result<> made = db->run(script.c_str()); !made) return made;
  if (Result<> put = put_facts(*db, {{"cluster", owner.cluster},
                                     {"node", owner.node},
                                     {"identity", std::to_string(identity)}});
      !put)
    return put;
  // EXTRA, so that no rollback journal can come back from the dead and undo this.
  return db->run("COMMIT; PRAGMA journal_mode = WAL");
}

// A store that was never finished was never used: it makes room for another.
Result<> remove_unfinished(const Directory& directory, const std::string& vfs) {
  sqlite3_vfs* files = sqlite3_vfs_find(vfs.empty() ? nullptr : vfs.c_str());
  if (files == nullptr) return fail(Code::invalid, "SQLite has no file system '" + vfs + "'");
  for (const char* file : {kJournalFile, kStateFile})
    for (const char* ending : {"", "-journal", "-wal", "-shm"}) {
      const std::string path = directory.path(std::string(file) + ending);
      const int rc = files->xDelete(files, path.c_str(), 1);
      if (rc != SQLITE_OK && rc != SQLITE_IOERR_DELETE_NOENT)
        return fail(Code::io, path + ": cannot be removed: " + sqlite3_errstr(rc));
    }
  return {};
}

// What a file says of itself.
struct About {
  Owner owner;
  std::uint64_t identity = 0;
};

Result<About> read_about(Db& db, const Kind& kind, const std::string& path) {
  const auto application = db.number("PRAGMA application_id");
  const auto version = db.number("PRAGMA user_version");
  if (!application || !version)
    return tl::unexpected(!application ? application.error() : version.error());
  if (application->value_or(0) == 0 && version->value_or(0) == 0) {
    const auto pages = db.number("PRAGMA page_count");
    if (pages && pages->value_or(0) == 0)
      return fail(Code::not_found, path + ": is empty, but a store's file never is");
  }
  if (application->value_or(0) != kind.application)
    return fail(Code::conflict, path + ": is another program's database");
  if (version->value_or(0) != kFormat)
    return fail(Code::unsupported, path + ": has format " + std::to_string(version->value_or(0)) +
                                       "; this program knows format " + std::to_string(kFormat));
  About about;
  std::string identity;
  for (const auto& [name, value] :
       {std::pair<const char*, std::string*>("cluster", &about.owner.cluster),
        {"node", &about.owner.node},
        {"identity", &identity}}) {
    Result<std::optional<std::string>> found = fact(db, name);
    if (!found) return tl::unexpected(found.error());
    if (!*found) return fail(Code::corrupt, path + ": does not say whose it is");
    *value = std::move(**found);
  }
  about.identity = number_in(identity).value_or(0);
  if (about.identity == 0) return fail(Code::corrupt, path + ": its identity is damaged");
  return about;
}

Result<> check(const About& journal, const About& state, const Directory& directory,
               const Owner& owner) {
  if (journal.identity != state.identity)
    return fail(Code::conflict, directory.path(kJournalFile) + " and " +
                                    directory.path(kStateFile) +
                                    " are of different stores; they belong together");
  const auto named = [](const Owner& who) {
    return "node '" + who.node + "' of cluster '" + who.cluster + "'";
  };
  if (journal.owner.cluster != owner.cluster || journal.owner.node != owner.node)
    return fail(Code::conflict, directory.path("") + ": the store of " + named(journal.owner) +
                                    "; this is " + named(owner));
  return {};
}

// SQLite takes what a truncated page lacks for zeros, and so rows for absent.
Result<> check_size(const Directory& directory, const std::string& file) {
  std::error_code error;
  if (const auto log = std::filesystem::file_size(directory.path(file + "-wal"), error);
      !error && log > 0)
    return {};  // which may mend it
  const std::string path = directory.path(file);
  const auto size = std::filesystem::file_size(path, error);
  if (error) return fail(Code::io, path + ": " + error.message());
  if (size % kPageSize == 0) return {};
  return fail(Code::corrupt, path + ": is truncated, or no store's file: its size, " +
                                 std::to_string(size) + ", is no multiple of " +
                                 std::to_string(kPageSize));
}

// Looks at the files without touching them. Damage may be what recovery would mend: the caller
// looks again after it.
Result<> peek(const Directory& directory, const std::string& vfs, const Owner& owner) {
  About about[2];
  for (const Kind* kind : {&kJournal, &kState}) {
    const std::string path = directory.path(kind->file);
    if (Result<> size = check_size(directory, kind->file); !size) return size;
    Result<Db> db = Db::open(path, vfs, Db::Mode::peek);
    if (!db) return tl::unexpected(db.error());
    Result<About> found = read_about(*db, *kind, path);
    if (!found) return tl::unexpected(found.error());
    about[kind == &kState] = std::move(*found);
  }
  return check(about[0], about[1], directory, owner);
}

// True: both files are there. False: neither.
Result<bool> present(const Directory& directory) {
  const auto any = [&](const char* file) {
    return directory.has(file) || directory.has(std::string(file) + "-wal");
  };
  if (!any(kJournalFile) && !any(kStateFile)) return false;
  for (const char* file : {kJournalFile, kStateFile})
    if (!directory.has(file))
      return fail(Code::not_found, directory.path(file) +
                                       ": is missing, but there is a store beside it; put it "
                                       "back, or remove the rest to start as a new node");
  return true;
}

}  // namespace

Result<Files> open_files(const Directory& directory, const std::string& vfs, const Owner& owner) {
  Files files;
  if (directory.has(kCreatingMark)) {
    if (Result<> removed = remove_unfinished(directory, vfs); !removed)
      return tl::unexpected(removed.error());
  } else {
    const Result<bool> there = present(directory);
    if (!there) return tl::unexpected(there.error());
    files.created = !*there;
  }
  files.created = files.created || directory.has(kCreatingMark);
  if (files.created) {
    const Result<std::uint64_t> identity = random_identity();
    if (!identity) return tl::unexpected(identity.error());
    const Result<> made =
        directory.mark(kCreatingMark, "This store is not complete.")
            .and_then([&] { return create(kJournal, directory, vfs, owner, *identity); })
            .and_then([&] { return create(kState, directory, vfs, owner, *identity); })
            .and_then([&] { return directory.unmark(kCreatingMark); });
    if (!made) return tl::unexpected(made.error());
  }
  const Result<> looked = peek(directory, vfs, owner);
  if (!looked && looked.error().code != Code::corrupt) return tl::unexpected(looked.error());

  About about[2];
  for (const Kind* kind : {&kJournal, &kState}) {
    const std::string path = directory.path(kind->file);
    Result<Db> db = Db::open(path, vfs, Db::Mode::work);
    if (!db) return tl::unexpected(db.error());
    Result<About> found = read_about(*db, *kind, path);
    if (!found) return tl::unexpected(found.error());
    about[kind == &kState] = std::move(*found);
    (kind == &kState ? files.state : files.journal) = std::move(*db);
  }
  if (Result<> checked = check(about[0], about[1], directory, owner); !checked)
    return tl::unexpected(checked.error());
  files.identity = about[0].identity;
  // Copying the logs into the files, and not a bare sync: after a sync that failed, what was read
  // may be on no disk, and a second sync would not write it.
  for (Db* db : {&files.journal, &files.state})
    if (Result<> done = db->checkpoint(true); !done) return tl::unexpected(done.error());
  for (const char* file : {kJournalFile, kStateFile})
    if (Result<> size = check_size(directory, file); !size) return tl::unexpected(size.error());
  return files;
}

Result<std::optional<std::string>> fact(Db& db, std::string_view name) {
  Result<sqlite::Statement> read =
      db.prepare("SELECT value FROM facts WHERE name = CAST(?1 AS TEXT)");
  if (!read) return tl::unexpected(read.error());
  const Result<bool> row = read->bind(1, name).step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<std::string>();
  return std::optional(std::string(read->bytes(0)));
}

Result<> set_facts(Db& db, std::initializer_list<std::pair<std::string_view, std::string>> facts) {
  if (Result<> begun = db.run("BEGIN IMMEDIATE"); !begun) return begun;
  if (Result<> put = put_facts(db, facts); !put) return put;
  return db.run("COMMIT");
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

}  // namespace skep
