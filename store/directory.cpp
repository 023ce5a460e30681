#include "store/directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace skep {

namespace {

std::string said(int error) { return std::generic_category().message(error); }

// " (process 1234)": who has the lock, from the kernel's list, whose lines are
// "1: FLOCK ADVISORY WRITE 1234 fe:01:5678 0 EOF".
std::string holder(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return "";
  const std::string inode = ":" + std::to_string(status.st_ino);
  std::ifstream locks("/proc/locks");
  std::string number, kind, advisory, access, process, place, rest;
  while (locks >> number >> kind >> advisory >> access >> process >> place) {
    std::getline(locks, rest);
    if (kind == "FLOCK" && place.ends_with(inode)) return " (process " + process + ")";
  }
  return "";
}

Result<> make(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return {};
  const std::filesystem::path parent = path.parent_path();
  if (!parent.empty())
    if (Result<> made = make(parent); !made) return made;
  std::filesystem::create_directory(path, error);
  if (error)
    return fail(Code::permission,
                path.string() + ": the directory cannot be made: " + error.message());
  return sync_directory(parent.empty() ? "." : parent.string());
}

}  // namespace

Result<Directory> Directory::hold(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (const Result<> made = make(path); !made) return tl::unexpected(made.error());
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(Code::permission, path + ": cannot be opened as a directory: " + said(errno));
  Directory directory(path, descriptor);
  if (faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
    return fail(Code::permission, path + ": the data directory cannot be written: " + said(errno) +
                                      "; the node needs to read and write it");
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(Code::io, path + ": cannot be locked: " + said(errno));
    return fail(Code::conflict, path + ": the data directory is in use by another process" +
                                    holder(descriptor) + "; every node needs its own");
  }
  return directory;
}

Directory::Directory(Directory&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

Directory::~Directory() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool Directory::has(const std::string& file) const {
  std::error_code error;
  return std::filesystem::exists(path(file), error);
}

Result<> Directory::mark(const std::string& file, const std::string& text) const {
  const std::string name = path(file);
  const int descriptor = open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail(Code::io, name + ": cannot be made: " + said(errno));
  const std::string line = text + "\n";
  const bool written =
      write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
      fsync(descriptor) == 0;
  const int error = errno;
  close(descriptor);
  if (!written) return fail(Code::io, name + ": cannot be written: " + said(error));
  return sync_directory(path_);
}

Result<> Directory::unmark(const std::string& file) const {
  const std::string name = path(file);
  if (unlink(name.c_str()) != 0 && errno != ENOENT)
    return fail(Code::io, name + ": cannot be removed: " + said(errno));
  return sync_directory(path_);
}

Result<> Directory::sync() const { return sync_directory(path_); }

Result<> sync_directory(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return fail(Code::io, path + ": " + said(errno));
  const int error = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (error != 0) return fail(Code::unknown, path + ": cannot be synced: " + said(error));
  return {};
}

Result<std::uint64_t> random_number() {
  std::uint64_t number = 0;
  while (number == 0)
    if (getrandom(&number, sizeof number, 0) != sizeof number)
      return fail(Code::io, "the system gives no random numbers");
  return number;
}

std::string kernel_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace skep
