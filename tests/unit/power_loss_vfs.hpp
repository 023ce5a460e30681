// A file system for SQLite, over the real one, that knows what a power cut would leave: what was
// synced, and of the rest any part. It can also fail like a disk, and lie like one.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace skep::store_test {

// A directory's files after a power cut, by name.
using Image = std::map<std::string, std::string>;
void restore(const Image& image, const std::string& directory);

class PowerLossVfs {
 public:
  PowerLossVfs();  // under a name of its own
  ~PowerLossVfs();
  PowerLossVfs(const PowerLossVfs&) = delete;
  PowerLossVfs& operator=(const PowerLossVfs&) = delete;
  const std::string& name() const { return name_; }

  // What the disk may hold if the power fails now. Of what was not synced: nothing, if `seed` is 0;
  // else some of the writes, of some of them some sectors.
  Image power_cut(std::uint64_t seed);

  // Called before and after every sync, by the thread that syncs.
  void at_sync(std::function<void()> call) { at_sync_ = std::move(call); }
  // Syncs of files whose names end so do nothing and say they did.
  void lie_about(std::string ending) { lie_ = std::move(ending); }
  // From now on writes (SQLITE_FULL, SQLITE_IOERR_WRITE), of files whose names end with `ending`,
  // or syncs fail with this; SQLITE_OK: no more.
  void fail_writes(int result, const char* ending = "") {
    write_ending_ = ending;
    write_result_ = result;
  }
  void fail_syncs(int result) { sync_result_ = result; }
  std::uint64_t syncs() const { return syncs_; }

 private:
  struct Change {
    std::int64_t offset;
    std::string bytes;
    bool truncate;  // to `offset`
  };
  struct Disk {
    std::string synced;
    std::vector<Change> unsynced;  // in the page cache, in order
    bool named = false;            // the directory was synced since it was made
    bool deleted = false;          // and the directory was not synced since
  };
  struct File;
  struct Methods;
  static void apply(std::string& bytes, const Change& change);

  int open(const char* path, sqlite3_file* file, int flags, int* out_flags);
  int remove(const char* path, int sync_directory);
  int sync(File& file, int flags);
  void change(const std::string& path, Change change);
  void sync_names();

  std::string name_;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::function<void()> at_sync_;
  std::string lie_;
  std::atomic<int> write_result_ = SQLITE_OK;
  std::atomic<const char*> write_ending_ = "";
  std::atomic<int> sync_result_ = SQLITE_OK;
  std::atomic<std::uint64_t> syncs_ = 0;

  std::mutex mutex_;
  std::map<std::string, Disk> disks_;  // by path
};

}  // namespace skep::store_test
