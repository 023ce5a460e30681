// The two files of a store: how they are made, recognised and opened. Both say whose they are; a
// file by its final name is complete, because a store that is being made carries a mark until it
// is.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "store/directory.hpp"
#include "store/sqlite.hpp"

namespace skep {

inline constexpr const char* kJournalFile = "journal.db";
inline constexpr const char* kStateFile = "state.db";
inline constexpr const char* kCreatingMark = "store.creating";
inline constexpr const char* kFailedMark = "store.failed";  // a sync failed

// Whose a store is.
struct Owner {
  std::string cluster;
  std::string node;
};

struct Files {
  sqlite::Db journal;
  sqlite::Db state;
  std::uint64_t identity = 0;
  bool created = false;
};

// Opens the store in `directory`, or makes one if there is none. Everything that an earlier process
// wrote is synced before this returns. Errors, all of which leave the files as they are:
// Code::not_found (one is missing or empty), Code::corrupt, Code::conflict (another node's, another
// cluster's, or not of the same store), Code::unsupported (of a newer version), Code::io.
Result<Files> open_files(const Directory& directory, const std::string& vfs, const Owner& owner);

// One value of a file's facts.
Result<std::optional<std::string>> fact(sqlite::Db& db, std::string_view name);
// Sets several in one transaction, which is written, not synced.
Result<> set_facts(sqlite::Db& db,
                   std::initializer_list<std::pair<std::string_view, std::string>> facts);
// A decimal number; none: it is not one.
std::optional<std::uint64_t> number_in(std::string_view text);

}  // namespace skep
