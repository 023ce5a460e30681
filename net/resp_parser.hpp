// Requests out of a byte stream, as Redis reads them: arrays of bulks, or inline commands (words on
// a line, with quotes). Bytes may come in pieces of any size. What is wrong with the stream is told
// in Redis's words; after that nothing more is read from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/resp_words.hpp"

namespace skep::resp {

struct RequestLimits {
  std::size_t max_bulk = std::size_t{512} << 20;   // bytes of one argument
  std::size_t max_args = std::size_t{1} << 20;     // arguments of one request
  std::size_t max_inline = std::size_t{64} << 10;  // bytes of a line
  std::size_t max_request = std::size_t{1} << 30;  // bytes of a whole request
};

class RequestParser {
 public:
  enum class Next : std::uint8_t { request, more, broken };

  explicit RequestParser(RequestLimits limits = {}) : limits_(limits) {}

  // Appends bytes of the stream. Invalidates views.
  void feed(std::string_view bytes);

  // Drops the request before and looks for another. `broken`: see error(); it stays so.
  Next next();

  // The words of the request that next() found, never none. Views, valid until feed() or next();
  // after feed() ask again.
  std::span<const std::string_view> args();

  // "Protocol error: …".
  const std::string& error() const { return error_; }

  // A client that has not said its password yet may send small requests only.
  void set_strict(bool strict) { strict_ = strict; }

  // Gives back memory that nothing is in.
  void shrink();

  // Bytes that are held, the current request's included.
  std::size_t buffered() const { return buffer_.size() - begin_; }

 private:
  enum class Step : std::uint8_t { done, again, more, broken };

  Step start();
  Step inline_request();
  Step array_header();
  Step argument();
  // What is between a type byte at pos_ and the CR; `found` is false when more bytes are needed.
  struct Header {
    bool found = false;
    std::size_t size = 0;
    std::optional<std::int64_t> number;  // none: it is no integer
  };
  Header header() const;
  void drop();
  Step broken(std::string text);

  RequestLimits limits_;
  bool strict_ = false;
  bool complete_ = false;  // a request is found and not dropped yet
  std::string buffer_;
  std::size_t begin_ = 0;      // of the current request
  std::size_t pos_ = 0;        // how far it has been read
  std::int64_t left_ = 0;      // arguments that the current request still lacks
  std::int64_t bulk_ = -1;     // size of the argument being read; -1: its header is next
  std::vector<Range> ranges_;  // from begin_
  std::vector<std::string_view> args_;
  std::string error_;
};

}  // namespace skep::resp
