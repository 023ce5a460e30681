// A look at the cluster of a node somewhere, by one that is in no cluster, or in another one: it
// connects, says that it is in none, and asks who is there. Nothing changes by it, on either side.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/env.hpp"
#include "net/hello.hpp"
#include "net/membership.hpp"
#include "net/tls.hpp"

namespace skep {

class Dial;
class Link;
class Loop;

// What was found.
struct Visited {
  std::string node;             // its name
  std::uint64_t cluster = 0;    // 0: it is in none
  std::vector<Member> members;  // if that is another one than this node's
};

class Visit final {
 public:
  // Errors: Code::unavailable when nobody answers; what keeps the two apart (cluster.name, secret,
  // TLS) as the handshake has it.
  using Done = std::function<void(Result<Visited>)>;

  // `self` is what this node says of itself. `done` is called once, within `timeout`, never from
  // within the constructor, and may destroy the visit; destroyed before, it does not come.
  Visit(Loop& loop, const Address& to, Hello self, std::string secret,
        std::shared_ptr<tls::Context> tls, Duration timeout, Done done);
  ~Visit();
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  void ask(Link& link);
  void hear(const wire::Frame& frame);
  void end(Result<Visited> outcome);

  Loop& loop_;
  const Address to_;
  const std::string name_;
  const std::uint64_t own_cluster_;
  Done done_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<Link> link_;
  Timers::Id timer_ = 0;
  bool ended_ = false;
};

}  // namespace skep
