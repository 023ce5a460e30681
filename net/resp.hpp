// RESP, the Redis protocol, versions 2 and 3.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skep::resp {

// A reply, before it is known which version of the protocol its client speaks.
struct Value {
  enum class Kind : std::uint8_t { status, error, integer, bulk, null, array, map, boolean, real };
  Kind kind = Kind::null;
  std::string text;         // status, error (with its code: "ERR …"), bulk
  std::int64_t number = 0;  // integer, boolean
  double real = 0;
  std::vector<Value> items;  // array; map: key, value, key, value …

  static Value status(std::string text) { return {Kind::status, std::move(text), 0, 0, {}}; }
  static Value error(std::string text) { return {Kind::error, std::move(text), 0, 0, {}}; }
  static Value integer(std::int64_t n) { return {Kind::integer, {}, n, 0, {}}; }
  static Value bulk(std::string text) { return {Kind::bulk, std::move(text), 0, 0, {}}; }
  static Value null() { return {}; }
  static Value array(std::vector<Value> items) { return {Kind::array, {}, 0, 0, std::move(items)}; }

  bool operator==(const Value&) const = default;
};

}  // namespace skep::resp
