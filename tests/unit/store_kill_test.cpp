// kill -9 at any moment: what is left is a prefix of the submissions and holds every batch that was
// reported, written ones included.
#include <sys/wait.h>

#include <csignal>
#include <random>

#include "tests/unit/store_fixture.hpp"

namespace skep::store_test {
namespace {

class StoreKill : public StoreTest {
 protected:
  static constexpr int kKeys = 50;

  StoreOptions options() {
    StoreOptions options = StoreTest::options();
    options.fold_above = 20'000;
    options.checkpoint_pages = 16;
    options.segment_bytes = 16'384;
    options.flush_interval = std::chrono::milliseconds(5);
    return options;
  }

  // Batch `number`, always the same.
  static Batch batch(int number) {
    Batch batch;
    batch.put("ring", "counter", std::to_string(number));
    batch.put(
        "ring", "key" + std::to_string(number % kKeys),
        std::string(static_cast<std::size_t>(number * 37 % 700), 'x') + std::to_string(number));
    return batch;
  }
  static Contents after(int number) {
    Contents contents;
    for (int i = std::max(1, number - kKeys + 1); i <= number; ++i) {
      const Batch written = batch(i);
      for (const Batch::Op& op : written.ops()) contents[std::string(op.key)] = op.value;
    }
    return contents;
  }

  // In the child: submits for ever from `number` on, and says in the pipe what is reported.
  [[noreturn]] void submit_for_ever(int number, int pipe) {
    auto opened = SqliteStore::open(options());
    if (!opened) _exit(1);
    store_ = std::move(*opened);
    int reported = number - 1;
    for (;; ++number) {
      store_->submit(batch(number), number % 5 == 0 ? Durability::durable : Durability::written,
                     [&, number](Result<> ok) {
                       if (!ok) _exit(2);
                       reported = number;
                       if (::write(pipe, &number, sizeof number) != sizeof number) _exit(3);
                     });
      loop_.run_until([&] { return reported > number - 64; });
    }
  }

  // Lets a child run until it has reported `count` batches and kills it; returns the last number
  // that it reported.
  int run_and_kill(int from, int count) {
    int ends[2];
    if (pipe(ends) != 0) return -1;
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      submit_for_ever(from, ends[1]);
    }
    close(ends[1]);
    int last = from - 1;
    int said = 0;
    for (int i = 0; i < count && read(ends[0], &said, sizeof said) == sizeof said; ++i) last = said;
    EXPECT_EQ(kill(child, SIGKILL), 0);
    // What it said before it died counts too.
    while (read(ends[0], &said, sizeof said) == sizeof said) last = said;
    close(ends[0]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    return last;
  }
};

TEST_F(StoreKill, AtAnyMoment) {
  std::mt19937 random(11);
  int last = 0;
  std::uint64_t identity = 0;
  for (int life = 0; life < 15; ++life) {
    const int reported = run_and_kill(last + 1, 1 + static_cast<int>(random() % 700));
    open(options());
    EXPECT_FALSE(store_->opening().may_have_lost);
    EXPECT_FALSE(store_->opening().created);
    EXPECT_TRUE(identity == 0 || identity == store_->identity());
    identity = store_->identity();
    last = std::stoi(get("counter").value_or("0"));
    EXPECT_GE(last, reported) << "a reported batch is gone";
    EXPECT_EQ(scan(), after(last)) << "not the first " << last;
    store_.reset();
  }
  EXPECT_GT(last, 15);
}

}  // namespace
}  // namespace skep::store_test
