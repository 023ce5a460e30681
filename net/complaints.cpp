#include "net/complaints.hpp"

namespace skep {

namespace {

constexpr std::size_t kMaxRemembered = 1024;
// So many lines at once, and then one a second.
constexpr double kBurst = 30;
constexpr Duration kEach = std::chrono::seconds(1);

}  // namespace

Complaints::Complaints(Log& log, Clock& clock, std::string part, Duration again)
    : log_(log), clock_(clock), part_(std::move(part)), again_(again), tokens_(kBurst) {}

void Complaints::say(Level level, const std::string& about, const std::string& text) {
  const Time now = clock_.now();
  if (said_.size() >= kMaxRemembered) said_.clear();
  const auto [said, fresh] = said_.try_emplace({about, text}, now);
  if (!fresh && now - said->second < again_) return;
  said->second = now;
  if (!may_speak(now)) {
    ++left_out_;
    return;
  }
  if (left_out_ > 0)
    log_.write(level, part_, std::to_string(left_out_) + " complaints were left out before this");
  left_out_ = 0;
  log_.write(level, part_, text);
}

void Complaints::forget(const std::string& about) {
  auto each = said_.lower_bound({about, {}});
  while (each != said_.end() && each->first.first == about) each = said_.erase(each);
}

// A bucket of tokens.
bool Complaints::may_speak(Time now) {
  const std::chrono::duration<double> since = now - filled_;
  const std::chrono::duration<double> each = kEach;
  tokens_ = std::min(kBurst, tokens_ + since / each);
  filled_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace skep
