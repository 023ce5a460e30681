#include "conf/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace skep::conf {
namespace {

struct File {
  int fd = -1;
  ~File() {
    if (fd >= 0) ::close(fd);
  }
};

Result<std::string> system_failure() {
  return fail(Code::io, "cannot be read: " + std::generic_category().message(errno));
}

// Everything is asked of the open descriptor, so that what was checked is what is read.
Result<std::string> read_checked(const std::string& path, mode_t forbidden) {
  File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) return system_failure();
  if (!S_ISREG(status.st_mode)) return fail(Code::invalid, "is not a regular file");
  if ((status.st_mode & forbidden) != 0)
    return fail(Code::permission, "can be read or changed by others");
  if (static_cast<std::size_t>(status.st_size) > kMaxFile)
    return fail(Code::full, "is longer than 1 MiB");
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    ssize_t got = ::read(file.fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure();
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    return fail(Code::invalid, "is a directory; accepted: a file, such as " + path +
                                   (path.ends_with('/') ? "" : "/") + "node.toml");
  return read_checked(path, 0);
}

Result<std::string> read_secret(const std::string& path) {
  Result<std::string> secret = read_checked(path, S_IRWXO | S_IWGRP);
  if (!secret) return secret;
  while (!secret->empty() && (secret->back() == '\n' || secret->back() == '\r')) secret->pop_back();
  if (secret->empty()) return fail(Code::invalid, "is empty");
  if (secret->find('\n') != std::string::npos) return fail(Code::invalid, "has more than one line");
  return secret;
}

}  // namespace skep::conf
