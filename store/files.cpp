#include "store/files.hpp"

#include <charconv>
#include <filesystem>

namespace skep {

namespace {

using sqlite::Db;

constexpr int kFormat = 1;
constexpr int kPageSize = 4096;

// SQLite's mark of whose format a file has.
constexpr int kApplication = 0x536b7053;
// What an earlier version kept the journal in.
constexpr const char* kOldJournal = "journal.db";
constexpr const char* kEndings[] = {"", "-journal", "-wal", "-shm"};

using Facts = std::initializer_list<std::pair<std::string_view, std::string>>;

Result<> put_facts(Db& db, Facts facts) {
  Result<sqlite::Statement> write =
      db.prepare("INSERT OR REPLACE INTO facts VALUES (CAST(?1 AS TEXT), ?2)");
  if (!write) return tl::unexpected(write.error());
  for (const auto& [name, value] : facts)
    if (Result<> put = write->bind(1, name).bind(2, value).run(); !put) return put;
  return {};
}

Result<> create_state(const std::string& path, const std::string& vfs, const Owner& owner,
                      std::uint64_t identity) {
  Result<Db> db = Db::open(path, vfs, Db::Mode::create);
  if (!db) return tl::unexpected(db.error());
  const std::string script =
      "PRAGMA page_size = " + std::to_string(kPageSize) +
      "; PRAGMA synchronous = EXTRA; BEGIN; PRAGMA application_id = " +
      std::to_string(kApplication) + "; PRAGMA user_version = " + std::to_string(kFormat) +
      "; CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
      " CREATE TABLE folded (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER);"
      " INSERT INTO folded VALUES (1, 0)";
  if (Result<> made = db->run(script.c_str()); !made) return made;
  if (Result<> put = put_facts(*db, {{"cluster", owner.cluster},
                                     {"node", owner.node},
                                     {"identity", std::to_string(identity)}});
      !put)
    return put;
  // EXTRA, so that no rollback journal can come back from the dead and undo this.
  return db->run("COMMIT; PRAGMA journal_mode = WAL");
}

Result<> create(const Directory& directory, const Beneath& beneath, const Owner& owner) {
  const Result<std::uint64_t> identity = random_number();
  if (!identity) return tl::unexpected(identity.error());
  return directory.mark(kCreatingMark, "This store is not complete.")
      .and_then([&] {
        return Segments::create(*beneath.disk, directory.path(kJournalDirectory), *identity,
                                beneath.segment_bytes);
      })
      .and_then(
          [&] { return create_state(directory.path(kStateFile), beneath.vfs, owner, *identity); })
      .and_then([&] { return directory.unmark(kCreatingMark); });
}

// A store that was never finished was never used: it makes room for another.
Result<> remove_unfinished(const Directory& directory, const Beneath& beneath) {
  sqlite3_vfs* files = sqlite3_vfs_find(beneath.vfs.empty() ? nullptr : beneath.vfs.c_str());
  if (files == nullptr) return fail(Code::invalid, "SQLite has no file system " + beneath.vfs);
  for (const char* ending : kEndings) {
    const std::string path = directory.path(std::string(kStateFile) + ending);
    const int rc = files->xDelete(files, path.c_str(), 1);
    if (rc != SQLITE_OK && rc != SQLITE_IOERR_DELETE_NOENT)
      return fail(Code::io, path + ": cannot be removed: " + sqlite3_errstr(rc));
  }
  return Segments::remove(*beneath.disk, directory.path(kJournalDirectory));
}

// What the state says of itself.
struct About {
  Owner owner;
  std::uint64_t identity = 0;
};

Result<About> read_about(Db& db, const std::string& path) {
  const auto application = db.number("PRAGMA application_id");
  const auto version = db.number("PRAGMA user_version");
  if (!application || !version)
    return tl::unexpected(!application ? application.error() : version.error());
  if (application->value_or(0) == 0 && version->value_or(0) == 0) {
    const auto pages = db.number("PRAGMA page_count");
    if (pages && pages->value_or(0) == 0)
      return fail(Code::not_found, path + ": is empty, but a store's file never is");
  }
  if (application->value_or(0) != kApplication)
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

Result<> check(const About& state, std::uint64_t journal, const Directory& directory,
               const Owner& owner) {
  if (journal != state.identity)
    return fail(Code::conflict, directory.path(kJournalDirectory) + " and " +
                                    directory.path(kStateFile) +
                                    " are of different stores; they belong together");
  const auto named = [](const Owner& who) {
    return "node '" + who.node + "' of cluster '" + who.cluster + "'";
  };
  if (state.owner.cluster != owner.cluster || state.owner.node != owner.node)
    return fail(Code::conflict, directory.path("") + ": the store of " + named(state.owner) +
                                    "; this is " + named(owner));
  return {};
}

// SQLite takes what a truncated page lacks for zeros, and so rows for absent.
Result<> check_size(const std::string& path) {
  std::error_code error;
  if (const auto log = std::filesystem::file_size(path + "-wal", error); !error && log > 0)
    return {};  // which may mend it
  const auto size = std::filesystem::file_size(path, error);
  if (error) return fail(Code::io, path + ": " + error.message());
  if (size % kPageSize == 0) return {};
  return fail(Code::corrupt, path + ": is truncated, or no store's file: its size, " +
                                 std::to_string(size) + ", is no multiple of " +
                                 std::to_string(kPageSize));
}

// Looks at the state without touching it.
Result<About> peek(const std::string& path, const std::string& vfs) {
  if (Result<> size = check_size(path); !size) return tl::unexpected(size.error());
  Result<Db> db = Db::open(path, vfs, Db::Mode::peek);
  if (!db) return tl::unexpected(db.error());
  return read_about(*db, path);
}

Result<Db> open_state(const std::string& path, const std::string& vfs) {
  Result<Db> db = Db::open(path, vfs, Db::Mode::work);
  if (!db) return db;
  // Copying the log into the file, and not a bare sync: after a sync that failed, what was read may
  // be on no disk, and a second sync would not write it.
  if (Result<> done = db->checkpoint(true); !done) return tl::unexpected(done.error());
  if (Result<> size = check_size(path); !size) return tl::unexpected(size.error());
  return db;
}

// True: journal and state are there. False: neither.
Result<bool> present(const Directory& directory) {
  if (directory.has(kOldJournal))
    return fail(Code::unsupported, directory.path(kOldJournal) +
                                       ": is of an earlier version, which this one cannot read; "
                                       "remove the data directory to start as a new node");
  const std::string journal = directory.path(kJournalDirectory);
  const bool has_journal = Segments::exist(journal);
  const bool has_state = directory.has(kStateFile);
  if (has_journal && has_state) return true;
  if (!has_journal && !has_state && !directory.has(std::string(kStateFile) + "-wal")) return false;
  return fail(Code::not_found, (has_state ? journal : directory.path(kStateFile)) +
                                   ": is missing, but there is a store beside it; put it back, or "
                                   "remove the rest to start as a new node");
}

}  // namespace

Result<Files> open_files(const Directory& directory, const Beneath& beneath, const Owner& owner) {
  bool created = directory.has(kCreatingMark);
  if (created) {
    if (Result<> removed = remove_unfinished(directory, beneath); !removed)
      return tl::unexpected(removed.error());
  } else {
    const Result<bool> there = present(directory);
    if (!there) return tl::unexpected(there.error());
    created = !*there;
  }
  if (created)
    if (Result<> made = create(directory, beneath, owner); !made)
      return tl::unexpected(made.error());

  auto journal =
      Segments::open(*beneath.disk, directory.path(kJournalDirectory), beneath.segment_bytes);
  if (!journal) return tl::unexpected(journal.error());
  const std::string path = directory.path(kStateFile);
  // Damage may be what recovery mends: it is looked at again after that.
  if (const Result<About> looked = peek(path, beneath.vfs); looked) {
    if (Result<> checked = check(*looked, journal->identity(), directory, owner); !checked)
      return tl::unexpected(checked.error());
  } else if (looked.error().code != Code::corrupt) {
    return tl::unexpected(looked.error());
  }
  Result<Db> state = open_state(path, beneath.vfs);
  if (!state) return tl::unexpected(state.error());
  const Result<About> about = read_about(*state, path);
  if (!about) return tl::unexpected(about.error());
  if (Result<> checked = check(*about, journal->identity(), directory, owner); !checked)
    return tl::unexpected(checked.error());
  return Files{std::move(*journal), std::move(*state), created};
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
