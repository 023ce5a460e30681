// What proposers say to each other (frames of Part::proposer), and the form in which they keep a
// register's value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/register_messages.hpp"
#include "roles/proposer/registers.hpp"

namespace skep::proposer {

using registers::Ballot;
using registers::Type;

// Keys that begin with a zero are the proposers' own.
inline bool reserved(std::string_view key) { return !key.empty() && key.front() == '\0'; }
inline const std::string kConfigurationKey{"\0configuration", 14};  // Configuration
inline const std::string kRescanKey{"\0rescan", 7};                 // Cursor

// How far a rescan has come.
struct Cursor {
  std::uint64_t configuration = 0;  // under which it was begun
  std::uint64_t registers = 0;      // that were accepted anew
  std::string after;                // up to this key
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
    v("registers", m.registers);
    v("after", m.after);
  }
};

// The content of a register (registers::Value): its value, and the ids of the changes that made
// its last versions, the latest last. What does not alter the value leaves none.
struct Content {
  static constexpr std::size_t kIds = 16;
  std::vector<ChangeId> ids;
  std::string value;
  std::size_t bytes() const { return ids.size() * sizeof(ChangeId) + value.size(); }
  template <class M, class V> static void fields(M& m, V&& v) {
    v("ids", m.ids);
    v("value", m.value);
  }
};

// A change, to the proposer that its key prefers. It is answered Passed, or not at all: then the
// outcome is unknown.
struct PassOn {
  static constexpr Type kType = Type::pass_on;
  std::string key;
  Change change;
  ChangeId id;
  bool named = false;  // the id is the client's
  bool has_base = false;
  std::uint64_t base = 0;
  std::uint64_t timeout_us = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("key", m.key);
    v("change", m.change);
    v("id", m.id);
    v("named", m.named);
    v("has_base", m.has_base);
    v("base", m.base);
    v("timeout_us", m.timeout_us);
  }
};
struct Passed {
  static constexpr Type kType = Type::passed;
  Outcome::How how = Outcome::How::unavailable;
  bool present = false;
  std::uint64_t version = 0;
  bool has_value = false;
  std::string value;
  bool created = false;
  bool has_base = false;
  std::uint64_t base = 0;
  std::string why;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("how", m.how);
    v("present", m.present);
    v("version", m.version);
    v("has_value", m.has_value);
    v("value", m.value);
    v("created", m.created);
    v("has_base", m.has_base);
    v("base", m.base);
    v("why", m.why);
  }
};

// There is this configuration. Answered Told: the version that is in force there.
struct News {
  static constexpr Type kType = Type::news;
  Configuration configuration;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
  }
};
struct Told {
  static constexpr Type kType = Type::told;
  std::uint64_t configuration = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("configuration", m.configuration);
  }
};

}  // namespace skep::proposer
