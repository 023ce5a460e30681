#include "roles/ring/resp_server.hpp"

#include "roles/ring/session.hpp"

namespace skep::ring {

RespServer::RespServer(Keyspace& keyspace, Clock& clock, Random& random, RespOptions options)
    : keyspace_(keyspace),
      clock_(clock),
      random_(random),
      options_(std::move(options)),
      started_(clock.now()),
      outcomes_(commands().size()) {}

void RespServer::answered(const Command& command, Time since, const resp::Value& reply) {
  Outcomes& outcomes = outcomes_[static_cast<std::size_t>(&command - commands().data())];
  outcomes.latency.add(clock_.lately() - since);
  if (!reply.is_error()) return;
  ++outcomes.errors;
  refused_ += reply.text.starts_with("TRYAGAIN ") ? 1 : 0;
  uncertain_ += reply.text.starts_with("UNCERTAIN ") ? 1 : 0;
}

void RespServer::report(Metrics& metrics) const {
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    const Outcomes& outcomes = outcomes_[i];
    if (outcomes.latency.count() == 0) continue;
    const Metrics::Labels labels{{"command", commands()[i].name}};
    metrics.histogram("skep_ring_command_seconds",
                      "From a command's arrival at this node to its reply.", outcomes.latency,
                      labels);
    metrics.counter("skep_ring_command_errors_total", "Commands that were answered with an error.",
                    outcomes.errors, labels);
  }
  metrics.counter("skep_ring_refused_total", "Replies of -TRYAGAIN: certainly not done.", refused_);
  metrics.counter("skep_ring_uncertain_total", "Replies of -UNCERTAIN: may have been done.",
                  uncertain_);
  metrics.gauge("skep_ring_clients", "Connections of clients.", sessions_.size());
  metrics.gauge("skep_ring_client_memory_bytes",
                "Requests and replies of clients, of ring.max_client_memory.", held_);
  metrics.counter("skep_ring_clients_total", "Connections of clients, so far.",
                  figures_.connections);
  metrics.counter("skep_ring_received_bytes_total", "Bytes from clients.", figures_.bytes_in);
  metrics.counter("skep_ring_sent_bytes_total", "Bytes to clients.", figures_.bytes_out);
}

std::unique_ptr<StreamHandler> RespServer::accept(Stream& stream) {
  ++figures_.connections;
  return std::make_unique<Session>(*this, stream);
}

Session* RespServer::find(std::uint32_t handle) const {
  auto found = sessions_.find(handle);
  return found == sessions_.end() ? nullptr : found->second;
}

// Refusing does not help against requests that never become whole, nor against replies that were
// under way already: half as much again is left to these.
void RespServer::hold(std::size_t before, std::size_t now) {
  held_ = held_ - before + now;
  while (now > before && held_ > options_.max_memory + options_.max_memory / 2) {
    auto largest = std::max_element(
        sessions_.begin(), sessions_.end(),
        [](const auto& a, const auto& b) { return a.second->held() < b.second->held(); });
    if (largest == sessions_.end() || largest->second->held() == 0) return;
    largest->second->drop();
  }
}

std::uint32_t RespServer::add(Session& session) {
  while (!sessions_.emplace(++last_handle_, &session).second) continue;
  return last_handle_;
}

}  // namespace skep::ring
