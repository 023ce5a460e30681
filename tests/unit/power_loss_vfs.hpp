// A file system for SQLite and the journal, over the real one, that knows what a power cut would
// leave: what was synced, and of the rest any part. It can also fail like a disk, and lie like one.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "store/disk.hpp"

namespace skep::store_test {

// A data directory's files after a power cut, by their names in it ("journal/1").
using Image = std::map<std::string, std::string>;
void restore(const Image& image, const std::string& directory);

class PowerLossVfs final : public Disk {
 public:
  PowerLossVfs();  // under a name of its own
  ~PowerLossVfs() override;
  PowerLossVfs(const PowerLossVfs&) = delete;
  PowerLossVfs& operator=(const PowerLossVfs&) = delete;
  const std::string& name() const { return name_; }

  // The journal's side.
  Result<std::unique_ptr<Disk::File>> open(const std::string& path) override;
  Result<std::unique_ptr<Disk::File>> make(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;

  // What the disk may hold if the power fails now. Of what was not synced: nothing, if `seed` is 0;
  // else some of the writes, of some of them some sectors.
  Image power_cut(std::uint64_t seed);

  // Called before and after every sync, by the thread that syncs.
  void at_sync(std::function<void()> call) { at_sync_ = std::move(call); }
  // Syncs of files whose names end so do nothing and say they did.
  void lie_about(std::string ending) { lie_ = std::move(ending); }
  // From now on writes (SQLITE_FULL, SQLITE_IOERR_WRITE), of files whose names end with `ending`,
  // or syncs fail with this; SQLITE_OK: no more. Of a write to the journal a half is made.
  void fail_writes(int result, const char* ending = "") {
    write_ending_ = ending;
    write_result_ = result;
  }
  void fail_syncs(int result, const char* ending = "") {
    sync_ending_ = ending;
    sync_result_ = result;
  }
  std::uint64_t syncs() const { return syncs_; }

 private:
  struct Change {
    std::int64_t offset;
    std::string bytes;
    bool truncate;  // to `offset`
  };
  struct Content {
    std::string synced;
    std::vector<Change> unsynced;  // in the page cache, in order
    bool named = false;            // the directory was synced since it was made
    bool deleted = false;          // and the directory was not synced since
  };
  struct SqliteFile;
  struct Methods;
  class JournalFile;
  static void apply(std::string& bytes, const Change& change);

  int sqlite_open(const char* path, sqlite3_file* file, int flags, int* out_flags);
  int sqlite_remove(const char* path, int sync_directory);
  void opened(const std::string& path, bool was_there);
  int sync(const std::string& path);
  void change(const std::string& path, Change change);
  void sync_names(const std::string& directory);

  std::string name_;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::function<void()> at_sync_;
  std::string lie_;
  std::atomic<int> write_result_ = SQLITE_OK;
  std::atomic<const char*> write_ending_ = "";
  std::atomic<int> sync_result_ = SQLITE_OK;
  std::atomic<const char*> sync_ending_ = "";
  std::atomic<std::uint64_t> syncs_ = 0;

  std::mutex mutex_;
  std::map<std::string, Content> contents_;  // by path
  // Of the journal's files, which keep theirs while they are renamed.
  std::map<std::string, std::shared_ptr<std::string>> paths_;
};

}  // namespace skep::store_test
