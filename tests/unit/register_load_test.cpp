// `server load registers`, against a server that keeps its counters right, and ones that do not.
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <sstream>
#include <thread>

#include "net/http_server.hpp"
#include "roles/proposer/client_ask.hpp"
#include "roles/proposer/client_latencies.hpp"
#include "roles/proposer/client_load.hpp"
#include "tests/unit/loopback.hpp"

namespace skep::proposer {
namespace {

using namespace std::chrono_literals;

// Registers in memory, served by a thread of its own.
class Server : http::Site {
 public:
  enum class Lie : std::uint8_t { none, loses, repeats, forgets_to_answer };

  explicit Server(Lie lie) : lie_(lie) {
    auto opened = TcpListener::open(loop_, log_, "test", "127.0.0.1:0", {},
                                    [this](Stream& stream) { return server_.accept(stream); });
    EXPECT_TRUE(opened);
    listener_ = std::move(*opened);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Server() override {
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const Address& address() const { return listener_->address(); }
  std::size_t keys() {
    std::promise<std::size_t> size;
    loop_.post([&] { size.set_value(values_.size()); });
    return size.get_future().get();
  }

 private:
  void handle(http::Request& request, http::Respond respond) override {
    if (auto response = answer(request)) respond(std::move(*response));
  }
  std::size_t body_limit(const http::Request&) const override { return 1000; }

  std::optional<http::Response> answer(const http::Request& request) {
    auto& [version, value] = values_[request.target];
    if (request.method == "DELETE") {
      values_.erase(request.target);
      return http::Response{204};
    }
    const bool there = version > 0;
    if (request.method == "GET" && !there)
      return http::problem(404, "absent", "there is no such key");
    if (request.method == "GET")
      return http::Response{200, "", value, {{"etag", version_tag(version)}}};
    if (there ? request.header("if-match") != version_tag(version)
              : request.header("if-none-match") != "*")
      return http::Response{412};
    ++version;
    const bool now = version % 8 == 0;
    if (!(lie_ == Lie::loses && now)) value = request.body;
    if (lie_ == Lie::repeats && now) value = std::to_string(std::stoi(value) + 1);
    if (lie_ == Lie::forgets_to_answer && now)
      return http::Response{504, "", R"({"done":"unknown"})", {}};
    return http::Response{204, "", "", {{"etag", version_tag(version)}}};
  }

  const Lie lie_;
  Loop loop_;
  skep::testing::LinesLog log_;
  http::Server server_{loop_, loop_, *this, {}};
  std::unique_ptr<TcpListener> listener_;
  std::map<std::string, std::pair<std::uint64_t, std::string>> values_;
  std::thread thread_;
};

struct Ran {
  int exit;
  std::string out;
  std::string diagnostics;
};
Ran run(const std::vector<Address>& proposers, bool own_keys = false, bool json = false,
        Duration lasts = 100ms) {
  std::ostringstream out, diagnostics;
  LoadOptions options;
  options.proposers = proposers;
  options.keys = own_keys ? 3 : 2;
  options.own_keys = own_keys;
  options.json = json;
  options.lasts = lasts;
  const int exit = run_load(options, out, diagnostics);
  return {exit, out.str(), diagnostics.str()};
}

TEST(RegisterLoad, CountsAndChecks) {
  Server server(Server::Lie::none);
  const Ran ran = run({server.address(), server.address()}, false, false, 1100ms);
  EXPECT_EQ(ran.exit, 0) << ran.diagnostics;
  EXPECT_TRUE(ran.out.starts_with("# proposers: 2\n# keys: 2\n# clients: 3\n1 [")) << ran.out;
  EXPECT_TRUE(ran.out.ends_with("# every counter is right\n")) << ran.out;
  EXPECT_EQ(server.keys(), 0u);  // it cleans up
  EXPECT_EQ(run({server.address()}, true).exit, 0);
  const Ran as_json = run({server.address()}, true, true);
  EXPECT_TRUE(as_json.out.starts_with(R"({"proposers":1,"keys":3,"clients":3,"seconds":0.1)"));
}

TEST(RegisterLoad, AnUnknownOutcomeMayHaveBeenEither) {
  Server server(Server::Lie::forgets_to_answer);
  const Ran ran = run({server.address()});
  EXPECT_EQ(ran.exit, 0) << ran.diagnostics;
  EXPECT_EQ(ran.out.find("# errors: 0"), std::string::npos) << ran.out;
}

TEST(RegisterLoad, SaysLoudlyWhatIsWrong) {
  Server loses(Server::Lie::loses);
  const Ran lost = run({loses.address()});
  EXPECT_EQ(lost.exit, 1);
  EXPECT_NE(lost.diagnostics.find("WRONG: the counter load/"), std::string::npos);
  EXPECT_NE(lost.diagnostics.find("increments were lost"), std::string::npos);
  EXPECT_NE(loses.keys(), 0u);  // to be looked at
  Server repeats(Server::Lie::repeats);
  EXPECT_NE(run({repeats.address()}).diagnostics.find("done twice"), std::string::npos);
}

TEST(RegisterLoad, SaysWhatTheFirstErrorWas) {
  Address nowhere;
  { nowhere = Server(Server::Lie::none).address(); }
  const Ran ran = run({nowhere});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_TRUE(ran.diagnostics.starts_with("# the first error: cannot connect to " + nowhere + ": "))
      << ran.diagnostics;
}

TEST(RegisterLoad, ItsOptions) {
  std::vector<std::string> words{"--proposers", "a:1",        "--clients=8", "--keys", "4",
                                 "--json",      "--own-keys", "--seconds",   "10"};
  auto options = take_load_options(words);
  ASSERT_TRUE(options);
  EXPECT_EQ(words, (std::vector<std::string>{"--proposers", "a:1", "--json"}));
  EXPECT_EQ(options->clients, 8u);
  EXPECT_EQ(options->keys, 8u);  // each its own
  EXPECT_EQ(options->lasts, Duration(10s));
  for (const char* bad : {"--clients=0", "--keys", "--seconds=x", "--clients=10001"}) {
    words = {bad};
    EXPECT_FALSE(take_load_options(words)) << bad;
  }
}

TEST(Latencies, PercentilesAreWithinTwoPercent) {
  Latencies latencies;
  for (int us = 1; us <= 100'000; ++us) latencies.add(Duration(us));
  for (const double part : {0.01, 0.5, 0.9, 0.99, 0.999})
    EXPECT_NEAR(static_cast<double>(latencies.percentile(part).count()), part * 1e5, part * 2e3);
  EXPECT_EQ(latencies.longest(), 100ms);
  EXPECT_EQ(latencies.percentile(1), 100ms);
  latencies.add(48h);
  EXPECT_EQ(latencies.percentile(1), 48h);
  EXPECT_EQ(Latencies().percentile(0.5), Duration(0));
}

}  // namespace
}  // namespace skep::proposer
