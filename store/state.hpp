// The state: one table a space, keys in order, each value with a checksum of its space, key and
// bytes. Written by the fold thread, in large transactions that also say up to which batch they
// reach; read by the loop thread through a connection of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "store/memtable.hpp"
#include "store/sqlite.hpp"

namespace skep {

// May a role's space be called so? 1 to 64 of a-z 0-9 . _ / : - (SQLite's names do not tell upper
// case from lower), and no dot first, which is the store's own.
bool valid_space(std::string_view name);

class StateWriter {
 public:
  explicit StateWriter(sqlite::Db db) : db_(std::move(db)) {}

  // The number of the last batch that is in the state.
  Result<std::uint64_t> folded();
  // Brings the table's newest values in, in one transaction; it is written, not synced. When `stop`
  // becomes true it gives up with Code::unavailable. After an error nothing was brought in.
  Result<> fold(const Memtable& table, const std::atomic<bool>& stop);
  Result<> sync() { return db_.sync(); }
  Result<> checkpoint(bool truncate) { return db_.checkpoint(truncate); }
  int log_pages() const { return db_.log_pages(); }
  sqlite::Db& db() { return db_; }

 private:
  Result<> fold_spaces(const Memtable& table, const std::atomic<bool>& stop);
  Result<> fold_space(std::string_view space, const Memtable::Newest& newest,
                      const std::atomic<bool>& stop);

  sqlite::Db db_;
};

class StateReader {
 public:
  explicit StateReader(sqlite::Db db) : db_(std::move(db)) {}

  // Code::corrupt: there is a value and it is damaged.
  Result<std::optional<std::string>> get(std::string_view space, std::string_view key);

  // Bytes of the pages that hold something.
  Result<std::uint64_t> used();

  // Walks over the keys of a space in [from, to), `to` empty: no bound.
  class Cursor {
   public:
    // False: the end. The views live until the next call.
    Result<bool> next();
    std::string_view key() const { return key_; }
    std::string_view value() const { return value_; }

   private:
    friend class StateReader;
    std::string space_;
    std::string from_;
    std::string to_;
    sqlite::Statement rows_;  // none: at the end
    bool started_ = false;    // bound late: the bounds move with the cursor
    std::string_view key_;
    std::string_view value_;
  };
  Result<Cursor> walk(std::string_view space, std::string_view from, std::string_view to);

  // Reads see the state as of the first read since the last refresh(); call it after every fold,
  // and after every checkpoint, whose work an old view would hold up.
  Result<> refresh();

 private:
  Result<> begin();

  sqlite::Db db_;
  bool reading_ = false;
  std::map<std::string, sqlite::Statement, std::less<>> gets_;  // empty statement: no table
};

}  // namespace skep
