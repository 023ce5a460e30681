// A batch of puts and erases, kept as the bytes that the journal has of it, so that what a turn of
// the loop writes is copied and encoded once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/assert.hpp"

namespace skep {

// Puts and erases, in order. All of it survives, or nothing.
class Batch {
 public:
  struct Op {
    std::string_view space;
    std::string_view key;
    bool put = false;        // false: erase
    std::string_view value;  // of a put
    template <class M, class V> static void fields(M& m, V&& v) {
      v("space", m.space);
      v("key", m.key);
      v("put", m.put);
      v("value", m.value);
    }
  };
  void put(std::string_view space, std::string_view key, std::string_view value) {
    begin(space, {{}, key}, true, value.size());
    ops_.append(value);
  }
  // A key in two parts.
  struct Key {
    std::string_view first;
    std::string_view rest;
    std::size_t size() const { return first.size() + rest.size(); }
  };
  // The value is the `size` bytes that fill() appends to the string it is given.
  template <class Fill> void put(std::string_view space, Key key, std::size_t size, Fill&& fill) {
    begin(space, key, true, size);
    const std::size_t end = ops_.size() + size;
    fill(ops_);
    SKEP_ASSERT(ops_.size() == end);
  }
  void erase(std::string_view space, std::string_view key) { begin(space, {{}, key}, false, 0); }
  bool empty() const { return count_ == 0; }
  // Views into the batch.
  std::vector<Op> ops() const;
  // The names of the operations' spaces, each once for those that stand together.
  const std::vector<std::string>& spaces() const { return spaces_; }
  // Bytes of keys, values and what is around them.
  std::size_t size() const { return ops_.size(); }
  // A std::vector<Op> as net/wire.hpp encodes it is head() and then bytes().
  std::string head() const;
  std::string_view bytes() const { return ops_; }

 private:
  // An operation up to its value.
  void begin(std::string_view space, Key key, bool put, std::size_t value);

  std::string ops_;  // encoded, one after the other
  std::size_t count_ = 0;
  std::vector<std::string> spaces_;
};

}  // namespace skep
