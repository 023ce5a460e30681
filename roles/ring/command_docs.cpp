// COMMAND's replies, out of the table.
#include "net/resp_text.hpp"
#include "roles/ring/commands.hpp"

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

Value command_list() {
  std::vector<Value> all;
  for (const Command& command : commands())
    if (!is_sub(command)) all.push_back(info(command));
  return Value::array(std::move(all));
}

Value command_info(Args names) {
  if (names.empty()) return command_list();
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

}  // namespace skep::ring
