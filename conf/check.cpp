#include "conf/check.hpp"

#include <algorithm>
#include <utility>

#include "conf/units.hpp"

namespace skep::conf {
namespace {

struct Listening {
  std::string_view key;
  const std::string& address;
  const std::string& credential;
  std::string_view credential_key;
  const TlsConfig& tls;
  std::string_view ca;  // its key's last word

  std::string section() const { return std::string(key.substr(0, key.find('.'))); }
};

class Checker {
 public:
  explicit Checker(const Checked& checked) : checked_(checked), config_(checked.config) {}

  std::vector<Problem> run() {
    listeners();
    cluster();
    if (config_.runs("ring")) ring();
    if (config_.runs("proposer")) proposer();
    return std::move(problems_);
  }

 private:
  // The place is that of `key`, or, when that has its default, of `other`, which clashes with it.
  void report(std::string_view key, std::string text, std::string_view other = {}) {
    Place place = checked_.place(key);
    if (place.line == 0 && !other.empty()) place = checked_.place(other);
    problems_.push_back({std::move(place), std::string(key), std::move(text)});
  }
  template <class... Keys> bool sound(Keys... keys) const { return (checked_.sound(keys) && ...); }

  void listeners() {
    std::vector<Listening> all{{"cluster.listen", config_.cluster.listen, config_.cluster.secret,
                                "cluster.secret_file", config_.cluster.tls, "ca"}};
    if (config_.runs("ring"))
      all.push_back({"ring.listen", config_.ring.listen, config_.ring.password,
                     "ring.password_file", config_.ring.tls, "client_ca"});
    if (config_.runs("proposer"))
      all.push_back({"proposer.listen", config_.proposer.listen, config_.proposer.token,
                     "proposer.token_file", config_.proposer.tls, "client_ca"});
    if (config_.runs("admin"))
      all.push_back({"admin.listen", config_.admin.listen, config_.admin.token, "admin.token_file",
                     config_.admin.tls, "client_ca"});
    for (std::size_t i = 0; i < all.size(); ++i) {
      whole_tls(all[i]);
      if (!sound(all[i].key)) continue;
      protection(all[i]);
      for (std::size_t j = 0; j < i; ++j)
        if (sound(all[j].key)) clash(all[i], all[j]);
    }
  }

  void clash(const Listening& a, const Listening& b) {
    auto one = parse_address(a.address);
    auto other = parse_address(b.address);
    if (one->port != other->port) return;
    if (one->host != other->host && !is_wildcard(one->host) && !is_wildcard(other->host)) return;
    report(a.key,
           "found \"" + a.address + "\", whose port " + std::string(b.key) +
               " has already; accepted: a port of its own",
           b.key);
  }

  // A certificate and its key belong together; a CA is for a listener with both, and between nodes
  // there is no TLS without one.
  void whole_tls(const Listening& listening) {
    const TlsConfig& tls = listening.tls;
    const std::string prefix = listening.section() + ".tls.";
    const std::string ca(listening.ca);
    if (!tls.on() && tls.key.empty() && tls.ca.empty()) return;
    const auto lacks = [&](const std::string& key, const std::string& given) {
      report(prefix + given, "found without " + prefix + key + "; accepted: both, or neither");
    };
    if (!tls.on()) return lacks("cert", tls.key.empty() ? ca : "key");
    if (tls.key.empty()) return lacks("key", "cert");
    if (tls.ca.empty() && ca == "ca") lacks(ca, "cert");
  }

  void protection(const Listening& listening) {
    auto address = parse_address(listening.address);
    if (is_loopback(address->host) || !listening.credential.empty()) return;
    if (!sound(listening.credential_key) || !listening.tls.ca.empty()) return;
    std::string_view path = listening.credential_key;
    const std::string section = listening.section();
    std::string key(path.substr(path.find('.') + 1));
    std::string file = section + "." + key.substr(0, key.find("_file"));
    report(listening.key, "found \"" + listening.address +
                              "\", which other machines reach and nothing protects; accepted: an "
                              "address of the loopback, such as \"127.0.0.1:" +
                              std::to_string(address->port) + "\", or, beside it, the lines\n  [" +
                              section + "]\n  " + key + " = \"" + file +
                              "\"\nand the file, made by\n  (umask 077; openssl rand -hex 32 > " +
                              file + ")");
  }

  void cluster() {
    const ClusterConfig& cluster = config_.cluster;
    if (!sound("cluster.listen", "cluster.advertise")) return;
    auto address = parse_address(cluster.address());
    if (is_wildcard(address->host))
      report("cluster.listen", "found \"" + cluster.listen +
                                   "\", which nobody can dial; accepted: one address, or, beside "
                                   "it, cluster.advertise with the address that others dial");
    if (!sound("cluster.peers") || cluster.peers.empty()) return;
    if (std::all_of(cluster.peers.begin(), cluster.peers.end(),
                    [&](const std::string& peer) { return peer == cluster.address(); }))
      report("cluster.peers",
             "found only this node's own address; accepted: other nodes' "
             "addresses, or [] to found a cluster");
  }

  // `longer` must be at least `times` as long as `shorter`.
  void order(std::string_view longer, Duration is, std::string_view shorter, Duration than,
             int times, std::string_view why) {
    if (!sound(longer, shorter) || is >= than * times) return;
    std::string least = times == 1 ? "" : std::to_string(times) + " times ";
    report(longer,
           "found \"" + show_duration(is) + "\"; accepted: at least " + least +
               std::string(shorter) + ", which is \"" + show_duration(than) +
               "\": " + std::string(why),
           shorter);
  }

  void ring() {
    const RingConfig& ring = config_.ring;
    order("ring.lease", ring.lease, "ring.heartbeat", ring.heartbeat, 2,
          "a lease has to outlast a lost heartbeat");
    order("ring.takeover_after", ring.takeover_after, "ring.lease", ring.lease, 1,
          "nobody can take over before the lease is over");
    order("ring.replace_after", ring.replace_after, "ring.takeover_after", ring.takeover_after, 1,
          "who is replaced has been silent for longer than who is taken over");
    if (ring.takeover_empty_after != Duration(0))
      order("ring.takeover_empty_after", ring.takeover_empty_after, "ring.takeover_after",
            ring.takeover_after, 1, "who is given up has been silent for longer");
    if (!sound("ring.max_value", "cluster.max_frame")) return;
    // A request has a key, a value and one to compare at most; and a little around them.
    if (3 * ring.max_value + 64 * 1024 > config_.cluster.max_frame)
      report("ring.max_value",
             "found \"" + show_size(ring.max_value) +
                 "\"; accepted: less than a third of cluster.max_frame, which is \"" +
                 show_size(config_.cluster.max_frame) + "\", or a larger cluster.max_frame",
             "cluster.max_frame");
  }

  void proposer() {
    const ProposerConfig& proposer = config_.proposer;
    initial("proposer.initial_acceptors", proposer.initial_acceptors);
    initial("proposer.initial_proposers", proposer.initial_proposers);
    if (sound("proposer.initial_acceptors", "proposer.initial_proposers") &&
        proposer.initial_acceptors.empty() != proposer.initial_proposers.empty()) {
      const bool acceptors = proposer.initial_proposers.empty();
      report(acceptors ? "proposer.initial_acceptors" : "proposer.initial_proposers",
             std::string("found without proposer.initial_") +
                 (acceptors ? "proposers" : "acceptors") +
                 "; accepted: both, or neither where a configuration is stored, or where the "
                 "others are to take this node in");
    }
    if (!sound("proposer.max_key", "proposer.max_value", "cluster.max_frame")) return;
    // A change that is passed on has a key, a value and an expected one; and a little around them.
    if (2 * proposer.max_value + proposer.max_key + 64 * 1024 > config_.cluster.max_frame)
      report("proposer.max_value",
             "found \"" + show_size(proposer.max_value) +
                 "\"; accepted: less than half of cluster.max_frame, which is \"" +
                 show_size(config_.cluster.max_frame) + "\", or a larger cluster.max_frame",
             "cluster.max_frame");
  }

  // Nobody may stand twice in a list, under whatever address or name.
  void initial(std::string_view key, const std::vector<std::string>& nodes) {
    if (!sound(key)) return;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto one = *parse_node(nodes[i]);
      for (std::size_t j = 0; j < i; ++j) {
        const auto other = *parse_node(nodes[j]);
        if (one.name != other.name && one.address != other.address) continue;
        const bool name = one.name == other.name;
        return report(key, "found \"" + nodes[j] + "\" and \"" + nodes[i] +
                               "\": " + (name ? "the name " : "the address ") +
                               std::string(name ? one.name : one.address) +
                               " twice; accepted: each node once");
      }
    }
  }

  const Checked& checked_;
  const NodeConfig& config_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> check(const Checked& checked) { return Checker(checked).run(); }

}  // namespace skep::conf
