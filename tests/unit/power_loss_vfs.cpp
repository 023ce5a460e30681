#include "tests/unit/power_loss_vfs.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

namespace skep::store_test {

namespace {

constexpr std::size_t kSector = 512;

PowerLossVfs& self(sqlite3_vfs* vfs) { return *static_cast<PowerLossVfs*>(vfs->pAppData); }

}  // namespace

// What SQLite holds of an open file; the real file system's part lies behind it.
struct PowerLossVfs::File {
  sqlite3_file base;
  PowerLossVfs* vfs;
  std::string* path;

  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

struct PowerLossVfs::Methods {
  static sqlite3_file* real(sqlite3_file* file) { return File::of(file).real(); }

  static int close(sqlite3_file* file) {
    const int rc = real(file)->pMethods->xClose(real(file));
    delete File::of(file).path;
    return rc;
  }
  static int read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    return real(file)->pMethods->xRead(real(file), to, size, offset);
  }
  static int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
    PowerLossVfs& vfs = *File::of(file).vfs;
    if (const int rc = vfs.write_result_;
        rc != SQLITE_OK && File::of(file).path->ends_with(vfs.write_ending_.load()))
      return rc;
    const int rc = real(file)->pMethods->xWrite(real(file), from, size, offset);
    if (rc == SQLITE_OK)
      vfs.change(*File::of(file).path,
                 {offset, {static_cast<const char*>(from), static_cast<std::size_t>(size)}, false});
    return rc;
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    const int rc = real(file)->pMethods->xTruncate(real(file), size);
    if (rc == SQLITE_OK) File::of(file).vfs->change(*File::of(file).path, {size, "", true});
    return rc;
  }
  static int sync(sqlite3_file* file, int flags) {
    return File::of(file).vfs->sync(File::of(file), flags);
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return real(file)->pMethods->xFileSize(real(file), size);
  }
  static int lock(sqlite3_file* file, int level) {
    return real(file)->pMethods->xLock(real(file), level);
  }
  static int unlock(sqlite3_file* file, int level) {
    return real(file)->pMethods->xUnlock(real(file), level);
  }
  static int check_reserved_lock(sqlite3_file* file, int* locked) {
    return real(file)->pMethods->xCheckReservedLock(real(file), locked);
  }
  static int file_control(sqlite3_file* file, int op, void* argument) {
    return real(file)->pMethods->xFileControl(real(file), op, argument);
  }
  static int sector_size(sqlite3_file* file) {
    return real(file)->pMethods->xSectorSize(real(file));
  }
  static int device_characteristics(sqlite3_file* file) {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
  }
  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
  }
  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
  }
  static void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
  static int shm_unmap(sqlite3_file* file, int remove) {
    return real(file)->pMethods->xShmUnmap(real(file), remove);
  }

  // Version 2: shared memory, but no memory-mapped pages, which nobody could watch.
  static constexpr sqlite3_io_methods kTable = {2,
                                                close,
                                                read,
                                                write,
                                                truncate,
                                                sync,
                                                file_size,
                                                lock,
                                                unlock,
                                                check_reserved_lock,
                                                file_control,
                                                sector_size,
                                                device_characteristics,
                                                shm_map,
                                                shm_lock,
                                                shm_barrier,
                                                shm_unmap,
                                                nullptr,
                                                nullptr};
};

PowerLossVfs::PowerLossVfs() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
  static std::atomic<int> count = 0;
  name_ = "power-loss-" + std::to_string(++count);
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  vfs_.xOpen = [](sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    return self(vfs).open(path, file, flags, out);
  };
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync) {
    return self(vfs).remove(path, sync);
  };
  vfs_.xAccess = [](sqlite3_vfs* vfs, const char* path, int flags, int* out) {
    return self(vfs).real_->xAccess(self(vfs).real_, path, flags, out);
  };
  vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* path, int size, char* out) {
    return self(vfs).real_->xFullPathname(self(vfs).real_, path, size, out);
  };
  sqlite3_vfs_register(&vfs_, 0);
}

PowerLossVfs::~PowerLossVfs() { sqlite3_vfs_unregister(&vfs_); }

int PowerLossVfs::open(const char* path, sqlite3_file* file, int flags, int* out_flags) {
  File& opened = File::of(file);
  opened.base.pMethods = nullptr;
  const bool there = path != nullptr && std::filesystem::exists(path);
  const int rc = real_->xOpen(real_, path, opened.real(), flags, out_flags);
  if (rc != SQLITE_OK) return rc;
  opened.vfs = this;
  opened.path = new std::string(path == nullptr ? "" : path);
  opened.base.pMethods = &Methods::kTable;
  if (opened.path->empty()) return rc;
  const std::lock_guard lock(mutex_);
  const auto [disk, is_new] = disks_.try_emplace(*opened.path);
  if (is_new && there) {  // from before this file system's time: all of it is on the disk
    std::ifstream in(*opened.path, std::ios::binary);
    disk->second.synced.assign(std::istreambuf_iterator<char>(in), {});
    disk->second.named = true;
  } else if (disk->second.deleted) {
    disk->second.deleted = false;
    disk->second.unsynced.push_back({0, "", true});
  }
  return rc;
}

int PowerLossVfs::remove(const char* path, int sync_directory) {
  const int rc = real_->xDelete(real_, path, 0);
  if (rc != SQLITE_OK) return rc;
  const std::lock_guard lock(mutex_);
  if (const auto disk = disks_.find(path); disk != disks_.end()) disk->second.deleted = true;
  if (sync_directory != 0) sync_names();
  return rc;
}

int PowerLossVfs::sync(File& file, int) {
  ++syncs_;
  if (const int rc = sync_result_; rc != SQLITE_OK) return rc;
  if (at_sync_) at_sync_();
  if (lie_.empty() || !file.path->ends_with(lie_)) {
    const std::lock_guard lock(mutex_);
    Disk& disk = disks_[*file.path];
    for (const Change& change : disk.unsynced) apply(disk.synced, change);
    disk.unsynced.clear();
    // SQLite's unix files sync the directory with the first sync of a log or a journal.
    if (!disk.named && !file.path->ends_with(".db")) sync_names();
  }
  if (at_sync_) at_sync_();
  return SQLITE_OK;
}

void PowerLossVfs::sync_names() {
  for (auto& [path, disk] : disks_) disk.named = true;
  std::erase_if(disks_, [](const auto& disk) { return disk.second.deleted; });
}

void PowerLossVfs::change(const std::string& path, Change change) {
  if (path.empty()) return;  // a temporary file, gone with the power
  const std::lock_guard lock(mutex_);
  disks_[path].unsynced.push_back(std::move(change));
}

void PowerLossVfs::apply(std::string& bytes, const Change& change) {
  const auto offset = static_cast<std::size_t>(change.offset);
  if (change.truncate) return bytes.resize(offset);
  if (bytes.size() < offset + change.bytes.size()) bytes.resize(offset + change.bytes.size());
  bytes.replace(offset, change.bytes.size(), change.bytes);
}

Image PowerLossVfs::power_cut(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto chance = [&](unsigned of) { return seed != 0 && random() % of == 0; };
  Image image;
  const std::lock_guard lock(mutex_);
  for (const auto& [path, disk] : disks_) {
    if (disk.deleted ? !chance(2) : !disk.named && !chance(2)) continue;
    std::string bytes = disk.synced;
    const unsigned lost = chance(2) ? 2 : 20;  // one write in so many
    for (const Change& change : disk.unsynced) {
      if (seed == 0 || chance(lost)) continue;
      if (change.truncate || !chance(20)) {
        apply(bytes, change);
        continue;
      }
      // Torn.
      for (std::size_t at = 0; at < change.bytes.size(); at += kSector)
        if (chance(2))
          apply(bytes, {change.offset + static_cast<std::int64_t>(at),
                        change.bytes.substr(at, kSector), false});
    }
    image[std::filesystem::path(path).filename().string()] = std::move(bytes);
  }
  return image;
}

void restore(const Image& image, const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  for (const auto& [name, bytes] : image)
    std::ofstream(directory + "/" + name, std::ios::binary) << bytes;
}

}  // namespace skep::store_test
