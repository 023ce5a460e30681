// What a hive with one copy of each key does without a majority: an arc whose members do not come
// back is taken over by somebody alone, empty if it must be. Two may do so at the same time, each
// on its side of a cut, and the members may come back. So these epochs are drawn from far above all
// that are known, and not in common: no two nodes have a record of the same one. The highest wins;
// what the others hold is set aside, and put where nothing is (bringing.hpp).
#include "net/base/checksum.hpp"
#include "net/base/plant.hpp"
#include "roles/ring/arc.hpp"

namespace skep::ring {

void Arc::take_over_alone(Time now, Epoch above, Effects& effects) {
  recovery_.reset();
  if (reign_) step_down(now, effects, "it takes the arc over alone");
  claim_.reset();
  stream_.reset();
  given_ = {};
  const bool newest = record().epoch == above && Record::has(record().everybody(), host_.self);
  if (!newest) set_aside(effects);
  const Epoch base = std::max({above, highest(), seen_});
  const std::string drawn = wire::encode(Promise{base, host_.self});
  const Epoch epoch = base + kAlone + hash64(drawn, id_) % kAlone;
  standing_.promise = {epoch, host_.self};
  standing_.record = {epoch, host_.self, {host_.self}, {}};
  save(standing_, {0, Completion::Kind::installed, epoch, 1, 1, host_.self}, effects);
}

// Among the epochs of those who took the arc over alone, only these count on.
Epoch Arc::next_epoch() const {
  const Epoch known = highest();
  return (apart(known, seen_) ? known : std::max(known, seen_)) + 1;
}

// Whether the arc was taken over without this member. It takes no part in what follows before it
// has heard of a record of that, and set aside what it holds.
bool Arc::bypassed(Epoch epoch) const {
  return apart(record().epoch, epoch) && Record::has(record().everybody(), host_.self);
}

// The copy stays on the disk, apart, if it was a member's. What is in memory only is gone.
void Arc::set_aside(Effects& effects) {
  const bool member = Record::has(record().everybody(), host_.self);
  if (member && !in_memory() && !SKEP_PLANT(drop_what_was_held)) effects.aside.push_back(id_);
  drop_copy(effects);
}

}  // namespace skep::ring
