// The registers over HTTP: requests become calls of Registers, and outcomes become answers. It
// keeps nothing but its options.
//
//   GET, HEAD   /v1/kv/{key}    200 and the value, ETag: "7"; 404; If-None-Match: 304
//   PUT         /v1/kv/{key}    201, 204; If-Match: "7" or *, If-None-Match: *: 412
//   DELETE      /v1/kv/{key}    204; If-Match
//   POST        /v1/kv/{key}    {"change": "add", "args": {"by": 1}}; If-Match
//   GET         /v1/kv          ?prefix=&after=&limit=
//   GET, PUT    /v1/acceptors   the configuration; PUT with If-Match
//   POST        /v1/acceptors/advance, /v1/acceptors/rescan
//   GET         /healthz, /readyz                                (no token needed)
//   OPTIONS     of each: what is accepted
//
// {key} is all that follows, percent-encoded where it has to be; '/' may stand as it is.
// ?timeout=2s and Request-Timeout bound how long a request may take; Idempotency-Key and
// Idempotency-Version (roles/proposer/registers.hpp: Request) go with changes of a key.
//
// A failure is a problem document (net/http.hpp). 503 is certainly not done; 504, which no GET
// gets, may have been done, or may still be ("done": "unknown").
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "net/http_access.hpp"
#include "net/http_server.hpp"
#include "roles/proposer/registers.hpp"

namespace skep::proposer {

struct ApiOptions {
  http::Tokens tokens;
  Duration request_timeout = std::chrono::seconds(5);
  std::uint64_t max_key = 1024;
  std::uint64_t max_value = 1 << 20;
};

class Api final : public http::Site {
 public:
  // The registers must outlive it. An error of `ready` says what the node waits for.
  Api(Registers& registers, ApiOptions options, std::function<Result<>()> ready);

  void set_tokens(http::Tokens tokens) { options_.tokens = std::move(tokens); }
  void handle(http::Request& request, http::Respond respond) override;
  std::size_t body_limit(const http::Request& request) const override;

 private:
  struct Call;   // a request, taken apart
  struct Route;  // what is done with a method and a path
  static const Route* find(std::string_view method, const Call& call);
  static http::Response without_route(const Call& call);
  void explain(Outcome& outcome) const;
  Result<> prepare(Call& call, std::span<const std::string_view> parameters) const;

  void change(Call& call, Change change, http::Response (*answer)(const Outcome&),
              http::Respond respond);
  template <class Begin> void with_version(const Call& call, http::Respond respond, Begin begin);

  void get(Call& call, http::Respond respond);
  void put(Call& call, http::Respond respond);
  void remove(Call& call, http::Respond respond);
  void post(Call& call, http::Respond respond);
  void list(Call& call, http::Respond respond);
  void acceptors(Call& call, http::Respond respond);
  void configure(Call& call, http::Respond respond);
  void advance(Call& call, http::Respond respond);
  void rescan(Call& call, http::Respond respond);
  void healthz(Call& call, http::Respond respond);
  void readyz(Call& call, http::Respond respond);

  Registers& registers_;
  ApiOptions options_;
  const std::function<Result<>()> ready_;
};

}  // namespace skep::proposer
