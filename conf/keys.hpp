// The table of all configuration keys: what each is called, takes, is by default and is for. The
// loader, `server config`, the refusals and the test of the template all go by it.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>
#include <variant>

#include "conf/config.hpp"

namespace skep::conf {

template <class T> using Field = T& (*)(NodeConfig&);

struct Text {  // a string for which `fits` holds
  Field<std::string> field;
  bool (*fits)(std::string_view);
  std::string_view accepted;
};
struct Texts {  // a list of such strings, none of them twice
  Field<std::vector<std::string>> field;
  bool (*fits)(std::string_view);
  std::string_view accepted;
  bool may_be_empty = false;
};
struct Count {  // an integer
  Field<std::uint64_t> field;
  std::uint64_t min, max;
  bool power_of_two = false;
};
struct Size {  // a string such as "64MiB"
  Field<std::uint64_t> field;
  std::uint64_t min, max;
};
struct Span {  // a string such as "250ms"
  Field<Duration> field;
  Duration min, max;
  std::string_view keyword = {};  // a word that stands for none, which is 0; empty: there is none
};
struct Path {  // of a file or directory; relative to the file that the key stands in
  Field<std::filesystem::path> field;
  std::string_view keyword;  // a word that is not a path; empty: none
};
struct Secret {  // the path of a file that holds one; the field gets what is in it
  Field<std::string> field;
};

struct Key {
  std::string_view path;      // "ring.heartbeat"
  std::string_view fallback;  // the default as TOML; empty: none, and the key may be left out
  std::variant<Text, Texts, Count, Size, Span, Path, Secret> type;
  std::string_view doc;
};

// In the order of the template.
std::span<const Key> keys();
const Key* find_key(std::string_view path);
// True for what stands before a dot in some key: "ring".
bool is_section(std::string_view path);

// What the key takes, for a person: `a duration from "10ms" to "10s"`.
std::string accepted(const Key& key);

// The known key that was probably meant by `path`; none is near: empty.
std::string_view nearest_key(std::string_view path);

// A role of the design that this version does not have.
bool is_later_role(std::string_view name);

}  // namespace skep::conf
