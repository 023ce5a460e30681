#include "store/batch.hpp"

#include "net/base/assert.hpp"
#include "net/wire.hpp"

namespace skep {

void Batch::add(const Op& op) {
  wire::encode(ops_, op);
  ++count_;
}

void Batch::encode(std::string& out) const {
  wire::encode_count(out, count_);
  out += ops_;
}

std::vector<Batch::Op> Batch::ops() const {
  std::vector<Op> ops;
  ops.reserve(count_);
  wire::Reader reader(ops_);
  while (ops.size() < count_) {
    reader.get(ops.emplace_back());
    SKEP_ASSERT(reader.ok());  // they are our own bytes
  }
  return ops;
}

}  // namespace skep
