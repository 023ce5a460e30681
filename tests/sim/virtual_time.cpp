#include "tests/sim/virtual_time.hpp"

#include "net/base/assert.hpp"

namespace skep::sim {

VirtualTime::Id VirtualTime::at(Duration at, Process* process, Fire fire) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    SKEP_ASSERT(slot < 1U << kSlotBits);
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  const Id id = ++order_ << kSlotBits | slot;
  slots_[slot] = {id, process, process != nullptr ? process->life : 0, std::move(fire)};
  queue_.push({std::max(at, now_), id, slot});
  return id;
}

void VirtualTime::cancel(Id id) {
  Slot& slot = slots_[id & ((1U << kSlotBits) - 1)];
  if (id == 0 || slot.id != id) return;
  slot.id = 0;
  slot.fire = nullptr;
}

bool VirtualTime::step(Duration until, Process*& ran) {
  while (!queue_.empty() && queue_.top().at <= until) {
    const Entry entry = queue_.top();
    queue_.pop();
    Slot& slot = slots_[entry.slot];
    Process* process = slot.process;
    const bool live = slot.id == entry.id && (process == nullptr || process->life == slot.life);
    if (live && process != nullptr && process->paused_until > entry.at) {
      queue_.push({process->paused_until, entry.id, entry.slot});
      continue;
    }
    Fire fire = std::move(slot.fire);
    slot = {};
    free_.push_back(entry.slot);
    if (!live) continue;
    now_ = entry.at;
    ++events_;
    fire();
    ran = process;
    return true;
  }
  now_ = std::max(now_, until);
  return false;
}

void SimClock::boot(std::int64_t rate, Duration start) {
  rate_ = rate;
  booted_ = time_.now();
  start_ = start;
}

Timers::Id SimTimers::after(Duration delay, std::function<void()> fire) {
  Duration late{};
  if (lateness.count() > 0 && dice_.chance(0.1)) late = dice_.between(Duration(0), lateness);
  return time_.after(clock_.true_delay(delay) + late, &process_, std::move(fire));
}

}  // namespace skep::sim
