#include "store/aside.hpp"

#include <filesystem>
#include <fstream>

#include "store/end_mark.hpp"
#include "store/files.hpp"

namespace skep {

namespace {

constexpr const char* kOrder = "store.aside";
constexpr const char* kBelow = "bring";
constexpr const char* kNote = "note";      // in kBelow; while it is there, so is the whole store
constexpr const char* kComplete = "end.";  // the last line of a note: it was not cut off

std::string text_of(const Aside::Note& note) {
  std::string text = note.cluster + '\n' + note.node + '\n';
  for (const std::string& peer : note.peers) text += peer + '\n';
  return text + kComplete;
}

// None: there is no note, or one that was not finished.
std::optional<Aside::Note> read(const std::string& path) {
  std::ifstream file(path);
  Aside::Note note;
  std::string line;
  std::getline(file, note.cluster);
  std::getline(file, note.node);
  while (std::getline(file, line) && line != kComplete) note.peers.push_back(line);
  if (!file || note.peers.empty()) return std::nullopt;
  return note;
}

Result<> move_files(const Directory& from, const Directory& to) {
  std::error_code error;
  const auto move = [&](const std::string& file) {
    if (!error && from.has(file)) std::filesystem::rename(from.path(file), to.path(file), error);
  };
  for (const char* ending : {"", "-journal", "-wal", "-shm"})
    move(std::string(kStateFile) + ending);
  for (const char* file : {kJournalDirectory, kEndFile, kFailedMark}) move(file);
  if (error)
    return fail(Code::io, from.path("") + ": the store cannot be moved to " + to.path("") + ": " +
                              error.message());
  return to.sync().and_then([&] { return from.sync(); });
}

// The order goes when the note is there: until then everything is tried again.
Result<> carry_out(const Directory& directory, const Aside::Note& order) {
  Result<Directory> below = Directory::hold(directory.path(kBelow));
  if (!below) return tl::unexpected(below.error());
  if (read(below->path(kNote)) != order) {
    const Result<> moved =
        move_files(directory, *below).and_then([&] { return below->mark(kNote, text_of(order)); });
    if (!moved) return moved;
  }
  return directory.unmark(kOrder);
}

Result<> remove_all(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return fail(Code::io, path + ": cannot be removed: " + error.message());
  return {};
}

}  // namespace

Result<> Aside::order(const Directory& directory, const Note& note) {
  // Whose files lie in there could not be told apart any more.
  if (directory.has(kBelow))
    return fail(Code::conflict, directory.path(kBelow) + ": holds a store already");
  Result<> ordered = directory.mark(kOrder, text_of(note));
  if (!ordered) static_cast<void>(directory.unmark(kOrder));
  return ordered;
}

Result<std::optional<Aside>> Aside::find(const std::string& path) {
  Result<Directory> directory = Directory::hold(path);
  if (!directory) return tl::unexpected(directory.error());
  if (directory->has(kOrder)) {
    const std::optional<Note> order = read(directory->path(kOrder));
    // One that is cut off was never given.
    const Result<> done = order ? carry_out(*directory, *order) : directory->unmark(kOrder);
    if (!done) return tl::unexpected(done.error());
  }
  const std::string below = directory->path(kBelow);
  if (!directory->has(kBelow)) return std::optional<Aside>();
  if (!directory->has(std::string(kBelow) + "/" + kNote)) {
    if (const Result<> removed = remove_all(below); !removed)
      return tl::unexpected(removed.error());
    return std::optional<Aside>();
  }
  std::optional<Note> note = read(below + "/" + kNote);
  if (!note) return fail(Code::corrupt, below + "/" + kNote + ": is damaged");
  return std::optional(Aside(below, std::move(*note)));
}

Result<> Aside::remove() const {
  return Directory::hold(directory_)
      .and_then([](const Directory& below) { return below.unmark(kNote); })
      .and_then([this] { return remove_all(directory_); });
}

}  // namespace skep
