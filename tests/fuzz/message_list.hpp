// Every message between nodes, and every value that a store's row holds, by name.
#pragma once

#include <string_view>

#include "net/hello.hpp"
#include "net/members_messages.hpp"
#include "roles/ring/messages.hpp"
#include "roles/ring/options.hpp"

namespace skep::fuzz {

// Calls visit.operator()<T>(name) for each; their order is the corpus's, so new ones go to the end.
template <class Visit> void each_message(Visit&& visit) {
  visit.template operator()<Hello>("hello");
  visit.template operator()<Proof>("proof");
  visit.template operator()<Refuse>("refuse");
  visit.template operator()<Unsupported>("unsupported");
  visit.template operator()<ClusterId>("cluster");
  visit.template operator()<members::Ping>("ping");
  visit.template operator()<members::Ack>("ack");
  visit.template operator()<members::Nack>("nack");
  visit.template operator()<members::PingRequest>("ping_request");
  visit.template operator()<members::Gossip>("gossip");
  visit.template operator()<members::Sync>("sync");
  visit.template operator()<members::Full>("full");
  visit.template operator()<members::Join>("join");
  visit.template operator()<members::Waiting>("waiting");
  visit.template operator()<members::Saved>("saved");
  visit.template operator()<ring::Heartbeat>("heartbeat");
  visit.template operator()<ring::HeartbeatReply>("heartbeat_reply");
  visit.template operator()<ring::PreVote>("pre_vote");
  visit.template operator()<ring::PreVoteReply>("pre_vote_reply");
  visit.template operator()<ring::Prepare>("prepare");
  visit.template operator()<ring::Promised>("promised");
  visit.template operator()<ring::Install>("install");
  visit.template operator()<ring::Installed>("installed");
  visit.template operator()<ring::Refused>("refused");
  visit.template operator()<ring::SyncBegin>("sync_begin");
  visit.template operator()<ring::SyncWant>("sync_want");
  visit.template operator()<ring::SyncPart>("sync_part");
  visit.template operator()<ring::SyncAck>("sync_ack");
  visit.template operator()<ring::Appends>("appends");
  visit.template operator()<ring::Acks>("acks");
  visit.template operator()<ring::StreamLost>("stream_lost");
  visit.template operator()<ring::Fetch>("fetch");
  visit.template operator()<ring::Fetched>("fetched");
  visit.template operator()<ring::Pull>("pull");
  visit.template operator()<ring::Pulled>("pulled");
  visit.template operator()<ring::Request>("request");
  visit.template operator()<ring::Answer>("answer");
  visit.template operator()<ring::HiveOptions>("hive_options");
  visit.template operator()<ring::Record>("record");
  visit.template operator()<ring::Standing>("standing");
  visit.template operator()<ring::Entry>("entry");
}

}  // namespace skep::fuzz
