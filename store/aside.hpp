// A store that makes room for another one in the same data directory. It is moved into a directory
// of its own below, data/bring, where what it holds can be read until somebody has taken over what
// matters. Each step survives kill -9 and a power cut: what was begun, the next start finishes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/base/error.hpp"
#include "store/directory.hpp"

namespace skep {

class Aside {
 public:
  struct Note {
    std::string cluster;  // whose the store is that makes room
    std::string node;
    std::vector<std::string> peers;  // of the cluster that the next store is to join, one or more
    bool operator==(const Note&) const = default;
  };

  // Notes, durably, that the store in the directory is to make room. It stays in use until its
  // process ends; the next find() moves it. Code::conflict: another one waits in there.
  // After an error nothing is ordered.
  static Result<> order(const Directory& directory, const Note& note);

  // Before the store in this data directory is opened: moves it if that was ordered, and removes
  // what a removal left. None: no store was moved, or it is removed. Code::conflict: another
  // process has the directory; Code::io; Code::corrupt: nobody knows whose the moved store is.
  static Result<std::optional<Aside>> find(const std::string& directory);

  const Note& note() const { return note_; }
  // Where the moved store is.
  const std::string& directory() const { return directory_; }
  // Removes it, for good. It must not be open.
  Result<> remove() const;

 private:
  Aside(std::string directory, Note note)
      : directory_(std::move(directory)), note_(std::move(note)) {}

  std::string directory_;
  Note note_;
};

}  // namespace skep
