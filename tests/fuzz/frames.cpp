// Byte 0: what is done; byte 1: the pieces. Then raw bytes as a stream (0), or parts of the input
// in frames with right checksums, as a stream (1) or as what a stranger says to an acceptor (2) or
// to a dialler (3) of a handshake.
#include "net/base/assert.hpp"
#include "net/hello.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {
namespace {

constexpr std::size_t kMaxFrame = 512;

struct Streamed {
  std::string frames;  // those that were taken, written again
  std::size_t used = 0;
  std::optional<Code> error{};
};

Streamed stream(std::string_view bytes, std::uint8_t how) {
  Streamed result;
  std::string buffer;
  in_pieces(bytes, how, [&](std::string_view piece) {
    if (result.error) return;
    buffer += piece;
    for (;;) {
      const auto taken = wire::take_frame(buffer, kMaxFrame);
      if (!taken) {
        result.error = taken.error().code;
        return;
      }
      if (taken->size == 0) {
        SKEP_ASSERT(buffer.size() < kMaxFrame);
        return;
      }
      SKEP_ASSERT(taken->size <= kMaxFrame && taken->size <= buffer.size());
      SKEP_ASSERT(taken->frame.payload.size() + wire::kFrameHeader == taken->size);
      wire::encode_frame(result.frames, taken->frame);
      result.used += taken->size;
      buffer.erase(0, taken->size);
    }
  });
  return result;
}

void check_stream(std::string_view bytes, std::uint8_t how) {
  const Streamed whole = stream(bytes, 0);
  const Streamed cut = stream(bytes, how);
  SKEP_ASSERT(whole.frames == bytes.substr(0, whole.used));
  SKEP_ASSERT(whole.frames == cut.frames);
  SKEP_ASSERT(whole.error == cut.error);
}

// Frames of the link, each of a type, a length and so many bytes of the input.
std::string in_frames(Input input) {
  std::string out;
  while (!input.empty()) {
    const std::uint8_t type = input.byte();
    const std::size_t size = input.byte();
    wire::encode_frame(out, {wire::kProtocolVersion, static_cast<std::uint8_t>(type >> 4),
                             static_cast<std::uint16_t>(type & 15), 0, input.take(size)});
  }
  return out;
}

struct Shaken {
  std::string said;
  std::size_t used = 0;
  bool done = false;
  bool failed = false;
  bool operator==(const Shaken&) const = default;
};

Shaken shake(Handshake::Side side, std::string_view bytes, std::uint8_t how) {
  Hello self;
  self.cluster = "skep";
  self.node = "n1";
  self.identity = 1;
  self.address = "127.0.0.1:5000";
  self.nonce = std::string(Hello::kNonce, 'n');
  Handshake handshake(side, self, "", "127.0.0.1:5001");
  Shaken result;
  result.said = handshake.begin();
  std::string buffer;
  in_pieces(bytes, how, [&](std::string_view piece) {
    if (result.done || result.failed) return;
    buffer += piece;
    const Handshake::Step step = handshake.feed(buffer);
    SKEP_ASSERT(step.used <= buffer.size());
    SKEP_ASSERT(!step.done || !step.failed);
    buffer.erase(0, step.used);
    result.used += step.used;
    result.said += step.send;
    result.done = step.done;
    result.failed = step.failed.has_value();
    SKEP_ASSERT(result.done || result.failed || buffer.size() < Handshake::kMaxFrame);
  });
  return result;
}

void check_handshake(Handshake::Side side, std::string_view bytes, std::uint8_t how) {
  const Shaken whole = shake(side, bytes, 0);
  const Shaken cut = shake(side, bytes, how);
  SKEP_ASSERT(whole.done == cut.done);
  SKEP_ASSERT(whole.failed == cut.failed);
  SKEP_ASSERT(whole.said == cut.said);
  SKEP_ASSERT(whole.failed || whole.used == cut.used);
}

}  // namespace

void frames(std::string_view bytes) {
  Input input(bytes);
  const std::uint8_t mode = input.byte();
  const std::uint8_t how = input.byte();
  switch (mode & 3) {
    case 0: return check_stream(input.rest(), how);
    case 1: return check_stream(in_frames(input), how);
    case 2: return check_handshake(Handshake::Side::acceptor, in_frames(input), how);
    default: return check_handshake(Handshake::Side::dialler, in_frames(input), how);
  }
}

}  // namespace skep::fuzz
