#include "net/wire.hpp"

#include "net/base/assert.hpp"
#include "net/base/checksum.hpp"

namespace skep::wire {

namespace {

struct Prefix {
  std::uint32_t length = 0;
  std::uint32_t checksum = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("length", m.length);
    v("checksum", m.checksum);
  }
};

struct Header {
  std::uint8_t version = 0;
  std::uint8_t part = 0;
  std::uint16_t type = 0;
  std::uint64_t request = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("version", m.version);
    v("part", m.part);
    v("type", m.type);
    v("request", m.request);
  }
};

constexpr std::size_t kHeader = kFrameHeader - kFramePrefix;
constexpr std::size_t kChecksum = 4;

}  // namespace

std::string detail::quote(std::string_view bytes) {
  constexpr std::size_t kShown = 64;
  constexpr const char* kHex = "0123456789abcdef";
  std::string out = "\"";
  for (char c : bytes.substr(0, kShown)) {
    auto byte = static_cast<std::uint8_t>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  out += '"';
  if (bytes.size() > kShown) out += "...";
  return out;
}

void encode_frame(std::string& out, const Frame& frame) {
  SKEP_ASSERT(frame.payload.size() < 0xffffffffU - kFrameHeader);
  const std::size_t start = out.size();
  out.append(kFramePrefix, '\0');
  encode(out, Header{frame.version, frame.part, frame.type, frame.request});
  out.append(frame.payload);
  std::string_view rest = std::string_view(out).substr(start + kFramePrefix);
  const std::string prefix =
      encode(Prefix{static_cast<std::uint32_t>(rest.size() + kChecksum), checksum32(rest)});
  out.replace(start, kFramePrefix, prefix);
}

Result<Taken> take_frame(std::string_view in, std::size_t max_frame) {
  if (in.size() < kFramePrefix) return Taken{};
  const Prefix prefix = decode<Prefix>(in.substr(0, kFramePrefix)).value();
  if (prefix.length < kChecksum + kHeader)
    return fail(Code::invalid,
                "a frame's length is " + std::to_string(prefix.length) + ", less than a header");
  const std::size_t size = prefix.length + kFramePrefix - kChecksum;
  if (size > max_frame)
    return fail(Code::full, "a frame of " + std::to_string(size) + " bytes; at most " +
                                std::to_string(max_frame) + " are accepted");
  if (in.size() < size) return Taken{{}, 0, size};
  std::string_view rest = in.substr(kFramePrefix, size - kFramePrefix);
  if (checksum32(rest) != prefix.checksum)
    return fail(Code::corrupt, "a frame's checksum is wrong");
  const Header header = decode<Header>(rest.substr(0, kHeader)).value();
  return Taken{
      {header.version, header.part, header.type, header.request, rest.substr(kHeader)}, size, 0};
}

}  // namespace skep::wire
