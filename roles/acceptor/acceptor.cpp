#include "roles/acceptor/acceptor.hpp"

#include <vector>

#include "net/base/generations.hpp"
#include "net/base/histogram.hpp"
#include "net/base/plant.hpp"
#include "net/complaints.hpp"
#include "roles/acceptor/core.hpp"

namespace skep::acceptor {

using namespace registers;

namespace {

// A batch is submitted at the end of the turn, or when it is as large as this.
constexpr std::size_t kMaxBatch = std::size_t{1} << 20;
constexpr std::size_t kMaxListed = std::size_t{256} << 10;  // bytes of a list, roughly
constexpr std::uint32_t kMostListed = 10'000;

struct Cached {
  Found found;
  std::uint64_t batch = 0;  // the last one that wrote it
  std::size_t bytes() const { return sizeof(Cached) + (found.row ? found.row->content.size() : 0); }
};

struct Answer {
  NodeId to = 0;
  Address address;
  std::uint64_t request = 0;
  Type type = Type::noted;
  std::string payload;
};

}  // namespace

class Acceptor::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Env env, Store& store, Options options)
      : env_(env),
        store_(store),
        complaints_(env.log, env.clock, "acceptor", std::chrono::minutes(1)),
        cache_(options.cache),
        core_(Standing{}) {}

  Result<> start() {
    auto standing = load_standing();
    if (!standing) return tl::unexpected(standing.error());
    core_.reset(std::move(*standing));
    env_.transport.on_message(
        Part::acceptor,
        [weak = weak_from_this()](NodeId from, const Address& address, const Message& message) {
          if (const auto self = weak.lock()) self->receive(from, address, message);
        });
    return {};
  }

  std::string_view configuration() const { return core_.standing().content; }

  void report(Metrics& metrics) const {
    const auto count = [&](const char* answer, std::uint64_t value) {
      metrics.counter("skep_acceptor_answers_total", "Answers to proposers.", value,
                      {{"answer", answer}});
    };
    count("promised", answers_.promised);
    count("accepted", answers_.accepted);
    count("refused", answers_.refused);
    count("state", answers_.state);
    count("outdated", answers_.outdated);
    count("damaged", answers_.damaged);
    count("unavailable", answers_.unavailable);
    metrics.histogram("skep_acceptor_commit_seconds",
                      "From the request to its answer, where it had to be on disk before.",
                      commits_);
    metrics.gauge("skep_acceptor_waiting", "Answers that wait for the disk.",
                  std::uint64_t{waiting_});
    metrics.gauge("skep_acceptor_cached", "Registers in memory.", std::uint64_t{cache_.size()});
    metrics.gauge("skep_acceptor_configuration", "The configuration's version that it serves.",
                  core_.standing().configuration);
  }

 private:
  // Batches are numbered as they are submitted; `open_` is the one that this turn adds to.
  struct Open {
    Batch batch;
    std::vector<Answer> answers;
    Time since{};
  };

  Result<Standing> load_standing() {
    auto row = store_.get(kStandingSpace, kStandingKey);
    if (!row) return tl::unexpected(row.error());
    if (!*row) return Standing{};
    auto standing = decode_standing(**row);
    if (!standing)
      return fail(Code::corrupt,
                  "what this acceptor has promised as a whole is damaged on its disk, so nothing "
                  "of it can be trusted; take it out (server acceptors shrink), empty its data "
                  "directory, and let it join as a new one (server acceptors grow)");
    return standing;
  }

  void receive(NodeId from, const Address& address, const Message& message) {
    Answer answer{from, address, message.request, Type::noted, {}};
    switch (static_cast<Type>(message.type)) {
      case Type::prepare:
        return take<Prepare>(message, std::move(answer), [this](const auto& m, Found& found) {
          return core_.prepare(m, found);
        });
      case Type::accept:
        return take<Accept>(message, std::move(answer),
                            [this](const auto& m, Found& found) { return core_.accept(m, found); });
      case Type::read:
        return take<Read>(message, std::move(answer),
                          [this](const auto& m, Found& found) { return core_.read(m, found); });
      case Type::erase:
        return take<Erase>(message, std::move(answer),
                           [this](const auto& m, Found& found) { return core_.erase(m, found); });
      case Type::list: return list(message, std::move(answer));
      case Type::configure:
        return whole<Configure>(message, std::move(answer),
                                [this](const auto& m) { return core_.configure(m); });
      case Type::raise_floor:
        return whole<RaiseFloor>(message, std::move(answer),
                                 [this](const auto& m) { return core_.raise_floor(m); });
      case Type::standing: return stand(std::move(answer));
      default: break;
    }
    complaints_.say(Level::warn, address,
                    "the node at " + address + " sent a message of an unknown kind");
  }

  template <class M> std::optional<M> decode(const Message& message, const Answer& answer) {
    auto decoded = wire::decode<M>(message.payload);
    if (decoded) return *decoded;
    complaints_.say(Level::warn, answer.address,
                    "the node at " + answer.address + " sent a malformed message");
    return std::nullopt;
  }

  // About one register.
  template <class M, class Decide> void take(const Message& message, Answer answer, Decide decide) {
    const auto request = decode<M>(message, answer);
    if (!request) return;
    if (core_.outdated(request->configuration) && !SKEP_PLANT(serves_outdated))
      return say(std::move(answer), core_.outdated(), 0);
    Cached* cached = find(request->key);
    if (cached == nullptr) return unavailable(std::move(answer));
    const std::size_t before = cached->bytes();
    Decision decision = decide(*request, cached->found);
    if (decision.row == Decision::Row::as_it_was)
      return say(std::move(answer), std::move(decision), std::max(cached->batch, standing_batch_));
    cache_.resized(before, cached->bytes());
    cached->batch = submitted_ + 1;
    if (SKEP_PLANT(promise_not_persisted) && decision.type == Type::promised)
      return say(std::move(answer), std::move(decision), 0);
    if (decision.row == Decision::Row::erased)
      open_.batch.erase(kRegisterSpace, request->key);
    else
      open_.batch.put(kRegisterSpace, request->key, encode_row(*cached->found.row));
    write(std::move(answer), std::move(decision));
  }

  // About the acceptor.
  template <class M, class Decide>
  void whole(const Message& message, Answer answer, Decide decide) {
    const auto request = decode<M>(message, answer);
    if (!request) return;
    Decision decision = decide(*request);
    if (!decision.writes()) return say(std::move(answer), std::move(decision), standing_batch_);
    if constexpr (std::is_same_v<M, Configure>)
      env_.log.write(Level::info, "acceptor",
                     "serves configuration " + std::to_string(request->configuration) +
                         " of the registers" + (request->in_force ? "" : ", once it is in force"));
    write(std::move(answer), std::move(decision));
  }

  void stand(Answer answer) {
    const Standing& standing = core_.standing();
    Stands stands{standing.configuration, standing.floor, standing.floor_version, true, waiting_};
    flush();
    auto scanned = store_.scan(kRegisterSpace, {}, {}, [&](std::string_view, std::string_view) {
      stands.empty = false;
      return false;
    });
    if (!scanned) return unavailable(std::move(answer));
    Decision decision;
    decision.type = Stands::kType;
    decision.payload = wire::encode(stands);
    say(std::move(answer), std::move(decision), last());
  }

  // Only what is on disk may be told, and the scan sees all that was submitted.
  void list(const Message& message, Answer answer) {
    const auto request = decode<List>(message, answer);
    if (!request) return;
    if (core_.outdated(request->configuration)) return say(std::move(answer), core_.outdated(), 0);
    flush();
    std::vector<std::string> keys;
    Keys told;
    std::size_t bytes = 0;
    const std::uint32_t limit = std::min(request->limit, kMostListed);
    const std::string from = std::max(std::string(request->prefix), std::string(request->after));
    keys.reserve(limit);
    auto scanned =
        store_.scan(kRegisterSpace, from, {}, [&](std::string_view key, std::string_view row) {
          if (key.substr(0, request->prefix.size()) != request->prefix) return false;
          if (key == request->after) return true;
          told.more = keys.size() == limit || bytes > kMaxListed;
          if (told.more) return false;
          keys.emplace_back(key);
          bytes += key.size() + sizeof(Listed);
          told.registers.push_back(Core::listed(keys.back(), found_in(row)));
          return true;
        });
    if (!scanned) return unavailable(std::move(answer));
    Decision decision;
    decision.type = Keys::kType;
    decision.payload = wire::encode(told);
    say(std::move(answer), std::move(decision), last());
  }

  static Found found_in(std::string_view row) {
    auto decoded = decode_register(row);
    if (!decoded) return {true, std::nullopt};
    return {false, std::move(*decoded)};
  }

  // Null: the disk does not say. What is not in memory may have been written by any batch that is
  // still on its way to the disk.
  Cached* find(std::string_view key) {
    if (Cached* cached = cache_.find(key)) return cached;
    flush();  // or what this turn has decided would not be seen
    auto row = store_.get(kRegisterSpace, key);
    if (!row && row.error().code != Code::corrupt) return nullptr;
    Cached read;
    if (!row)
      read.found.damaged = true;
    else if (*row)
      read.found = found_in(**row);
    if (read.found.damaged)
      env_.log.write(Level::error, "acceptor",
                     "a register is damaged on this disk; the other acceptors mend it");
    read.batch = last();
    return cache_.put(key, std::move(read));
  }

  void write(Answer answer, Decision decision) {
    if (open_.answers.empty()) {
      open_.since = env_.clock.lately();
      env_.timers.at_turn_end([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->flush();
      });
    }
    if (decision.standing) {
      standing_batch_ = submitted_ + 1;
      open_.batch.put(kStandingSpace, kStandingKey, encode_row(core_.standing()));
    }
    answer.type = decision.type;
    answer.payload = std::move(decision.payload);
    open_.answers.push_back(std::move(answer));
    ++waiting_;
    if (open_.batch.size() > kMaxBatch) flush();
  }

  // `after`: the batch that has to be on disk before.
  void say(Answer answer, Decision decision, std::uint64_t after) {
    answer.type = decision.type;
    answer.payload = std::move(decision.payload);
    if (after <= durable_) return send(answer);
    ++waiting_;
    if (after > submitted_) {
      open_.answers.push_back(std::move(answer));
      return;
    }
    held_[after].push_back(std::move(answer));
  }

  // The batch that has to be on disk before all that was submitted is.
  std::uint64_t last() const { return under_way_.empty() ? 0 : under_way_.back(); }

  void flush() {
    if (open_.answers.empty()) return;
    Open open = std::exchange(open_, Open{});
    const std::uint64_t number = ++submitted_;
    under_way_.push_back(number);
    // Shared, because what is submitted has to be copied.
    auto answers = std::make_shared<std::vector<Answer>>(std::move(open.answers));
    store_.submit(open.batch, Durability::durable,
                  [weak = weak_from_this(), number, answers, since = open.since](Result<> ok) {
                    if (const auto self = weak.lock()) self->written(number, *answers, since, ok);
                  });
  }

  // Completions come in the order of the submissions; only a refusal overtakes them.
  void written(std::uint64_t number, std::vector<Answer>& answers, Time since, const Result<>& ok) {
    std::erase(under_way_, number);
    if (auto held = held_.extract(number); !held.empty())
      for (Answer& answer : held.mapped()) answers.push_back(std::move(answer));
    waiting_ -= answers.size();
    if (ok) {
      commits_.add(env_.clock.lately() - since);
      durable_ = number;
      for (const Answer& answer : answers) send(answer);
      return;
    }
    complaints_.say(Level::error, "store", "cannot write: " + ok.error().message);
    for (Answer& answer : answers) unavailable(std::move(answer));
    go_by_the_disk();
  }

  // Something was decided that never came to the disk; so was what builds on it.
  void go_by_the_disk() {
    Open open = std::exchange(open_, Open{});
    waiting_ -= open.answers.size();
    for (Answer& answer : open.answers) unavailable(std::move(answer));
    cache_.clear();
    standing_batch_ = last();
    if (auto standing = load_standing()) core_.reset(std::move(*standing));
  }

  void unavailable(Answer answer) {
    answer.type = Type::unavailable;
    answer.payload.clear();
    send(answer);
  }

  void send(const Answer& answer) {
    switch (answer.type) {
      case Type::promised: ++answers_.promised; break;
      case Type::accepted: ++answers_.accepted; break;
      case Type::refused: ++answers_.refused; break;
      case Type::state: ++answers_.state; break;
      case Type::outdated: ++answers_.outdated; break;
      case Type::damaged: ++answers_.damaged; break;
      case Type::unavailable: ++answers_.unavailable; break;
      default: break;
    }
    env_.transport.send(
        answer.address, answer.to,
        {Part::proposer, static_cast<std::uint16_t>(answer.type), answer.request, answer.payload});
  }

  struct Counts {
    std::uint64_t promised = 0, accepted = 0, refused = 0, state = 0, outdated = 0, damaged = 0,
                  unavailable = 0;
  };

  const Env env_;
  Store& store_;
  Complaints complaints_;
  Generations<Cached> cache_;
  Core core_;
  Open open_;
  std::uint64_t submitted_ = 0;
  std::deque<std::uint64_t> under_way_;  // submitted, and neither durable nor refused
  std::uint64_t durable_ = 0;
  std::uint64_t standing_batch_ = 0;
  std::map<std::uint64_t, std::vector<Answer>> held_;  // by the batch they wait for
  std::uint64_t waiting_ = 0;
  Counts answers_;
  Histogram commits_;
};

Acceptor::Acceptor(Env env, Store& store, Options options)
    : impl_(std::make_shared<Impl>(env, store, options)) {}
Acceptor::~Acceptor() = default;
Result<> Acceptor::start() { return impl_->start(); }
std::string_view Acceptor::configuration() const { return impl_->configuration(); }
void Acceptor::report(Metrics& metrics) const { impl_->report(metrics); }

}  // namespace skep::acceptor
