// What a node is told by its configuration, as values: checked, with defaults filled in, paths made
// relative to the process and secrets read from their files. Which keys there are, what each takes
// and what it is by default stands in one table (conf/keys.cpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/time.hpp"

namespace skep::conf {

// Files in PEM. Empty paths: not given.
struct TlsConfig {
  std::filesystem::path cert;
  std::filesystem::path key;
  std::filesystem::path ca;  // whose certificates the other side has to show

  bool on() const { return !cert.empty(); }
};

struct ClusterConfig {
  std::string name;
  std::string listen;
  std::string advertise;  // empty: what `listen` says
  std::vector<std::string> peers;
  std::string secret;  // empty: none
  TlsConfig tls;       // with a CA, if at all
  Duration dead_after{};
  std::uint64_t max_frame = 0;  // bytes

  const std::string& address() const { return advertise.empty() ? listen : advertise; }
};

struct LogConfig {
  std::string level;
  std::filesystem::path file;  // "stderr": the standard error
};

struct StoreConfig {
  Duration flush_interval{};
  std::uint64_t max_unfolded = 0;  // bytes
};

struct RingConfig {
  std::string listen;
  std::string password;  // empty: none
  TlsConfig tls;
  std::uint64_t replication = 0;
  std::uint64_t arcs = 0;
  std::string durability;
  Duration heartbeat{};
  Duration lease{};
  Duration takeover_after{};
  Duration replace_after{};
  Duration takeover_empty_after{};  // 0: never
  std::uint64_t moves = 0;
  std::uint64_t weight = 0;  // percent of a plain node's share
  Duration request_timeout{};
  Duration idle_timeout{};  // 0: none
  Duration unread_timeout{};
  std::uint64_t max_connections = 0;
  std::uint64_t max_client_memory = 0;  // bytes
  std::uint64_t max_value = 0;          // bytes
  std::uint64_t max_memory = 0;         // bytes; 0: no bound
  std::uint64_t max_entries = 0;        // 0: no bound
  std::uint64_t max_disk = 0;           // bytes; 0: no bound
};

struct AcceptorConfig {
  std::uint64_t cache = 0;  // bytes
};

struct ProposerConfig {
  std::string listen;
  std::string token;        // to read and write registers; empty: everybody may
  std::string admin_token;  // to change the configuration; empty: everybody on the loopback may
  TlsConfig tls;
  // "name@host:port" of cluster addresses, no name and no address twice.
  std::vector<std::string> initial_acceptors;
  std::vector<std::string> initial_proposers;
  Duration request_timeout{};
  Duration idle_timeout{};  // 0: none
  std::uint64_t max_connections = 0;
  std::uint64_t max_key = 0;    // bytes
  std::uint64_t max_value = 0;  // bytes
  std::uint64_t cache = 0;      // bytes
};

struct AdminConfig {
  std::string listen;
  std::string token;        // to read; empty: everybody may
  std::string admin_token;  // to change; empty: everybody on the loopback may
  TlsConfig tls;
  std::uint64_t max_connections = 0;
};

struct NodeConfig {
  std::string name;
  std::vector<std::string> roles;
  std::filesystem::path data;
  Duration stop_timeout{};
  ClusterConfig cluster;
  LogConfig log;
  StoreConfig store;
  RingConfig ring;
  AcceptorConfig acceptor;
  ProposerConfig proposer;
  AdminConfig admin;

  bool runs(std::string_view role) const {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
  }
};

}  // namespace skep::conf
