// How a node ends in order, within a time: no new clients; what others are to have is passed on;
// clients get what they are still owed; the rest is the node's to close.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "net/env.hpp"
#include "net/tcp.hpp"

namespace skep {

class Ending {
 public:
  using Done = std::function<void(Result<>)>;
  struct Steps {
    std::vector<TcpListener*> listeners;
    std::function<void(Done)> pass_on;  // empty: there is nothing to pass on
    std::function<void()> close;        // the last step, which comes once
  };

  // These and the listeners must outlive it, and its timers.
  Ending(Timers& timers, Log& log) : timers_(timers), log_(log) {}

  // Once begun, it is not begun again. `why` is for the log: "by a signal". After `limit` the steps
  // that are not done are skipped.
  void begin(const std::string& why, Duration limit, Steps steps);
  bool begun() const { return begun_; }

 private:
  void drain();
  void await_clients();
  void close();

  Timers& timers_;
  Log& log_;
  Steps steps_;
  bool begun_ = false;
  bool closed_ = false;
};

}  // namespace skep
