#include "store/disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "store/directory.hpp"

namespace skep {

namespace {

tl::unexpected<Error> error(const std::string& path, const char* what) {
  const int number = errno;
  const Code code = number == ENOSPC || number == EDQUOT  ? Code::full
                    : number == ENOENT                    ? Code::not_found
                    : number == EACCES || number == EROFS ? Code::permission
                                                          : Code::io;
  return fail(code, path + ": cannot be " + what + ": " + std::generic_category().message(number));
}

class RealFile final : public Disk::File {
 public:
  RealFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  RealFile(const RealFile&) = delete;
  RealFile& operator=(const RealFile&) = delete;
  ~RealFile() override { close(descriptor_); }

  Result<std::uint64_t> size() override {
    struct stat status {};
    if (fstat(descriptor_, &status) != 0) return error(path_, "looked at");
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got =
          pread(descriptor_, &bytes[done], size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return error(path_, "read");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
  }

  Result<> write(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t put =
          pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return error(path_, "written");
      offset += static_cast<std::uint64_t>(put);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }

  Result<> sync() override {
    if (fdatasync(descriptor_) == 0) return {};
    Error failed = error(path_, "synced").value();
    failed.code = Code::unknown;
    return tl::unexpected(std::move(failed));
  }

 private:
  const std::string path_;
  const int descriptor_;
};

class RealDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path) override { return open(path, 0); }
  Result<std::unique_ptr<File>> make(const std::string& path) override {
    return open(path, O_CREAT | O_TRUNC);
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return error(from, "renamed");
    return {};
  }
  Result<> remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return error(path, "removed");
    return {};
  }
  Result<> sync_directory(const std::string& path) override { return skep::sync_directory(path); }

 private:
  static Result<std::unique_ptr<File>> open(const std::string& path, int flags) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
    if (descriptor < 0) return error(path, "opened");
    return std::make_unique<RealFile>(path, descriptor);
  }
};

}  // namespace

Disk& Disk::real() {
  static RealDisk disk;
  return disk;
}

}  // namespace skep
