// The bytes of one input, taken from the front, and cut into pieces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace skep::fuzz {

class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  // 0 when there are no more.
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  // At most `size` of them.
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// Hands `bytes` to `feed` in pieces. `how` chooses: 0 as a whole, 1 byte by byte, others in pieces
// of different sizes, so that over many inputs every cut comes.
template <class Feed> void in_pieces(std::string_view bytes, std::uint8_t how, Feed&& feed) {
  if (how == 0) return feed(bytes);
  std::uint32_t state = how;
  while (!bytes.empty()) {
    state = state * 1664525 + 1013904223;  // Knuth's, TAOCP 3.3.4
    const std::size_t size = how == 1 ? 1 : 1 + (state >> 24) % (1U + how % 64U);
    feed(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
}

}  // namespace skep::fuzz
