#include "roles/proposer/change.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace skep::proposer {

namespace {

// What is there, as a function sees it.
struct Before {
  bool present;
  std::string_view value;
};

using How = Applied::How;

Applied written(std::string value) { return {How::changed, true, std::move(value), {}}; }
Applied invalid(std::string why) { return {How::invalid, false, {}, std::move(why)}; }

Applied read(const Change&, const Before&) { return {How::unchanged}; }
Applied set(const Change& change, const Before&) { return written(change.value); }
Applied init(const Change& change, const Before& before) {
  return before.present ? Applied{How::unchanged} : written(change.value);
}
Applied cas_value(const Change& change, const Before& before) {
  const bool same = before.present && before.value == change.expected;
  return same ? written(change.value) : Applied{How::mismatch};
}
Applied append(const Change& change, const Before& before) {
  return written(std::string(before.value) + change.value);
}
Applied remove(const Change&, const Before& before) {
  return before.present ? Applied{How::changed} : Applied{How::unchanged};
}

Applied add(const Change& change, const Before& before) {
  std::int64_t number = 0;
  if (before.present) {
    const char* end = before.value.data() + before.value.size();
    const auto [at, error] = std::from_chars(before.value.data(), end, number);
    if (error != std::errc() || at != end)
      return invalid("what is there is no integer of 64 bits, so nothing can be added to it");
  }
  std::int64_t sum = 0;
  if (__builtin_add_overflow(number, change.by, &sum))
    return invalid("the sum would not fit 64 bits: " + std::to_string(number) + " and " +
                   std::to_string(change.by));
  return written(std::to_string(sum));
}

struct Row {
  std::string_view name;
  Function function;
  Applied (*apply)(const Change& change, const Before& before);
};
constexpr std::array kTable = {
    Row{"read", Function::read, read},       Row{"set", Function::set, set},
    Row{"init", Function::init, init},       Row{"cas_value", Function::cas_value, cas_value},
    Row{"add", Function::add, add},          Row{"append", Function::append, append},
    Row{"delete", Function::remove, remove},
};

const Row& row_of(Function function) { return kTable[static_cast<std::size_t>(function)]; }

bool holds(const Change& change, bool present, std::uint64_t version) {
  switch (change.condition) {
    case Condition::none: return true;
    case Condition::version: return present && version == change.version;
    case Condition::present: return present;
    case Condition::absent: return !present;
  }
  return false;
}

}  // namespace

std::optional<Function> function_of(std::string_view name) {
  for (const Row& row : kTable)
    if (row.name == name) return row.function;
  return std::nullopt;
}

std::string_view name(Function function) { return row_of(function).name; }

std::string function_names() {
  std::string names;
  for (const Row& row : kTable) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

Applied apply(const Change& change, bool present, std::string_view value, std::uint64_t version,
              std::uint64_t max_value) {
  if (!holds(change, present, version)) return {How::mismatch};
  Applied applied = row_of(change.function).apply(change, {present, value});
  if (applied.how == How::changed && applied.value.size() > max_value)
    return invalid("the value would be longer than " + std::to_string(max_value) + " bytes");
  return applied;
}

}  // namespace skep::proposer
