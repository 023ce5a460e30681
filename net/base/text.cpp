#include "net/base/text.hpp"

#include <cstdint>

namespace skep {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// How many bytes follow the first one, and between what the second one has to be; none: no
// character begins so (Unicode, table 3-7).
struct Shape {
  std::size_t more;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
};
std::optional<Shape> shape_of(unsigned char first) {
  if (first < 0x80) return Shape{0};
  if (first >= 0xc2 && first <= 0xdf) return Shape{1};
  if (first == 0xe0) return Shape{2, 0xa0, 0xbf};
  if (first == 0xed) return Shape{2, 0x80, 0x9f};
  if (first >= 0xe1 && first <= 0xef) return Shape{2};
  if (first == 0xf0) return Shape{3, 0x90, 0xbf};
  if (first >= 0xf1 && first <= 0xf3) return Shape{3};
  if (first == 0xf4) return Shape{3, 0x80, 0x8f};
  return std::nullopt;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto shape = shape_of(static_cast<unsigned char>(bytes[i++]));
    if (!shape || bytes.size() - i < shape->more) return false;
    for (std::size_t k = 0; k < shape->more; ++k, ++i) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      if (byte < (k == 0 ? shape->low : 0x80) || byte > (k == 0 ? shape->high : 0xbf)) return false;
    }
  }
  return true;
}

std::string excerpt(std::string_view bytes) {
  constexpr std::size_t kMost = 200;
  std::string text(bytes.substr(0, kMost));
  for (char& c : text)
    if (c < ' ' || c > '~') c = c == '\n' || c == '\r' || c == '\t' ? ' ' : '?';
  text.erase(text.find_last_not_of(' ') + 1);
  return bytes.size() > kMost ? text + "..." : text;
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    const std::size_t size = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8 | (k < size ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= size ? kDigits[three >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::string_view four = text.substr(i, 4);
    if (i + 4 == text.size())
      while (four.size() > 2 && four.ends_with('=')) four.remove_suffix(1);
    std::uint32_t bits = 0;
    for (const char c : four) {
      const std::size_t digit = kDigits.find(c);
      if (digit == std::string_view::npos) return std::nullopt;
      bits = bits << 6 | static_cast<std::uint32_t>(digit);
    }
    const std::size_t size = four.size() - 1;  // bytes in them
    bits <<= 6 * (4 - four.size());
    for (std::size_t k = 0; k < 3; ++k)
      if (k < size)
        bytes += static_cast<char>(bits >> (16 - 8 * k) & 0xff);
      else if ((bits >> (16 - 8 * k) & 0xff) != 0)
        return std::nullopt;  // two texts for the same bytes
  }
  return bytes;
}

}  // namespace skep
