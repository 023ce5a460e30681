#include "roles/ring/router.hpp"

#include "net/base/assert.hpp"
#include "net/wire.hpp"

namespace skep::ring {

namespace {

constexpr Duration kRetryAfter = std::chrono::milliseconds(20);
// A place that once held more words than this gives their memory back.
constexpr std::size_t kKeptWords = 4096;

// The scalar kinds that one-key commands answer; a peer may send anything.
bool scalar(const Answer& answer) {
  switch (static_cast<resp::Value::Kind>(answer.kind)) {
    case resp::Value::Kind::status:
    case resp::Value::Kind::error:
    case resp::Value::Kind::integer:
    case resp::Value::Kind::bulk:
    case resp::Value::Kind::null: return true;
    default: return false;
  }
}

}  // namespace

Error error_of(const Answer& answer) {
  return {answer.outcome == Outcome::unknown ? Code::unknown : Code::unavailable, answer.text};
}

Result<resp::Value> result_of(Answer&& answer) {
  if (answer.outcome != Outcome::done) return tl::unexpected(error_of(answer));
  if (!scalar(answer)) return fail(Code::unknown, "the key's owner sent a malformed answer");
  Result<resp::Value> result;
  result->kind = static_cast<resp::Value::Kind>(answer.kind);
  result->text = std::move(answer.text);
  result->number = static_cast<std::int64_t>(answer.number);
  return result;
}

void Router::Later::operator()(Answer&& answer) const {
  if (reply) return reply(result_of(std::move(answer)));
  done(std::move(answer));
}

Router::Router(std::size_t arcs, std::uint64_t first_attempt, Send send, Guess guess)
    : lanes_(arcs),
      next_attempt_(first_attempt),
      send_(std::move(send)),
      guess_(std::move(guess)) {}

void Router::Lane::wait(std::uint64_t number, Place place) {
  if (!waiting) waiting = std::make_unique<Waiting>();
  waiting->emplace(number, place);
}

void Router::Lane::wait_no_more(std::uint64_t number) {
  if (!waiting) return;
  waiting->erase(number);
  if (waiting->empty()) waiting.reset();
}

Router::Submitted Router::submit(Time now, const Job& job) {
  SKEP_ASSERT(job.arc < lanes_.size());
  Lane& lane = lanes_[job.arc];
  const NodeId to = whom(job.arc);
  if (lane.waiting || to == 0) {  // behind those that came before it
    const Place place = keep(job, false);
    figures_.homeless += to == 0 ? 1 : 0;
    if (lane.waiting)
      lane.wait(pending_[place].number, place);
    else
      retry(now, place, false);
    return {{}, &pending_[place].later};
  }
  const std::uint64_t attempt = next_attempt_++;
  Sent sent = send(now, to, job, attempt);
  if (sent.answer && sent.answer->outcome != Outcome::moved)
    return {std::move(sent.answer), nullptr};
  const Place place = keep(job, sent.begun);
  if (sent.answer) follow(lane, sent.answer->more->record);
  if (sent.sent && !sent.answer)
    sent_to(pending_[place], place, to, attempt);
  else
    retry(now, place, false);
  return {{}, &pending_[place].later};
}

NodeId Router::whom(ArcId arc) const {
  const NodeId owner = lanes_[arc].hint.owner;
  return owner != 0 ? owner : guess_(arc);
}

Router::Sent Router::send(Time now, NodeId to, const Job& job, std::uint64_t attempt) {
  const Lane& lane = lanes_[job.arc];
  request_.arc = job.arc;
  request_.epoch = lane.hint.epoch;
  request_.op = job.op;
  request_.write = job.write;
  request_.key = job.key;
  request_.timeout_us =
      job.deadline > now ? static_cast<std::uint64_t>((job.deadline - now).count()) : 0;
  request_.args.assign(job.args.begin(), job.args.end());
  Sent sent = send_(now, to, attempt, request_);
  ++(sent.sent ? figures_.attempts : figures_.homeless);
  return sent;
}

Router::Place Router::keep(const Job& job, bool begun) {
  if (free_.empty()) {
    free_.push_back(static_cast<Place>(pending_.size()));
    pending_.emplace_back();
  }
  const Place place = free_.back();
  free_.pop_back();
  Pending& pending = pending_[place];
  pending.number = next_job_++;
  pending.arc = job.arc;
  pending.op = job.op;
  pending.write = job.write;
  pending.key = job.key;
  pending.deadline = job.deadline;
  pending.begun = begun;
  if (!begun) {
    wire::Writer writer(pending.words);
    for (std::string_view word : job.args) writer.put(word);
  }
  earliest_ = std::min(earliest_, job.deadline);
  return place;
}

void Router::sent_to(Pending& pending, Place place, NodeId to, std::uint64_t attempt) {
  Lane& lane = lanes_[pending.arc];
  pending.attempt = attempt;
  pending.at = to;
  pending.epoch = lane.hint.epoch;
  attempts_.insert(attempt, place);
  ++lane.in_flight;
}

// False: it certainly was not done, and waits again.
bool Router::dispatch(Time now, Place place) {
  Pending& pending = pending_[place];
  const NodeId to = whom(pending.arc);
  if (to == 0) {
    ++figures_.homeless;
    retry(now, place, false);
    return false;
  }
  words_.clear();
  for (wire::Reader reader(pending.words); !reader.finished();) {
    reader.get(words_.emplace_back());
    SKEP_ASSERT(reader.ok());  // they are our own bytes
  }
  const std::uint64_t attempt = next_attempt_++;
  Sent sent =
      send(now, to, {pending.arc, pending.op, pending.write, pending.key, pending.deadline, words_},
           attempt);
  if (!sent.sent) {
    retry(now, place, false);
    return false;
  }
  sent_to(pending, place, to, attempt);
  return !sent.answer || settle(now, place, std::move(*sent.answer));
}

// False: certainly not done, and it waits again.
bool Router::settle(Time now, Place place, Answer&& answer) {
  const Pending& pending = pending_[place];
  if (answer.outcome == Outcome::moved && pending.begun)  // this node would not say that
    answer = failed(Outcome::unknown, "the key's owner contradicted itself");
  if (answer.outcome != Outcome::moved) {
    finish(place, std::move(answer));
    return true;
  }
  follow(lanes_[pending.arc], answer.more->record);
  retry(now, place, lanes_[pending.arc].hint.epoch != pending.epoch);
  return false;
}

void Router::follow(Lane& lane, const Record& record) {
  ++figures_.moved;
  const bool older =
      record.epoch < lane.hint.epoch || (record.epoch == lane.hint.epoch && lane.hint.settled());
  if (!older && well_formed(record)) lane.hint = record;
}

// The job's attempt, if any, is over; it certainly did nothing.
void Router::retry(Time now, Place place, bool at_once) {
  Pending& pending = pending_[place];
  Lane& lane = lanes_[pending.arc];
  if (pending.attempt != 0) {
    SKEP_ASSERT(lane.in_flight > 0);
    --lane.in_flight;
    attempts_.erase(pending.attempt);
    pending.attempt = 0;
  }
  lane.wait(pending.number, place);
  if (!at_once) lane.retry_at = std::max(lane.retry_at, now + kRetryAfter);
}

// Only when nothing of the arc is on its way any more: what was sent earlier was to be done
// earlier.
void Router::pump(Time now, Lane& lane) {
  if (lane.in_flight > 0 || now < lane.retry_at) return;
  while (lane.waiting) {
    const auto [number, place] = *lane.waiting->begin();
    lane.wait_no_more(number);
    if (!dispatch(now, place)) return;
  }
}

void Router::finish(Place place, Answer&& answer) {
  Pending& pending = pending_[place];
  Lane& lane = lanes_[pending.arc];
  if (pending.attempt != 0) {
    SKEP_ASSERT(lane.in_flight > 0);
    --lane.in_flight;
    attempts_.erase(pending.attempt);
    pending.attempt = 0;
  }
  lane.wait_no_more(pending.number);
  pending.number = 0;
  pending.words.clear();
  if (pending.words.capacity() > kKeptWords) std::string().swap(pending.words);
  const Later later = std::exchange(pending.later, {});
  free_.push_back(place);
  later(std::move(answer));  // may submit, and move pending_
}

void Router::on_answer(Time now, std::uint64_t attempt, Answer&& answer) {
  const auto found = attempts_.find(attempt);
  if (!found) return;
  const Place place = *found;
  Lane& lane = lanes_[pending_[place].arc];
  settle(now, place, std::move(answer));
  pump(now, lane);
}

void Router::on_down(Time now, NodeId node) {
  std::vector<std::pair<std::uint64_t, Place>> lost;  // in order
  for (Place place = 0; place < pending_.size(); ++place)
    if (const Pending& pending = pending_[place]; pending.attempt != 0 && pending.at == node)
      lost.emplace_back(pending.number, place);
  std::sort(lost.begin(), lost.end());
  for (const auto& [number, place] : lost) {
    const Pending& pending = pending_[place];
    if (pending.number != number || pending.attempt == 0) continue;
    if (pending.write) {
      finish(place, failed(Outcome::unknown, "the connection to the key's owner was lost"));
    } else {
      retry(now, place, false);  // a read changes nothing: asked again
    }
  }
}

void Router::on_tick(Time now) {
  if (earliest_ <= now) {
    std::vector<std::tuple<Time, std::uint64_t, Place>> late;  // in order
    earliest_ = Time::max();
    for (Place place = 0; place < pending_.size(); ++place) {
      const Pending& pending = pending_[place];
      if (pending.number == 0) continue;
      if (pending.deadline <= now)
        late.emplace_back(pending.deadline, pending.number, place);
      else
        earliest_ = std::min(earliest_, pending.deadline);
    }
    std::sort(late.begin(), late.end());
    for (const auto& [deadline, number, place] : late) {
      const Pending& pending = pending_[place];
      if (pending.number != number) continue;
      const bool unknown = pending.attempt != 0 && pending.write;
      finish(place, unknown ? failed(Outcome::unknown, "the key's owner did not answer in time")
                            : failed(Outcome::refused,
                                     "the key's owner could not be reached in time; `server admin "
                                     "ring` shows whom it waits for"));
    }
  }
  if (jobs() == 0) return;
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
