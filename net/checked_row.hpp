// A row whose damage is noticed: a message in the wire codec's form, and a checksum of it behind.
#pragma once

#include <string>
#include <string_view>

#include "net/base/checksum.hpp"
#include "net/base/little.hpp"
#include "net/wire.hpp"

namespace skep::wire {

template <class T> std::string encode_checked(const T& message) {
  std::string row = encode(message);
  char sum[sizeof(std::uint32_t)];
  store_little(sum, checksum32(row));
  return row.append(sum, sizeof sum);
}

// Code::corrupt: not what was encoded.
template <class T> Result<T> decode_checked(std::string_view row) {
  constexpr std::size_t kSum = sizeof(std::uint32_t);
  if (row.size() < kSum) return fail(Code::corrupt, "a row that is too short");
  const std::string_view body = row.substr(0, row.size() - kSum);
  if (load_little<std::uint32_t>(row.data() + body.size()) != checksum32(body))
    return fail(Code::corrupt, "a row with a wrong checksum");
  auto message = decode<T>(body);
  if (!message) return fail(Code::corrupt, "a row that cannot be read");
  return message;
}

}  // namespace skep::wire
