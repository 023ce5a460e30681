// What still has to be told, and how often it was: the piggy-back queue of SWIM 4.1. The least told
// comes first and, among equals, the newest; each is told a limited number of times.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace skep::members {

template <class Key> class Retransmits {
 public:
  // Is news: to be told from the start again if it is in the queue already.
  void add(const Key& key) {
    remove(key);
    insert({0, ~next_++, key});
  }
  void remove(const Key& key) {
    auto found = places_.find(key);
    if (found == places_.end()) return;
    queue_.erase(found->second);
    places_.erase(found);
  }
  bool empty() const { return queue_.empty(); }
  // How often the least told one was told. Requires one.
  unsigned told() const { return queue_.begin()->told; }

  // Offers keys in order until `take` returns false; what was taken counts as told once more, and
  // is dropped when that makes it `limit` times.
  template <class Take> void tell(unsigned limit, Take&& take) {
    std::vector<Place> taken;
    for (const Place& place : queue_) {
      if (!take(place.key)) break;
      taken.push_back(place);
    }
    for (Place& place : taken) {
      remove(place.key);
      if (++place.told < limit) insert(place);
    }
  }

 private:
  struct Place {
    unsigned told;
    std::uint64_t age;  // smaller: newer
    Key key;
    auto operator<=>(const Place&) const = default;
  };
  void insert(const Place& place) {
    queue_.insert(place);
    places_.emplace(place.key, place);
  }

  std::set<Place> queue_;
  std::map<Key, Place> places_;
  std::uint64_t next_ = 0;
};

}  // namespace skep::members
