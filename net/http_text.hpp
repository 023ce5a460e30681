// HTTP messages as bytes, for the client. For files under net/ only.
#pragma once

#include <string>
#include <string_view>

#include "net/http.hpp"

namespace skep::http {

// The request as it is sent. Without `keep_alive` it asks the server to close the connection after
// its answer.
std::string to_text(const Request& request, bool keep_alive);

// `bytes` are all that came until the server closed the connection. Code::invalid when they are no
// whole answer. `head`: to a HEAD request, without the body that it tells of.
Result<Response> to_response(std::string_view bytes, bool head = false);

}  // namespace skep::http
