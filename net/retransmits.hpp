// What still has to be told, and how often it was: the piggy-back queue of SWIM 4.1. The least told
// comes first and, among equals, the newest; each is told a limited number of times.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace skep::members {

template <class Key> class Retransmits {
 public:
  // Is news: to be told from the start again if it is in the queue already.
  void add(const Key& key) {
    remove(key);
    insert(key, {0, next_++});
  }
  void remove(const Key& key) {
    auto found = places_.find(key);
    if (found == places_.end()) return;
    auto& level = levels_[found->second.told];
    level.erase(at(level, found->second.age));
    if (level.empty()) level.shrink_to_fit();
    places_.erase(found);
  }
  bool empty() const { return places_.empty(); }
  // How often the least told one was told. Requires one.
  unsigned told() const {
    unsigned told = 0;
    while (levels_[told].empty()) ++told;
    return told;
  }

  // Offers keys in order until `take` returns false; what was taken counts as told once more, and
  // is dropped when that makes it `limit` times.
  template <class Take> void tell(unsigned limit, Take&& take) {
    std::vector<std::size_t> taken;  // of each level, of those that were told least often
    for (bool more = true; more && taken.size() < levels_.size();) {
      const auto& level = levels_[taken.size()];
      auto at = level.rbegin();
      while (at != level.rend() && (more = take(at->second))) ++at;
      taken.push_back(static_cast<std::size_t>(at - level.rbegin()));
    }
    for (std::size_t told = taken.size(); told-- > 0;)
      if (taken[told] > 0) raise(told, taken[told], told + 1 < limit);
  }

 private:
  struct Place {
    unsigned told;
    std::uint64_t age;  // larger: newer
  };
  using Aged = std::pair<std::uint64_t, Key>;
  using Level = std::vector<Aged>;
  static typename Level::iterator at(Level& level, std::uint64_t age) {
    return std::lower_bound(level.begin(), level.end(), age,
                            [](const Aged& one, std::uint64_t to) { return one.first < to; });
  }
  // The newest `count` of a level were told once more.
  void raise(std::size_t told, std::size_t count, bool keep) {
    if (keep && levels_.size() <= told + 1) levels_.resize(told + 2);
    auto& level = levels_[told];
    const auto begin = level.end() - static_cast<std::ptrdiff_t>(count);
    for (auto at = begin; at != level.end(); ++at)
      if (keep)
        ++places_.find(at->second)->second.told;
      else
        places_.erase(at->second);
    if (keep) {
      auto& next = levels_[told + 1];
      const auto first = at(next, begin->first) - next.begin();
      const auto middle = static_cast<std::ptrdiff_t>(next.size());
      next.insert(next.end(), begin, level.end());
      std::inplace_merge(next.begin() + first, next.begin() + middle, next.end(), older);
    }
    level.erase(begin, level.end());
    if (level.empty()) level.shrink_to_fit();
  }
  static bool older(const Aged& one, const Aged& other) { return one.first < other.first; }
  void insert(const Key& key, Place place) {
    if (levels_.size() <= place.told) levels_.resize(place.told + 1);
    auto& level = levels_[place.told];
    level.emplace(at(level, place.age), place.age, key);
    places_.emplace(key, place);
  }

  std::vector<Level> levels_;  // by how often they were told; in each the newest last
  std::unordered_map<Key, Place> places_;
  std::uint64_t next_ = 0;
};

}  // namespace skep::members
