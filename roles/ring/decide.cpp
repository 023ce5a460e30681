#include "roles/ring/decide.hpp"

#include <algorithm>

#include "net/resp_text.hpp"
#include "roles/ring/commands.hpp"
#include "roles/ring/decisions.hpp"

namespace skep::ring {

Decision decide(Args args, const std::optional<Stored>& stored, WallMs now, std::size_t max_value) {
  if (args.empty()) return syntax_error();
  Found found = resolve(args);
  if (found.command == nullptr) return refuse(std::move(found.error));
  if (found.command->decide == nullptr) return refuse("ERR not a command on one key");
  if (found.command->kind == Kind::keys && args.size() != 2)
    return refuse("ERR a command on several keys is decided key by key");
  const Call call{args, stored, now, max_value};
  return found.command->decide(call);
}

std::size_t replied(Args args, std::size_t value) {
  const Command* command = args.empty() ? nullptr : find_command(args[0]);
  if (command == nullptr) return 0;
  const Decide decide = command->decide;
  if (decide == decide_getrange && args.size() == 4) {
    const auto start = resp::to_integer(args[2]);
    const auto end = resp::to_integer(args[3]);
    const bool plain = start && end && *start >= 0 && *end >= *start;
    return plain ? std::min(value, static_cast<std::size_t>(*end - *start) + 1) : value;
  }
  if (decide == decide_set) {
    const auto is_get = [](std::string_view word) { return resp::is_word(word, "GET"); };
    const Args options = args.subspan(std::min<std::size_t>(args.size(), 3));
    return std::any_of(options.begin(), options.end(), is_get) ? value : 0;
  }
  const bool whole = decide == decide_get || decide == decide_getset || decide == decide_getdel ||
                     decide == decide_getex;
  return whole ? value : 0;
}

}  // namespace skep::ring
