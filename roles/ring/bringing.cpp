#include "roles/ring/bringing.hpp"

#include <algorithm>

namespace skep::ring {

namespace {

constexpr std::string_view kFigures = "brought";  // in kHiveSpace
constexpr std::size_t kEntries = 64;              // of a round
constexpr std::size_t kBytes = 1 << 20;
constexpr Duration kPause = std::chrono::seconds(1);  // after a failure
constexpr Duration kSayEvery = std::chrono::seconds(10);

std::string show(const Bringing::Figures& figures) {
  return std::to_string(figures.put) + " entries put, " + std::to_string(figures.present) +
         " were there already, " + std::to_string(figures.expired) + " had expired";
}

}  // namespace

Result<> Bringing::start() {
  auto row = store_.get(kHiveSpace, kFigures);
  if (!row) return tl::unexpected(row.error());
  if (*row) {
    auto figures = wire::decode<Figures>(**row);
    if (!figures) return fail(Code::corrupt, "the count of the entries brought is damaged");
    figures_ = *figures;
  }
  return store_.scan(kAsideSpace, {}, {}, [this](std::string_view, std::string_view) {
    more(1);
    return true;
  });
}

Bringing::Rows Bringing::next_rows() {
  Rows rows;
  std::size_t bytes = 0;
  const auto scanned =
      store_.scan(kAsideSpace, from_, {}, [&](std::string_view key, std::string_view row) {
        rows.emplace(key, row);
        bytes += row.size();
        return rows.size() < kEntries && bytes < kBytes;
      });
  if (!scanned) problem_ = scanned.error().message;
  return rows;
}

void Bringing::tick(Time now, WallMs wall) {
  if (!waiting_ || open_ > 0 || now < not_before_) return;
  if (!problem_.empty()) {
    problem_.clear();
    not_before_ = now + kPause;
    return;
  }
  if (now >= said_ + kSayEvery) {
    if (said_ != Time())
      log_.write(Level::info, "ring",
                 "brings entries: " + show(figures_) + ", " + std::to_string(left_) + " wait");
    said_ = now;
  }
  round_ = next_rows();
  if (round_.empty() && problem_.empty() && from_.empty()) {
    waiting_ = false;
    left_ = 0;
    log_.write(Level::info, "ring", "has brought its entries: " + show(figures_));
    return;
  }
  if (round_.empty()) return from_.clear();  // what failed, once more
  from_ = round_.rbegin()->first + '\0';
  open_ = 1;
  for (const auto& [key, row] : Rows(round_)) put(key, row, wall);
  if (--open_ == 0) finish_round();
}

void Bringing::put(const std::string& row_key, const std::string& row, WallMs wall) {
  const auto entry = decode_entry(row);
  if (!entry || !entry->live(wall)) {
    ++figures_.expired;
    answered_.emplace(row_key, row);
    return;
  }
  const std::string at = std::to_string(entry->expires);
  std::vector<std::string_view> words{"SET", key_of_row(row_key), entry->value, "NX"};
  if (entry->expires != 0) words.insert(words.end(), {"PXAT", at});
  ++open_;
  keyspace_.run(words, 1, true, [this, alive = alive_, row_key](const Result<resp::Value>& result) {
    if (!*alive) return;
    answered(row_key, result);
    if (--open_ == 0) finish_round();
  });
}

void Bringing::answered(const std::string& row_key, const Result<resp::Value>& result) {
  if (!result) return keep_rest(result.error().message);
  if (result->kind == resp::Value::Kind::error) return keep_rest(result->text);
  ++(result->kind == resp::Value::Kind::null ? figures_.present : figures_.put);
  answered_.emplace(row_key, round_.at(row_key));
}

void Bringing::keep_rest(const std::string& why) {
  if (problem_.empty()) log_.write(Level::warn, "ring", "cannot bring entries yet: " + why);
  problem_ = why;
}

// A row that was set aside anew meanwhile stays.
void Bringing::finish_round() {
  Batch batch;
  for (const auto& [key, row] : std::exchange(answered_, {})) {
    const auto now = store_.get(kAsideSpace, key);
    if (!now || *now != row) continue;
    batch.erase(kAsideSpace, key);
    left_ -= std::min<std::uint64_t>(left_, 1);
  }
  batch.put(kHiveSpace, kFigures, wire::encode(figures_));
  open_ = 1;
  store_.submit(batch, Durability::written, [this, alive = alive_](Result<> ok) {
    if (!*alive) return;
    open_ = 0;
    if (!ok) keep_rest(ok.error().message);
  });
}

}  // namespace skep::ring
