// The store that keeps what it is given: a journal that decides what is durable, a state that holds
// the rest, in SQLite, both in the node's data directory, and in memory what is in the journal and
// not yet in the state. One thread commits, one folds; the loop thread never waits for a sync.
//
// A batch that is accepted is reported, in the order of the submissions, once it is written or
// durable; a batch that is refused is reported with an error at the next turn of the loop. After a
// failed sync the store is closed: batches that were accepted before and not reported never are
// (nobody knows what became of them), new ones and reads get Code::io, on_failure() is called.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/base/log.hpp"
#include "net/base/metrics.hpp"
#include "net/base/time.hpp"
#include "store/directory.hpp"
#include "store/store.hpp"

namespace skep {

class Committer;
class Disk;
class Folder;
class Journal;
class Memtable;
class StateReader;
class StateWriter;
struct Files;

struct StoreOptions {
  std::string directory;  // made if it is not there
  std::string cluster;    // the cluster's and the node's name; a store of others is refused
  std::string node;
  Duration flush_interval = std::chrono::seconds(1);
  // Bytes in memory that are not folded. Above half of it commits are slowed down, at the whole of
  // it batches are refused with Code::full.
  std::size_t max_unfolded = std::size_t{256} << 20;
  // Bytes from which a fold is worth its while: the more, the more writes to one key become one.
  std::size_t fold_above = std::size_t{64} << 20;
  // The same while nothing is written, for the memory.
  std::size_t fold_quiet_above = std::size_t{1} << 20;
  // What is not folded is read as well: each write takes longer, so that no read has to catch up.
  bool read_often = false;
  // Until a full disk or an I/O error is tried again.
  Duration retry_interval = std::chrono::milliseconds(100);
  // Runs a function on the loop thread, soon; called on any thread.
  std::function<void(std::function<void()>)> post;
  Log* log = nullptr;  // written to on the loop thread
  // The length of the state's write-ahead log, in pages, from which it is checkpointed.
  int checkpoint_pages = 4096;
  // The journal's files. A larger one takes longer to be made, a smaller one is full sooner.
  std::size_t segment_bytes = std::size_t{8} << 20;
  Disk* disk = nullptr;                    // beneath the journal; none: the real one
  std::string vfs;                         // beneath the state, by SQLite's name; empty: the real
  std::string boot_id = kernel_boot_id();  // what names this boot of the machine
};

class SqliteStore final : public Store {
 public:
  // Takes as long as it takes to read the journal. The errors' messages are for a person and name
  // the file; nothing is touched then.
  static Result<std::unique_ptr<SqliteStore>> open(StoreOptions options);
  // Without close(): as if the process had been killed; what was reported is there.
  ~SqliteStore() override;

  std::uint64_t identity() const override { return identity_; }
  Opening opening() const override { return opening_; }
  Result<std::uint64_t> used() override;
  void make_room() override {
    if (!closed_) fold_above(0);
  }
  void submit(const Batch& batch, Durability durability, Reported reported) override;
  Result<std::optional<std::string>> get(std::string_view space, std::string_view key) override;
  Result<> scan(std::string_view space, std::string_view from, std::string_view to,
                const Visit& visit) override;
  Result<> replay(std::string_view space, const Replayed& visit) override;

  // The random number of the cluster this store belongs to; 0: not known yet.
  std::uint64_t cluster_id() const { return cluster_id_; }
  // Stores it, for good. Reports when it is durable, or Code::conflict if there is another already.
  void bind(std::uint64_t cluster_id, Reported reported);

  // Notes, durably, that the next process is to move this store aside (store/aside.hpp), and that
  // its own one is to join a cluster of which these are nodes. After an error it is not.
  Result<> make_way(const std::vector<std::string>& peers) const;

  // An error that keeps it from writing, which may pass: what is submitted is refused.
  Result<> writable() const;

  // Bytes in memory that wait to be folded.
  std::size_t unfolded() const;
  void report(Metrics& metrics) const;

  // Called once, when the store has closed itself. What names the reason.
  void on_failure(std::function<void(const Error&)> failed) { on_failure_ = std::move(failed); }

  // The clean end: makes everything that was accepted durable and reports it. The store is closed
  // afterwards, whatever the result; an error says what may be lost in a power cut.
  Result<> close();

 private:
  struct Waiting {
    std::uint64_t sequence;
    Durability durability;
    Reported reported;
  };

  SqliteStore(StoreOptions options, Directory directory);
  Result<> start(Files files);
  Result<> note_opening(Journal& journal, StateWriter& state, std::uint64_t end);
  void run_threads(Journal journal, StateWriter state);
  void stop_threads();

  Result<> room_for(std::size_t size) const;
  void append(const Batch& batch, Durability durability, Reported reported);
  void refuse(Reported reported, Error error);
  void report(std::uint64_t written, std::uint64_t durable);
  void fold_if_due(bool quiet = false);
  void fold_above(std::size_t bytes);
  bool quiet() const;

  // From the other threads to the loop.
  void post(void (SqliteStore::*what)());
  void progress();
  void started();
  void folded();
  void refresh();
  void fail_from(const Error& error);
  void failed();

  const StoreOptions options_;
  const Directory directory_;
  std::uint64_t identity_ = 0;
  std::uint64_t cluster_id_ = 0;
  Opening opening_;
  std::function<void(const Error&)> on_failure_;

  // The loop thread's.
  std::shared_ptr<Memtable> active_;
  std::shared_ptr<Memtable> frozen_;  // being folded; none: nothing is
  // Until the loop runs nothing is folded: who reads what it needs to begin has the processor.
  bool starting_ = true;
  std::uint64_t last_ = 0;
  std::uint64_t folded_ = 0;       // the last batch that is in the state
  std::uint64_t frozen_last_ = 0;  // and in `frozen_`
  std::deque<Waiting> waiting_;
  std::size_t refusals_ = 0;      // not yet reported
  std::optional<Error> refusal_;  // the latest
  std::optional<Error> closed_;

  // Between the threads.
  struct Shared;
  std::shared_ptr<Shared> shared_;

  std::unique_ptr<StateReader> reader_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Folder> folder_;
};

}  // namespace skep
