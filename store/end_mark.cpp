#include "store/end_mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "net/base/checksum.hpp"
#include "net/wire.hpp"

namespace skep {

namespace {

struct Note {
  std::uint64_t identity = 0;
  std::uint64_t boot = 0;
  std::uint64_t written = 0;
  std::uint64_t durable = 0;
  std::uint64_t checksum = 0;  // of what stands before it
  template <class M, class V> static void fields(M& m, V&& v) {
    v("identity", m.identity);
    v("boot", m.boot);
    v("written", m.written);
    v("durable", m.durable);
    v("checksum", m.checksum);
  }
};
constexpr std::size_t kSize = 40;

std::uint64_t checksum(std::string_view bytes) {
  return hash64(bytes.substr(0, kSize - sizeof(std::uint64_t)), 0);
}

}  // namespace

Result<EndMark> EndMark::open(const Directory& directory, std::uint64_t identity,
                              std::string_view boot) {
  const std::string path = directory.path(kEndFile);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return fail(Code::io, path + ": cannot be opened: " + std::generic_category().message(errno));
  EndMark mark(descriptor, identity, boot.empty() ? 0 : hash64(boot));
  char bytes[kSize];
  if (pread(descriptor, bytes, kSize, 0) != static_cast<ssize_t>(kSize)) return mark;
  const std::string_view read(bytes, kSize);
  const Result<Note> note = wire::decode<Note>(read);
  if (note && note->identity == identity && note->checksum == checksum(read)) {
    mark.before_ = Ends{note->written, note->durable};
    mark.same_boot_ = mark.boot_ != 0 && note->boot == mark.boot_;
  }
  return mark;
}

EndMark::EndMark(EndMark&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      identity_(other.identity_),
      boot_(other.boot_),
      same_boot_(other.same_boot_),
      before_(other.before_) {}

EndMark::~EndMark() {
  if (descriptor_ >= 0) close(descriptor_);
}

void EndMark::note(Ends ends) {
  Note note{identity_, boot_, ends.written, ends.durable, 0};
  std::string bytes = wire::encode(note);
  note.checksum = checksum(bytes);
  bytes = wire::encode(note);
  // One call within one page: a process that is killed has made all of it or nothing.
  static_cast<void>(pwrite(descriptor_, bytes.data(), bytes.size(), 0) < 0);
}

}  // namespace skep
