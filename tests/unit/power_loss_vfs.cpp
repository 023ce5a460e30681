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
struct PowerLossVfs::SqliteFile {
  sqlite3_file base;
  PowerLossVfs* vfs;
  std::string* path;

  static SqliteFile& of(sqlite3_file* file) { return *reinterpret_cast<SqliteFile*>(file); }
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

struct PowerLossVfs::Methods {
  static sqlite3_file* real(sqlite3_file* file) { return SqliteFile::of(file).real(); }

  static int close(sqlite3_file* file) {
    const int rc = real(file)->pMethods->xClose(real(file));
    delete SqliteFile::of(file).path;
    return rc;
  }
  static int read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    return real(file)->pMethods->xRead(real(file), to, size, offset);
  }
  static int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
    PowerLossVfs& vfs = *SqliteFile::of(file).vfs;
    if (const int rc = vfs.write_result_;
        rc != SQLITE_OK && SqliteFile::of(file).path->ends_with(vfs.write_ending_.load()))
      return rc;
    const int rc = real(file)->pMethods->xWrite(real(file), from, size, offset);
    if (rc == SQLITE_OK)
      vfs.change(*SqliteFile::of(file).path,
                 {offset, {static_cast<const char*>(from), static_cast<std::size_t>(size)}, false});
    return rc;
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    const int rc = real(file)->pMethods->xTruncate(real(file), size);
    if (rc == SQLITE_OK)
      SqliteFile::of(file).vfs->change(*SqliteFile::of(file).path, {size, "", true});
    return rc;
  }
  static int sync(sqlite3_file* file, int) {
    return SqliteFile::of(file).vfs->sync(*SqliteFile::of(file).path);
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
  vfs_.szOsFile = static_cast<int>(sizeof(SqliteFile)) + real_->szOsFile;
  vfs_.xOpen = [](sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    return self(vfs).sqlite_open(path, file, flags, out);
  };
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync) {
    return self(vfs).sqlite_remove(path, sync);
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

int PowerLossVfs::sqlite_open(const char* path, sqlite3_file* file, int flags, int* out_flags) {
  SqliteFile& to = SqliteFile::of(file);
  to.base.pMethods = nullptr;
  const bool there = path != nullptr && std::filesystem::exists(path);
  const int rc = real_->xOpen(real_, path, to.real(), flags, out_flags);
  if (rc != SQLITE_OK) return rc;
  to.vfs = this;
  to.path = new std::string(path == nullptr ? "" : path);
  to.base.pMethods = &Methods::kTable;
  if (!to.path->empty()) opened(*to.path, there);
  return rc;
}

void PowerLossVfs::opened(const std::string& path, bool was_there) {
  const std::lock_guard lock(mutex_);
  const auto [content, is_new] = contents_.try_emplace(path);
  if (is_new && was_there) {  // from before this file system's time: all of it is on the disk
    std::ifstream in(path, std::ios::binary);
    content->second.synced.assign(std::istreambuf_iterator<char>(in), {});
    content->second.named = true;
  } else if (content->second.deleted) {
    content->second.deleted = false;
    content->second.unsynced.push_back({0, "", true});
  }
}

int PowerLossVfs::sqlite_remove(const char* path, int sync_directory) {
  const int rc = real_->xDelete(real_, path, 0);
  if (rc != SQLITE_OK) return rc;
  const std::lock_guard lock(mutex_);
  if (const auto found = contents_.find(path); found != contents_.end())
    found->second.deleted = true;
  if (sync_directory != 0) sync_names(std::filesystem::path(path).parent_path());
  return rc;
}

int PowerLossVfs::sync(const std::string& path) {
  ++syncs_;
  if (const int rc = sync_result_; rc != SQLITE_OK && path.ends_with(sync_ending_.load())) {
    // As Linux has it: what could not be written is clean from now on, and never written.
    const std::lock_guard lock(mutex_);
    contents_[path].unsynced.clear();
    return rc;
  }
  if (at_sync_) at_sync_();
  if (lie_.empty() || !path.ends_with(lie_)) {
    const std::lock_guard lock(mutex_);
    Content& content = contents_[path];
    for (const Change& change : content.unsynced) apply(content.synced, change);
    content.unsynced.clear();
    // SQLite's unix files sync the directory with the first sync of a log or a journal.
    if (!content.named && (path.ends_with("-wal") || path.ends_with("-journal")))
      sync_names(std::filesystem::path(path).parent_path());
  }
  if (at_sync_) at_sync_();
  return SQLITE_OK;
}

void PowerLossVfs::sync_names(const std::string& directory) {
  for (auto entry = contents_.begin(); entry != contents_.end();) {
    if (std::filesystem::path(entry->first).parent_path() != directory) {
      ++entry;
    } else if (entry->second.deleted) {
      entry = contents_.erase(entry);
    } else {
      entry->second.named = true;
      ++entry;
    }
  }
}

void PowerLossVfs::change(const std::string& path, Change change) {
  if (path.empty()) return;  // a temporary file, gone with the power
  const std::lock_guard lock(mutex_);
  contents_[path].unsynced.push_back(std::move(change));
}

class PowerLossVfs::JournalFile final : public Disk::File {
 public:
  JournalFile(PowerLossVfs& vfs, std::shared_ptr<std::string> path,
              std::unique_ptr<Disk::File> real)
      : vfs_(vfs), path_(std::move(path)), real_(std::move(real)) {}

  Result<std::uint64_t> size() override { return real_->size(); }
  Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    return real_->read(offset, size);
  }
  Result<> write(std::uint64_t offset, std::string_view bytes) override {
    const int rc = path_->ends_with(vfs_.write_ending_.load()) ? vfs_.write_result_.load() : 0;
    // A sector is written or not.
    if (rc != SQLITE_OK) bytes = bytes.substr(0, bytes.size() / 2 / kSector * kSector);
    if (Result<> written = real_->write(offset, bytes); !written) return written;
    vfs_.change(*path_, {static_cast<std::int64_t>(offset), std::string(bytes), false});
    if (rc == SQLITE_OK) return {};
    return fail(rc == SQLITE_FULL ? Code::full : Code::io, *path_ + ": cannot be written");
  }
  Result<> sync() override {
    if (vfs_.sync(*path_) == SQLITE_OK) return {};
    return fail(Code::unknown, *path_ + ": cannot be synced");
  }

 private:
  PowerLossVfs& vfs_;
  const std::shared_ptr<std::string> path_;
  const std::unique_ptr<Disk::File> real_;
};

Result<std::unique_ptr<Disk::File>> PowerLossVfs::open(const std::string& path) {
  auto file = real().open(path);
  if (!file) return file;
  opened(path, true);
  auto& kept = paths_[path] = std::make_shared<std::string>(path);
  return std::make_unique<JournalFile>(*this, kept, std::move(*file));
}

Result<std::unique_ptr<Disk::File>> PowerLossVfs::make(const std::string& path) {
  const bool there = std::filesystem::exists(path);
  auto file = real().make(path);
  if (!file) return file;
  opened(path, false);
  if (there) change(path, {0, "", true});
  auto& kept = paths_[path] = std::make_shared<std::string>(path);
  return std::make_unique<JournalFile>(*this, kept, std::move(*file));
}

Result<> PowerLossVfs::rename(const std::string& from, const std::string& to) {
  if (Result<> renamed = real().rename(from, to); !renamed) return renamed;
  const std::lock_guard lock(mutex_);
  contents_[to] = std::move(contents_[from]);
  contents_[to].named = false;
  contents_.erase(from);
  *(paths_[to] = std::move(paths_[from])) = to;
  return {};
}

Result<> PowerLossVfs::remove(const std::string& path) {
  if (Result<> removed = real().remove(path); !removed) return removed;
  const std::lock_guard lock(mutex_);
  if (const auto found = contents_.find(path); found != contents_.end())
    found->second.deleted = true;
  return {};
}

Result<> PowerLossVfs::sync_directory(const std::string& path) {
  ++syncs_;
  if (sync_result_ != SQLITE_OK && path.ends_with(sync_ending_.load()))
    return fail(Code::unknown, path + ": cannot be synced");
  if (at_sync_) at_sync_();
  {
    const std::lock_guard lock(mutex_);
    sync_names(path);
  }
  if (at_sync_) at_sync_();
  return {};
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
  for (const auto& [path, content] : contents_) {
    if (content.deleted ? !chance(2) : !content.named && !chance(2)) continue;
    std::string bytes = content.synced;
    const unsigned lost = chance(2) ? 2 : 20;  // one write in so many
    for (const Change& change : content.unsynced) {
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
    const std::filesystem::path file(path);
    const std::string folder = file.parent_path().filename().string();
    image[(folder == "journal" ? "journal/" : "") + file.filename().string()] = std::move(bytes);
  }
  return image;
}

void restore(const Image& image, const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory + "/journal");
  for (const auto& [name, bytes] : image)
    std::ofstream(directory + "/" + name, std::ios::binary) << bytes;
}

}  // namespace skep::store_test
