#include "roles/ring/decide.hpp"

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

}  // namespace skep::ring
