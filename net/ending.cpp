#include "net/ending.hpp"

#include <algorithm>
#include <utility>

namespace skep {
namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(5);

}  // namespace

void Ending::begin(const std::string& why, Duration limit, Steps steps) {
  if (std::exchange(begun_, true)) return;
  log_.write(Level::info, "node", "stops " + why);
  steps_ = std::move(steps);
  for (TcpListener* listener : steps_.listeners) listener->stop_accepting();
  timers_.after(limit, [this] {
    if (!closed_) log_.write(Level::warn, "node", "not everything was done within stop_timeout");
    close();
  });
  if (!steps_.pass_on) return drain();
  steps_.pass_on([this](Result<> passed) {
    if (!passed)
      log_.write(Level::warn, "node", "does not stop in order: " + passed.error().message);
    drain();
  });
}

void Ending::drain() {
  for (TcpListener* listener : steps_.listeners) listener->close_connections();
  await_clients();
}

void Ending::await_clients() {
  if (std::all_of(steps_.listeners.begin(), steps_.listeners.end(),
                  [](const TcpListener* listener) { return listener->connections() == 0; }))
    return close();
  timers_.after(kLookAgain, [this] { await_clients(); });
}

void Ending::close() {
  if (!std::exchange(closed_, true)) steps_.close();
}

}  // namespace skep
