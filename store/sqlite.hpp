// SQLite's handles with owners, and its result codes as errors. Nothing here knows what is stored.
//
// Codes: full (no space), io (a read or write failed; may be tried again), unknown (a sync failed:
// nobody knows what is on disk, and it must not be tried again), corrupt, conflict (busy),
// permission (read-only).
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/base/error.hpp"

namespace skep::sqlite {

// A prepared statement. Bound bytes must live until the statement is reset.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  explicit operator bool() const { return statement_ != nullptr; }

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view bytes);
  // True: there is a row, whose columns live until the next step() or reset(). False: the end; the
  // statement is reset then, and after an error.
  Result<bool> step();
  // Steps to the end.
  Result<> run();
  void reset() { sqlite3_reset(statement_.get()); }

  std::int64_t integer(int column) const;
  std::string_view bytes(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// A connection; used by one thread at a time. Closing it never checkpoints.
class Db {
 public:
  enum class Mode {
    create,  // there must be no file
    work,    // read and write a file in WAL mode; syncs when told so, or when a checkpoint needs it
    peek,    // look at the main file, touch nothing, not even to recover
  };
  // `vfs`: SQLite's name of the file system to use; empty: the default.
  static Result<Db> open(const std::string& path, const std::string& vfs, Mode mode);

  Result<Statement> prepare(std::string_view sql);
  Result<> run(const char* sql);
  // The first column of the first row.
  Result<std::optional<std::int64_t>> number(const char* sql);

  // The pages that it keeps, at most; 4 MiB of them if nothing is said, as the system keeps files
  // in memory anyway.
  Result<> cache(std::size_t bytes);
  // Gives back what it keeps and does not use.
  void shrink();
  // Syncs the write-ahead log, and so every transaction that was committed.
  Result<> sync();
  // Copies the log into the main file, syncing both, as far as no reader or writer is in the way;
  // with `truncate` all of it, waiting for them.
  Result<> checkpoint(bool truncate);
  // How many pages the log held at the last commit through this connection.
  int log_pages() const { return *log_pages_; }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<int> log_pages_ = std::make_unique<int>(0);
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace skep::sqlite
