// What the journal holds and the state does not yet, in memory: batches, and of each key the newest
// value. Every read looks here first. All bytes live in one arena, freed at once with the table.
//
// The newest values are found by an index that is made when somebody reads: of a node that keeps
// its entries in memory anyway nobody does, and the thread that adds has better things to do. While
// there are reads the index follows each batch, so that none of them finds much left to do.
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
  // `indexed`: the index follows each batch from the beginning.
  explicit Memtable(bool indexed = false) : follow_until_(indexed ? SIZE_MAX : 0) {}

  using Value = std::optional<std::string_view>;  // none: erased
  struct Hash {
    // Not noexcept, so that the standard library keeps the hash beside the entry.
    std::size_t operator()(std::string_view key) const { return hash64(key); }
  };
  using Newest = std::pmr::unordered_map<std::string_view, Value, Hash>;
  using Entry = Newest::value_type;

  // Takes in a batch as Batch::encode() wrote it, whose number is one above the last. Returns the
  // bytes as they are kept.
  std::string_view add(std::uint64_t sequence, std::string_view encoded);
  // Whether these are bytes of Batch::encode().
  static bool is_batch(std::string_view encoded);

  // Not found: nothing is known here of the key. Found none: erased.
  std::optional<Value> find(std::string_view space, std::string_view key);

  std::uint64_t last() const { return last_; }
  std::size_t bytes() const { return bytes_ + index_.memory; }
  bool empty() const { return bytes_ == 0; }

  // The keys of a space as a few sorted runs without a key in common.
  using Run = std::span<const Entry* const>;
  std::vector<Run> runs(std::string_view space);

  // Calls visit(space, entries) for each space. Once nothing is added any more another thread may
  // do this, whatever the first one reads: it goes by an index of its own.
  template <class Visit> void each_space(Visit&& visit) const {
    Index index;
    index.follow(batches_);
    for (const auto& [name, space] : index.spaces) visit(std::string_view(name), space.newest);
  }

 private:
  struct Space {
    explicit Space(std::pmr::memory_resource* arena) : newest(arena) {}
    Newest newest;
    std::vector<const Entry*> fresh;              // keys since the last look at the runs
    std::vector<std::vector<const Entry*>> runs;  // sorted; each at least twice the next
  };
  struct Index {
    // Takes in the batches that came since the last call.
    void follow(const std::vector<std::string_view>& batches);
    void take(std::string_view batch);

    std::pmr::monotonic_buffer_resource arena;
    std::map<std::string, Space, std::less<>> spaces;
    std::size_t taken = 0;   // batches
    std::size_t memory = 0;  // bytes, roughly
  };
  void read();

  std::pmr::monotonic_buffer_resource arena_;
  std::vector<std::string_view> batches_;
  std::size_t bytes_ = 0;  // without the index
  std::uint64_t last_ = 0;
  Index index_;
  std::size_t follow_until_;  // the bytes up to which the index follows without being asked
};

}  // namespace skep
