// HTTP/1.1, for what is small: requests and answers that are whole values, bounded in size. The
// server's side is net/http_server.hpp.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/base/error.hpp"
#include "net/env.hpp"
#include "net/tls.hpp"

namespace skep::http {

// Values by lower-case name, in the order they came. Of a header that was repeated there is one,
// with the values and commas between (RFC 9110, 5.3).
class Headers {
 public:
  using Item = std::pair<std::string, std::string>;
  using const_iterator = const Item*;

  Headers() = default;
  Headers(std::initializer_list<Item> items) : items_(items), size_(items.size()) {}

  // Empty if it was not there.
  std::string& operator[](std::string_view name);
  const_iterator find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != end(); }
  const_iterator begin() const { return items_.data(); }
  const_iterator end() const { return items_.data() + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Keeps the memory for those that come.
  void clear() { size_ = 0; }

 private:
  std::vector<Item> items_;  // of which the first size_ count
  std::size_t size_ = 0;
};

struct Request {
  std::string method = "GET";
  std::string target = "/";  // path and query, as it came
  Headers headers{};
  std::string body{};
  std::string peer{};  // who asks: "127.0.0.1:50412"

  // The header's value; absent: empty.
  std::string_view header(std::string_view name) const {
    const auto* found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  }
};

struct Response {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";  // empty: there is no body
  std::string body{};
  Headers headers{};
  std::string peer{};  // who answers, to a client: "127.0.0.1:5001"
};

// A failure, as a problem document (RFC 9457) with two members more: `code`, stable for programs,
// and `done`: whether what was asked has been done, "no" where that is certain. `more` are members
// to add, as JSON behind a comma: `"base": 7`.
Response problem(unsigned status, std::string_view code, std::string_view detail,
                 std::string_view done = "no", std::string_view more = {});
// Appends the text as a JSON string; bytes that are no UTF-8 become U+FFFD.
void append_json(std::string& out, std::string_view text);

// What an answer that is none of success says, for a person at a command line: the detail of a
// problem document; of anything else, such as another kind of port, who answered, and how it began.
std::string reason(const Response& response);

// Asks the server at `address` ("host:port") and waits for the answer, for `timeout` at most. For
// programs in front of a person, not for a node. Code::unavailable: certainly nothing was done;
// Code::unknown: the request was sent and no answer came; Code::permission: the certificates were
// not accepted. `tls` is null: none is spoken.
Result<Response> ask(const Address& address, const Request& request, Duration timeout,
                     const tls::Context* tls = nullptr);

}  // namespace skep::http
