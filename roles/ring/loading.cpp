#include "roles/ring/loading.hpp"

namespace skep::ring {

Loading::Loading(const Options& options, NodeId self, std::map<ArcId, Core::Stored>& arcs)
    : options_(options), kept_(options.hive.arcs) {
  for (auto& [id, arc] : arcs)
    if (Record::has(arc.standing.record.everybody(), self)) kept_[id] = &arc;
}

void Loading::take(std::string_view row_key, std::optional<std::string_view> row) {
  const Key key = key_of_row(row_key);
  Core::Stored* arc = kept_[arc_of(key.slot, options_.hive.arcs)];
  if (arc == nullptr) {
    if (row) worthless_.emplace_back(row_key);
    return;
  }
  if (!damaged_.empty())
    if (const auto before = damaged_.find(key.text); before != damaged_.end())
      damaged_.erase(before);
  const auto entry = row ? std::optional(view_row(*row)) : std::nullopt;
  if (entry && *entry) return put(arc->table, key, **entry);
  if (entry) damaged_.emplace(key.text);
  const Table::Size before = arc->table.sizes();
  arc->table.erase(key);
  bytes_ -= before.bytes - arc->table.sizes().bytes;
  values_ -= before.values - arc->table.sizes().values;
}

// What does not fit stays on disk.
void Loading::put(Table& table, const Key& key, const EntryView& entry) {
  const Table::Size before = table.sizes();
  const bool cold = (options_.max_memory != 0 && bytes_ > options_.max_memory) ||
                    (options_.max_entries != 0 && values_ >= options_.max_entries);
  cold ? table.put_cold(key, entry) : table.put_view(key, entry);
  bytes_ += table.sizes().bytes - before.bytes;
  values_ += table.sizes().values - before.values;
}

// Their arcs are repaired from the others, like after a power cut.
std::size_t Loading::damaged() {
  for (const std::string& key : damaged_)
    kept_[arc_of(slot_of(key), options_.hive.arcs)]->may_have_lost = true;
  return damaged_.size();
}

}  // namespace skep::ring
