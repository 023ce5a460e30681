// A node's data directory: held by one process, with marks that survive that process. The store's
// files lie in it; their contents are files.hpp's business.
#pragma once

#include <cstdint>
#include <string>

#include "net/base/error.hpp"

namespace skep {

class Directory {
 public:
  // Makes the directory if it is not there, and locks it for as long as the object lives.
  // Code::conflict: another process has it (the message says which, if the system does);
  // Code::permission: it cannot be written. Nothing in it is touched.
  static Result<Directory> hold(const std::string& path);
  Directory(Directory&& other) noexcept;
  Directory& operator=(Directory&&) = delete;
  ~Directory();

  std::string path(const std::string& file) const { return path_ + "/" + file; }
  bool has(const std::string& file) const;
  // Makes a file, empty but for a line of `text`, so that it survives a power cut.
  Result<> mark(const std::string& file, const std::string& text) const;
  Result<> unmark(const std::string& file) const;
  // What was made, moved or removed in it survives a power cut from here on.
  Result<> sync() const;

 private:
  Directory(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_;
};

// Makes the names in a directory survive a power cut. Code::unknown: nobody knows whether they do.
Result<> sync_directory(const std::string& path);

// A random number that is not 0. Code::io.
Result<std::uint64_t> random_number();

// What the kernel calls this boot of the machine; empty: it does not say.
std::string kernel_boot_id();

}  // namespace skep
