#include "tests/sim/show_message.hpp"

#include "net/wire.hpp"
#include "roles/proposer/messages.hpp"
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

std::string show_registers(const Message& message) {
  using namespace registers;
  using proposer::News, proposer::PassOn, proposer::Passed, proposer::Told;
  switch (static_cast<Type>(message.type)) {
    case Type::prepare: return show<Prepare>("prepare", message);
    case Type::accept: return show<Accept>("accept", message);
    case Type::read: return show<Read>("read", message);
    case Type::list: return show<List>("list", message);
    case Type::erase: return show<Erase>("erase", message);
    case Type::configure: return show<Configure>("configure", message);
    case Type::raise_floor: return show<RaiseFloor>("raise_floor", message);
    case Type::standing: return show<Standing>("standing", message);
    case Type::promised: return show<Promised>("promised", message);
    case Type::accepted: return show<Accepted>("accepted", message);
    case Type::refused: return show<Refused>("refused", message);
    case Type::state: return show<State>("state", message);
    case Type::keys: return show<Keys>("keys", message);
    case Type::outdated: return show<Outdated>("outdated", message);
    case Type::damaged: return show<Damaged>("damaged", message);
    case Type::unavailable: return show<Unavailable>("unavailable", message);
    case Type::stands: return show<Stands>("stands", message);
    case Type::noted: return show<Noted>("noted", message);
    case Type::pass_on: return show<PassOn>("pass_on", message);
    case Type::passed: return show<Passed>("passed", message);
    case Type::news: return show<News>("news", message);
    case Type::told: return show<Told>("told", message);
  }
  return "of an unknown type";
}

}  // namespace

std::string show_message(const Message& message) {
  if (message.part == Part::ring) return show_ring(message);
  if (message.part == Part::acceptor || message.part == Part::proposer)
    return std::to_string(message.request) + " " + show_registers(message);
  return "part " + std::to_string(static_cast<int>(message.part)) + " type " +
         std::to_string(message.type);
}

}  // namespace skep::sim
