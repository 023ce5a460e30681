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

Router::Router(std::size_t arcs, std::uint64_t first_attempt, Send send)
    : lanes_(arcs), next_attempt_(first_attempt), send_(std::move(send)) {}

void Router::submit(Time now, Job job) {
  SKEP_ASSERT(job.arc < lanes_.size());
  const std::uint64_t id = next_job_++;
  Lane& lane = lanes_[job.arc];
  deadlines_.emplace(job.deadline, id);
  jobs_.emplace(id, Pending{std::move(job), 0, 0, 0});
  if (!lane.waiting.empty()) {
    lane.waiting.insert(id);  // behind those that came before it
    return;
  }
  dispatch(now, id);
}

void Router::dispatch(Time now, std::uint64_t id) {
  Pending& pending = jobs_.at(id);
  Lane& lane = lanes_[pending.job.arc];
  const Job& job = pending.job;
  if (lane.hint.owner == 0) {
    ++figures_.homeless;
    return retry(now, id, pending, false);
  }
  Request request{
      job.arc, lane.hint.epoch, job.op, job.write, job.key, 0, {job.args.begin(), job.args.end()}};
  if (job.deadline > now)
    request.timeout_us = static_cast<std::uint64_t>((job.deadline - now).count());
  const std::uint64_t attempt = next_attempt_++;
  if (!send_(lane.hint.owner, attempt, request)) {
    ++figures_.homeless;
    return retry(now, id, pending, false);
  }
  ++figures_.attempts;
  pending.attempt = attempt;
  pending.at = lane.hint.owner;
  pending.epoch = lane.hint.epoch;
  attempts_.emplace(attempt, id);
  ++lane.in_flight;
}

// The job's attempt, if any, is over; it certainly did nothing.
void Router::retry(Time now, std::uint64_t id, Pending& pending, bool at_once) {
  Lane& lane = lanes_[pending.job.arc];
  if (pending.attempt != 0) {
    SKEP_ASSERT(lane.in_flight > 0);
    --lane.in_flight;
    attempts_.erase(pending.attempt);
    pending.attempt = 0;
  }
  lane.waiting.insert(id);
  if (!at_once) lane.retry_at = std::max(lane.retry_at, now + kRetryAfter);
}

// Only when nothing of the arc is on its way any more: what was sent earlier was to be done
// earlier.
void Router::pump(Time now, Lane& lane) {
  if (lane.in_flight > 0 || lane.waiting.empty() || now < lane.retry_at) return;
  const std::set<std::uint64_t> ready = std::exchange(lane.waiting, {});
  for (std::uint64_t id : ready) {
    if (lane.waiting.empty()) {
      dispatch(now, id);
    } else {
      lane.waiting.insert(id);
    }
  }
}

void Router::finish(std::uint64_t id, Answer answer) {
  const auto found = jobs_.find(id);
  Pending pending = std::move(found->second);
  Lane& lane = lanes_[pending.job.arc];
  if (pending.attempt != 0) {
    SKEP_ASSERT(lane.in_flight > 0);
    --lane.in_flight;
    attempts_.erase(pending.attempt);
  }
  lane.waiting.erase(id);
  deadlines_.erase({pending.job.deadline, id});
  jobs_.erase(found);
  pending.job.done(std::move(answer));
}

void Router::on_answer(Time now, std::uint64_t attempt, Answer answer) {
  const auto found = attempts_.find(attempt);
  if (found == attempts_.end()) return;
  const std::uint64_t id = found->second;
  Pending& pending = jobs_.at(id);
  Lane& lane = lanes_[pending.job.arc];
  if (answer.outcome == Outcome::moved) {
    ++figures_.moved;
    if (answer.record.epoch >= lane.hint.epoch && well_formed(answer.record))
      lane.hint = answer.record;
    retry(now, id, pending, lane.hint.epoch != pending.epoch);
  } else {
    finish(id, std::move(answer));
  }
  pump(now, lane);
}

void Router::on_down(Time now, NodeId node) {
  std::vector<std::uint64_t> lost;
  for (const auto& [id, pending] : jobs_)
    if (pending.attempt != 0 && pending.at == node) lost.push_back(id);
  std::sort(lost.begin(), lost.end());
  for (std::uint64_t id : lost) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) continue;
    if (found->second.job.write) {
      finish(id, failed(Outcome::unknown, "the connection to the key's owner was lost"));
    } else {
      retry(now, id, found->second, false);  // a read changes nothing: asked again
    }
  }
}

void Router::on_tick(Time now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const std::uint64_t id = deadlines_.begin()->second;
    const Pending& pending = jobs_.at(id);
    const bool unknown = pending.attempt != 0 && pending.job.write;
    finish(id, unknown ? failed(Outcome::unknown, "the key's owner did not answer in time")
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
