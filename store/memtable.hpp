// What the journal holds and the state does not yet: the newest value of every key that was
// written, in memory. Every read looks here first. One thread adds; once nothing is added any more,
// others may read it, but for runs(). All bytes live in one arena, freed at once with the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/base/checksum.hpp"
#include "store/batch.hpp"

namespace skep {

class Memtable {
 public:
  using Value = std::optional<std::string_view>;  // none: erased
  struct Hash {
    // Not noexcept, so that the standard library keeps the hash beside the entry.
    std::size_t operator()(std::string_view key) const { return hash64(key); }
  };
  using Newest = std::pmr::unordered_map<std::string_view, Value, Hash>;
  using Entry = Newest::value_type;

  // Takes in a batch as Batch::encode() wrote it, whose number is one above the last. Returns the
  // bytes as they are kept, or nothing if they are not a batch's (and nothing was taken in).
  std::optional<std::string_view> add(std::uint64_t sequence, std::string_view encoded);

  // Not found: nothing is known here of the key. Found none: erased.
  std::optional<Value> find(std::string_view space, std::string_view key) const;

  std::uint64_t last() const { return last_; }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

  // The keys of a space as a few sorted runs without a key in common.
  using Run = std::span<const Entry* const>;
  std::vector<Run> runs(std::string_view space);

  // Calls visit(space, entries) for each space.
  template <class Visit> void each_space(Visit&& visit) const {
    for (const auto& [name, space] : spaces_) visit(std::string_view(name), space.newest);
  }

 private:
  struct Space {
    explicit Space(std::pmr::memory_resource* arena) : newest(arena) {}
    Newest newest;
    std::vector<const Entry*> fresh;              // keys since the last look at the runs
    std::vector<std::vector<const Entry*>> runs;  // sorted; each at least twice the next
  };
  std::pmr::monotonic_buffer_resource arena_;
  std::map<std::string, Space, std::less<>> spaces_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace skep
