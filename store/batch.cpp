#include "store/batch.hpp"

#include "net/base/assert.hpp"
#include "net/wire.hpp"

namespace skep {

void Batch::begin(std::string_view space, Key key, bool put, std::size_t value) {
  const std::size_t counts =
      wire::count_size(space.size()) + wire::count_size(key.size()) + wire::count_size(value);
  ops_.reserve(ops_.size() + counts + space.size() + key.size() + 1 + value);
  wire::Writer writer(ops_);
  writer.put(space);
  writer.put_varint(key.size());
  writer.put_bytes(key.first);
  writer.put_bytes(key.rest);
  writer.put(put);
  writer.put_varint(value);
  ++count_;
  if (spaces_.empty() || spaces_.back() != space) spaces_.emplace_back(space);
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
