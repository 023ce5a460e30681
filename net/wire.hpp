// The wire codec. A message is a plain struct that lists its fields once:
//
//   struct Ack {
//     std::uint16_t arc = 0;
//     std::uint64_t seq = 0;
//     template <class M, class V> static void fields(M& m, V&& v) {
//       v("arc", m.arc);
//       v("seq", m.seq);
//     }
//   };
//
// and encode, decode and show (a debug print) follow from the list. Integers are little-endian of
// their own width, bool is one byte (0 or 1), enums are their underlying integer and must be at
// most wire_max(E{}), strings and vectors have a varint count (LEB128) in front. decode() never
// reads past its input, never allocates more than the input could hold, and rejects trailing bytes
// and non-minimal varints. A std::string_view field is a view into the input: it lives as long as
// that.
//
// A frame is: u32 length of what follows it, u32 checksum (low half of XXH3-64) of what follows the
// checksum, u8 protocol version, u8 part, u16 message type, u64 request id, payload.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "net/base/error.hpp"
#include "net/base/little.hpp"

namespace skep::wire {

inline constexpr std::uint8_t kProtocolVersion = 1;
inline constexpr std::size_t kFramePrefix = 8;                  // length and checksum
inline constexpr std::size_t kFrameHeader = kFramePrefix + 12;  // up to the payload

namespace detail {

struct AnyVisitor {
  template <class T> void operator()(const char*, T&&) const {}
};
template <class T>
concept Struct = requires(T& m) {
  T::fields(m, AnyVisitor{});
};
template <class T> inline constexpr bool is_vector = false;
template <class T> inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
concept Bytes = std::same_as<T, std::string> || std::same_as<T, std::string_view>;

// Appends to a string, what is small by the dozen: at the latest when it is destroyed.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() { flush(); }

  template <class T> void put(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      put(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_same_v<T, bool>) {
      *take(1) = value ? '\1' : '\0';
    } else if constexpr (std::is_integral_v<T>) {
      store_little(take(sizeof(T)), static_cast<std::make_unsigned_t<T>>(value));
    } else if constexpr (Bytes<T>) {
      put_varint(value.size());
      put_bytes(value);
    } else if constexpr (is_vector<T>) {
      put_varint(value.size());
      for (const auto& item : value) put(item);
    } else {
      static_assert(Struct<const T> || Struct<T>, "no wire form for this type");
      T::fields(value, [this](const char*, const auto& field) { this->put(field); });
    }
  }

  void put_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) *take(1) = static_cast<char>(value | 0x80);
    *take(1) = static_cast<char>(value);
  }

  // Without a count.
  void put_bytes(std::string_view bytes) {
    if (bytes.size() > kKept - used_) flush();
    if (bytes.size() > kKept) {
      out_.append(bytes);
    } else if (!bytes.empty()) {
      std::memcpy(take(bytes.size()), bytes.data(), bytes.size());
    }
  }

 private:
  static constexpr std::size_t kKept = 64;

  char* take(std::size_t count) {
    if (count > kKept - used_) flush();
    used_ += count;
    return kept_ + (used_ - count);
  }
  void flush() {
    out_.append(kept_, used_);
    used_ = 0;
  }

  std::string& out_;
  std::size_t used_ = 0;
  char kept_[kKept];
};

class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  bool finished() const { return ok_ && in_.empty(); }

  template <class T> void get(T& value) {
    if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> raw{};
      get(raw);
      ok_ = ok_ && raw <= static_cast<std::underlying_type_t<T>>(wire_max(T{}));
      if (ok_) value = static_cast<T>(raw);
    } else if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t raw = 0;
      get(raw);
      ok_ = ok_ && raw <= 1;
      value = raw == 1;
    } else if constexpr (std::is_integral_v<T>) {
      const std::string_view bytes = take(sizeof(T));
      value = ok_ ? static_cast<T>(load_little<std::make_unsigned_t<T>>(bytes.data())) : T{};
    } else if constexpr (Bytes<T>) {
      value = take(get_varint());
    } else if constexpr (is_vector<T>) {
      std::uint64_t count = get_varint();
      // Every element takes a byte at least, so a larger count is a lie.
      if (count > in_.size()) ok_ = false;
      value.clear();
      for (std::uint64_t i = 0; ok_ && i < count; ++i) get(value.emplace_back());
    } else {
      static_assert(Struct<T>, "no wire form for this type");
      T::fields(value, [this](const char*, auto& field) { this->get(field); });
    }
  }

  std::uint64_t get_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      std::string_view byte = take(1);
      if (byte.empty()) return 0;
      auto bits = static_cast<std::uint8_t>(byte[0]);
      if (shift == 63 && bits > 1) break;  // over 64 bits
      if (bits == 0 && shift > 0) break;   // not the shortest form
      value |= static_cast<std::uint64_t>(bits & 0x7f) << shift;
      if ((bits & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }

 private:
  std::string_view take(std::uint64_t count) {
    if (!ok_ || count > in_.size()) {
      ok_ = false;
      return {};
    }
    std::string_view taken = in_.substr(0, count);
    in_.remove_prefix(count);
    return taken;
  }

  std::string_view in_;
  bool ok_ = true;
};

// Bytes in a debug print: printable as they are, the rest as \xNN, at most 64 of them.
std::string quote(std::string_view bytes);

template <class T> void show(std::string& out, const T& value) {
  if constexpr (std::is_enum_v<T>) {
    out += std::to_string(static_cast<std::uint64_t>(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    out += std::to_string(value);
  } else if constexpr (Bytes<T>) {
    out += quote(value);
  } else if constexpr (is_vector<T>) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ' ';
      show(out, static_cast<const typename T::value_type&>(value[i]));
    }
    out += ']';
  } else {
    out += '{';
    bool first = true;
    T::fields(value, [&](const char* name, const auto& field) {
      if (!std::exchange(first, false)) out += ' ';
      out += name;
      out += '=';
      show(out, field);
    });
    out += '}';
  }
}

}  // namespace detail

// Appends the encoding of `message`.
template <class T> void encode(std::string& out, const T& message) {
  detail::Encoder(out).put(message);
}
template <class T> std::string encode(const T& message) {
  std::string out;
  encode(out, message);
  return out;
}

// Appends the count that stands in front of a vector's elements, for whoever encodes them one by
// one.
inline void encode_count(std::string& out, std::size_t count) {
  detail::Encoder(out).put_varint(count);
}
// How many bytes that takes.
constexpr std::size_t count_size(std::size_t count) {
  return (static_cast<std::size_t>(std::bit_width(count | 1)) + 6) / 7;
}
// To encode one after the other, without a count; and what was encoded so. Its ok() is false once
// something was malformed.
using Writer = detail::Encoder;
using Reader = detail::Decoder;

// The whole of `bytes` as a T, or nothing else: Code::invalid.
template <class T> Result<T> decode(std::string_view bytes) {
  T message{};
  detail::Decoder decoder(bytes);
  decoder.get(message);
  if (!decoder.finished()) return fail(Code::invalid, "malformed message");
  return message;
}

// For logs and traces: {arc=3 seq=9}.
template <class T> std::string show(const T& message) {
  std::string out;
  detail::show(out, message);
  return out;
}

// A frame that was taken from a stream. `payload` is a view into the stream's buffer.
struct Frame {
  std::uint8_t version = kProtocolVersion;
  std::uint8_t part = 0;
  std::uint16_t type = 0;
  std::uint64_t request = 0;
  std::string_view payload;
};

// Appends a whole frame to `out`. The payload must be below 4 GiB.
void encode_frame(std::string& out, const Frame& frame);

// The first frame of `in`. On success `size` is the number of bytes it took, or 0 if more are
// needed. Errors: Code::invalid for a length below the header's, Code::full for a frame longer than
// `max_frame` (payload and header), Code::corrupt for a bad checksum. After an error the stream
// cannot be trusted any more. The version is not judged here.
struct Taken {
  Frame frame;
  std::size_t size = 0;
  std::size_t wanted = 0;  // the size of a frame that is not all there; 0: not known yet
};
Result<Taken> take_frame(std::string_view in, std::size_t max_frame);

}  // namespace skep::wire
