// What the journal holds and the state does not yet, in memory: batches, and of each key the newest
// value. Every read looks here first. All bytes live in one arena, freed at once with the table.
//
// The newest values are found by an index of each space that is made when somebody reads there: of
// a node that keeps its entries in memory anyway nobody does, and the thread that adds has better
// things to do. While there are reads the index follows each batch, so that none of them finds much
// left to do.
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

#include "net/base/assert.hpp"
#include "net/base/checksum.hpp"
#include "net/wire.hpp"
#include "store/batch.hpp"

namespace skep {

class Memtable {
 public:
  // `indexed`: the index follows each batch from the beginning.
  explicit Memtable(bool indexed = false)
      : index_(indexed ? SIZE_MAX : 0), follow_until_(indexed ? SIZE_MAX : 0) {}

  using Value = std::optional<std::string_view>;  // none: erased
  struct Hash {
    // Not noexcept, so that the standard library keeps the hash beside the entry.
    std::size_t operator()(std::string_view key) const { return hash64(key); }
  };
  using Newest = std::pmr::unordered_map<std::string_view, Value, Hash>;
  using Entry = Newest::value_type;

  // Takes in a batch, or one as add() kept it before, whose number is one above the last. Returns
  // the bytes as they are kept.
  std::string_view add(std::uint64_t sequence, const Batch& batch) {
    return add(sequence, batch.head(), batch.bytes());
  }
  std::string_view add(std::uint64_t sequence, std::string_view kept) {
    return add(sequence, {}, kept);
  }
  // Whether these are bytes that add() keeps.
  static bool is_batch(std::string_view encoded);

  // Not found: nothing is known here of the key. Found none: erased.
  std::optional<Value> find(std::string_view space, std::string_view key);

  std::uint64_t last() const { return last_; }
  std::size_t bytes() const { return bytes_ + index_.memory(); }
  bool empty() const { return bytes_ == 0; }

  // The keys of a space as a few sorted runs without a key in common.
  using Run = std::span<const Entry* const>;
  std::vector<Run> runs(std::string_view space);
  // Sorts entries by their keys.
  static void sort(std::vector<const Entry*>& entries);

  // Calls visit(key, value) for what became of a space's keys, in the order of the batches.
  template <class Visit> void replay(std::string_view space, Visit&& visit) const {
    for (const std::string_view batch : batches_)
      each_op(batch, [&](const Batch::Op& op) {
        if (op.space == space) visit(op.key, value_of(op));
      });
  }

  // Calls visit(space, entries) for each space. Once nothing is added any more another thread may
  // do this, whatever the first one reads: it goes by an index of its own.
  template <class Visit> void each_space(Visit&& visit) const {
    Index index(SIZE_MAX);
    index.follow(batches_, 0);
    for (const auto& [name, space] : index.spaces()) visit(std::string_view(name), space.newest);
  }

 private:
  struct Space {
    Space(std::pmr::memory_resource* arena, std::size_t follow)
        : newest(arena), follow_until(follow) {}
    std::vector<std::string_view> batches;  // that have something of it
    std::size_t taken = 0;                  // of them
    Newest newest;
    std::vector<const Entry*> fresh;              // keys since the last look at the runs
    std::vector<std::vector<const Entry*>> runs;  // sorted; each at least twice the next
    std::size_t follow_until;  // the table's bytes up to which a new batch is taken at once
  };
  class Index {
   public:
    // `follow`: the table's bytes up to which all spaces follow.
    explicit Index(std::size_t follow) : follow_(follow) {}
    // Looks at the batches that came since the last call; the table has so many bytes.
    void follow(const std::vector<std::string_view>& batches, std::size_t bytes);
    // A space with all that was looked at taken in; none: nothing of it was.
    Space* read(std::string_view space);
    const std::map<std::string, Space, std::less<>>& spaces() const { return spaces_; }
    std::size_t memory() const { return memory_; }  // bytes, roughly

   private:
    Space& space(std::string_view name);
    void take(Space& space, const Batch::Op& op);

    std::pmr::monotonic_buffer_resource arena_;
    std::map<std::string, Space, std::less<>> spaces_;
    std::size_t seen_ = 0;  // batches
    std::size_t memory_ = 0;
    std::size_t follow_;
  };
  // Of bytes that add() has taken.
  static void each_op(std::string_view batch, const auto& visit) {
    wire::Reader reader(batch);
    Batch::Op op;
    for (std::uint64_t left = reader.get_varint(); left > 0; --left) {
      reader.get(op);
      SKEP_ASSERT(reader.ok());
      visit(op);
    }
  }
  static Value value_of(const Batch::Op& op) { return op.put ? Value(op.value) : std::nullopt; }
  std::string_view add(std::uint64_t sequence, std::string_view head, std::string_view rest);
  Space* read(std::string_view space);

  std::pmr::monotonic_buffer_resource arena_;
  std::vector<std::string_view> batches_;
  std::size_t bytes_ = 0;  // without the index
  std::uint64_t last_ = 0;
  Index index_;
  std::size_t follow_until_;  // the bytes up to which some space follows
};

}  // namespace skep
