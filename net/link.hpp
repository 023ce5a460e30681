// One connection between two nodes: the handshake, then frames both ways. For files under net/
// only, because it shows libuv; net/links.hpp keeps the set of them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "net/env.hpp"
#include "net/hello.hpp"
#include "net/socket.hpp"

namespace skep {

class Link final : private StreamHandler {
 public:
  // What a link tells the set it is in. `failed` comes at most once, before `gone`, with a reason
  // for the log; `gone` comes last and may destroy the link, the others may not.
  struct Events {
    std::function<void(Link&)> up;
    std::function<void(Link&, const wire::Frame&)> frame;
    std::function<void(Link&, const Error&)> failed;
    std::function<void(Link&)> gone;
  };
  struct Limits {
    std::size_t max_frame;
    std::size_t max_queued;
    Duration handshake;  // it must be over by then
    Duration stalled;    // within a frame, or with bytes to send: no progress for that long ends it
  };

  // `dialled` is the address that was dialled; nothing for a connection that was accepted.
  Link(Loop& loop, TcpHandle handle, std::unique_ptr<tls::Channel> tls,
       std::optional<Address> dialled, Hello self, std::string secret, const Limits& limits,
       Events events);

  bool up() const { return state_ == State::up; }
  bool proving() const { return state_ == State::handshake; }
  // Whether peer() is proven, now or before it went down.
  bool was_up() const { return was_up_; }
  const Hello& peer() const { return handshake_.peer(); }
  // The cluster id that this node gave in its Hello.
  std::uint64_t said_cluster() const { return handshake_.self().cluster_id; }
  // Names it in messages: what was dialled, or the peer's address, or where it comes from.
  Address other() const;
  const std::optional<Address>& dialled() const { return dialled_; }

  // False: not up, or too much is queued; certainly not sent.
  bool send(const Message& message);
  // Bytes that wait for the kernel to take them.
  std::size_t queued() const { return socket_.queued(); }
  // Tells the other side why, then ends.
  void refuse(Refusal refusal);
  void fail(Error error);
  // The other side is in a cluster now.
  void set_peer_cluster(std::uint64_t id) { handshake_.set_peer_cluster(id); }
  // To be called now and then: ends what takes too long.
  void check(Time now);

 private:
  enum class State { handshake, up, closing };

  void on_bytes(std::string_view bytes) override;
  void on_drained() override {}
  void on_closed() override {}
  std::size_t consume(std::string_view in);
  std::size_t shake_hands(std::string_view in);
  void give_up(std::string why);
  void lost(const Ended& ended);

  Loop& loop_;
  const Limits limits_;
  const Events events_;
  const std::optional<Address> dialled_;
  Socket socket_;
  Handshake handshake_;
  State state_ = State::handshake;
  bool was_up_ = false;
  bool failed_ = false;
  std::uint8_t version_ = wire::kProtocolVersion;
  std::string in_;          // the beginning of a frame,
  std::size_t wanted_ = 0;  // which has so many bytes, as far as is known
  const Time opened_;
  Time heard_;                 // when bytes last came
  std::uint64_t sent_ = 0;     // the socket's count when it last moved,
  std::optional<Time> stuck_;  // and since when it has not though bytes are queued
};

}  // namespace skep
