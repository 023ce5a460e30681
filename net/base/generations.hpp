// A bounded cache: what was used lately stays, roughly. Two generations of entries; what is used
// moves to the young one, and when that is full the old one is given up and the young one grows
// old. Nothing is sorted, and what is given up is freed a few entries at a time, so that no call
// takes long.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace skep {

// `Value` has `std::size_t bytes() const`.
template <class Value> class Generations {
 public:
  // Of keys, values and what is around them, roughly. What is in use stays at least until half as
  // much has been put.
  explicit Generations(std::size_t max_bytes) : most_(max_bytes / 2) {}

  // Null: not here. Valid until the next put() or erase().
  Value* find(std::string_view key) {
    if (const auto found = young_.find(key); found != young_.end()) return &found->second;
    const auto found = old_.find(key);
    if (found == old_.end()) return nullptr;
    auto node = old_.extract(found);
    bytes_ += cost(node.key(), node.mapped());
    return &young_.insert(std::move(node)).position->second;
  }
  // What was found has changed in size.
  void resized(std::size_t before, std::size_t now) { bytes_ += now - before; }

  // Instead of what was there. Valid as find()'s.
  Value* put(std::string_view key, Value value) {
    erase(key);
    if (bytes_ > most_) grow_old();
    for (int i = 0; i < 4 && !dying_.empty(); ++i) dying_.erase(dying_.begin());
    bytes_ += cost(key, value);
    return &young_.emplace(key, std::move(value)).first->second;
  }
  void erase(std::string_view key) {
    if (const auto found = young_.find(key); found != young_.end()) {
      bytes_ -= cost(found->first, found->second);
      young_.erase(found);
    } else if (const auto aged = old_.find(key); aged != old_.end()) {
      old_.erase(aged);
    }
  }
  // Erases it, and hands it over; it must be there.
  Value take(std::string_view key) {
    Value taken = *find(key);
    erase(key);
    return taken;
  }
  void clear() {
    young_.clear();
    old_.clear();
    bytes_ = 0;
  }
  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };
  using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
  static constexpr std::size_t kAround = 96;  // a node of the map and its strings

  static std::size_t cost(std::string_view key, const Value& value) {
    return kAround + key.size() + value.bytes();
  }

  void grow_old() {
    dying_ = std::exchange(old_, std::exchange(young_, Map()));
    bytes_ = 0;
  }

  const std::size_t most_;  // of one generation
  std::size_t bytes_ = 0;   // of the young one
  Map young_, old_;
  Map dying_;  // given up: nobody finds them
};

}  // namespace skep
