#include <utility>

#include "net/base/text.hpp"
#include "net/blocking.hpp"
#include "net/http.hpp"
#include "net/http_text.hpp"

namespace skep::http {
namespace {

constexpr std::size_t kMaxAnswer = std::size_t{64} << 20;

// All until the connection ends.
Result<std::string> receive_all(BlockingStream& stream, BlockingStream::Deadline deadline) {
  std::string all;
  while (all.size() < kMaxAnswer) {
    auto bytes = stream.receive(deadline);
    if (!bytes) return bytes;
    if (bytes->empty()) return all;
    all.append(*bytes);
  }
  return fail(Code::unknown, "the answer is too long");
}

}  // namespace

Result<Response> ask(const Address& address, const Request& request, Duration timeout,
                     const tls::Context* tls) {
  const auto deadline = BlockingStream::in(timeout);
  auto stream = BlockingStream::connect(address, deadline, tls);
  if (!stream) return tl::unexpected(std::move(stream.error()));
  Request addressed = request;
  addressed.headers["host"] = address;
  const auto failed = [&](const Error& error) {
    return fail(error.code, address + ": " + error.message);
  };
  Result<> sent = stream->send(to_text(addressed, false), deadline);
  if (!sent) return failed(sent.error());
  Result<std::string> bytes = receive_all(*stream, deadline);
  if (!bytes) return failed(bytes.error());
  Result<Response> response = to_response(*bytes, request.method == "HEAD");
  if (!response)
    return failed({Code::unknown, response.error().message +
                                      (bytes->empty() ? "" : "; it says: " + excerpt(*bytes))});
  response->peer = address;
  return response;
}

}  // namespace skep::http
