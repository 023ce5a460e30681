#include "store/sqlite_store.hpp"

#include <atomic>
#include <filesystem>
#include <mutex>

#include "net/base/assert.hpp"
#include "store/aside.hpp"
#include "store/committer.hpp"
#include "store/files.hpp"
#include "store/folder.hpp"
#include "store/memtable.hpp"
#include "store/merge.hpp"
#include "store/state.hpp"

namespace skep {

namespace {

// The store's own space; roles' spaces do not start with a dot.
constexpr const char* kOwnSpace = ".store";
constexpr const char* kClusterKey = "cluster";
// What the state notes of openings and ends.
constexpr const char* kBootFact = "boot";      // the machine's boot of the last opening
constexpr const char* kClosedFact = "closed";  // the last batch at a clean end; empty: not closed
constexpr const char* kLostFact = "lost";      // kYes: something may be lost
constexpr const char* kLossesFact = "losses";  // how often something may have been lost
constexpr const char* kYes = "yes";
// SQLite's rows end at a billion bytes, a record's at four.
constexpr std::size_t kMaxBatch = std::size_t{256} << 20;

}  // namespace

// Outlives the store in what it has posted.
struct SqliteStore::Shared {
  SqliteStore* store;  // the loop thread's; none: the store is gone
  std::atomic<bool> progress_posted = false;
  std::mutex mutex;
  std::optional<Error> failure;
};

SqliteStore::SqliteStore(StoreOptions options, Directory directory)
    : options_(std::move(options)),
      directory_(std::move(directory)),
      active_(std::make_shared<Memtable>(options_.read_often)),
      shared_(std::make_shared<Shared>()) {
  shared_->store = this;
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(StoreOptions options) {
  SKEP_ASSERT(options.post);
  Result<Directory> directory = Directory::hold(options.directory);
  if (!directory) return tl::unexpected(directory.error());
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(options), std::move(*directory)));
  const StoreOptions& own = store->options_;
  Disk* disk = own.disk != nullptr ? own.disk : &Disk::real();
  Result<Files> files =
      open_files(store->directory_, {disk, own.vfs, own.segment_bytes}, {own.cluster, own.node});
  if (!files) return tl::unexpected(files.error());
  if (const Result<> started = store->start(std::move(*files)); !started)
    return tl::unexpected(started.error());
  return store;
}

Result<> SqliteStore::start(Files files) {
  identity_ = files.journal.identity();
  opening_.created = files.created;
  StateWriter state(std::move(files.state));
  const Result<std::uint64_t> folded = state.folded();
  if (!folded) return tl::unexpected(folded.error());
  last_ = folded_ = *folded;
  Result<EndMark> mark = EndMark::open(directory_, identity_, options_.boot_id);
  if (!mark) return tl::unexpected(mark.error());
  Journal journal(std::move(files.journal), std::move(*mark));
  const Result<std::uint64_t> end =
      journal.replay(*folded, [this](std::uint64_t sequence, std::string_view batch) {
        last_ = sequence;
        if (!Memtable::is_batch(batch)) return false;
        active_->add(sequence, batch);
        return true;
      });
  if (!end) return tl::unexpected(end.error());
  if (Result<> noted = note_opening(journal, state, *end); !noted) return noted;
  if (Result<> trimmed = journal.trim(*folded); !trimmed) return trimmed;

  Result<sqlite::Db> reading =
      sqlite::Db::open(directory_.path(kStateFile), options_.vfs, sqlite::Db::Mode::work);
  if (!reading) return tl::unexpected(reading.error());
  reader_ = std::make_unique<StateReader>(std::move(*reading));
  const Result<std::optional<std::string>> cluster = get(kOwnSpace, kClusterKey);
  if (!cluster) return tl::unexpected(cluster.error());
  if (*cluster) cluster_id_ = number_in(**cluster).value_or(0);
  run_threads(std::move(journal), std::move(state));
  return {};
}

// Was the store closed cleanly, or did a power cut come between? Syncs what was found, and notes
// that it is open, before anything is written: in the state's main file, so that what may happen to
// its log does not make an older note the last.
Result<> SqliteStore::note_opening(Journal& journal, StateWriter& state, std::uint64_t end) {
  std::string facts[4];
  const char* const names[4] = {kBootFact, kClosedFact, kLostFact, kLossesFact};
  for (int i = 0; i < 4; ++i) {
    Result<std::optional<std::string>> found = fact(state.db(), names[i]);
    if (!found) return tl::unexpected(found.error());
    facts[i] = std::move(*found).value_or("");
  }
  const auto& [boot, closed, lost, losses] = facts;
  if (!closed.empty() && number_in(closed) != end)
    return fail(Code::corrupt, directory_.path(kJournalDirectory) + ": was closed with batch " +
                                   closed + " at its end, but ends at batch " +
                                   std::to_string(end) + ": it is damaged");
  const bool clean = opening_.created || !closed.empty();
  const bool same_boot = !options_.boot_id.empty() && boot == options_.boot_id;
  const bool failed = directory_.has(kFailedMark);
  // Once it may have lost something, it says so until it was closed cleanly: a process that was
  // killed may not have dealt with it.
  const bool now = failed || (!clean && !same_boot);
  if (Result<> there = journal.check_end(now); !there) return there;
  opening_.may_have_lost = now || (!clean && lost == kYes);
  opening_.losses = number_in(losses).value_or(0) + (now ? 1 : 0);
  // First what was lost is made up for: until then the next opening has to know of the power cut.
  const Result<> noted =
      journal.take_over()
          .and_then([&] {
            return set_facts(state.db(), {{kBootFact, options_.boot_id},
                                          {kClosedFact, ""},
                                          {kLostFact, opening_.may_have_lost ? kYes : ""},
                                          {kLossesFact, std::to_string(opening_.losses)}});
          })
          .and_then([&] { return state.checkpoint(true); });
  if (!noted || !failed) return noted;
  return directory_.unmark(kFailedMark);
}

void SqliteStore::run_threads(Journal journal, StateWriter state) {
  const auto failed = [this](const Error& error) { fail_from(error); };
  committer_ = std::make_unique<Committer>(
      std::move(journal), last_,
      Committer::Limits{options_.flush_interval, options_.retry_interval, options_.max_unfolded / 2,
                        options_.max_unfolded},
      Committer::Events{[this] {
                          if (!shared_->progress_posted.exchange(true))
                            post(&SqliteStore::progress);
                        },
                        failed});
  folder_ =
      std::make_unique<Folder>(std::move(state), *committer_,
                               Folder::Limits{options_.retry_interval, options_.checkpoint_pages},
                               Folder::Events{[this] { post(&SqliteStore::folded); },
                                              [this] { post(&SqliteStore::refresh); }, failed});
  post(&SqliteStore::started);
}

SqliteStore::~SqliteStore() {
  shared_->store = nullptr;
  stop_threads();
}

void SqliteStore::stop_threads() {
  // In this order: the fold thread may wait for the commit thread.
  if (committer_) committer_->stop();
  if (folder_) folder_->stop();
}

void SqliteStore::submit(const Batch& batch, Durability durability, Reported reported) {
  for (const std::string& space : batch.spaces())
    if (!valid_space(space))
      return refuse(std::move(reported),
                    {Code::invalid, "'" + space +
                                        "' is no name of a space; accepted are 1 to "
                                        "64 of a-z 0-9 . _ / : -, no dot first"});
  append(batch, durability, std::move(reported));
}

Result<> SqliteStore::writable() const {
  if (closed_) return tl::unexpected(*closed_);
  if (std::optional<Error> stuck = committer_->stuck())
    return fail(stuck->code == Code::full ? Code::full : Code::io,
                "the store cannot write now: " + stuck->message);
  return {};
}

Result<> SqliteStore::room_for(std::size_t size) const {
  if (closed_) return tl::unexpected(*closed_);
  if (refusals_ > 0) return tl::unexpected(*refusal_);  // the order, see store.hpp
  if (Result<> now = writable(); !now) return now;
  if (size > kMaxBatch)
    return fail(Code::full, "a batch of " + std::to_string(size) + " bytes; at most " +
                                std::to_string(kMaxBatch) + " are accepted");
  if (unfolded() + size > options_.max_unfolded)
    return fail(Code::full, "the store has " + std::to_string(unfolded()) +
                                " bytes waiting for the disk; the bound is store.max_unfolded = " +
                                std::to_string(options_.max_unfolded));
  return {};
}

void SqliteStore::append(const Batch& batch, Durability durability, Reported reported) {
  if (const Result<> room = room_for(batch.size()); !room)
    return refuse(std::move(reported), room.error());
  const std::string_view kept = active_->add(++last_, batch);
  waiting_.push_back({last_, durability, std::move(reported)});
  committer_->set_backlog(unfolded());
  committer_->add(last_, kept, durability == Durability::durable);
  fold_if_due();
}

void SqliteStore::refuse(Reported reported, Error error) {
  ++refusals_;
  refusal_ = error;
  options_.post([shared = shared_, reported = std::move(reported), error = std::move(error)] {
    if (shared->store == nullptr) return;
    --shared->store->refusals_;
    reported(tl::unexpected(error));
  });
}

std::size_t SqliteStore::unfolded() const {
  return active_->bytes() + (frozen_ ? frozen_->bytes() : 0);
}

void SqliteStore::report(Metrics& metrics) const {
  const Committer::Figures figures = committer_->figures();
  metrics.histogram("skep_store_commit_seconds", "How long appending to the journal took.",
                    figures.appends);
  metrics.histogram("skep_store_sync_seconds", "How long syncing the journal took.", figures.syncs);
  metrics.counter("skep_store_batches_total", "Batches that the store has taken, ever.", last_);
  metrics.gauge("skep_store_waiting_batches", "Batches that are not reported yet.",
                waiting_.size());
  metrics.gauge("skep_store_unfolded_batches", "Batches that wait to be folded.", last_ - folded_);
  metrics.gauge("skep_store_unfolded_bytes", "Bytes in memory that wait to be folded.", unfolded());
  std::error_code error;
  const auto state = std::filesystem::file_size(directory_.path(kStateFile), error);
  const char* const help = "How large the files are.";
  metrics.gauge("skep_store_file_bytes", help, error ? 0 : state, {{"file", kStateFile}});
  metrics.gauge("skep_store_file_bytes", help, committer_->journal_bytes(),
                {{"file", kJournalDirectory}});
}

void SqliteStore::fold_if_due(bool quiet) {
  const std::size_t above = quiet ? options_.fold_quiet_above : options_.fold_above;
  fold_above(std::min(above, options_.max_unfolded / 4));
}

void SqliteStore::fold_above(std::size_t bytes) {
  if (starting_ || frozen_ || active_->empty() || active_->bytes() < bytes) return;
  frozen_ = std::exchange(active_, std::make_shared<Memtable>(options_.read_often));
  frozen_last_ = last_;
  folder_->fold(frozen_);
}

void SqliteStore::started() {
  starting_ = false;
  if (!closed_) fold_if_due();
}

void SqliteStore::folded() {
  if (closed_) return;
  // First the view, then the table: no read may fall between them.
  refresh();
  folder_->retire(std::exchange(frozen_, nullptr));
  folded_ = frozen_last_;
  committer_->set_backlog(unfolded());
  fold_if_due(quiet());
}

void SqliteStore::refresh() {
  // An error here is seen again by the next read, which reports it.
  if (!closed_) static_cast<void>(reader_->refresh());
}

void SqliteStore::progress() {
  // First the flag: what comes after the numbers are read is posted again.
  shared_->progress_posted.store(false);
  if (closed_) return;
  const std::uint64_t written = committer_->written();
  const std::uint64_t durable = committer_->durable();
  report(written, durable);
  if (quiet()) fold_if_due(true);
}

// Nobody has waited for the disk for a while: not just between two durable batches, or each of them
// would have what it is about folded anew.
bool SqliteStore::quiet() const { return waiting_.empty() && committer_->quiet(); }

void SqliteStore::report(std::uint64_t written, std::uint64_t durable) {
  while (!waiting_.empty()) {
    const Waiting& first = waiting_.front();
    if (first.sequence > (first.durability == Durability::durable ? durable : written)) return;
    const Reported reported = std::move(waiting_.front().reported);
    waiting_.pop_front();
    if (reported) reported({});
  }
}

void SqliteStore::post(void (SqliteStore::*what)()) {
  options_.post([shared = shared_, what] {
    if (shared->store != nullptr) (shared->store->*what)();
  });
}

// On any thread.
void SqliteStore::fail_from(const Error& error) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->failure) return;
    shared_->failure = error;
  }
  // If the disk takes no mark either, the missing clean end and the next boot say it as well.
  static_cast<void>(directory_.mark(kFailedMark, error.message));
  post(&SqliteStore::failed);
}

void SqliteStore::failed() {
  if (closed_) return;
  Error error;
  {
    const std::lock_guard lock(shared_->mutex);
    error = *shared_->failure;
  }
  closed_ = Error{Code::io, "the store has closed itself: " + error.message};
  stop_threads();
  waiting_.clear();
  if (options_.log != nullptr) options_.log->write(Level::error, "store", closed_->message);
  if (on_failure_) on_failure_(error);
}

Result<std::optional<std::string>> SqliteStore::get(std::string_view space, std::string_view key) {
  if (closed_) return tl::unexpected(*closed_);
  for (const auto& table : {active_.get(), frozen_.get()}) {
    if (table == nullptr) continue;
    if (const auto found = table->find(space, key))
      return *found ? std::optional(std::string(**found)) : std::nullopt;
  }
  return reader_->get(space, key);
}

Result<std::uint64_t> SqliteStore::used() {
  if (closed_) return tl::unexpected(*closed_);
  auto folded = reader_->used();
  if (!folded) return folded;
  return *folded + unfolded();
}

Result<> SqliteStore::scan(std::string_view space, std::string_view from, std::string_view to,
                           const Visit& visit) {
  if (closed_) return tl::unexpected(*closed_);
  auto state = reader_->walk(space, from, to);
  if (!state) return tl::unexpected(state.error());
  Merge merge(std::move(*state));
  for (const auto& table : {active_.get(), frozen_.get()})
    if (table != nullptr) merge.add(table->runs(space), from, to);
  return merge.run(visit);
}

Result<> SqliteStore::replay(std::string_view space, const Replayed& visit) {
  if (closed_) return tl::unexpected(*closed_);
  auto state = reader_->walk(space, {}, {});
  if (!state) return tl::unexpected(state.error());
  for (;;) {
    const Result<bool> more = state->next();
    if (!more) return tl::unexpected(more.error());
    if (!*more) break;
    visit(state->key(), state->value());
  }
  for (const auto& table : {frozen_.get(), active_.get()})
    if (table != nullptr) table->replay(space, visit);
  return {};
}

void SqliteStore::bind(std::uint64_t cluster_id, Reported reported) {
  SKEP_ASSERT(cluster_id != 0);
  if (cluster_id_ != 0 && cluster_id_ != cluster_id)
    return refuse(std::move(reported), {Code::conflict, "the store is another cluster's"});
  Batch batch;
  batch.put(kOwnSpace, kClusterKey, std::to_string(cluster_id));
  if (const Result<> room = room_for(batch.size()); !room)
    return refuse(std::move(reported), room.error());
  cluster_id_ = cluster_id;
  append(batch, Durability::durable, std::move(reported));
}

Result<> SqliteStore::make_way(const std::vector<std::string>& peers) const {
  return Aside::order(directory_, {options_.cluster, options_.node, peers});
}

Result<> SqliteStore::close() {
  if (closed_) return tl::unexpected(*closed_);
  const Result<> drained = committer_->drain();
  stop_threads();
  closed_ = Error{Code::io, "the store is closed"};
  report(committer_->written(), committer_->durable());
  waiting_.clear();
  reader_.reset();
  StateWriter& state = folder_->state();
  // Its facts say that it was closed only when all the rest is on the disk.
  return drained.and_then([&] { return state.checkpoint(true); })
      .and_then([&] {
        return set_facts(state.db(), {{kClosedFact, std::to_string(last_)}, {kLostFact, ""}});
      })
      .and_then([&] { return state.checkpoint(true); });
}

}  // namespace skep
