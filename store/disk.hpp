// What the journal needs of a file system: little enough that tests can put a disk beneath it that
// loses, fails and lies. Errors: Code::full (no room), Code::io, and Code::unknown for a failed
// sync: what was written since the last one is on the disk or not, and another sync may say that it
// is when it is not.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/base/error.hpp"

namespace skep {

class Disk {
 public:
  class File {
   public:
    virtual ~File() = default;
    virtual Result<std::uint64_t> size() = 0;
    // Fewer bytes where the file ends.
    virtual Result<std::string> read(std::uint64_t offset, std::size_t size) = 0;
    // After an error any part of it may be written.
    virtual Result<> write(std::uint64_t offset, std::string_view bytes) = 0;
    // What was written, and the size; not the name.
    virtual Result<> sync() = 0;
  };

  static Disk& real();
  virtual ~Disk() = default;

  // For reading and writing; Code::not_found: there is none.
  virtual Result<std::unique_ptr<File>> open(const std::string& path) = 0;
  // Makes an empty file, in place of one of that name.
  virtual Result<std::unique_ptr<File>> make(const std::string& path) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  // None there is none of the errors.
  virtual Result<> remove(const std::string& path) = 0;
  // The names in it.
  virtual Result<> sync_directory(const std::string& path) = 0;
};

}  // namespace skep
