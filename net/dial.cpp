#include "net/dial.hpp"

#include <cstring>

namespace skep {

// Requests that libuv holds; they outlive the Dial when it gives up.
struct Dial::LookUp {
  uv_getaddrinfo_t request;
  Dial* dial;
};
struct Dial::Connect {
  uv_connect_t request;
  Dial* dial;
};

Dial::Dial(Loop& loop, std::string_view address, Done done)
    : loop_(loop), address_(address), done_(std::move(done)) {
  auto parsed = parse_address(address);
  if (!parsed) {
    failed(std::move(parsed.error()));
    return;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  look_up_ = new LookUp{{}, this};
  look_up_->request.data = look_up_;
  const int status = uv_getaddrinfo(
      loop.uv(), &look_up_->request,
      [](uv_getaddrinfo_t* request, int result, addrinfo* list) {
        std::unique_ptr<LookUp> done_with(static_cast<LookUp*>(request->data));
        if (done_with->dial != nullptr) done_with->dial->found(result, list);
        uv_freeaddrinfo(list);
      },
      parsed->host.c_str(), std::to_string(parsed->port).c_str(), &hints);
  if (status == 0) return;
  delete std::exchange(look_up_, nullptr);
  failed({Code::unavailable, address_ + ": " + uv_strerror(status)});
}

Dial::~Dial() {
  if (connect_ != nullptr) connect_->dial = nullptr;
  if (look_up_ == nullptr) return;
  look_up_->dial = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&look_up_->request));
}

void Dial::found(int status, const addrinfo* list) {
  look_up_ = nullptr;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    sockaddr_storage address{};
    std::memcpy(&address, each->ai_addr, each->ai_addrlen);
    left_.insert(left_.begin(), address);
  }
  if (status == 0) return try_next(UV_EADDRNOTAVAIL);
  failed({Code::unavailable, address_ + ": cannot look up the host: " + uv_strerror(status)});
}

// `status` is why the one before did not work.
void Dial::try_next(int status) {
  while (!left_.empty()) {
    const sockaddr_storage address = left_.back();
    left_.pop_back();
    handle_ = make_tcp(loop_);
    connect_ = new Connect{{}, this};
    connect_->request.data = connect_;
    status = uv_tcp_connect(
        &connect_->request, handle_.get(), reinterpret_cast<const sockaddr*>(&address),
        [](uv_connect_t* request, int result) {
          std::unique_ptr<Connect> done_with(static_cast<Connect*>(request->data));
          Dial* dial = done_with->dial;
          if (dial == nullptr) return;
          const Loop::Measured measured(dial->loop_, "a connection that was dialled");
          dial->connect_ = nullptr;
          if (result < 0) return dial->try_next(result);
          const Done done = std::move(dial->done_);
          done(std::move(dial->handle_));  // may destroy the Dial
        });
    if (status == 0) return;
    delete std::exchange(connect_, nullptr);
  }
  handle_.reset();
  failed({Code::unavailable, address_ + ": " + uv_strerror(status)});
}

void Dial::failed(Error error) {
  error_ = std::move(error);
  loop_.flush_later(*this);
}

void Dial::flush() {
  const Done done = std::move(done_);
  done(tl::unexpected(std::move(error_)));  // may destroy the Dial
}

}  // namespace skep
