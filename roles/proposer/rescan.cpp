// A rescan: every register is accepted anew, so that nothing is only where an earlier configuration
// had put it. A piece at a time; how far it came stands in a register, so that anybody goes on.
#include <algorithm>
#include <utility>

#include "roles/proposer/keeper.hpp"

namespace skep::proposer {

namespace {

constexpr std::size_t kAtOnce = 64;  // registers

}  // namespace

void Keeper::end_rescan(Result<Rescanned> result, Effects& effects) {
  Rescan rescan = *std::exchange(rescan_, std::nullopt);
  effects.told.push_back(
      [told = std::move(rescan.told), result = std::move(result)] { told(result); });
}

void Keeper::rescan(Time now, std::uint32_t limit, Time until,
                    std::function<void(Result<Rescanned>)> told, Effects& effects) {
  if (rescan_)
    return effects.told.push_back([told = std::move(told)] {
      told(fail(Code::unavailable, "a rescan is under way here already"));
    });
  rescan_ = Rescan{};
  rescan_->limit = limit;
  rescan_->until = until;
  rescan_->told = std::move(told);
  if (present().version == 0)
    return end_rescan(fail(Code::unavailable, "the registers are not founded yet"), effects);
  if (present().holding.empty()) return end_rescan(Rescanned{0, true}, effects);
  rescan_->cursor.configuration = present().version;
  when_complete(
      now, until,
      [this](bool reached, Time at, Effects& more) {
        if (!rescan_) return;
        if (!reached)
          return end_rescan(fail(Code::unavailable,
                                 "the version that is in force has first to be told to more "
                                 "acceptors; these do not answer: " +
                                     missing()),
                            more);
        change(
            at, kRescanKey, {}, rescan_->until,
            [this](Time later, const Outcome& outcome, Effects& further) {
              if (rescan_) rescan_from(later, outcome, further);
            },
            more);
      },
      effects);
}

// From where it came under this configuration, or from the beginning.
void Keeper::rescan_from(Time now, const Outcome& outcome, Effects& effects) {
  if (outcome.how != Outcome::How::done)
    return end_rescan(fail(Code::unavailable, outcome.why), effects);
  if (outcome.present && outcome.value)
    if (const auto cursor = wire::decode<Cursor>(*outcome.value);
        cursor && cursor->configuration == rescan_->cursor.configuration)
      rescan_->cursor = *cursor;
  list(
      now, "", rescan_->cursor.after, rescan_->limit, rescan_->until,
      [this, now](const Result<Merged>& merged, Effects& more) {
        if (!rescan_) return;
        if (!merged) return end_rescan(tl::unexpected(merged.error()), more);
        for (const Listed& listed : merged->registers) rescan_->keys.push_back(listed.key);
        rescan_->more = merged->more;
        rescan_->count = static_cast<std::uint32_t>(
            std::count_if(rescan_->keys.begin(), rescan_->keys.end(),
                          [](const std::string& key) { return !reserved(key); }));  // a client's
        rescan_->last = rescan_->keys.empty() ? rescan_->cursor.after : rescan_->keys.back();
        rescan_keys(now, more);
      },
      effects);
}

void Keeper::rescan_keys(Time now, Effects& effects) {
  while (rescan_->failure.empty() && rescan_->under_way < kAtOnce && !rescan_->keys.empty()) {
    const std::string key = std::move(rescan_->keys.front());
    rescan_->keys.pop_front();
    ++rescan_->under_way;
    core_.accept_anew(
        now, key, rescan_->until - now,
        [this](Outcome outcome) {
          more_.push_back([this, outcome = std::move(outcome)](Time at, Effects& more) {
            if (!rescan_) return;
            --rescan_->under_way;
            if (outcome.how != Outcome::How::done) rescan_->failure = outcome.why;
            rescan_keys(at, more);
          });
        },
        effects);
  }
  if (rescan_->under_way > 0) return;
  if (rescan_->failure.empty()) return rescan_page_done(now, effects);
  end_rescan(fail(Code::unavailable, rescan_->failure), effects);
}

void Keeper::rescan_page_done(Time now, Effects& effects) {
  Cursor& cursor = rescan_->cursor;
  if (cursor.configuration != present().version)
    return end_rescan(fail(Code::conflict, "the configuration has been changed meanwhile"),
                      effects);
  cursor.registers += rescan_->count;
  cursor.after = rescan_->last;
  rescanned_ = cursor.registers;
  if (!rescan_->more) {
    Wanted wanted;
    wanted.rescanned = true;
    return configure(
        now, wanted, rescan_->until,
        [this, registers = cursor.registers](const Result<>& done) {
          more_.push_back([this, registers, done](Time, Effects& more) {
            if (!rescan_) return;
            end_rescan(
                done ? Result<Rescanned>(Rescanned{registers, true}) : tl::unexpected(done.error()),
                more);
          });
        },
        effects);
  }
  Change change;
  change.function = Function::set;
  change.value = wire::encode(cursor);
  this->change(
      now, kRescanKey, std::move(change), rescan_->until,
      [this](Time, const Outcome& outcome, Effects& more) {
        if (!rescan_) return;
        if (outcome.how != Outcome::How::done)
          return end_rescan(fail(Code::unavailable, outcome.why), more);
        end_rescan(Rescanned{rescan_->cursor.registers, false}, more);
      },
      effects);
}

}  // namespace skep::proposer
