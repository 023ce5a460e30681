// How far the journal has got, noted beside it in a file of its own. A journal whose last records
// are damaged or missing looks like a shorter one: only somebody else can say that it was longer.
// The note is written after what it tells of, and never synced, so what it says is true: at a
// kill -9 it is whole; a power cut may leave an older one.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "store/directory.hpp"

namespace skep {

inline constexpr const char* kEndFile = "store.end";

class EndMark {
 public:
  // Up to which batch the journal is written, and up to which synced.
  struct Ends {
    std::uint64_t written = 0;
    std::uint64_t durable = 0;
  };
  // For the store of that identity: another's note, or a damaged one, is none. `boot` is what the
  // kernel calls this boot of the machine, if it does. Code::io.
  static Result<EndMark> open(const Directory& directory, std::uint64_t identity,
                              std::string_view boot);
  EndMark(EndMark&& other) noexcept;
  EndMark& operator=(EndMark&&) = delete;
  ~EndMark();

  // What the process before noted, and whether in this boot.
  const std::optional<Ends>& before() const { return before_; }
  bool same_boot() const { return same_boot_; }
  // A note that cannot be written is left out: it is a witness, not what is promised.
  void note(Ends ends);

 private:
  EndMark(int descriptor, std::uint64_t identity, std::uint64_t boot)
      : descriptor_(descriptor), identity_(identity), boot_(boot) {}

  int descriptor_;
  std::uint64_t identity_;
  std::uint64_t boot_;  // a hash; 0: not known
  bool same_boot_ = false;
  std::optional<Ends> before_;
};

}  // namespace skep
