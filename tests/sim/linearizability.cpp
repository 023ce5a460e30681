#include "tests/sim/linearizability.hpp"

#include <algorithm>
#include <utility>

namespace skep::sim {

namespace {

// How many operations of each class of unknown ones are in the order.
using Used = std::vector<std::uint16_t>;

bool at_most(const Used& a, const Used& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] > b[i]) return false;
  return true;
}

// Which operations are in the order, and where that leads. Of the known ones, by the order of their
// returns: all before `open`, and those in `beyond`.
struct Configuration {
  std::uint32_t open = 0;
  std::uint32_t state = 0;
  // The state before the unknown operations and lapses that were taken last, if any.
  std::uint32_t before = 0;
  std::vector<std::uint32_t> beyond;  // sorted
  Used used;
  std::uint32_t uses = 0;  // the sum of `used`

  std::string key() const {
    std::string key(reinterpret_cast<const char*>(beyond.data()),
                    beyond.size() * sizeof beyond.front());
    key.append(reinterpret_cast<const char*>(&open), sizeof open);
    key.append(reinterpret_cast<const char*>(&state), sizeof state);
    return key;
  }
};

// The configurations with the same number of known operations in the order; those that used the
// fewest unknown ones come out first.
class Generation {
 public:
  void add(Configuration configuration) {
    std::vector<Used>& known = seen_[configuration.key()];
    for (const Used& used : known)
      if (at_most(used, configuration.used)) return;
    std::erase_if(known, [&](const Used& used) { return at_most(configuration.used, used); });
    known.push_back(configuration.used);
    if (waiting_.size() <= configuration.uses) waiting_.resize(configuration.uses + 1);
    waiting_[configuration.uses].push_back(std::move(configuration));
  }

  std::optional<Configuration> next() {
    while (at_ < waiting_.size() && waiting_[at_].empty()) ++at_;
    if (at_ == waiting_.size()) return std::nullopt;
    Configuration configuration = std::move(waiting_[at_].back());
    waiting_[at_].pop_back();
    return configuration;
  }

 private:
  std::unordered_map<std::string, std::vector<Used>> seen_;
  std::vector<std::vector<Configuration>> waiting_;  // by uses; next() never goes back
  std::size_t at_ = 0;
};

class Search {
 public:
  Search(const std::vector<Interval>& history, Steps& steps);
  Finding run(std::size_t max_configurations);

 private:
  void list_concurrent();
  void classify(const std::vector<std::size_t>& unknown);
  void expand(const Configuration& from, Generation& same, Generation& next);
  void take(const Configuration& from, std::uint32_t rank, std::uint32_t state, Generation& next);
  void note_progress(const Configuration& configuration);
  std::string explain() const;
  std::string line(std::size_t op) const;

  const std::vector<Interval>& history_;
  Steps& steps_;
  std::vector<std::size_t> by_return_;  // known operations; an index in it is a rank
  // For each rank: the ranks from it on that were invoked before it returned.
  std::vector<std::vector<std::uint32_t>> concurrent_;
  std::vector<std::vector<std::size_t>> classes_;  // of unknown operations, the oldest first
  // How far any order came, and the states in which it could go no further.
  std::uint32_t farthest_ = 0;
  std::vector<std::uint32_t> stuck_states_;
};

Search::Search(const std::vector<Interval>& history, Steps& steps)
    : history_(history), steps_(steps) {
  std::vector<std::size_t> unknown;
  for (std::size_t op = 0; op < history.size(); ++op)
    (history[op].known() ? by_return_ : unknown).push_back(op);
  std::sort(by_return_.begin(), by_return_.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(history[a].returned, a) < std::pair(history[b].returned, b);
  });
  list_concurrent();
  classify(unknown);
}

void Search::list_concurrent() {
  std::vector<std::uint32_t> by_call(by_return_.size());
  for (std::uint32_t rank = 0; rank < by_call.size(); ++rank) by_call[rank] = rank;
  const auto called = [&](std::uint32_t rank) { return history_[by_return_[rank]].invoked; };
  std::sort(by_call.begin(), by_call.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(called(a), a) < std::pair(called(b), b);
  });
  concurrent_.resize(by_return_.size());
  std::vector<std::uint32_t> running;
  std::size_t next = 0;
  for (std::uint32_t rank = 0; rank < by_return_.size(); ++rank) {
    const std::int64_t returned = history_[by_return_[rank]].returned;
    while (next < by_call.size() && called(by_call[next]) <= returned)
      running.push_back(by_call[next++]);
    std::erase_if(running, [&](std::uint32_t other) { return other < rank; });
    concurrent_[rank] = running;
  }
}

void Search::classify(const std::vector<std::size_t>& unknown) {
  std::vector<std::size_t> by_call = unknown;
  std::sort(by_call.begin(), by_call.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(history_[a].invoked, a) < std::pair(history_[b].invoked, b);
  });
  std::unordered_map<std::string, std::size_t> class_of;
  for (std::size_t op : by_call) {
    const auto [it, first] = class_of.try_emplace(steps_.show(op), classes_.size());
    if (first) classes_.emplace_back();
    classes_[it->second].push_back(op);
  }
}

void Search::take(const Configuration& from, std::uint32_t rank, std::uint32_t state,
                  Generation& next) {
  Configuration to = from;
  to.state = to.before = state;
  if (rank != to.open) {
    to.beyond.insert(std::lower_bound(to.beyond.begin(), to.beyond.end(), rank), rank);
  } else {
    ++to.open;
    std::size_t closed = 0;
    while (closed < to.beyond.size() && to.beyond[closed] == to.open) ++closed, ++to.open;
    to.beyond.erase(to.beyond.begin(), to.beyond.begin() + static_cast<std::ptrdiff_t>(closed));
  }
  next.add(std::move(to));
}

void Search::expand(const Configuration& from, Generation& same, Generation& next) {
  struct Move {
    std::uint32_t rank, state;
  };
  std::vector<Move> moves;
  for (const std::uint32_t rank : concurrent_[from.open]) {
    if (std::binary_search(from.beyond.begin(), from.beyond.end(), rank)) continue;
    const std::size_t op = by_return_[rank];
    const std::optional<std::uint32_t> state = steps_.apply(from.state, op);
    if (!state) continue;
    if (steps_.only_reads(op)) return take(from, rank, *state, next);
    const bool same_without = from.before != from.state && steps_.apply(from.before, op) == state;
    if (!same_without) moves.push_back({rank, *state});
  }
  for (const Move& move : moves) take(from, move.rank, move.state, next);

  const std::int64_t horizon = history_[by_return_[from.open]].returned;
  if (const std::optional<std::uint32_t> lapsed = steps_.lapse(from.state, horizon)) {
    Configuration to = from;
    to.state = *lapsed;
    same.add(std::move(to));
  }
  for (std::size_t c = 0; c < classes_.size(); ++c) {
    if (from.used[c] == classes_[c].size()) continue;
    const std::size_t op = classes_[c][from.used[c]];
    if (history_[op].invoked > horizon) continue;
    const std::optional<std::uint32_t> state = steps_.apply(from.state, op);
    if (!state || *state == from.state) continue;
    Configuration to = from;
    to.state = *state;
    ++to.used[c];
    ++to.uses;
    same.add(std::move(to));
  }
}

void Search::note_progress(const Configuration& configuration) {
  if (configuration.open < farthest_) return;
  if (configuration.open > farthest_) stuck_states_.clear();
  farthest_ = configuration.open;
  const auto known = std::find(stuck_states_.begin(), stuck_states_.end(), configuration.state);
  if (known == stuck_states_.end()) stuck_states_.push_back(configuration.state);
}

Finding Search::run(std::size_t max_configurations) {
  Finding finding;
  Generation generation;
  Configuration first;
  first.used.resize(classes_.size());
  generation.add(std::move(first));
  for (std::size_t taken = 0;; ++taken) {
    std::optional<Configuration> configuration = generation.next();
    if (!configuration) {
      finding.verdict = Verdict::not_linearizable;
      finding.explanation = explain();
      return finding;
    }
    if (taken == by_return_.size()) return finding;
    Generation next;
    for (; configuration; configuration = generation.next()) {
      if (++finding.configurations > max_configurations) {
        finding.verdict = Verdict::undecided;
        return finding;
      }
      note_progress(*configuration);
      expand(*configuration, generation, next);
    }
    generation = std::move(next);
  }
}

std::string Search::line(std::size_t op) const {
  const Interval& when = history_[op];
  return "[" + std::to_string(when.invoked) + ", " +
         (when.known() ? std::to_string(when.returned) : "unknown") + "] " + steps_.show(op) + "\n";
}

// All that returned before this operation can be put in order, but not with it: the history up to
// its return is the shortest prefix that fails.
std::string Search::explain() const {
  constexpr std::size_t kStates = 8, kBefore = 6, kAround = 24;
  const std::size_t stuck = by_return_[farthest_];
  const Interval& window = history_[stuck];
  std::string out = "no place for " + line(stuck);
  out += "  what there can be when it is its turn:";
  for (std::size_t i = 0; i < std::min(stuck_states_.size(), kStates); ++i)
    out += " " + steps_.show_state(stuck_states_[i]);
  if (stuck_states_.size() > kStates) out += " ...";
  std::vector<std::size_t> before, around;
  for (std::size_t op = 0; op < history_.size(); ++op) {
    if (op == stuck || history_[op].invoked > window.returned) continue;
    (history_[op].returned < window.invoked ? before : around).push_back(op);
  }
  std::sort(before.begin(), before.end(), [&](std::size_t a, std::size_t b) {
    return history_[a].returned < history_[b].returned;
  });
  std::sort(around.begin(), around.end(), [&](std::size_t a, std::size_t b) {
    return history_[a].invoked > history_[b].invoked;
  });
  const std::size_t first = before.size() - std::min(before.size(), kBefore);
  out += "\n  last before it:\n";
  for (std::size_t i = first; i < before.size(); ++i) out += "    " + line(before[i]);
  out += "  while it ran, or of unknown outcome (" + std::to_string(around.size()) + "):\n";
  for (std::size_t i = 0; i < std::min(around.size(), kAround); ++i)
    out += "    " + line(around[i]);
  return out;
}

}  // namespace

Finding search(const std::vector<Interval>& history, Steps& steps, std::size_t max_configurations) {
  return Search(history, steps).run(max_configurations);
}

}  // namespace skep::sim
