// Which place a number stands for, for numbers that come in order and go in about that order: a
// hash table by linear probing whose hash is the number itself, so that entries hardly ever meet
// and nothing is allocated for one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace skep::ring {

class Attempts {
 public:
  // The number is not 0 and not there yet.
  void insert(std::uint64_t number, std::uint32_t place);
  std::optional<std::uint32_t> find(std::uint64_t number) const;
  void erase(std::uint64_t number);
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t number = 0;  // 0: empty
    std::uint32_t place = 0;
  };
  std::size_t home(std::uint64_t number) const { return number & (slots_.size() - 1); }
  std::size_t after(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }
  // Where the number is, or would be.
  std::size_t at(std::uint64_t number) const;
  void put(const Slot& slot);

  std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two, half of them empty
  std::size_t size_ = 0;
  std::size_t displaced_ = 0;  // those that are not at home
};

}  // namespace skep::ring
