// What a store consists of, a journal and a state: how they are made, recognised and opened. Both
// say of which store they are, and are complete, because a store that is being made carries a mark
// until it is.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "store/directory.hpp"
#include "store/segments.hpp"
#include "store/sqlite.hpp"

namespace skep {

inline constexpr const char* kJournalDirectory = "journal";
inline constexpr const char* kStateFile = "state.db";
inline constexpr const char* kCreatingMark = "store.creating";
inline constexpr const char* kFailedMark = "store.failed";  // a sync failed

// Whose a store is.
struct Owner {
  std::string cluster;
  std::string node;
};

// On what it lies.
struct Beneath {
  Disk* disk;       // the journal
  std::string vfs;  // the state: SQLite's name of a file system
  std::size_t segment_bytes;
};

struct Files {
  Segments journal;
  sqlite::Db state;
  bool created = false;
};

// Opens the store in `directory`, or makes one if there is none. What an earlier process wrote of
// the state is synced before this returns; the journal is as it was found. Errors, all of which
// leave the files as they are: Code::not_found (one is missing or empty), Code::corrupt,
// Code::conflict (another node's, another cluster's, or not of the same store), Code::unsupported
// (of another version), Code::io.
Result<Files> open_files(const Directory& directory, const Beneath& beneath, const Owner& owner);

// One value of the state's facts.
Result<std::optional<std::string>> fact(sqlite::Db& db, std::string_view name);
// Sets several in one transaction, which is written, not synced.
Result<> set_facts(sqlite::Db& db,
                   std::initializer_list<std::pair<std::string_view, std::string>> facts);
// A decimal number; none: it is not one.
std::optional<std::uint64_t> number_in(std::string_view text);

}  // namespace skep
