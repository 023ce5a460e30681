#include "tests/sim/show_message.hpp"

#include "net/wire.hpp"
#include "roles/ring/messages.hpp"

namespace skep::sim {

namespace {

template <class M> std::string show(std::string_view name, const Message& message) {
  const auto decoded = wire::decode<M>(message.payload);
  return std::string(name) + " " + (decoded ? wire::show(*decoded) : "malformed");
}

std::string show_ring(const Message& message) {
  using namespace ring;
  switch (static_cast<Type>(message.type)) {
    case Type::heartbeat: return show<Heartbeat>("heartbeat", message);
    case Type::heartbeat_reply: return show<HeartbeatReply>("heartbeat_reply", message);
    case Type::pre_vote: return show<PreVote>("pre_vote", message);
    case Type::pre_vote_reply: return show<PreVoteReply>("pre_vote_reply", message);
    case Type::prepare: return show<Prepare>("prepare", message);
    case Type::promised: return show<Promised>("promised", message);
    case Type::install: return show<Install>("install", message);
    case Type::installed: return show<Installed>("installed", message);
    case Type::refused: return show<Refused>("refused", message);
    case Type::sync_begin: return show<SyncBegin>("sync_begin", message);
    case Type::sync_want: return show<SyncWant>("sync_want", message);
    case Type::sync_part: return show<SyncPart>("sync_part", message);
    case Type::sync_ack: return show<SyncAck>("sync_ack", message);
    case Type::appends: return show<Appends>("appends", message);
    case Type::acks: return show<Acks>("acks", message);
    case Type::stream_lost: return show<StreamLost>("stream_lost", message);
    case Type::fetch: return show<Fetch>("fetch", message);
    case Type::fetched: return show<Fetched>("fetched", message);
    case Type::pull: return show<Pull>("pull", message);
    case Type::pulled: return show<Pulled>("pulled", message);
    case Type::request: return show<Request>("request", message);
    case Type::answer: return show<Answer>("answer", message);
    case Type::flush: return show<Flush>("flush", message);
    case Type::flushed: return show<Flushed>("flushed", message);
    case Type::drop: return show<Drop>("drop", message);
    case Type::compare: return show<Compare>("compare", message);
  }
  return "of an unknown type";
}

}  // namespace

std::string show_message(const Message& message) {
  if (message.part == Part::ring) return show_ring(message);
  return "part " + std::to_string(static_cast<int>(message.part)) + " type " +
         std::to_string(message.type);
}

}  // namespace skep::sim
