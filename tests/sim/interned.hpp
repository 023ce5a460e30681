// Members and rumors of all machines of a run, equal ones once: a thousand lists of a thousand
// members each fit into one process only so.
#pragma once

#include <memory>
#include <unordered_set>

#include "net/base/checksum.hpp"
#include "net/membership.hpp"

namespace skep::sim {

template <class T> class Interned {
 public:
  // Stays for as long as this.
  std::shared_ptr<const T> operator()(T value) {
    const auto found = all_.find(value);
    if (found != all_.end()) return *found;
    return *all_.insert(std::make_shared<const T>(std::move(value))).first;
  }

 private:
  static std::uint64_t key(const Member& member) {
    return member.id ^ member.incarnation << 3 ^ static_cast<std::uint64_t>(member.state);
  }
  static std::uint64_t key(const Rumor& rumor) {
    return hash64(rumor.topic, rumor.key ^ rumor.version << 32);
  }
  static const T& of(const T& value) { return value; }
  static const T& of(const std::shared_ptr<const T>& value) { return *value; }
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const auto& value) const { return key(of(value)); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const auto& one, const auto& other) const { return of(one) == of(other); }
  };

  std::unordered_set<std::shared_ptr<const T>, Hash, Equal> all_;
};

struct InternedLists {
  Interned<Member> members;
  Interned<Rumor> rumors;
};

}  // namespace skep::sim
