#include "roles/ring/service_options.hpp"

#include <charconv>

#include "conf/keys.hpp"
#include "conf/units.hpp"

namespace skep::ring {

namespace {

constexpr std::string_view kNames = "durability, replication, lease, takeover_empty_after";

tl::unexpected<Error> refuse(const std::string& name, const std::string& value) {
  const conf::Key* key = conf::find_key("ring." + name);
  return fail(Code::invalid, "\"" + value + "\" is no " + name +
                                 "; accepted: " + (key == nullptr ? "?" : conf::accepted(*key)));
}

// A whole number, or a duration, within the bounds that a configuration has.
std::optional<std::uint64_t> count_of(const std::string& name, const std::string& value) {
  const conf::Key* key = conf::find_key("ring." + name);
  const auto* bounds = key == nullptr ? nullptr : std::get_if<conf::Count>(&key->type);
  std::uint64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [stopped, error] = std::from_chars(value.data(), end, number);
  if (bounds == nullptr || error != std::errc() || stopped != end) return std::nullopt;
  if (number < bounds->min || number > bounds->max) return std::nullopt;
  return number;
}

std::optional<Duration> span_of(const std::string& name, const std::string& value) {
  const conf::Key* key = conf::find_key("ring." + name);
  const auto* bounds = key == nullptr ? nullptr : std::get_if<conf::Span>(&key->type);
  if (bounds == nullptr) return std::nullopt;
  if (!bounds->keyword.empty() && value == bounds->keyword) return Duration(0);
  const auto span = conf::parse_duration(value);
  if (!span || *span < bounds->min || *span > bounds->max) return std::nullopt;
  return span;
}

Result<> set_durability(HiveOptions& hive, const std::string& value) {
  for (const Durable each : {Durable::interval, Durable::commit, Durable::none}) {
    if (value != name(each)) continue;
    if ((each == Durable::none) != (hive.durability == Durable::none))
      return fail(Code::invalid,
                  "durability cannot change between \"none\" and another while the hive lives: "
                  "whether entries are on disk is fixed when it is founded; it is \"" +
                      std::string(name(hive.durability)) +
                      "\"; found another hive with the one you want, and copy the entries there");
    hive.durability = each;
    return {};
  }
  return refuse("durability", value);
}

Result<> set_lease(HiveOptions& hive, const std::string& value, Duration heartbeat) {
  const auto lease = span_of("lease", value);
  if (!lease) return refuse("lease", value);
  if (*lease < 2 * heartbeat)
    return fail(Code::invalid,
                "lease: a lease has to outlast a lost heartbeat; accepted: twice "
                "ring.heartbeat, which is " +
                    conf::show_duration(heartbeat) + ", or more");
  hive.lease_us = static_cast<std::uint64_t>(lease->count());
  return {};
}

Result<> set(HiveOptions& hive, const std::string& name, const std::string& value,
             Duration heartbeat) {
  if (name == "durability") return set_durability(hive, value);
  if (name == "lease") return set_lease(hive, value, heartbeat);
  if (name == "replication") {
    const auto copies = count_of(name, value);
    if (!copies) return refuse(name, value);
    hive.replication = static_cast<std::uint8_t>(*copies);
    return {};
  }
  if (name == "takeover_empty_after") {
    const auto span = span_of(name, value);
    if (!span) return refuse(name, value);
    hive.takeover_empty_us = static_cast<std::uint64_t>(span->count());
    return {};
  }
  if (name == "arcs")
    return fail(Code::invalid,
                "arcs cannot change: the hive is cut for ever, into " + std::to_string(hive.arcs));
  return fail(
      Code::invalid,
      "\"" + name + "\" is no option of a hive that can change; there are: " + std::string(kNames));
}

}  // namespace

Result<HiveOptions> changed(HiveOptions hive, const Settings& settings, Duration heartbeat) {
  if (settings.empty())
    return fail(Code::invalid, "nothing to change; there are: " + std::string(kNames));
  for (const auto& [name, value] : settings)
    if (Result<> taken = set(hive, name, value, heartbeat); !taken)
      return tl::unexpected(taken.error());
  return hive;
}

}  // namespace skep::ring
