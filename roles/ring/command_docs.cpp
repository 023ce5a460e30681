// COMMAND's replies, out of the table.
#include <algorithm>
#include <functional>

#include "net/resp_text.hpp"
#include "roles/ring/commands.hpp"
#include "roles/ring/glob.hpp"

namespace skep::ring {
namespace {

using resp::Value;

constexpr struct {
  std::uint16_t flag;
  const char* name;
} kFlagNames[] = {
    {Command::kWrite, "write"}, {Command::kReadonly, "readonly"}, {Command::kDenyOom, "denyoom"},
    {Command::kAdmin, "admin"}, {Command::kNoScript, "noscript"}, {Command::kLoading, "loading"},
    {Command::kStale, "stale"}, {Command::kFast, "fast"},         {Command::kNoAuth, "no_auth"},
};

bool is_sub(const Command& command) { return command.name.find('|') != std::string_view::npos; }

bool is_sub_of(const Command& command, const Command& parent) {
  return command.name.size() > parent.name.size() && command.name.starts_with(parent.name) &&
         command.name[parent.name.size()] == '|';
}

Value flags(const Command& command) {
  std::vector<Value> names;
  for (const auto& [flag, name] : kFlagNames)
    if ((command.flags & flag) != 0) names.push_back(Value::status(name));
  return Value::set(std::move(names));
}

Value categories(const Command& command) {
  std::vector<Value> names;
  for (std::uint16_t flag : {Command::kWrite, Command::kAdmin})
    if ((command.flags & flag) != 0)
      names.push_back(Value::status(flag == Command::kWrite ? "@write" : "@admin"));
  if ((command.flags & Command::kReadonly) != 0) names.push_back(Value::status("@read"));
  names.push_back(Value::status("@" + std::string(command.group)));
  names.push_back(Value::status((command.flags & Command::kFast) != 0 ? "@fast" : "@slow"));
  return Value::set(std::move(names));
}

bool in_category(const Command& command, std::string_view category) {
  const Value all = categories(command);
  return std::any_of(all.items.begin(), all.items.end(), [&](const Value& name) {
    return resp::is_word(category, std::string_view(name.text).substr(1));
  });
}

Value info(const Command& command) {
  std::vector<Value> subs;
  for (const Command& other : commands())
    if (is_sub_of(other, command)) subs.push_back(info(other));
  // Name, arity, flags, keys, ACL categories, tips, key specifications, subcommands.
  return Value::array({Value::bulk(std::string(command.name)), Value::integer(command.arity),
                       flags(command), Value::integer(command.first), Value::integer(command.last),
                       Value::integer(command.step), categories(command), Value::array({}),
                       Value::array({}), Value::array(std::move(subs))});
}

void add_docs(std::vector<Value>& out, const Command& command) {
  std::vector<Value> doc{Value::bulk("summary"), Value::bulk(std::string(command.summary)),
                         Value::bulk("group"), Value::bulk(std::string(command.group))};
  std::vector<Value> subs;
  for (const Command& other : commands())
    if (is_sub_of(other, command)) add_docs(subs, other);
  if (!subs.empty()) {
    doc.push_back(Value::bulk("subcommands"));
    doc.push_back(Value::map(std::move(subs)));
  }
  out.push_back(Value::bulk(std::string(command.name)));
  out.push_back(Value::map(std::move(doc)));
}

}  // namespace

Value command_all() {
  std::vector<Value> all;
  for (const Command& command : commands())
    if (!is_sub(command)) all.push_back(info(command));
  return Value::array(std::move(all));
}

Value command_count() {
  std::int64_t count = 0;
  for (const Command& command : commands()) count += is_sub(command) ? 0 : 1;
  return Value::integer(count);
}

Value command_info(Args names) {
  if (names.empty()) return command_all();
  std::vector<Value> some;
  for (std::string_view name : names) {
    const Command* command = find_command(name);
    some.push_back(command != nullptr ? info(*command) : Value::null());
  }
  return Value::array(std::move(some));
}

Value command_docs(Args names) {
  std::vector<Value> docs;
  if (names.empty()) {
    for (const Command& command : commands())
      if (!is_sub(command)) add_docs(docs, command);
  }
  for (std::string_view name : names)
    if (const Command* command = find_command(name)) add_docs(docs, *command);
  return Value::map(std::move(docs));
}

Value command_list(Args filter) {
  if (!filter.empty() && (filter.size() != 3 || !resp::is_word(filter[0], "FILTERBY")))
    return Value::error("ERR syntax error");
  std::function<bool(const Command&)> wanted = [](const Command&) { return true; };
  if (!filter.empty()) {
    if (resp::is_word(filter[1], "MODULE")) {
      wanted = [](const Command&) { return false; };
    } else if (resp::is_word(filter[1], "ACLCAT")) {
      wanted = [&](const Command& command) { return in_category(command, filter[2]); };
    } else if (resp::is_word(filter[1], "PATTERN")) {
      std::string pattern;
      for (char c : filter[2]) pattern += resp::lower(c);
      wanted = [pattern](const Command& command) { return glob_match(pattern, command.name); };
    } else {
      return Value::error("ERR syntax error");
    }
  }
  std::vector<Value> names;
  for (const Command& command : commands())
    if (wanted(command)) names.push_back(Value::bulk(std::string(command.name)));
  return Value::array(std::move(names));
}

Value command_getkeys(Args words) {
  const Found found = resolve(words);
  if (found.command == nullptr)
    return Value::error(find_command(words[0]) == nullptr
                            ? "ERR Invalid command specified"
                            : "ERR Invalid number of arguments specified for command");
  if (found.command->first == 0) return Value::error("ERR The command has no key arguments");
  std::vector<Value> keys;
  for (std::size_t key : keys_of(*found.command, words))
    keys.push_back(Value::bulk(std::string(words[key])));
  if (keys.empty()) return Value::error("ERR Invalid arguments specified for command");
  return Value::array(std::move(keys));
}

Value command_help(std::string_view container) {
  std::string name;
  for (char c : container) name += resp::upper(c);
  std::vector<Value> lines{
      Value::status(name + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")};
  const Command* parent = find_command(container);
  for (const Command& command : commands()) {
    if (parent == nullptr || !is_sub_of(command, *parent)) continue;
    std::string sub;
    for (char c : command.name.substr(parent->name.size() + 1)) sub += resp::upper(c);
    lines.push_back(Value::status(std::move(sub)));
    lines.push_back(Value::status("    " + std::string(command.summary)));
  }
  return Value::array(std::move(lines));
}

}  // namespace skep::ring
