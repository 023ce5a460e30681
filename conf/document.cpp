#include "conf/document.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "conf/files.hpp"

namespace skep::conf {
namespace {

Place place_of(const toml::source_region& region, const std::string& file) {
  return {file, region.begin.line, region.begin.column};
}

Node convert(const toml::node& from, const std::string& file) {
  Node node;
  node.place = place_of(from.source(), file);
  if (const auto* text = from.as_string()) {
    node.kind = Node::Kind::text;
    node.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Node::Kind::integer;
    node.integer = integer->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = Node::Kind::boolean;
    node.integer = boolean->get() ? 1 : 0;
  } else if (const auto* list = from.as_array()) {
    node.kind = Node::Kind::list;
    for (const toml::node& item : *list) node.items.push_back(convert(item, file));
  } else if (const auto* table = from.as_table()) {
    node.kind = Node::Kind::table;
    for (const auto& [key, value] : *table)
      node.entries.push_back(
          {std::string(key.str()), place_of(key.source(), file), convert(value, file)});
    std::sort(node.entries.begin(), node.entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
    });
  } else {  // a float, a date or a time
    std::ostringstream out;
    from.visit([&](const auto& value) {
      if constexpr (toml::is_value<decltype(value)>) out << value.get();
    });
    node.text = out.str();
  }
  return node;
}

std::string quoted(std::string_view text) {
  std::ostringstream out;
  toml::value<std::string> value{std::string(text)};
  out << toml::toml_formatter(value, toml::format_flags::none);
  return out.str();
}

// What of a mistake that its parser calls `description` is to be added for whoever left out quotes.
std::string_view hint(std::string_view description) {
  constexpr std::string_view kBare[] = {"floating-point", "boolean",      "integer",
                                        "parsing value",  "parsing date", "parsing time"};
  const bool bare = std::any_of(std::begin(kBare), std::end(kBare), [&](std::string_view each) {
    return description.substr(0, description.find(": ")).find(each) != std::string_view::npos;
  });
  return bare ? "; a string stands in quotes" : "";
}

}  // namespace

std::string show(const Place& place) {
  if (place.line == 0) return place.file;
  return place.file + ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
}

std::string show(const Problem& problem) {
  std::string out = show(problem.place) + ": ";
  if (!problem.key.empty()) out += problem.key + ": ";
  return out + problem.text;
}

std::string to_toml(const Node& node) {
  switch (node.kind) {
    case Node::Kind::text: return quoted(node.text);
    case Node::Kind::integer: return std::to_string(node.integer);
    case Node::Kind::boolean: return node.integer != 0 ? "true" : "false";
    case Node::Kind::table: return "a table";
    case Node::Kind::other: return node.text;
    case Node::Kind::list: break;
  }
  std::string out = "[";
  for (const Node& item : node.items) {
    if (out.size() > 1) out += ", ";
    out += to_toml(item);
  }
  return out + ']';
}

Node text_node(std::string text, Place place) {
  Node node;
  node.kind = Node::Kind::text;
  node.text = std::move(text);
  node.place = std::move(place);
  return node;
}

tl::expected<Node, Problem> parse(std::string_view text, const std::string& file) {
  try {
    return convert(toml::parse(text, file), file);
  } catch (const toml::parse_error& error) {
    return tl::unexpected(Problem{
        place_of(error.source(), file),
        {},
        std::string("not TOML: ").append(error.description()).append(hint(error.description()))});
  }
}

tl::expected<Node, Problem> read(const std::string& file) {
  Result<std::string> text = read_file(file);
  if (!text) return tl::unexpected(Problem{{file}, {}, text.error().message});
  return parse(*text, file);
}

}  // namespace skep::conf
