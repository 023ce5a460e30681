// The proposer role: the core (roles/proposer/core.hpp) on its environment.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/base/metrics.hpp"
#include "net/env.hpp"
#include "net/membership.hpp"
#include "roles/proposer/registers.hpp"
#include "store/store.hpp"

namespace skep::proposer {

struct Options {
  // "name@host:port" of cluster addresses; read only while the store has no configuration.
  std::vector<std::string> initial_acceptors;
  std::vector<std::string> initial_proposers;
  Duration round_timeout = std::chrono::milliseconds(500);  // for a quorum's answers
  std::uint64_t max_key = 1024;
  std::uint64_t max_value = 1 << 20;
  std::uint64_t cache = std::uint64_t{64} << 20;      // bytes of promises and values kept
  Duration collect_every = std::chrono::seconds(10);  // deleted registers are freed
};

class Proposer final : public Registers {
 public:
  // These must outlive it.
  Proposer(Env env, Store& store, Membership& members, Options options);
  ~Proposer() override;
  Proposer(const Proposer&) = delete;
  Proposer& operator=(const Proposer&) = delete;

  // Begins. Code::corrupt, Code::invalid (the initial lists).
  Result<> start();
  // An error says what it waits for before it can serve.
  Result<> ready() const;
  // Tells every waiting client its outcome, and takes no more.
  void stop();

  void change(Request request, std::function<void(Outcome)> told) override;
  void list(std::string prefix, std::string after, std::uint32_t limit, Duration timeout,
            std::function<void(Result<Listing>)> told) override;
  void status(Duration timeout, std::function<void(Status)> told) override;
  void configure(Step step, Duration timeout, std::function<void(Result<Status>)> told) override;
  void advance(std::uint64_t from, Duration timeout,
               std::function<void(Result<Status>)> told) override;
  void rescan(std::uint32_t limit, Duration timeout,
              std::function<void(Result<Rescanned>)> told) override;

  void report(Metrics& metrics) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace skep::proposer
