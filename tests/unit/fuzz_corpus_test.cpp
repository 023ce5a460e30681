// The fuzz targets' corpus, once: what the fuzzer began with or once found, with every compiler and
// sanitizer that the unit tests are built with.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/targets.hpp"

namespace skep::fuzz {
namespace {

TEST(FuzzCorpus, EveryInputHoldsItsProperties) {
  const std::filesystem::path corpus = SKEP_SOURCE_DIR "/tests/fuzz/corpus";
  for (const Target& target : targets()) {
    std::size_t inputs = 0;
    for (const auto& file : std::filesystem::directory_iterator(corpus / target.name)) {
      SCOPED_TRACE(file.path().string());
      std::ifstream in(file.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      EXPECT_FALSE(in.bad());
      target.run(bytes);
      ++inputs;
    }
    EXPECT_GE(inputs, 5U) << target.name;
  }
}

}  // namespace
}  // namespace skep::fuzz
