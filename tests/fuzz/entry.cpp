// libFuzzer's entry: the environment's SKEP_FUZZ names the target. Without one, or with a wrong
// one, it says which there are.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.hpp"

namespace {

const skep::fuzz::Target* chosen() {
  const char* name = std::getenv("SKEP_FUZZ");
  for (const skep::fuzz::Target& target : skep::fuzz::targets())
    if (name != nullptr && target.name == name) return &target;
  std::fputs("SKEP_FUZZ is to name one of:", stderr);
  for (const skep::fuzz::Target& target : skep::fuzz::targets())
    std::fprintf(stderr, " %s", target.name.data());
  std::fputs("\n", stderr);
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const skep::fuzz::Target* const target = chosen();
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
