// What a node does with each of its roles, whichever they are: main opens those that the
// configuration names.
#pragma once

#include <functional>

#include "net/base/error.hpp"
#include "net/base/metrics.hpp"
#include "net/tcp.hpp"

namespace skep {

class Role {
 public:
  using Done = std::function<void(Result<>)>;
  virtual ~Role() = default;

  // Begins, and listens. The cluster has been started; roles that this one uses, too.
  virtual Result<> start() = 0;
  // An error says what it waits for.
  virtual Result<> ready() const { return {}; }
  virtual void report(Metrics& metrics) const = 0;
  // What a running node takes over of its configuration has been read again.
  virtual void reload() {}
  // After start(); null: it has none.
  virtual TcpListener* listener() { return nullptr; }
  // The node ends: passes on what others are to have, and answers who waits. The listener accepts
  // no more, and closes its connections afterwards.
  virtual void stop(Done done) { done({}); }
};

}  // namespace skep
