// One connection of an HTTP server. For net/http_server.cpp only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_parser.hpp"
#include "net/http_server.hpp"

namespace skep::http {

class Session final : public StreamHandler {
 public:
  Session(Server& server, Stream& stream);
  ~Session() override;

  void on_bytes(std::string_view bytes) override;
  void on_drained() override;
  void on_quiet() override;
  void on_closed() override;
  Standing standing() const override;

 private:
  // A request that is being worked on, or whose answer waits for those before it.
  struct Slot {
    Time since{};
    bool safe = false;
    bool head = false;
    bool http_1_0 = false;
    bool keep_alive = false;
    bool answered = false;
    std::size_t body = 0;  // bytes of it, held
    std::string text{};    // the answer
  };

  bool half_way() const;
  bool full() const;
  void go_on();
  std::size_t take(std::string_view bytes);
  bool header_fits(std::string_view rest) const;
  bool may_begin() const;
  bool is_safe() const;
  void begin();
  void answer(std::uint64_t number, const Response& response);
  bool pop();
  static bool has_body(const Slot& slot, const Response& response);
  void write_head(const Slot& slot, const Response& response, std::string& out) const;
  void refuse(const Response& response);
  void close();
  void settle();

  Server& server_;
  Stream& stream_;
  std::shared_ptr<Session*> alive_ = std::make_shared<Session*>(this);
  Request request_{};  // the one that comes; its body is counted as held
  std::optional<RequestParser> parser_{};
  std::string in_{};        // came, and is not taken yet
  std::size_t header_ = 0;  // bytes of the current request that are taken
  std::vector<Slot> slots_{};
  std::uint64_t first_ = 0;  // number of the first of them
  std::string head_{};       // of an answer, while it is written
  Timers::Id timer_ = 0;
  std::uint64_t timed_ = 0;  // the request's number that it is for
  bool working_ = false;
  bool last_ = false;       // no request is taken any more
  bool continued_ = false;  // the client was told to send the body
  bool paused_ = false;
  bool closing_ = false;
};

}  // namespace skep::http
