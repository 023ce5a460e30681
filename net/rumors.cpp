#include "net/rumors.hpp"

#include <algorithm>

#include "net/base/checksum.hpp"
#include "net/wire.hpp"

namespace skep::members {
namespace {

std::size_t bucket(const Rumor& rumor) { return hash64(rumor.topic, rumor.key) % Rumors::kBuckets; }
// All of it as bytes: with a version for the seed, short values that count in the same direction
// collide.
std::uint64_t fingerprint(const Rumor& rumor) { return hash64(wire::encode(rumor)); }
std::size_t weight(const Rumor& rumor) { return rumor.topic.size() + rumor.value.size(); }

// Of two values with one version, which nobody should make, the same one wins everywhere.
bool beats(const Rumor& a, const Rumor& b) {
  return a.version != b.version ? a.version > b.version : a.value > b.value;
}

}  // namespace

Rumors::Rumors(Keep keep) : keep_(std::move(keep)) {
  if (!keep_) keep_ = [](Rumor rumor) { return std::make_shared<const Rumor>(std::move(rumor)); };
}

// Of the first that is not before it.
std::size_t Rumors::place(std::string_view topic, std::uint64_t key) const {
  const auto found =
      std::lower_bound(rumors_.begin(), rumors_.end(), std::pair(topic, key),
                       [](const Shared& one, const std::pair<std::string_view, std::uint64_t>& to) {
                         return std::pair(std::string_view(one->topic), one->key) < to;
                       });
  return static_cast<std::size_t>(found - rumors_.begin());
}

Rumors::Heard Rumors::put(const Rumor& rumor) {
  if (rumor.topic.empty() || rumor.topic.size() > kMaxTopic || rumor.value.size() > kMaxValue)
    return Heard::refused;
  const auto at = rumors_.begin() + static_cast<std::ptrdiff_t>(place(rumor.topic, rumor.key));
  const bool known = at != rumors_.end() && (*at)->key == rumor.key && (*at)->topic == rumor.topic;
  if (known && !beats(rumor, **at)) return Heard::known;
  if (!known && rumors_.size() >= kMaxCount) return Heard::refused;
  const std::size_t freed = known ? weight(**at) : 0;
  if (bytes_ - freed + weight(rumor) > kMaxBytes) return Heard::refused;
  bytes_ += weight(rumor) - freed;
  std::uint64_t& digest = digests_[bucket(rumor)];
  digest ^= fingerprint(rumor);
  if (known) digest ^= fingerprint(**at);
  if (known)
    *at = keep_(rumor);
  else
    rumors_.insert(at, keep_(rumor));
  return Heard::news;
}

Rumors::Shared Rumors::find(const Key& key) const {
  const std::size_t at = place(key.first, key.second);
  const bool found =
      at < rumors_.size() && rumors_[at]->key == key.second && rumors_[at]->topic == key.first;
  return found ? rumors_[at] : nullptr;
}

std::vector<Rumor> Rumors::different(const std::vector<std::uint64_t>& digests) const {
  std::array<bool, kBuckets> differs{};
  for (std::size_t i = 0; i < kBuckets; ++i)
    differs[i] = i >= digests.size() || digests[i] != digests_[i];
  std::vector<Rumor> found;
  for (const Shared& rumor : rumors_)
    if (differs[bucket(*rumor)]) found.push_back(*rumor);
  return found;
}

}  // namespace skep::members
