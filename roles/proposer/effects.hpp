// What an event made the proposer's core decide, as a value.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/base/log.hpp"
#include "net/env.hpp"
#include "roles/proposer/messages.hpp"

namespace skep::proposer {

struct Effects {
  struct Send {
    NodeId to = 0;
    Address address;
    Part part = Part::acceptor;
    Type type = Type::read;
    std::uint64_t request = 0;
    std::shared_ptr<const std::string> payload;  // the same for all it goes to
  };
  struct Line {
    Level level = Level::info;
    std::string text;
  };
  std::vector<Send> sends;                  // what cannot be sent comes back as Core::unsent()
  std::vector<std::function<void()>> told;  // what clients are told; called after the sends
  std::vector<Line> lines;
  std::optional<Configuration> keep;  // to be made durable; then Keeper::kept()

  void log(Level level, std::string text) { lines.push_back({level, std::move(text)}); }
};

}  // namespace skep::proposer
