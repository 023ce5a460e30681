// Memory that is bounded. Where entries are on disk, any copy drops the value of an entry that was
// used little, once the store has it; key, version and expiry stay, so copies are compared, walked
// and expired as ever, and a key that is not there is known not to be. The owner reads a value back
// before it decides on the key; requests for keys of its slot wait in their order meanwhile.
//
// Where entries are in memory only, what is dropped is gone: their owner deletes them.
#include <algorithm>

#include "net/base/plant.hpp"
#include "roles/ring/arc.hpp"
#include "roles/ring/commands.hpp"

namespace skep::ring {

namespace {

// Commands whose decision does not look at the value that there was.
bool needs_value(const Asked& asked) {
  if (asked.op != Op::command || asked.args.empty()) return true;
  const Command* command = find_command(asked.args[0]);
  if (command == nullptr) return false;  // an error reply
  constexpr std::string_view kBlind[] = {"del",    "exists", "expiretime", "pexpiretime",
                                         "psetex", "pttl",   "setex",      "setnx",
                                         "touch",  "ttl",    "type",       "unlink"};
  if (command->name == "set") return asked.args.size() > 3;
  return std::find(std::begin(kBlind), std::end(kBlind), command->name) == std::end(kBlind);
}

// The places of the keys among the words; none: the words are wrong, which is found out elsewhere.
std::vector<std::size_t> places_of_keys(const Asked& asked) {
  if (asked.op == Op::together) return joint_keys(asked.args).keys;
  if (asked.op != Op::command || asked.key >= asked.args.size()) return {};
  return {asked.key};
}

}  // namespace

bool Arc::evict(std::uint64_t random) {
  // What is being read back is about to be needed.
  if (reign_ && !reign_->reading.empty()) return false;
  const auto key =
      table_.coldest(random, [this](std::uint8_t mark) { return host_.memory.in_store(mark); });
  if (!key) return false;
  table_.cool(*key);
  count_memory();
  ++host_.memory.evictions;
  return true;
}

std::optional<std::pair<std::string, std::uint8_t>> Arc::coldest(std::uint64_t random) {
  auto key = table_.coldest_evenly(random);
  if (!key) return std::nullopt;
  const std::uint8_t heat = table_.heat(*key);
  return std::pair{*std::move(key), heat};
}

// A delete like any other: whoever finds the key absent waits for it, and it stays so under the
// next owner.
void Arc::delete_for_room(const Key& key, Effects& effects) {
  if (SKEP_PLANT(evicted_at_owner_only)) {
    erase_entry(key, effects);
  } else {
    remove(key, effects);
  }
  count_memory();
  ++host_.memory.deletions;
}

// True: the request waits for a value, or behind one that does, or was refused.
bool Arc::wait_for_values(WallMs wall, const Asked& asked, Effects& effects) {
  if (!host_.memory.bounded()) return false;
  const auto keys = places_of_keys(asked);
  if (keys.empty() || !holds(asked.args[keys.front()])) return false;
  const Slot slot = slot_of(asked.args[keys.front()]);
  const auto found = reign_->reading.find(slot);
  if (found == reign_->reading.end() && cold_keys(wall, asked).empty()) return false;
  if (reign_->behind_reads >= host_.options.max_waiting) {
    effects.replies.push_back(
        {asked.token, failed(Outcome::refused, "too many requests wait for the disk")});
    return true;
  }
  Held held{asked, {asked.args.begin(), asked.args.end()}};
  held.asked.args = {};
  reign_->reading[slot].held.push_back(std::move(held));
  ++reign_->behind_reads;
  if (found == reign_->reading.end()) read_for_first(wall, slot, effects);
  return true;
}

std::vector<std::string> Arc::cold_keys(WallMs wall, const Asked& asked) const {
  std::vector<std::string> keys;
  for (const std::size_t place : places_of_keys(asked)) {
    if (!holds(asked.args[place])) continue;
    const auto entry = table_.find(asked.args[place]);
    if (entry && entry->cold && entry->live(wall)) keys.emplace_back(asked.args[place]);
  }
  if (!keys.empty() && !needs_value(asked)) keys.clear();
  return keys;
}

// Asks for the values that the first of a slot's waiting requests needs. False: it needs none.
bool Arc::read_for_first(WallMs wall, Slot slot, Effects& effects) {
  Reading& reading = reign_->reading.at(slot);
  const Held& first = reading.held.front();
  const std::vector<std::string_view> args(first.args.begin(), first.args.end());
  Asked asked = first.asked;
  asked.args = args;
  const auto keys = cold_keys(wall, asked);
  for (const std::string& key : keys)
    effects.reads.push_back({id_, key, table_.find(key)->version});
  reading.outstanding = keys.size();
  return !keys.empty();
}

void Arc::on_read(Time now, WallMs wall, const Effects::Read& read, Result<Entry> result,
                  Effects& effects) {
  if (SKEP_PLANT(evict_before_stored) && result) result->version = read.version;
  const bool good = result && result->version == read.version;
  if (good) {
    table_.warm(read.key, *result);
    ++host_.memory.read_backs;
  }
  if (!reign_) return;
  const Slot slot = slot_of(read.key);
  const auto found = reign_->reading.find(slot);
  if (found == reign_->reading.end()) return;
  // Written meanwhile, it is not needed. Otherwise the store does not give back what it took.
  const auto entry = table_.find(read.key);
  if (!good && entry && entry->cold && entry->version == read.version) {
    ++host_.memory.unreadable;
    effects.log(Level::error, "the store does not give back an entry that it took: " +
                                  (result ? "it has another version" : result.error().message));
    effects.replies.push_back(
        {take_first(slot).asked.token,
         failed(Outcome::refused, "the key's value cannot be read from the disk")});
  } else if (found->second.outstanding > 1) {
    --found->second.outstanding;
    return;
  }
  go_on(now, wall, slot, effects);
}

Arc::Held Arc::take_first(Slot slot) {
  const auto found = reign_->reading.find(slot);
  Held first = std::move(found->second.held.front());
  found->second.held.pop_front();
  --reign_->behind_reads;
  if (found->second.held.empty()) reign_->reading.erase(found);
  return first;
}

// Serves what waited for a slot's values, up to the next one that needs others.
void Arc::go_on(Time now, WallMs wall, Slot slot, Effects& effects) {
  while (reign_ && reign_->reading.contains(slot)) {
    if (read_for_first(wall, slot, effects)) return;
    Held first = take_first(slot);
    if (now >= first.asked.deadline) {
      effects.replies.push_back(
          {first.asked.token,
           failed(Outcome::refused, "its value was not read from the disk in time")});
    } else if (!reign_->serving || (reign_->change && reign_->change->draining)) {
      reign_->held.push_back(std::move(first));
    } else {
      const std::vector<std::string_view> args(first.args.begin(), first.args.end());
      first.asked.args = args;
      serve_now(now, wall, first.asked, effects);
    }
  }
}

// The reply to a write for which there is no room. None: there is.
const char* Arc::no_room(bool is_new) const {
  if (host_.memory.disk_full) return "OOM command not allowed when used disk > 'ring.max_disk'.";
  if (is_new && host_.memory.full())
    return "OOM command not allowed when used memory > 'maxmemory'.";
  return nullptr;
}

void Arc::expire_reading(Time now, Effects& effects) {
  for (auto slot = reign_->reading.begin(); slot != reign_->reading.end();) {
    reign_->behind_reads -= std::erase_if(slot->second.held, [&](const Held& held) {
      if (now < held.asked.deadline) return false;
      effects.replies.push_back(
          {held.asked.token,
           failed(Outcome::refused, "its value was not read from the disk in time")});
      return true;
    });
    slot = slot->second.held.empty() ? reign_->reading.erase(slot) : std::next(slot);
  }
}

}  // namespace skep::ring
