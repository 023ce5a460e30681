#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "net/log_sink.hpp"
#include "tests/unit/temp_directory.hpp"

namespace skep {
namespace {

namespace fs = std::filesystem;

TEST(LogLevels, AreForEverythingAndForParts) {
  auto levels = LogLevels::parse("warn,ring=debug,store=error");
  ASSERT_TRUE(levels);
  EXPECT_FALSE(levels->enabled(Level::info, "members"));
  EXPECT_TRUE(levels->enabled(Level::warn, "members"));
  EXPECT_TRUE(levels->enabled(Level::debug, "ring"));
  EXPECT_FALSE(levels->enabled(Level::warn, "store"));
}

TEST(LogLevels, RefuseEverythingElse) {
  for (const char* bad : {"", "loud", "ring=debug", "info,", "info,warn", "info,ring=",
                          "info,=warn", "info,Ring=warn", "info,ring=warn,ring=info", " info"})
    EXPECT_FALSE(LogLevels::parse(bad)) << bad;
  EXPECT_EQ(
      LogLevels::parse("info,ring=x").error().message,
      "bad log level \"ring=x\"; accepted: debug, info, warn or error, also per part, such as "
      "\"info,ring=debug\"");
}

class LogSinkTest : public testing::Test {
 protected:
  std::unique_ptr<LogSink> open(const char* levels = "info") {
    auto sink =
        LogSink::open({(directory_ / "log").string(), *LogLevels::parse(levels), "node1", false});
    return sink ? std::move(*sink) : nullptr;
  }
  static std::string contents(const fs::path& file) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }

  unit::TempDirectory directory_;
};

TEST_F(LogSinkTest, ALineHasTimeLevelNodeAndPart) {
  auto sink = open("info,ring=debug");
  ASSERT_TRUE(sink);
  sink->write(Level::info, "members", "node2 joined");
  sink->write(Level::debug, "members", "not shown");
  sink->write(Level::debug, "ring", "{} %s");
  sink->write(Level::error, "ring", "a\nb\x7f\xc3\xa4");
  const std::string time = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )";
  std::string text = contents(directory_ / "log");
  EXPECT_TRUE(std::regex_match(text, std::regex(time + "info  node1 members: node2 joined\n" +  //
                                                time +
                                                R"(debug node1 ring: \{\} %s)"
                                                "\n" +
                                                time +
                                                R"(error node1 ring: a\\x0ab\\x7f)"
                                                "\xc3\xa4\n")))
      << text;
}

TEST_F(LogSinkTest, IsOpenedAgainByItsName) {
  auto sink = open();
  ASSERT_TRUE(sink);
  sink->write(Level::info, "node", "one");
  fs::rename(directory_ / "log", directory_ / "old");
  sink->write(Level::info, "node", "two");
  ASSERT_TRUE(sink->reopen());
  sink->write(Level::info, "node", "three");
  std::string old = contents(directory_ / "old");
  std::string now = contents(directory_ / "log");
  EXPECT_NE(old.find("one"), std::string::npos);
  EXPECT_NE(old.find("two"), std::string::npos);
  EXPECT_EQ(old.find("three"), std::string::npos);
  EXPECT_NE(now.find("three"), std::string::npos);
  EXPECT_EQ(now.find("two"), std::string::npos);
}

TEST_F(LogSinkTest, SaysWhyAFileCannotBeOpened) {
  auto sink = LogSink::open({directory_.path().string(), {}, "node1", false});
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code, Code::io);
  EXPECT_NE(sink.error().message.find("Is a directory"), std::string::npos) << sink.error().message;
}

TEST_F(LogSinkTest, TheJournalGetsPrioritiesAndNoTime) {
  testing::internal::CaptureStderr();
  auto sink = LogSink::open({"stderr", {}, "node1", true});
  ASSERT_TRUE(sink);
  (*sink)->write(Level::info, "ring", "a");
  (*sink)->write(Level::warn, "ring", "b");
  (*sink)->write(Level::error, "ring", "c");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "<6>node1 ring: a\n<4>node1 ring: b\n<3>node1 ring: c\n");
}

TEST(Journal, IsTheStreamThatSystemdNames) {
  struct stat status {};
  ASSERT_EQ(::fstat(0, &status), 0);
  std::string name = std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
  EXPECT_TRUE(is_journal(name.c_str(), 0));
  EXPECT_FALSE(is_journal("1:1", 0));
  EXPECT_FALSE(is_journal(nullptr, 0));
}

}  // namespace
}  // namespace skep
