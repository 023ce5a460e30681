#include "conf/keys.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <utility>

#include "conf/units.hpp"
#include "net/base/log.hpp"

namespace skep::conf {
namespace {

using namespace std::chrono_literals;
using std::string_view;

constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB, kTiB = 1024 * kGiB;

bool fits_name(string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}
bool fits_role(string_view text) {
  return text == "ring" || text == "acceptor" || text == "proposer" || text == "admin";
}
bool fits_listen(string_view text) {
  auto address = parse_address(text);
  return address && is_numeric(address->host);
}
bool fits_dial(string_view text) {
  auto address = parse_address(text);
  return address && !is_wildcard(address->host);
}
bool fits_node(string_view text) {
  auto node = parse_node(text);
  return node && fits_name(node->name) && fits_dial(node->address);
}
bool fits_level(string_view text) { return LogLevels::parse(text).has_value(); }
bool fits_durability(string_view text) {
  return text == "interval" || text == "commit" || text == "none";
}

constexpr string_view kName = "1 to 64 letters, digits, '-', '_' and '.'";
constexpr string_view kListen = R"(an IP address and a port, such as "127.0.0.1:5000")";
constexpr string_view kDial = R"(an address that others can dial, such as "10.0.0.5:5000")";
constexpr string_view kNode = R"(a node's name and cluster address, such as "node1@10.0.0.5:5000")";
constexpr string_view kRoles = R"("ring", "acceptor", "proposer", "admin")";

using C = NodeConfig;
#define SKEP_FIELD(member) [](C& c) -> decltype(auto) { return (c.member); }

const auto kKeys = std::to_array<Key>({
    {"name", "", Text{SKEP_FIELD(name), fits_name, kName}, "the node's name; default: the host's"},
    {"roles", R"(["ring", "admin"])", Texts{SKEP_FIELD(roles), fits_role, kRoles},
     "what this node does"},
    {"data", R"("data")", Path{SKEP_FIELD(data), ""}, "the directory of everything it keeps"},
    {"stop_timeout", R"("10s")", Span{SKEP_FIELD(stop_timeout), 1s, 10min},
     "how long a stop may take"},

    {"cluster.name", R"("skep")", Text{SKEP_FIELD(cluster.name), fits_name, kName},
     "nodes of another cluster are refused"},
    {"cluster.listen", R"("127.0.0.1:5000")",
     Text{SKEP_FIELD(cluster.listen), fits_listen, kListen}, "where other nodes reach this one"},
    {"cluster.advertise", "", Text{SKEP_FIELD(cluster.advertise), fits_dial, kDial},
     "what others dial; default: cluster.listen"},
    {"cluster.peers", "[]", Texts{SKEP_FIELD(cluster.peers), fits_dial, kDial, true},
     "cluster addresses of other nodes; empty founds a cluster"},
    {"cluster.secret_file", "", Secret{SKEP_FIELD(cluster.secret)}, "what all nodes must prove"},
    {"cluster.tls.cert", "", Path{SKEP_FIELD(cluster.tls.cert), ""},
     "this node's certificate, for links with TLS"},
    {"cluster.tls.key", "", Path{SKEP_FIELD(cluster.tls.key), ""}, "its private key"},
    {"cluster.tls.ca", "", Path{SKEP_FIELD(cluster.tls.ca), ""},
     "the CA of all nodes' certificates"},
    {"cluster.dead_after", R"("1s")", Span{SKEP_FIELD(cluster.dead_after), 200ms, 1h},
     "a node that does not answer for so long is believed dead"},
    {"cluster.max_frame", R"("64MiB")", Size{SKEP_FIELD(cluster.max_frame), kMiB, kGiB},
     "the longest message between nodes"},

    {"log.level", R"("info")",
     Text{SKEP_FIELD(log.level), fits_level,
          R"(debug, info, warn or error, also per part, such as "info,ring=debug")"},
     "what is logged"},
    {"log.file", R"("stderr")", Path{SKEP_FIELD(log.file), "stderr"}, "where to"},

    {"store.flush_interval", R"("1s")", Span{SKEP_FIELD(store.flush_interval), 1ms, 1min},
     "how much a power cut may take of what was written, not durable"},
    {"store.max_unfolded", R"("256MiB")", Size{SKEP_FIELD(store.max_unfolded), kMiB, kTiB},
     "the most that may wait in memory for the fold"},

    {"ring.listen", R"("127.0.0.1:2836")", Text{SKEP_FIELD(ring.listen), fits_listen, kListen},
     "where Redis clients reach this node"},
    {"ring.password_file", "", Secret{SKEP_FIELD(ring.password)}, "what clients must AUTH with"},
    {"ring.tls.cert", "", Path{SKEP_FIELD(ring.tls.cert), ""},
     "the certificate that clients see; with it they must speak TLS"},
    {"ring.tls.key", "", Path{SKEP_FIELD(ring.tls.key), ""}, "its private key"},
    {"ring.tls.client_ca", "", Path{SKEP_FIELD(ring.tls.ca), ""},
     "the CA of which clients must show a certificate"},
    {"ring.replication", "3", Count{SKEP_FIELD(ring.replication), 1, 9}, "copies of each key"},
    {"ring.arcs", "256", Count{SKEP_FIELD(ring.arcs), 1, 16384, true},
     "pieces that the ring is cut into, once, by its founder"},
    {"ring.durability", R"("interval")",
     Text{SKEP_FIELD(ring.durability), fits_durability, R"("interval", "commit" or "none")"},
     "what a write waits for"},
    {"ring.heartbeat", R"("150ms")", Span{SKEP_FIELD(ring.heartbeat), 10ms, 10s},
     "how often an arc's owner renews its lease"},
    {"ring.lease", R"("600ms")", Span{SKEP_FIELD(ring.lease), 50ms, 1min},
     "how long an owner may answer after it was last confirmed"},
    {"ring.takeover_after", R"("1s")", Span{SKEP_FIELD(ring.takeover_after), 100ms, 10min},
     "an owner that is silent for so long loses its arcs"},
    {"ring.replace_after", R"("30s")", Span{SKEP_FIELD(ring.replace_after), 1s, 7 * 24h},
     "a member that is silent for so long is replaced"},
    {"ring.takeover_empty_after", R"("10s")",
     Span{SKEP_FIELD(ring.takeover_empty_after), 1s, 7 * 24h, "never"},
     "with one copy of each key: when its node is given up and the ring serves without it"},
    {"ring.moves", "8", Count{SKEP_FIELD(ring.moves), 1, 256}, "arcs that may move at once"},
    {"ring.weight", "100", Count{SKEP_FIELD(ring.weight), 1, 10000},
     "this node's share of the ring, in percent of a plain node's"},
    {"ring.request_timeout", R"("5s")", Span{SKEP_FIELD(ring.request_timeout), 100ms, 10min},
     "how long a request may take before it is answered with a refusal"},
    {"ring.idle_timeout", R"("0s")", Span{SKEP_FIELD(ring.idle_timeout), 0s, 365 * 24h},
     "a client that asks nothing for so long is closed; \"0s\": none is"},
    {"ring.unread_timeout", R"("60s")", Span{SKEP_FIELD(ring.unread_timeout), 1s, 24h},
     "a client that takes none of its replies for so long is closed"},
    {"ring.max_connections", "10000", Count{SKEP_FIELD(ring.max_connections), 1, 1'000'000},
     "clients at once"},
    {"ring.max_client_memory", R"("512MiB")", Size{SKEP_FIELD(ring.max_client_memory), kMiB, kTiB},
     "requests and replies of all clients; above it, requests are refused"},
    {"ring.max_value", R"("16MiB")", Size{SKEP_FIELD(ring.max_value), kKiB, 256 * kMiB},
     "the longest key or value"},
    {"ring.max_memory", R"("0B")", Size{SKEP_FIELD(ring.max_memory), 0, 16 * kTiB},
     "the most that entries take in memory, the rest being on disk only, or deleted where none is; "
     "0B: no bound"},
    {"ring.max_entries", "0", Count{SKEP_FIELD(ring.max_entries), 0, 1'000'000'000'000},
     "the most values in memory, the rest being on disk only, or deleted where none is; 0: no "
     "bound"},
    {"ring.max_disk", R"("0B")", Size{SKEP_FIELD(ring.max_disk), 0, 1024 * kTiB},
     "the most that the store may hold; then writes are refused; 0B: no bound"},

    {"acceptor.cache", R"("64MiB")", Size{SKEP_FIELD(acceptor.cache), kMiB, kTiB},
     "registers that are kept in memory"},

    {"proposer.listen", R"("127.0.0.1:8100")",
     Text{SKEP_FIELD(proposer.listen), fits_listen, kListen}, "where HTTP clients reach this node"},
    {"proposer.token_file", "", Secret{SKEP_FIELD(proposer.token)}, "what clients must show"},
    {"proposer.admin_token_file", "", Secret{SKEP_FIELD(proposer.admin_token)},
     "what must be shown to change the configuration of acceptors and proposers"},
    {"proposer.tls.cert", "", Path{SKEP_FIELD(proposer.tls.cert), ""},
     "the certificate that clients see; with it they must speak HTTPS"},
    {"proposer.tls.key", "", Path{SKEP_FIELD(proposer.tls.key), ""}, "its private key"},
    {"proposer.tls.client_ca", "", Path{SKEP_FIELD(proposer.tls.ca), ""},
     "the CA of which clients must show a certificate"},
    {"proposer.initial_acceptors", "[]",
     Texts{SKEP_FIELD(proposer.initial_acceptors), fits_node, kNode, true},
     "the first acceptors, as long as no configuration is stored"},
    {"proposer.initial_proposers", "[]",
     Texts{SKEP_FIELD(proposer.initial_proposers), fits_node, kNode, true},
     "the first proposers, as long as no configuration is stored"},
    {"proposer.request_timeout", R"("5s")",
     Span{SKEP_FIELD(proposer.request_timeout), 100ms, 10min},
     "how long a request may take before it is answered with a refusal"},
    {"proposer.idle_timeout", R"("60s")", Span{SKEP_FIELD(proposer.idle_timeout), 0s, 365 * 24h},
     "a client that asks nothing for so long is closed; \"0s\": none is"},
    {"proposer.max_connections", "10000", Count{SKEP_FIELD(proposer.max_connections), 1, 1'000'000},
     "clients at once"},
    {"proposer.max_key", R"("1KiB")", Size{SKEP_FIELD(proposer.max_key), 1, 4 * kKiB},
     "the longest key"},
    {"proposer.max_value", R"("1MiB")", Size{SKEP_FIELD(proposer.max_value), 1, 64 * kMiB},
     "the longest value"},
    {"proposer.cache", R"("64MiB")", Size{SKEP_FIELD(proposer.cache), kMiB, kTiB},
     "promises and values that are kept in memory, for changes in one round trip"},

    {"admin.listen", R"("127.0.0.1:5001")", Text{SKEP_FIELD(admin.listen), fits_listen, kListen},
     "where HTTP clients reach this node"},
    {"admin.token_file", "", Secret{SKEP_FIELD(admin.token)}, "what readers must show"},
    {"admin.admin_token_file", "", Secret{SKEP_FIELD(admin.admin_token)},
     "what changing commands must show"},
    {"admin.tls.cert", "", Path{SKEP_FIELD(admin.tls.cert), ""},
     "the certificate that clients see; with it they must speak HTTPS"},
    {"admin.tls.key", "", Path{SKEP_FIELD(admin.tls.key), ""}, "its private key"},
    {"admin.tls.client_ca", "", Path{SKEP_FIELD(admin.tls.ca), ""},
     "the CA of which clients must show a certificate"},
    {"admin.max_connections", "256", Count{SKEP_FIELD(admin.max_connections), 1, 100'000},
     "clients at once"},
});
#undef SKEP_FIELD

std::string range(string_view kind, const std::string& min, const std::string& max) {
  return std::string(kind) + " from " + min + " to " + max;
}
std::string quoted(const std::string& text) { return '"' + text + '"'; }

struct Describe {
  std::string operator()(const Text& type) const { return std::string(type.accepted); }
  std::string operator()(const Texts& type) const {
    return "a list of " + std::string(type.accepted) +
           (type.may_be_empty ? "" : ", of one at least");
  }
  std::string operator()(const Count& type) const {
    return range(type.power_of_two ? "a power of two" : "an integer", std::to_string(type.min),
                 std::to_string(type.max));
  }
  std::string operator()(const Size& type) const {
    return range("a size (in B, KiB, MiB, GiB or TiB)", quoted(show_size(type.min)),
                 quoted(show_size(type.max)));
  }
  std::string operator()(const Span& type) const {
    return range("a duration", quoted(show_duration(type.min)), quoted(show_duration(type.max))) +
           (type.keyword.empty() ? "" : ", or " + quoted(std::string(type.keyword)));
  }
  std::string operator()(const Path& type) const {
    return type.keyword.empty() ? "a path" : "a path or " + quoted(std::string(type.keyword));
  }
  std::string operator()(const Secret&) const {
    return "a file with one line that others cannot read (chmod 600)";
  }
};

// Levenshtein's distance: single letters inserted, deleted or replaced.
std::size_t distance(string_view a, string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({replaced, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

string_view last_word(string_view path) { return path.substr(path.rfind('.') + 1); }

}  // namespace

std::span<const Key> keys() { return kKeys; }

const Key* find_key(string_view path) {
  auto key = std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& k) { return k.path == path; });
  return key == kKeys.end() ? nullptr : &*key;
}

bool is_section(string_view path) {
  return std::any_of(kKeys.begin(), kKeys.end(), [&](const Key& key) {
    return key.path.size() > path.size() && key.path[path.size()] == '.' &&
           key.path.substr(0, path.size()) == path;
  });
}

std::string accepted(const Key& key) { return std::visit(Describe{}, key.type); }

string_view nearest_key(string_view path) {
  string_view nearest;
  std::size_t best = 1 + std::max<std::size_t>(2, path.size() / 4);
  auto consider = [&](string_view known, std::size_t apart) {
    if (apart >= best) return;
    best = apart;
    nearest = known;
  };
  for (const Key& key : kKeys) {
    std::size_t dot = key.path.find('.');
    if (dot != string_view::npos) {
      string_view section = key.path.substr(0, dot);
      consider(section, distance(path, section));
    }
    consider(key.path, distance(path, key.path));
    // The right word in the wrong section is nearer than any wrong word.
    if (last_word(path) == last_word(key.path)) consider(key.path, 1);
  }
  return nearest;
}

bool is_later_role(string_view name) { return name == "replica" || name == "gateway"; }

}  // namespace skep::conf
