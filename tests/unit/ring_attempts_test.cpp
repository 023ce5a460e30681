#include <gtest/gtest.h>

#include <map>
#include <random>

#include "roles/ring/attempts.hpp"

namespace skep::ring {
namespace {

// Against a map: numbers that come in order, with gaps, and go in any order.
TEST(Attempts, FindsWhatIsThere) {
  std::mt19937 random(7);
  Attempts attempts;
  std::map<std::uint64_t, std::uint32_t> model;
  std::uint64_t next = std::uint64_t{1} << 40;
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    // Up to some hundreds at once, then down again.
    const bool growing = step / 1000 % 2 == 0;
    if (model.empty() || random() % 10 < (growing ? 7U : 3U)) {
      next += 1 + random() % 3;
      attempts.insert(next, step);
      model[next] = step;
    } else {
      const auto gone = std::next(model.begin(), static_cast<long>(random() % model.size()));
      attempts.erase(gone->first);
      attempts.erase(gone->first);  // changes nothing
      model.erase(gone);
    }
    ASSERT_EQ(attempts.size(), model.size());
    for (std::uint64_t number = next > 50 ? next - 50 : 1; number <= next + 1; ++number) {
      const auto known = model.find(number);
      ASSERT_EQ(attempts.find(number),
                known == model.end() ? std::nullopt : std::optional(known->second));
    }
  }
  for (const auto& [number, place] : model) EXPECT_EQ(attempts.find(number), place);
}

}  // namespace
}  // namespace skep::ring
