// RESP, the Redis protocol, versions 2 and 3: the replies as values. net/resp_encode.hpp writes
// them for a client, net/resp_reply.hpp reads them from a server, net/resp_parser.hpp reads
// requests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skep::resp {

// A reply, before it is known which version of the protocol its client speaks.
struct Value {
  enum class Kind : std::uint8_t {
    status,
    error,
    integer,
    bulk,
    null,
    array,
    map,
    boolean,
    real,
    set,       // RESP2: an array
    verbatim,  // text for people; RESP2: a bulk
    push,      // out of band; RESP2: an array
  };
  Kind kind = Kind::null;
  std::string text;         // status, error (with its code: "ERR …"), bulk, verbatim
  std::int64_t number = 0;  // integer, boolean
  double real = 0;
  std::vector<Value> items;  // array, set, push; map: key, value, key, value …

  static Value status(std::string text) { return {Kind::status, std::move(text), 0, 0, {}}; }
  static Value error(std::string text) { return {Kind::error, std::move(text), 0, 0, {}}; }
  static Value integer(std::int64_t n) { return {Kind::integer, {}, n, 0, {}}; }
  static Value boolean(bool b) { return {Kind::boolean, {}, b ? 1 : 0, 0, {}}; }
  static Value bulk(std::string text) { return {Kind::bulk, std::move(text), 0, 0, {}}; }
  static Value verbatim(std::string text) { return {Kind::verbatim, std::move(text), 0, 0, {}}; }
  static Value null() { return {}; }
  static Value array(std::vector<Value> items) { return {Kind::array, {}, 0, 0, std::move(items)}; }
  static Value set(std::vector<Value> items) { return {Kind::set, {}, 0, 0, std::move(items)}; }
  static Value map(std::vector<Value> items) { return {Kind::map, {}, 0, 0, std::move(items)}; }
  static Value push(std::vector<Value> items) { return {Kind::push, {}, 0, 0, std::move(items)}; }

  bool is_error() const { return kind == Kind::error; }
  bool operator==(const Value&) const = default;
};

}  // namespace skep::resp
