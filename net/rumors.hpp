// The rumors that a node has heard: per (topic, key) the one with the highest version. Rumors fall
// into buckets by hash, each with a digest, so that two nodes find what differs without telling
// each other everything.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/membership.hpp"

namespace skep::members {

class Rumors {
 public:
  using Key = std::pair<std::string, std::uint64_t>;  // topic, key
  enum class Heard { news, known, refused };

  static constexpr std::size_t kBuckets = 64;
  static constexpr std::size_t kMaxTopic = 64;
  static constexpr std::size_t kMaxValue = 2048;
  static constexpr std::size_t kMaxCount = 65536;
  static constexpr std::size_t kMaxBytes =
      24 << 20;  // topics and values; a full exchange fits a frame

  using Shared = std::shared_ptr<const Rumor>;
  // Keeps a rumor for a list.
  using Keep = std::function<Shared(Rumor)>;
  explicit Rumors(Keep keep = {});

  // news: it is kept, in place of an older one. known: the same or a newer one is there. refused:
  // it is over a bound above.
  Heard put(const Rumor& rumor);

  // By topic and key.
  const std::vector<Shared>& all() const { return rumors_; }
  // Nullptr when there is none.
  Shared find(const Key& key) const;
  // One a bucket.
  std::vector<std::uint64_t> digests() const { return {digests_.begin(), digests_.end()}; }
  // Those in the buckets whose digest is not the one given (missing ones count as different).
  std::vector<Rumor> different(const std::vector<std::uint64_t>& digests) const;

 private:
  std::size_t place(std::string_view topic, std::uint64_t key) const;

  Keep keep_;
  std::vector<Shared> rumors_;
  std::array<std::uint64_t, kBuckets> digests_{};
  std::size_t bytes_ = 0;
};

}  // namespace skep::members
