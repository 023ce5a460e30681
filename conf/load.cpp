#include "conf/load.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <system_error>
#include <tuple>

#include "conf/check.hpp"
#include "conf/files.hpp"
#include "conf/keys.hpp"
#include "conf/units.hpp"
#include "net/base/assert.hpp"

namespace skep::conf {
namespace {

namespace fs = std::filesystem;

fs::path relative_to(const Place& place, const std::string& path) {
  return fs::path(place.file).parent_path() / path;
}

// A value's way into its field. Each overload returns false when the value is not what the type
// takes; `why` then says more when there is more to say.
struct Read {
  NodeConfig& config;
  const Node& node;
  bool from_command_line;
  std::string why{};

  bool operator()(const Text& type) {
    if (node.kind != Node::Kind::text || !type.fits(node.text)) return false;
    type.field(config) = node.text;
    return true;
  }
  bool operator()(const Texts& type) {
    if (node.kind != Node::Kind::list || (node.items.empty() && !type.may_be_empty)) return false;
    std::vector<std::string> texts;
    for (const Node& item : node.items) {
      if (item.kind != Node::Kind::text) return false;
      if (std::find(texts.begin(), texts.end(), item.text) != texts.end()) {
        why = to_toml(item) + " stands there twice";
        return false;
      }
      if (is_later_role(item.text)) why = "role " + item.text + " is not in this version";
      if (!type.fits(item.text)) {
        if (why.empty() && node.items.size() > 1) why = to_toml(item) + " is none of these";
        return false;
      }
      texts.push_back(item.text);
    }
    type.field(config) = std::move(texts);
    return true;
  }
  bool operator()(const Count& type) {
    if (node.kind != Node::Kind::integer || node.integer < 0) return false;
    auto value = static_cast<std::uint64_t>(node.integer);
    if (value < type.min || value > type.max) return false;
    if (type.power_of_two && (value & (value - 1)) != 0) return false;
    type.field(config) = value;
    return true;
  }
  bool operator()(const Size& type) {
    auto value = node.kind == Node::Kind::text ? parse_size(node.text) : std::nullopt;
    if (!value || *value < type.min || *value > type.max) return false;
    type.field(config) = *value;
    return true;
  }
  bool operator()(const Span& type) {
    if (!type.keyword.empty() && node.kind == Node::Kind::text && node.text == type.keyword) {
      type.field(config) = Duration(0);
      return true;
    }
    auto value = node.kind == Node::Kind::text ? parse_duration(node.text) : std::nullopt;
    if (!value || *value < type.min || *value > type.max) return false;
    type.field(config) = *value;
    return true;
  }
  bool operator()(const Path& type) {
    if (node.kind != Node::Kind::text || node.text.empty()) return false;
    type.field(config) = node.text == type.keyword ? fs::path(node.text) : path();
    return true;
  }
  bool operator()(const Secret& type) {
    if (node.kind != Node::Kind::text || node.text.empty()) return false;
    Result<std::string> secret = read_secret(path());
    if (!secret) {
      std::error_code error;
      const fs::path tried = fs::absolute(path(), error);
      why = "the file " + (error ? path() : tried.lexically_normal()).string() + ' ' +
            secret.error().message;
      return false;
    }
    type.field(config) = std::move(*secret);
    return true;
  }

 private:
  fs::path path() const {
    return from_command_line ? fs::path(node.text) : relative_to(node.place, node.text);
  }
};

class Loader {
 public:
  Loader(std::string file, std::string host) : file_(std::move(file)), host_(std::move(host)) {}

  tl::expected<Loaded, std::vector<Problem>> run(std::span<const std::string> sets) {
    auto root = read(file_);
    if (!root) return tl::unexpected(std::vector{std::move(root.error())});
    collect(*root, "");
    for (const std::string& word : sets) override_key(word);
    fill();
    Checked checked{loaded_.config, [this](std::string_view key) { return place(key); },
                    [this](std::string_view key) { return refused_.count(key) == 0; }};
    for (Problem& problem : check(checked)) problems_.push_back(std::move(problem));
    if (problems_.empty()) return std::move(loaded_);
    std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
      return std::tie(a.place.file, a.place.line, a.place.column) <
             std::tie(b.place.file, b.place.line, b.place.column);
    });
    return tl::unexpected(std::move(problems_));
  }

 private:
  struct Given {
    Node node;
    bool from_command_line = false;
  };

  void report(Place place, std::string key, std::string text) {
    problems_.push_back({std::move(place), std::move(key), std::move(text)});
  }

  Place place(std::string_view key) const {
    auto given = given_.find(key);
    return given == given_.end() ? Place{file_} : given->second.node.place;
  }

  void collect(const Node& table, const std::string& prefix) {
    for (const Entry& entry : table.entries) {
      std::string path = prefix + entry.key;
      if (is_section(path)) {
        section(entry, path);
      } else if (find_key(path) != nullptr) {
        given_[path] = {entry.value};
      } else if (prefix.empty() && is_later_role(path)) {
        report(entry.place, path,
               "role " + path +
                   " is not in this version; accepted: leave its "
                   "section out");
      } else {
        unknown(entry.place, path);
      }
    }
  }

  void section(const Entry& entry, const std::string& path) {
    const Node& value = entry.value;
    if (value.kind == Node::Kind::table) return collect(value, path + '.');
    if (value.kind != Node::Kind::text)
      return report(value.place, path,
                    "found " + to_toml(value) +
                        "; accepted: a section, or the name of a TOML file "
                        "that holds one");
    auto root = read(relative_to(value.place, value.text).string());
    if (root) return collect(*root, path + '.');
    if (root.error().place.line > 0) return problems_.push_back(std::move(root.error()));
    report(value.place, path, "the file " + root.error().place.file + ' ' + root.error().text);
  }

  void unknown(const Place& place, const std::string& path) {
    std::string_view nearest = nearest_key(path);
    std::string text = "unknown key";
    if (!nearest.empty()) text += "; the nearest known one is " + std::string(nearest);
    report(place, path, std::move(text));
  }

  void override_key(const std::string& word) {
    Place place{"--set " + word};
    std::size_t equals = word.find('=');
    if (equals == std::string::npos) return report(place, "", "accepted: --set section.key=value");
    std::string path = word.substr(0, equals);
    const Key* key = find_key(path);
    if (key == nullptr) return unknown(place, path);
    given_[path] = {command_line_value(*key, word.substr(equals + 1), place), true};
  }

  // TOML when it is; otherwise a string, or a list of words.
  static Node command_line_value(const Key& key, const std::string& text, const Place& place) {
    auto with_place = [&](Node node) {
      node.place = place;
      return node;
    };
    bool list = std::holds_alternative<Texts>(key.type);
    bool bare = list ? text.rfind('[', 0) != 0
                     : !std::holds_alternative<Count>(key.type) && text.rfind('"', 0) != 0;
    if (!bare) {
      auto parsed = parse("v = " + text, place.file);
      if (parsed && parsed->entries.size() == 1) return with_place(parsed->entries[0].value);
    }
    if (!list) return text_node(text, place);
    Node words;
    words.kind = Node::Kind::list;
    for (std::size_t from = 0; from < text.size();) {
      std::size_t comma = std::min(text.find(',', from), text.size());
      words.items.push_back(text_node(text.substr(from, comma - from), place));
      from = comma + 1;
    }
    return with_place(std::move(words));
  }

  void fill() {
    for (const Key& key : keys()) {
      Effective effective{std::string(key.path), {}, "default"};
      auto given = given_.find(key.path);
      if (!key.fallback.empty()) effective.value = fall_back(key);
      if (given != given_.end()) take(key, given->second, effective);
      if (key.path == "name" && given == given_.end()) use_host_name(effective);
      loaded_.effective.push_back(std::move(effective));
    }
  }

  std::string fall_back(const Key& key) {
    auto parsed = parse("v = " + std::string(key.fallback), file_);
    SKEP_ASSERT(parsed.has_value());
    const Node& node = parsed->entries.front().value;
    bool fits = std::visit(Read{loaded_.config, node, false}, key.type);
    SKEP_ASSERT(fits);
    return to_toml(node);
  }

  void take(const Key& key, const Given& given, Effective& effective) {
    Read reader{loaded_.config, given.node, given.from_command_line};
    effective.value = to_toml(given.node);
    effective.origin = given.from_command_line
                           ? "--set"
                           : given.node.place.file + ':' + std::to_string(given.node.place.line);
    if (std::visit(reader, key.type)) return;
    refused_.insert(key.path);
    std::string why = reader.why.empty() ? "" : ": " + reader.why;
    report(given.node.place, std::string(key.path),
           "found " + to_toml(given.node) + why + "; accepted: " + accepted(key));
  }

  void use_host_name(Effective& effective) {
    const Key* key = find_key("name");
    Node node = text_node(host_, {file_});
    effective.value = to_toml(node);
    effective.origin = "the host's name";
    if (std::visit(Read{loaded_.config, node, false}, key->type)) return;
    report({file_}, "name",
           "not given, and the host's name is " + to_toml(node) + "; accepted: " + accepted(*key));
  }

  std::string file_;
  std::string host_;
  std::map<std::string, Given, std::less<>> given_;
  std::set<std::string_view> refused_;  // keys of the table
  Loaded loaded_;
  std::vector<Problem> problems_;
};

}  // namespace

tl::expected<Loaded, std::vector<Problem>> load(const std::string& file,
                                                std::span<const std::string> sets,
                                                const std::string& host) {
  return Loader(file, host).run(sets);
}

std::string show(const std::vector<Effective>& values) {
  std::string out;
  std::string section;
  for (const Effective& value : values) {
    std::size_t dot = value.key.find('.');
    std::string in = dot == std::string::npos ? "" : value.key.substr(0, dot);
    if (in != section) out += "\n[" + (section = in) + "]\n";
    std::string key = dot == std::string::npos ? value.key : value.key.substr(dot + 1);
    out += value.value.empty() ? "# " + key + " is not set\n"
                               : key + " = " + value.value + "  # " + value.origin + '\n';
  }
  return out;
}

}  // namespace skep::conf
