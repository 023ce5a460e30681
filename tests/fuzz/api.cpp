// Byte 0: the pieces; then what a client of a proposer sends.
#include "roles/proposer/api.hpp"

#include <nlohmann/json.hpp>

#include "net/base/assert.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {
namespace {

using namespace proposer;

constexpr std::uint64_t kMaxKey = 16;
constexpr std::uint64_t kMaxValue = 32;

class NoTimers final : public Timers, public Clock {
 public:
  Id after(Duration, std::function<void()>) override { return ++last_; }
  void cancel(Id) override {}
  Time now() override { return {}; }
  WallMs wall() override { return 0; }

 private:
  Id last_ = 0;
};

class Client final : public Stream {
 public:
  void write(std::string_view) override {}
  std::size_t queued() const override { return 0; }
  void pause_reading(bool) override {}
  void close() override {}
  void drop(std::string_view) override {}
  std::string peer() const override { return "127.0.0.1:9"; }
};

void check_names(const std::vector<std::string>& names) {
  const std::set<std::string> once(names.begin(), names.end());
  SKEP_ASSERT(once.size() == names.size());
}

void check_quorums(const std::optional<Registers::Names>& quorums) {
  if (!quorums) return;
  check_names(quorums->nodes);
  SKEP_ASSERT(quorums->quorum >= 1 && quorums->quorum <= quorums->nodes.size());
}

// What comes here has been checked; what it tells is chosen by what it was asked.
class Checked final : public Registers {
 public:
  void change(Request request, std::function<void(Outcome)> told) override {
    ++calls;
    SKEP_ASSERT(!request.key.empty() && request.key.size() <= kMaxKey);
    SKEP_ASSERT(request.key.front() != '\0');
    SKEP_ASSERT(request.timeout > Duration::zero());
    const Change& change = request.change;
    SKEP_ASSERT(change.value.size() <= kMaxValue && change.expected.size() <= kMaxValue);
    SKEP_ASSERT((change.condition == Condition::version) == (change.version > 0));
    SKEP_ASSERT(!request.base || request.id);
    SKEP_ASSERT(!request.id || *request.id != ChangeId{});
    Outcome outcome;
    outcome.how = static_cast<Outcome::How>(request.key.size() % 5);
    outcome.present = request.key.back() % 2 == 0;
    outcome.version = 7;
    if (outcome.present) outcome.value = request.key + change.value;
    outcome.why = request.key;
    told(std::move(outcome));
  }
  void list(std::string prefix, std::string after, std::uint32_t limit, Duration,
            std::function<void(Result<Listing>)> told) override {
    ++calls;
    SKEP_ASSERT(limit >= 1 && limit <= 10'000);
    told(Listing{{{prefix, 1}, {after, 2}}, true, after});
  }
  void status(Duration, std::function<void(Status)> told) override { told({}); }
  void configure(Step step, Duration, std::function<void(Result<Status>)> told) override {
    ++calls;
    SKEP_ASSERT(step.from > 0);
    SKEP_ASSERT(step.prepare || step.accept || step.proposers || step.goal);
    check_quorums(step.prepare);
    check_quorums(step.accept);
    if (step.proposers) check_names(*step.proposers);
    if (step.goal) check_names(*step.goal);
    told(fail(Code::conflict, "so"));
  }
  void advance(std::uint64_t from, Duration, std::function<void(Result<Status>)> told) override {
    ++calls;
    SKEP_ASSERT(from > 0);
    told(Status{});
  }
  void rescan(std::uint32_t limit, Duration, std::function<void(Result<Rescanned>)> told) override {
    ++calls;
    SKEP_ASSERT(limit >= 1);
    told(Rescanned{});
  }

  std::size_t calls = 0;
};

// The API, and what it answers.
class Watched final : public http::Site {
 public:
  Watched(Registers& registers, const std::size_t& calls)
      : api_(registers, {{"proposer", "", ""}, std::chrono::seconds(5), kMaxKey, kMaxValue},
             [] { return Result<>(); }),
        calls_(calls) {}
  void handle(http::Request& request, http::Respond respond) override {
    const std::size_t before = calls_;
    const bool head = request.method == "GET" || request.method == "HEAD";
    std::size_t answers = 0;
    api_.handle(request, [&](const http::Response& response) {
      ++answers;
      check(response, head, calls_ > before);
      respond(response);
    });
    SKEP_ASSERT(answers == 1);
  }
  std::size_t body_limit(const http::Request& request) const override {
    return api_.body_limit(request);
  }

 private:
  static void check(const http::Response& response, bool reads, bool asked) {
    const bool problem = response.type == "application/problem+json";
    SKEP_ASSERT(problem == (response.status >= 400));
    SKEP_ASSERT(response.status != 504 || !reads);
    SKEP_ASSERT(response.status != 400 || !asked);
    for (const auto& [name, value] : response.headers)
      SKEP_ASSERT(value.find_first_of("\r\n") == std::string::npos);
    if (!problem && response.type != "application/json") return;
    const auto json = nlohmann::json::parse(response.body, nullptr, false);
    SKEP_ASSERT(json.is_object());
    SKEP_ASSERT(!problem || (json["status"] == response.status && json["detail"].is_string()));
    SKEP_ASSERT(!problem || (json["done"] == (response.status == 504 ? "unknown" : "no")));
  }

  Api api_;
  const std::size_t& calls_;
};

}  // namespace

// Nothing that is malformed reaches the registers, and every answer is well-formed.
void api(std::string_view bytes) {
  Input input(bytes);
  const std::uint8_t how = input.byte();
  NoTimers timers;
  Client client;
  Checked registers;
  Watched site(registers, registers.calls);
  http::Server server(timers, timers, site, {});
  const auto session = server.accept(client);
  in_pieces(input.rest(), how, [&](std::string_view piece) { session->on_bytes(piece); });
  session->on_closed();
}

}  // namespace skep::fuzz
