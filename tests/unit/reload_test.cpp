// What is seen of a configuration that is read again.
#include "conf/reload.hpp"

#include <gtest/gtest.h>

#include "tests/unit/temp_directory.hpp"

namespace skep::conf {
namespace {

struct Reload : testing::Test {
  Loaded load(const std::string& text) const {
    directory.write("node.toml", text);
    auto loaded = conf::load((directory / "node.toml").string(), {}, "host");
    EXPECT_TRUE(loaded);
    return loaded ? *loaded : Loaded{};
  }
  static std::string shown(const std::vector<Change>& changes) {
    std::string text;
    for (const Change& each : changes)
      text += each.key + ": " + each.from + " -> " + each.to + '\n';
    return text;
  }
  unit::TempDirectory directory;
};

TEST_F(Reload, NothingHasChangedButPlacesAndComments) {
  const Loaded one = load("name = \"n\"\n[ring]\nmoves = 3\n");
  EXPECT_EQ(shown(changes(one, load("# mine\n\nname = \"n\"\n[ring]\n\nmoves = 3\n"))), "");
}

TEST_F(Reload, EachKeyThatChangedIsToldWithBothValues) {
  const Loaded one = load("[ring]\nmoves = 3\n[log]\nlevel = \"info\"\n");
  const Loaded other = load("[ring]\nweight = 50\n[log]\nlevel = \"info,ring=debug\"\n");
  EXPECT_EQ(shown(changes(one, other)),
            "log.level: \"info\" -> \"info,ring=debug\"\n"
            "ring.moves: 3 -> 8\n"
            "ring.weight: 100 -> 50\n");
}

TEST_F(Reload, ASecretMayChangeInItsFileAndIsNotShown) {
  const std::string text = "[ring]\npassword_file = \"secret\"\n";
  const Loaded none = load("");
  directory.write("secret", "swordfish\n");
  const Loaded one = load(text);
  EXPECT_EQ(shown(changes(none, one)), "ring.password_file: nothing -> \"secret\"\n");
  EXPECT_EQ(shown(changes(one, load(text))), "");
  directory.write("secret", "tunafish\n");
  EXPECT_EQ(shown(changes(one, load(text))),
            "ring.password_file: \"secret\" -> another secret in the same file\n");
}

struct Lines final : Log {
  void write(Level, std::string_view, std::string_view text) override {
    said.append(text).append("\n");
  }
  std::string said;
};

TEST_F(Reload, TakesOverWhatARunningNodeCanAndSaysSo) {
  Loaded running = load("[ring]\nmoves = 3\n");
  directory.write("secret", "swordfish\n");
  const Loaded again =
      load("[log]\nlevel = \"warn\"\n[ring]\nmoves = 4\npassword_file = \"secret\"\n");
  Lines log;
  take_over(running, again, log);
  EXPECT_EQ(log.said,
            "reloaded: log.level from \"info\" to \"warn\"\n"
            "reloaded: ring.password_file from nothing to \"secret\"\n"
            "not reloaded, but at the next start: ring.moves from 3 to 4\n");
  EXPECT_EQ(running.config.log.level, "warn");
  EXPECT_EQ(running.config.ring.password, "swordfish");
  EXPECT_EQ(running.config.ring.moves, 3u);
  EXPECT_EQ(shown(changes(running, again)), "ring.moves: 3 -> 4\n");
}

TEST_F(Reload, APasswordThatGoesStaysUntilTheNextStart) {
  directory.write("secret", "swordfish\n");
  Loaded running = load("[ring]\npassword_file = \"secret\"\n");
  Lines log;
  take_over(running, load(""), log);
  EXPECT_EQ(running.config.ring.password, "swordfish");
  EXPECT_EQ(log.said,
            "not reloaded, but at the next start: ring.password_file from \"secret\" to nothing\n");
  log.said.clear();
  Loaded same = load("");
  take_over(same, load(""), log);
  EXPECT_EQ(log.said, "reloaded: nothing in the configuration has changed\n");
}

}  // namespace
}  // namespace skep::conf
