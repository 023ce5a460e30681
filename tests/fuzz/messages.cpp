// Byte 0: which message; then its encoding.
#include "net/base/assert.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/message_list.hpp"
#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {
namespace {

// The form is canonical: what is read is written as the same bytes.
template <class T> void check_message(std::string_view bytes) {
  const Result<T> message = wire::decode<T>(bytes);
  if (!message) return;
  SKEP_ASSERT(wire::encode(*message) == bytes);
  SKEP_ASSERT(!wire::show(*message).empty());
  SKEP_ASSERT(!wire::decode<T>(std::string(bytes) + '\0'));
  if (!bytes.empty()) SKEP_ASSERT(!wire::decode<T>(bytes.substr(0, bytes.size() - 1)));
}

// Rows carry a checksum, which no input would have by chance.
void check_rows(std::string_view bytes) {
  SKEP_ASSERT(!ring::decode_entry(bytes) || ring::encode_row(*ring::decode_entry(bytes)) == bytes);
  SKEP_ASSERT(!ring::decode_standing(bytes) ||
              ring::encode_row(*ring::decode_standing(bytes)) == bytes);
  if (const auto entry = wire::decode<ring::Entry>(bytes)) {
    const std::string row = ring::encode_row(*entry);
    SKEP_ASSERT(ring::decode_entry(row) == *entry);
  }
}

}  // namespace

void messages(std::string_view bytes) {
  Input input(bytes);
  const std::uint8_t wanted = input.byte();
  std::uint8_t at = 0;
  each_message([&]<class T>(std::string_view) {
    if (at++ == wanted) check_message<T>(input.rest());
  });
  if (wanted == at) check_rows(input.rest());
}

}  // namespace skep::fuzz
