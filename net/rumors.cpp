#include "net/rumors.hpp"

#include "net/base/checksum.hpp"

namespace skep::members {
namespace {

std::size_t bucket(const Rumor& rumor) { return hash64(rumor.topic, rumor.key) % Rumors::kBuckets; }
std::uint64_t fingerprint(const Rumor& rumor) {
  return hash64(rumor.topic, hash64(rumor.value, rumor.version) ^ rumor.key);
}
std::size_t weight(const Rumor& rumor) { return rumor.topic.size() + rumor.value.size(); }

// Of two values with one version, which nobody should make, the same one wins everywhere.
bool beats(const Rumor& a, const Rumor& b) {
  return a.version != b.version ? a.version > b.version : a.value > b.value;
}

}  // namespace

Rumors::Heard Rumors::put(Rumor rumor) {
  if (rumor.topic.empty() || rumor.topic.size() > kMaxTopic || rumor.value.size() > kMaxValue)
    return Heard::refused;
  auto found = rumors_.find({rumor.topic, rumor.key});
  std::size_t freed = 0;
  if (found != rumors_.end()) {
    if (!beats(rumor, found->second)) return Heard::known;
    freed = weight(found->second);
  } else if (rumors_.size() >= kMaxCount) {
    return Heard::refused;
  }
  if (bytes_ - freed + weight(rumor) > kMaxBytes) return Heard::refused;
  bytes_ += weight(rumor) - freed;
  std::uint64_t& digest = digests_[bucket(rumor)];
  digest ^= fingerprint(rumor);
  if (found != rumors_.end()) {
    digest ^= fingerprint(found->second);
    found->second = std::move(rumor);
  } else {
    Key key{rumor.topic, rumor.key};
    rumors_.emplace(std::move(key), std::move(rumor));
  }
  return Heard::news;
}

const Rumor* Rumors::find(const Key& key) const {
  auto found = rumors_.find(key);
  return found == rumors_.end() ? nullptr : &found->second;
}

std::vector<Rumor> Rumors::different(const std::vector<std::uint64_t>& digests) const {
  std::array<bool, kBuckets> differs{};
  for (std::size_t i = 0; i < kBuckets; ++i)
    differs[i] = i >= digests.size() || digests[i] != digests_[i];
  std::vector<Rumor> found;
  for (const auto& [key, rumor] : rumors_)
    if (differs[bucket(rumor)]) found.push_back(rumor);
  return found;
}

}  // namespace skep::members
