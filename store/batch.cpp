#include "store/batch.hpp"

#include "net/base/assert.hpp"
#include "net/wire.hpp"

namespace skep {

void Batch::add(const Op& op) {
  wire::encode(ops_, op);
  ++count_;
  if (spaces_.empty() || spaces_.back() != op.space) spaces_.emplace_back(op.space);
}

std::string Batch::head() const {
  std::string head;
  wire::encode_count(head, count_);
  return head;
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
