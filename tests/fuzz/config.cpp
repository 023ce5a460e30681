// The input is a node's TOML file.
#include <sys/mman.h>
#include <unistd.h>

#include "conf/load.hpp"
#include "net/base/assert.hpp"
#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {
namespace {

// A file in memory, which the loader reads by its name.
class File {
 public:
  File() : fd_(memfd_create("node.toml", MFD_CLOEXEC)) { SKEP_ASSERT(fd_ >= 0); }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
  void write(std::string_view bytes) {
    SKEP_ASSERT(ftruncate(fd_, 0) == 0);
    SKEP_ASSERT(pwrite(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }

 private:
  int fd_;
};

void check_problems(const std::vector<conf::Problem>& problems) {
  SKEP_ASSERT(!problems.empty());
  for (const conf::Problem& problem : problems) {
    SKEP_ASSERT(!problem.text.empty());
    SKEP_ASSERT(!conf::show(problem).empty());
  }
}

}  // namespace

// What was loaded, shown as `server config` does, loads again with the same values.
void config(std::string_view bytes) {
  static File file;
  file.write(bytes);
  const auto loaded = conf::load(file.path(), {}, "host1");
  if (!loaded) return check_problems(loaded.error());
  file.write(conf::show(loaded->effective));
  const auto again = conf::load(file.path(), {}, "host1");
  SKEP_ASSERT(again.has_value());
  SKEP_ASSERT(again->effective.size() == loaded->effective.size());
  for (std::size_t i = 0; i < again->effective.size(); ++i)
    SKEP_ASSERT(again->effective[i].value == loaded->effective[i].value);
}

}  // namespace skep::fuzz
