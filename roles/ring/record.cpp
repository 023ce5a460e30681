#include "roles/ring/record.hpp"

#include "net/base/checksum.hpp"
#include "net/wire.hpp"

namespace skep::ring {

namespace {

bool strictly_sorted(const std::vector<NodeId>& nodes) {
  return std::adjacent_find(nodes.begin(), nodes.end(), std::greater_equal<>()) == nodes.end();
}

struct Row {
  Standing standing;
  std::uint32_t checksum = 0;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("standing", m.standing);
    v("checksum", m.checksum);
  }
};

}  // namespace

Record Record::without(const std::set<NodeId>& forgotten) const {
  Record left = *this;
  const auto gone = [&](NodeId node) { return forgotten.contains(node); };
  std::erase_if(left.members, gone);
  std::erase_if(left.replaces, gone);
  if (left.members.empty()) left.members = std::exchange(left.replaces, {});
  if (left.members == left.replaces) left.replaces.clear();
  return left;
}

bool well_formed(const Record& record) {
  return record.epoch > 0 && record.names(record.owner) && strictly_sorted(record.members) &&
         strictly_sorted(record.replaces);
}

std::string encode_row(const Standing& standing) {
  return wire::encode(Row{standing, checksum32(wire::encode(standing))});
}

Result<Standing> decode_standing(std::string_view row) {
  auto decoded = wire::decode<Row>(row);
  if (!decoded || checksum32(wire::encode(decoded->standing)) != decoded->checksum)
    return fail(Code::corrupt, "an arc's record is damaged");
  return std::move(decoded->standing);
}

}  // namespace skep::ring
