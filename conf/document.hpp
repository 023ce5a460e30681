// A TOML document with the place of everything in it, and problems that name a place. This is all
// that the rest of conf/ sees of TOML.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace skep::conf {

// Where something stands. `file` is as the user wrote it, or "--set key=value". Line 0: the file as
// a whole.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};
std::string show(const Place& place);  // "node.toml:3:11"

struct Problem {
  Place place;
  std::string key;   // its full path; empty: none in particular
  std::string text;  // what was found and what is accepted
};
std::string show(const Problem& problem);  // one line, or several when lines to write are proposed

struct Entry;

struct Node {
  enum class Kind : std::uint8_t { text, integer, boolean, list, table, other };
  Kind kind = Kind::other;
  Place place;
  std::string text;            // text: the string; other: as TOML
  std::int64_t integer = 0;    // integer, boolean
  std::vector<Node> items;     // list
  std::vector<Entry> entries;  // table, in the order of the file
};

struct Entry {
  std::string key;
  Place place;
  Node value;
};

// The value as TOML, for people: "\"150ms\"", "[1, 2]"; a table is "a table".
std::string to_toml(const Node& node);

Node text_node(std::string text, Place place);

// Parses `text`. `file` is only for the places.
tl::expected<Node, Problem> parse(std::string_view text, const std::string& file);
// Reads and parses the file.
tl::expected<Node, Problem> read(const std::string& file);

}  // namespace skep::conf
