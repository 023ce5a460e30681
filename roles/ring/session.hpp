// One client's connection: requests in, replies out in the order of the requests, however deep the
// client pipelines. Commands on keys are handed to the Keyspace as they come and may be answered in
// any order; commands on the whole ring wait for everything before them, and hold what is behind.
// What a client can make this node hold is bounded: when too much is in flight, or the client does
// not take its replies, nothing more is read from it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/resp_encode.hpp"
#include "net/resp_parser.hpp"
#include "net/stream.hpp"
#include "roles/ring/commands.hpp"
#include "roles/ring/resp_server.hpp"

namespace skep::ring {

// The way back to a request, for callbacks: small enough that std::function allocates nothing for
// it, and harmless when its session has gone.
struct Ticket {
  RespServer* server;
  std::uint32_t session;
  std::uint32_t request;

  void operator()(Result<resp::Value>&& result) const;
  bool wanted() const { return server->find(session) != nullptr; }
};

class Session final : public StreamHandler {
 public:
  Session(RespServer& server, Stream& stream);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void on_bytes(std::string_view bytes) override;
  void on_drained() override;
  void on_closed() override;

  Standing standing() const override;
  void on_quiet() override;

  // For Ticket: the outcome of a request, or of one of its keys.
  void finish(std::uint32_t request, Result<resp::Value>&& result);
  void finish_part(std::uint32_t request, std::size_t part, Result<resp::Value>&& result);

  std::uint64_t id() const { return id_; }
  // The connection as CLIENT LIST shows it, a line.
  std::string describe() const;
  // "127.0.0.1:50412".
  std::string peer() const { return stream_.peer(); }
  // Closes the connection after the replies that are due.
  void kill();
  // Bytes of requests and replies, as RespServer::hold() was told last.
  std::size_t held() const { return told_; }
  // Ends the connection at once, because it holds too much.
  void drop();

 private:
  // Several keys, each on its own, and what their outcomes make together.
  struct Gather {
    Verb verb = Verb::none;
    std::size_t left = 0;
    std::size_t succeeded = 0;
    std::int64_t sum = 0;
    std::vector<resp::Value> values;  // MGET
    std::string error;                // the first error reply or failure
    bool uncertain = false;
    std::size_t bytes = 0;          // of the values
    std::vector<std::string> keys;  // of those started one after the other; else empty
    std::size_t started = 0;        // of `keys`
  };
  // A request whose reply is not written yet: it is not known, or one before it is not.
  struct Pending {
    resp::Value reply;
    std::unique_ptr<Gather> gather;
    resp::Version version;
    bool done = false;
    bool write = false;
    bool whole = false;                // what is behind it waits
    std::size_t bytes = 0;             // of the request, then of the reply
    const Command* command = nullptr;  // for the figures, with the time of the request's arrival
    Time since{};
  };

  // session.cpp: the flow of requests and replies.
  void pump();
  bool may_start() const;
  bool may_send() const;
  bool start();
  void flush();
  void tell_held();
  void reply(resp::Value value);
  Ticket open(bool write, bool whole, std::size_t bytes = 0);
  void adapt(std::size_t bytes);
  void write_finished();
  bool fits(Args args);
  void run_key(const Command& command, Args args);
  void run_joint(const Command& command, Args args);
  void run_keys(const Command& command, Args args);
  void run_each(Args args, std::size_t step, Verb verb, bool write);
  void run_part(Ticket ticket, std::size_t part, Args words, Verb verb, bool write);
  void gather_value(Pending& pending, std::size_t part, resp::Value&& value);
  void run_more(Ticket ticket);
  void close_after_replies() { closing_ = true; }

  // session_local.cpp: what the connection answers by itself.
  resp::Value local(const Command& command, Args args);
  resp::Value hello(Args args);
  resp::Value auth(std::string_view user, std::string_view password);
  resp::Value auth_command(Args args);
  resp::Value select(Args args);
  resp::Value ring_config() const;
  resp::Value reset();
  resp::Value transaction(Verb verb);
  void set_authenticated(bool authenticated);

  // session_client.cpp: CLIENT …, CONFIG GET.
  resp::Value client(const Command& command, Args args);
  resp::Value set_name(std::string_view name);
  resp::Value set_info(Args args);
  resp::Value client_list(Args args);
  resp::Value client_kill(Args args);
  resp::Value config_get(Args patterns);

  // session_info.cpp
  void info(Args sections);

  // session_whole.cpp: what the whole ring answers.
  void whole(const Command& command, Args args);
  void scan(Args args);
  void keys(std::string_view pattern);
  void random_key();
  void flush_all(Args args);
  void slot_keys(const Command& command, Args args);
  void end_node(bool for_good);
  void forget_node(Args args);

  RespServer& server_;
  Stream& stream_;
  const std::uint32_t handle_;
  const std::uint64_t id_;
  const Time since_;
  Time active_;
  std::string name_;
  std::string library_;
  std::string library_version_;
  const Command* last_ = nullptr;  // the command started last
  resp::Version version_ = resp::Version::resp2;
  bool authenticated_;
  bool refusing_ = false;  // since a MULTI, until its end

  resp::RequestParser parser_;
  bool waiting_ = false;  // the parser's request has not been started
  bool pumping_ = false;
  bool paused_ = false;
  bool closing_ = false;  // nothing more is started; the connection closes when all is answered
  bool closed_ = false;
  bool barrier_ = false;   // a command on the whole ring is in flight
  bool starting_ = false;  // run_more() is at work
  std::deque<Pending> pending_;
  std::size_t held_ = 0;  // bytes of `pending_`
  std::size_t told_ = 0;  // bytes of everything, as the server knows
  bool dropped_ = false;
  std::size_t window_;       // requests that may be in flight
  std::uint32_t first_ = 0;  // the number of pending_.front()
  std::string out_;
};

}  // namespace skep::ring
