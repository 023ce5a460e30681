// INFO, in the sections and by the names that Redis's tools read.
#include <array>
#include <cstdio>

#include "net/process.hpp"
#include "net/resp_text.hpp"
#include "roles/ring/cluster_replies.hpp"
#include "roles/ring/session.hpp"

namespace skep::ring {
namespace {

using resp::is_word;
using resp::Value;

class Section {
 public:
  Section& put(std::string_view name, std::string_view value) {
    text_.append(name).append(":").append(value).append("\r\n");
    return *this;
  }
  Section& put(std::string_view name, std::uint64_t value) {
    return put(name, std::to_string(value));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// As Redis writes it: 1.50M.
std::string human(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "K", "M", "G", "T"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f%s" : "%.2f%s", size, kUnits[unit]);
  return text;
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", seconds);
  return text;
}

std::string run_id(const Topology& topology) {
  const Value id = cluster_myid(topology);
  return id.is_error() ? std::string(40, '0') : id.text;
}

std::string server_section(RespServer& server, const Topology& topology) {
  const auto up =
      std::chrono::duration_cast<std::chrono::seconds>(server.clock().now() - server.started());
  const auto seconds = static_cast<std::uint64_t>(up.count());
  const Address& listen = server.options().listen;
  return Section()
      .put("redis_version", kRedisVersion)
      .put("skep_version", SKEP_VERSION)
      // A plain client needs to know nothing of the ring, and those of a cluster ask further down.
      .put("redis_mode", "standalone")
      .put("node_name", server.options().node)
      .put("os", "Linux")
      .put("arch_bits", sizeof(void*) * 8)
      .put("process_id", static_cast<std::uint64_t>(process_id()))
      .put("run_id", run_id(topology))
      .put("tcp_port", listen.substr(listen.rfind(':') + 1))
      .put("server_time_usec", static_cast<std::uint64_t>(server.clock().wall()) * 1000)
      .put("uptime_in_seconds", seconds)
      .put("uptime_in_days", seconds / 86400)
      .text();
}

std::string clients_section(RespServer& server) {
  Section section;
  section.put("connected_clients", server.sessions().size());
  for (const auto& [name, value] : server.options().settings)
    if (name == "maxclients") section.put(name, value);
  return section.put("blocked_clients", 0).text();
}

std::string memory_section() {
  const std::uint64_t now = resident_bytes(), peak = peak_resident_bytes();
  return Section()
      .put("used_memory", now)
      .put("used_memory_human", human(now))
      .put("used_memory_rss", now)
      .put("used_memory_rss_human", human(now))
      .put("used_memory_peak", peak)
      .put("used_memory_peak_human", human(peak))
      .text();
}

// The journal is what Redis calls its append-only file.
std::string persistence_section(const Topology& topology) {
  return Section()
      .put("loading", topology.ranges.empty() ? 1 : 0)
      .put("rdb_bgsave_in_progress", 0)
      .put("rdb_last_bgsave_status", "ok")
      .put("aof_enabled", 1)
      .put("aof_rewrite_in_progress", 0)
      .text();
}

std::string stats_section(RespServer& server) {
  const auto& figures = server.figures();
  return Section()
      .put("total_connections_received", figures.connections)
      .put("total_commands_processed", figures.commands)
      .put("total_net_input_bytes", figures.bytes_in)
      .put("total_net_output_bytes", figures.bytes_out)
      .text();
}

// Copies are the ring's affair: to a client, each node is a master without replicas.
std::string replication_section(const Topology& topology) {
  return Section()
      .put("role", "master")
      .put("connected_slaves", 0)
      .put("master_failover_state", "no-failover")
      .put("master_replid", run_id(topology))
      .put("master_repl_offset", 0)
      .text();
}

std::string cpu_section() {
  const ProcessorTime used = processor_time();
  return Section()
      .put("used_cpu_sys", seconds_text(used.system))
      .put("used_cpu_user", seconds_text(used.user))
      .text();
}

std::string commands_section(RespServer& server) {
  Section section;
  const auto& outcomes = server.outcomes();
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const std::uint64_t calls = outcomes[i].latency.count();
    if (calls == 0) continue;
    const auto us = static_cast<std::uint64_t>(outcomes[i].latency.sum().count());
    char each[32];
    std::snprintf(each, sizeof each, "%.2f", static_cast<double>(us) / static_cast<double>(calls));
    section.put("cmdstat_" + std::string(commands()[i].name),
                "calls=" + std::to_string(calls) + ",usec=" + std::to_string(us) +
                    ",usec_per_call=" + each +
                    ",failed_calls=" + std::to_string(outcomes[i].errors));
  }
  return section.text();
}

// How long keys have still to live is not known at once: 0, as Redis says until it knows.
std::string keyspace_section(const Keyspace::Counted& counted) {
  if (counted.keys == 0) return {};
  return Section()
      .put("db0", "keys=" + std::to_string(counted.keys) +
                      ",expires=" + std::to_string(counted.expiring) + ",avg_ttl=0")
      .text();
}

struct Wanted {
  std::vector<std::string> words;

  // `extra`: a section that is told only to who asks for it, or for all.
  bool has(std::string_view name, bool extra = false) const {
    if (words.empty()) return !extra;
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return is_word(word, name) || is_word(word, "ALL") || is_word(word, "EVERYTHING") ||
             (!extra && is_word(word, "DEFAULT"));
    });
  }
};

// `counted` has no keys when the ring could not count them.
std::string info_text(RespServer& server, const Wanted& wanted, const Keyspace::Counted& counted) {
  const Topology topology = server.keyspace().topology();
  std::string text;
  auto add = [&](bool is_wanted, const char* title, const std::string& section) {
    if (!is_wanted) return;
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(title).append("\r\n").append(section);
  };
  add(wanted.has("SERVER"), "Server", server_section(server, topology));
  add(wanted.has("CLIENTS"), "Clients", clients_section(server));
  add(wanted.has("MEMORY"), "Memory", memory_section());
  add(wanted.has("PERSISTENCE"), "Persistence", persistence_section(topology));
  add(wanted.has("STATS"), "Stats", stats_section(server));
  add(wanted.has("REPLICATION"), "Replication", replication_section(topology));
  add(wanted.has("CPU"), "CPU", cpu_section());
  add(wanted.has("COMMANDSTATS", true), "Commandstats", commands_section(server));
  add(wanted.has("CLUSTER"), "Cluster", Section().put("cluster_enabled", 1).text());
  add(wanted.has("KEYSPACE"), "Keyspace", keyspace_section(counted));
  return text;
}

}  // namespace

void Session::info(Args sections) {
  const Wanted wanted{{sections.begin(), sections.end()}};
  if (!wanted.has("KEYSPACE")) return reply(Value::verbatim(info_text(server_, wanted, {})));
  Ticket ticket = open(false, true);
  server_.keyspace().count([ticket, wanted](Result<Keyspace::Counted> counted) {
    ticket(
        Value::verbatim(info_text(*ticket.server, wanted, counted.value_or(Keyspace::Counted{}))));
  });
}

}  // namespace skep::ring
