// What the RESP sessions of a node share: the keys they serve, the options, who is connected, and
// the figures that INFO tells. Must outlive its sessions and every callback of its Keyspace.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/base/metrics.hpp"
#include "net/env.hpp"
#include "net/resp_parser.hpp"
#include "net/stream.hpp"
#include "roles/ring/commands.hpp"
#include "roles/ring/keyspace.hpp"

namespace skep::ring {

class Session;

// The Redis whose commands and replies these are.
inline constexpr std::string_view kRedisVersion = "7.0.0";

struct RespOptions {
  std::string password;  // empty: none is asked for
  // A request on one key may take three times limits.max_bulk: its key, a value, an expected one.
  resp::RequestLimits limits;
  std::size_t max_in_flight = 1024;  // requests of one connection without a reply yet
  // Bytes of requests in flight, and of replies that wait for a connection to take them, above
  // which it is not read from.
  std::size_t max_unsent = std::size_t{1} << 20;
  // Bytes of requests and replies of all connections. Above it requests are refused, and the
  // largest connections are dropped when that does not help.
  std::size_t max_memory = std::size_t{512} << 20;
  // Bytes of keys in one reply to KEYS; more is refused.
  std::size_t max_keys_reply = std::size_t{256} << 20;
  Address listen;    // what clients dial
  std::string node;  // this node's name
  // Its effective configuration for RING CONFIG: keys, and values as TOML; empty: not set.
  std::vector<std::pair<std::string, std::string>> config{};
  // What CONFIG GET tells beside what is above: names in lower case, and values.
  std::vector<std::pair<std::string, std::string>> settings;
};

class RespServer {
 public:
  struct Figures {
    std::uint64_t connections = 0;
    std::uint64_t commands = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
  };

  // Of a command's answers.
  struct Outcomes {
    Histogram latency;
    std::uint64_t errors = 0;
  };

  RespServer(Keyspace& keyspace, Clock& clock, Random& random, RespOptions options);

  // The protocol of a new connection, for TcpListener.
  std::unique_ptr<StreamHandler> accept(Stream& stream);

  Keyspace& keyspace() { return keyspace_; }
  Clock& clock() { return clock_; }
  Random& random() { return random_; }
  const RespOptions& options() const { return options_; }
  // For connections that come, and for AUTH, from now on.
  void set_password(std::string password) { options_.password = std::move(password); }
  // What RING CONFIG shows.
  void show_config(std::vector<std::pair<std::string, std::string>> config) {
    options_.config = std::move(config);
  }
  Figures& figures() { return figures_; }
  const std::vector<Outcomes>& outcomes() const { return outcomes_; }  // as commands()
  void report(Metrics& metrics) const;
  Time started() const { return started_; }

  // For Session: a command has been answered, whose request came at `since`.
  void answered(const Command& command, Time since, const resp::Value& reply);

  // The sessions that are open, by their handle.
  const std::unordered_map<std::uint32_t, Session*>& sessions() const { return sessions_; }
  // Null if it is closed.
  Session* find(std::uint32_t handle) const;

  // For Session: comes and goes. The handle is not in use by another open session.
  std::uint32_t add(Session& session);
  void remove(std::uint32_t handle) { sessions_.erase(handle); }
  std::uint64_t next_id() { return ++last_id_; }
  // A session holds so many bytes where it held `before`. Drops sessions when all hold too much.
  void hold(std::size_t before, std::size_t now);
  bool is_full() const { return held_ > options_.max_memory; }
  std::size_t held() const { return held_; }

 private:
  Keyspace& keyspace_;
  Clock& clock_;
  Random& random_;
  RespOptions options_;
  Figures figures_;
  Time started_;
  std::vector<Outcomes> outcomes_;  // as commands()
  std::uint64_t refused_ = 0;       // replies of TRYAGAIN, of UNCERTAIN
  std::uint64_t uncertain_ = 0;
  std::unordered_map<std::uint32_t, Session*> sessions_;
  std::size_t held_ = 0;
  std::uint32_t last_handle_ = 0;
  std::uint64_t last_id_ = 0;
};

}  // namespace skep::ring
