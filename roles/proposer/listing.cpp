#include "roles/proposer/listing.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace skep::proposer {

namespace {

bool lists(const Quorums& prepare, const Core::Answer& answer) {
  return answer.type == Type::keys && prepare.has(answer.from);
}

}  // namespace

bool enough_lists(const Quorums& prepare, const Core::Answers& answers) {
  return std::count_if(answers.begin(), answers.end(), [&](const Core::Answer& answer) {
           return lists(prepare, answer);
         }) >= static_cast<std::ptrdiff_t>(prepare.quorum);
}

Result<Merged> merge_lists(const Quorums& prepare, const Core::Answers& answers,
                           std::uint32_t limit) {
  std::map<std::string_view, registers::Listed> all;
  std::optional<std::string_view> horizon;  // behind it somebody has not told all
  bool more = false;
  std::size_t told = 0;
  for (const Core::Answer& answer : answers) {
    if (!lists(prepare, answer)) continue;
    const auto keys = wire::decode<registers::Keys>(answer.payload);
    if (!keys) continue;
    ++told;
    for (const registers::Listed& listed : keys->registers) {
      const auto [at, added] = all.try_emplace(listed.key, listed);
      if (!added && listed.accepted > at->second.accepted) at->second = listed;
    }
    if (!keys->more || keys->registers.empty()) continue;
    more = true;
    const std::string_view last = keys->registers.back().key;
    horizon = horizon ? std::min(*horizon, last) : last;
  }
  if (told < prepare.quorum)
    return fail(Code::unavailable, "too few acceptors answer: " + std::to_string(told) + " of " +
                                       std::to_string(prepare.quorum) + " that are needed");
  Merged merged;
  merged.more = more;
  for (const auto& [key, listed] : all) {
    if (horizon && key > *horizon) break;
    if (merged.registers.size() == limit) {
      merged.more = true;
      break;
    }
    merged.registers.push_back({std::string(key), listed.accepted, listed.version, listed.present});
  }
  return merged;
}

}  // namespace skep::proposer
