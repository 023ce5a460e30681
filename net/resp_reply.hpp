// Replies out of a byte stream, for a client: RESP2 and RESP3, in pieces of any size.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/error.hpp"
#include "net/resp.hpp"

namespace skep::resp {

class ReplyParser {
 public:
  void feed(std::string_view bytes);

  // The next whole reply, or none if more bytes are needed. Code::invalid: not RESP, or nested
  // deeper than any reply is; the stream is of no use any more.
  Result<std::optional<Value>> next();

 private:
  struct Open {
    Value value;
    std::size_t left;
  };

  // One element: a scalar, or the head of an aggregate (then `opens` says how many items follow).
  struct Element {
    Value value;
    std::size_t opens = 0;
  };
  Result<std::optional<Element>> element();
  Result<std::optional<Element>> blob(Value::Kind kind, std::int64_t size, std::size_t start);

  std::string buffer_;
  std::size_t pos_ = 0;
  std::vector<Open> open_;
};

}  // namespace skep::resp
