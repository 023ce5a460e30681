// Byte 0: the pieces; then the stream.
#include <cmath>

#include "net/base/assert.hpp"
#include "net/resp_encode.hpp"
#include "net/resp_reply.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {
namespace {

using resp::Value;

struct Parsed {
  std::vector<Value> replies;
  bool broken = false;
};

Parsed parse(std::string_view stream, std::uint8_t how) {
  resp::ReplyParser parser;
  Parsed parsed;
  in_pieces(stream, how, [&](std::string_view piece) {
    if (parsed.broken) return;
    parser.feed(piece);
    for (;;) {
      auto reply = parser.next();
      parsed.broken = !reply;
      if (!reply || !*reply) return;
      parsed.replies.push_back(std::move(**reply));
    }
  });
  return parsed;
}

std::string encode(const std::vector<Value>& replies) {
  std::string out;
  for (const Value& reply : replies) resp::encode(out, reply, resp::Version::resp3);
  return out;
}

}  // namespace

void replies(std::string_view bytes) {
  Input input(bytes);
  const std::uint8_t how = input.byte();
  const Parsed whole = parse(input.rest(), 0);
  const Parsed cut = parse(input.rest(), how);
  // By their encoding: not-a-number is not equal to itself.
  const std::string written = encode(whole.replies);
  SKEP_ASSERT(written == encode(cut.replies));
  SKEP_ASSERT(whole.broken == cut.broken);
  const Parsed again = parse(written, how);
  SKEP_ASSERT(!again.broken);
  SKEP_ASSERT(encode(again.replies) == written);
}

}  // namespace skep::fuzz
