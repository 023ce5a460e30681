#include "net/resp_text.hpp"
#include "roles/proposer/client_load.hpp"

namespace skep::proposer {
namespace {

constexpr std::int64_t kMost = 10'000;

// The value of option `name` at `at`, as "--name VALUE" or "--name=VALUE", taken out; none: it is
// another word.
std::optional<std::string> take(std::vector<std::string>& words, std::size_t at,
                                const std::string& name) {
  const std::string word = words[at];
  const auto from = words.begin() + static_cast<std::ptrdiff_t>(at);
  if (word.starts_with(name + '=')) {
    words.erase(from);
    return word.substr(name.size() + 1);
  }
  if (word != name) return std::nullopt;
  const std::string value = at + 1 < words.size() ? words[at + 1] : "";
  words.erase(from, from + (at + 1 < words.size() ? 2 : 1));
  return value;
}

}  // namespace

Result<LoadOptions> take_load_options(std::vector<std::string>& words) {
  LoadOptions options;
  std::int64_t clients = 3, keys = 9, seconds = 0;
  const std::tuple<const char*, std::int64_t*, std::int64_t> numbers[] = {
      {"--clients", &clients, kMost}, {"--keys", &keys, kMost}, {"--seconds", &seconds, 1'000'000}};
  for (std::size_t at = 0; at < words.size();) {
    if (words[at] == "--own-keys") {
      options.own_keys = true;
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
      continue;
    }
    bool taken = false;
    for (const auto& [name, number, most] : numbers) {
      const auto value = take(words, at, name);
      if (!value) continue;
      const auto parsed = resp::to_integer(*value);
      if (!parsed || *parsed < 1 || *parsed > most)
        return fail(Code::invalid, "found " + std::string(name) + ' ' + *value +
                                       "; accepted: a whole number from 1 to " +
                                       std::to_string(most));
      *number = *parsed;
      taken = true;
      break;
    }
    if (!taken) ++at;
  }
  options.clients = static_cast<std::size_t>(clients);
  options.keys = static_cast<std::size_t>(options.own_keys ? clients : keys);
  if (seconds > 0) options.lasts = std::chrono::seconds(seconds);
  return options;
}

}  // namespace skep::proposer
