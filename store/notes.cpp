#include "store/notes.hpp"

#include <algorithm>

#include "net/wire.hpp"

namespace skep {
namespace {

constexpr std::string_view kSpace = "node";
constexpr std::string_view kIncarnation = "incarnation";
constexpr std::string_view kMembers = "members";

}  // namespace

Result<std::uint64_t> Notes::next_incarnation(WallMs now) {
  auto kept = store_.get(kSpace, kIncarnation);
  if (!kept) return tl::unexpected(kept.error());
  std::uint64_t last = 0;
  if (*kept) {
    auto decoded = wire::decode<std::uint64_t>(**kept);
    if (!decoded) return fail(Code::corrupt, "the node's incarnation in its store is damaged");
    last = *decoded;
  }
  const std::uint64_t next = std::max(static_cast<std::uint64_t>(now), last + 1);
  Batch batch;
  batch.put(kSpace, kIncarnation, wire::encode(next));
  submit(batch, Durability::durable);
  return next;
}

Result<std::string> Notes::members() const {
  auto kept = store_.get(kSpace, kMembers);
  if (!kept) return tl::unexpected(kept.error());
  return kept->value_or("");
}

void Notes::keep_members(std::string_view bytes) {
  Batch batch;
  batch.put(kSpace, kMembers, bytes);
  submit(batch, Durability::written);
}

void Notes::submit(const Batch& batch, Durability durability) {
  store_.submit(batch, durability, [this](Result<> kept) {
    if (!kept) log_.write(Level::error, "node", "the store keeps nothing: " + kept.error().message);
  });
}

}  // namespace skep
