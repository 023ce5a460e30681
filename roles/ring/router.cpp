#include "roles/ring/router.hpp"

#include "net/base/assert.hpp"

namespace skep::ring {

namespace {

constexpr Duration kRetryAfter = std::chrono::milliseconds(20);

Answer failed(Outcome outcome, const char* text) {
  Answer answer;
  answer.outcome = outcome;
  answer.text = text;
  return answer;
}

}  // namespace

Router::Router(std::size_t arcs, std::uint64_t first_token, Send send)
    : lanes_(arcs), next_token_(first_token), send_(std::move(send)) {}

void Router::submit(Time now, Job job) {
  SKEP_ASSERT(job.arc < lanes_.size());
  const std::uint64_t token = next_token_++;
  Lane& lane = lanes_[job.arc];
  deadlines_.emplace(job.deadline, token);
  jobs_.emplace(token, Sent{std::move(job), 0, 0});
  if (!lane.waiting.empty()) {
    lane.waiting.insert(token);  // behind those that came before it
    return;
  }
  dispatch(now, token);
}

void Router::dispatch(Time now, std::uint64_t token) {
  Sent& sent = jobs_.at(token);
  Lane& lane = lanes_[sent.job.arc];
  const Job& job = sent.job;
  if (lane.hint.owner == 0) return retry(now, token, sent, false);
  Request request{
      job.arc, lane.hint.epoch, job.op, job.write, job.key, 0, {job.args.begin(), job.args.end()}};
  if (job.deadline > now)
    request.timeout_us = static_cast<std::uint64_t>((job.deadline - now).count());
  sent.at = lane.hint.owner;
  sent.epoch = lane.hint.epoch;
  ++lane.in_flight;
  // It may be answered from within send_: nothing of it is touched afterwards unless it was not
  // sent.
  if (send_(sent.at, token, request)) return;
  --lane.in_flight;
  retry(now, token, sent, false);
}

void Router::retry(Time now, std::uint64_t token, Sent& sent, bool at_once) {
  Lane& lane = lanes_[sent.job.arc];
  sent.at = 0;
  lane.waiting.insert(token);
  if (!at_once) lane.retry_at = std::max(lane.retry_at, now + kRetryAfter);
}

// Only when nothing of the arc is on its way any more: what was sent earlier was to be done
// earlier.
void Router::pump(Time now, Lane& lane) {
  if (lane.in_flight > 0 || lane.waiting.empty() || now < lane.retry_at) return;
  const std::set<std::uint64_t> ready = std::exchange(lane.waiting, {});
  for (std::uint64_t token : ready) {
    if (!jobs_.contains(token)) continue;
    if (lane.waiting.empty()) {
      dispatch(now, token);
    } else {
      lane.waiting.insert(token);
    }
  }
}

void Router::finish(std::uint64_t token, Answer answer) {
  const auto found = jobs_.find(token);
  Job job = std::move(found->second.job);
  lanes_[job.arc].waiting.erase(token);
  deadlines_.erase({job.deadline, token});
  jobs_.erase(found);
  job.done(std::move(answer));
}

void Router::on_answer(Time now, std::uint64_t token, Answer answer) {
  const auto found = jobs_.find(token);
  if (found == jobs_.end() || found->second.at == 0) return;
  Sent& sent = found->second;
  Lane& lane = lanes_[sent.job.arc];
  SKEP_ASSERT(lane.in_flight > 0);
  --lane.in_flight;
  if (answer.outcome == Outcome::moved) {
    if (answer.record.epoch >= lane.hint.epoch && well_formed(answer.record))
      lane.hint = answer.record;
    const bool news = lane.hint.epoch != sent.epoch;
    retry(now, token, sent, news);
    return pump(now, lane);
  }
  finish(token, std::move(answer));
  pump(now, lane);
}

void Router::on_down(Time now, NodeId node) {
  std::vector<std::uint64_t> lost;
  for (const auto& [token, sent] : jobs_)
    if (sent.at == node) lost.push_back(token);
  std::sort(lost.begin(), lost.end());
  for (std::uint64_t token : lost) {
    const auto found = jobs_.find(token);
    if (found == jobs_.end() || found->second.at != node) continue;
    Lane& lane = lanes_[found->second.job.arc];
    --lane.in_flight;
    if (found->second.job.write) {
      finish(token, failed(Outcome::unknown, "the connection to the key's owner was lost"));
    } else {
      retry(now, token, found->second, false);  // a read changes nothing: asked again
    }
  }
}

void Router::on_tick(Time now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const std::uint64_t token = deadlines_.begin()->second;
    Sent& sent = jobs_.at(token);
    const bool began = sent.at != 0;
    if (began) --lanes_[sent.job.arc].in_flight;
    finish(token, began && sent.job.write
                      ? failed(Outcome::unknown, "the key's owner did not answer in time")
                      : failed(Outcome::refused, "the key's owner could not be reached in time"));
  }
  for (Lane& lane : lanes_) pump(now, lane);
}

void Router::learn(Time now, ArcId arc, const Record& record) {
  if (arc >= lanes_.size() || !well_formed(record)) return;
  Lane& lane = lanes_[arc];
  const bool newer = record.epoch > lane.hint.epoch;
  if (!newer && (record.epoch < lane.hint.epoch || !record.settled())) return;
  lane.hint = record;
  if (newer) lane.retry_at = now;
  pump(now, lane);
}

}  // namespace skep::ring
