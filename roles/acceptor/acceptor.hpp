// The acceptor role: answers proposers (net/register_messages.hpp) out of a core that decides
// (roles/acceptor/core.hpp) and a store that remembers. Requests of one turn of the loop share a
// durable batch, and nothing is answered before what it depends on is on disk.
#pragma once

#include <cstdint>
#include <memory>

#include "net/base/metrics.hpp"
#include "net/env.hpp"
#include "store/store.hpp"

namespace skep::acceptor {

struct Options {
  std::size_t cache = std::size_t{64} << 20;  // bytes of registers kept in memory
};

class Acceptor {
 public:
  // Environment and store must outlive it.
  Acceptor(Env env, Store& store, Options options);
  // The transport may keep its callbacks; they do nothing from here on.
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Begins to answer. Code::corrupt: its own row is damaged, and so this disk is lost as an
  // acceptor's.
  Result<> start();

  // What it was told of the configuration last (registers::Configure); empty: nothing.
  std::string_view configuration() const;

  void report(Metrics& metrics) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace skep::acceptor
