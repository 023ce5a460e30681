#include "store/merge.hpp"

#include <algorithm>

namespace skep {

void Merge::add(const std::vector<Memtable::Run>& runs, std::string_view from,
                std::string_view to) {
  const auto before = [](const Memtable::Entry* entry, std::string_view key) {
    return entry->first < key;
  };
  for (const Memtable::Run& run : runs) {
    const auto begin = std::lower_bound(run.begin(), run.end(), from, before);
    const auto end = to.empty() ? run.end() : std::lower_bound(begin, run.end(), to, before);
    if (begin < end) runs_.emplace_back(begin, end);
  }
}

const Memtable::Entry* Merge::smallest() const {
  const Memtable::Entry* found = nullptr;
  for (const Memtable::Run& run : runs_)
    if (!run.empty() && (found == nullptr || run.front()->first < found->first))
      found = run.front();
  return found;
}

void Merge::pass(std::string_view key) {
  for (Memtable::Run& run : runs_)
    if (!run.empty() && run.front()->first == key) run = run.subspan(1);
}

Result<> Merge::run(const Store::Visit& visit) {
  Result<bool> more = state_.next();
  for (;;) {
    if (!more) return tl::unexpected(more.error());
    const Memtable::Entry* entry = smallest();
    if (entry == nullptr && !*more) return {};
    const bool stored = *more && (entry == nullptr || state_.key() < entry->first);
    if (stored) {
      if (!visit(state_.key(), state_.value())) return {};
      more = state_.next();
      continue;
    }
    const auto& [key, value] = *entry;
    if (value && !visit(key, *value)) return {};
    if (*more && state_.key() == key) more = state_.next();
    pass(key);
  }
}

}  // namespace skep
