// Asking proposers, whichever of several is there. What is safe to ask again is asked again at the
// next one: a read always; a change after a certain refusal, or where the outcome is unknown with
// its Idempotency-Key and the version that makes the repeat known as one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace skep::proposer {

// Asks one node; http::ask() but in tests.
using Ask = std::function<Result<http::Response>(const Address&, const http::Request&, Duration)>;

class Proposers {
 public:
  // At least one address. `token` is shown when it is not empty.
  Proposers(std::vector<Address> addresses, std::string token, Ask ask);

  // Either returns the first answer that settles the request, whatever its status, or an error:
  // Code::unavailable: certainly not done; Code::unknown (change() only): it may have been done.
  Result<http::Response> read(http::Request request);
  // `repeatable`: the request has an Idempotency-Key. `base`: a version that the key had before the
  // first try, for when no proposer names a better one.
  Result<http::Response> change(http::Request request, bool repeatable,
                                std::optional<std::uint64_t> base = {});

  std::size_t count() const { return addresses_.size(); }
  // These may be asked, too.
  void know(const std::vector<Address>& addresses);

 private:
  Result<http::Response> ask(const http::Request& request);

  std::vector<Address> addresses_;
  const std::string token_;
  const Ask ask_;
  std::size_t at_ = 0;  // who answered last
};

// What a problem document says.
struct Problem {
  std::string detail;
  bool maybe_done = false;
  std::optional<std::uint64_t> base{};
};
Problem problem_of(const http::Response& response);
// A proposer says that there is no such key; and not somebody else that there is no such page.
bool is_absent(const http::Response& response);

// A key, or a part of a query, as it stands in a target; '/' stays.
std::string percent_encode(std::string_view text);
// The version in `ETag: "7"`; none: there is no such header.
std::optional<std::uint64_t> version_of(const http::Response& response);
std::string version_tag(std::uint64_t version);

}  // namespace skep::proposer
