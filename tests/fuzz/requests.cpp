// Byte 0: limits and strictness; byte 1: the pieces; then the stream.
#include "net/base/assert.hpp"
#include "net/resp_encode.hpp"
#include "net/resp_parser.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {
namespace {

using resp::RequestParser;
using Words = std::vector<std::string>;

struct Parsed {
  std::vector<Words> requests;
  bool broken = false;
};

Words words_of(RequestParser& parser) {
  const auto args = parser.args();
  SKEP_ASSERT(!args.empty());
  return {args.begin(), args.end()};
}

Parsed parse(std::string_view stream, const resp::RequestLimits& limits, bool strict,
             std::uint8_t how) {
  RequestParser parser(limits);
  parser.set_strict(strict);
  Parsed parsed;
  std::size_t fed = 0;
  in_pieces(stream, how, [&](std::string_view piece) {
    if (parsed.broken) return;
    parser.feed(piece);
    fed += piece.size();
    RequestParser::Next next;
    while ((next = parser.next()) == RequestParser::Next::request)
      parsed.requests.push_back(words_of(parser));
    parsed.broken = next == RequestParser::Next::broken;
    SKEP_ASSERT(parsed.broken == !parser.error().empty());
    SKEP_ASSERT(parser.buffered() <= fed);
    SKEP_ASSERT(parsed.broken || parser.buffered() <= limits.max_request);
  });
  return parsed;
}

void check_limits(const Parsed& parsed, const resp::RequestLimits& limits) {
  for (const Words& words : parsed.requests) {
    std::size_t bytes = 0;
    for (const std::string& word : words) {
      SKEP_ASSERT(word.size() <= std::max(limits.max_bulk, limits.max_inline));
      bytes += word.size();
    }
    SKEP_ASSERT(words.size() <= std::max(limits.max_args, limits.max_inline));
    SKEP_ASSERT(bytes <= limits.max_request);
  }
}

// What was read, written again as arrays of bulks, is read as the same.
void check_encoding(const Parsed& parsed, std::uint8_t how) {
  std::string stream;
  for (const Words& words : parsed.requests) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    resp::encode_request(stream, views);
  }
  const Parsed again = parse(stream, {}, false, how);
  SKEP_ASSERT(!again.broken);
  SKEP_ASSERT(again.requests == parsed.requests);
}

}  // namespace

void requests(std::string_view bytes) {
  Input input(bytes);
  const std::uint8_t mode = input.byte();
  const std::uint8_t how = input.byte();
  resp::RequestLimits limits;
  if ((mode & 1) != 0)
    limits = {.max_bulk = 40, .max_args = 6, .max_inline = 60, .max_request = 100};
  const bool strict = (mode & 2) != 0;
  const Parsed whole = parse(input.rest(), limits, strict, 0);
  const Parsed cut = parse(input.rest(), limits, strict, how);
  SKEP_ASSERT(whole.requests == cut.requests);
  SKEP_ASSERT(whole.broken == cut.broken);
  check_limits(whole, limits);
  check_encoding(whole, how);
}

}  // namespace skep::fuzz
