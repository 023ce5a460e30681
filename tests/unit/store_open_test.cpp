// Openings: whose directory it is, what is in it, and what happened since it was closed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "tests/unit/store_fixture.hpp"

namespace skep::store_test {
namespace {

using testing::HasSubstr;

constexpr const char* kSegment = "journal/00000001.segment";

class StoreOpen : public StoreTest {
 protected:
  std::string path(const std::string& name) { return directory_.file("data/" + name); }
  // A store with something in it, closed cleanly unless told otherwise.
  void make(bool closed = true) {
    open();
    ASSERT_TRUE(write(put("a", "1")));
    if (closed) {
      ASSERT_TRUE(store_->close());
    }
    store_.reset();
  }
  // Every file's bytes, but for the locks of SQLite, which it makes as it looks.
  std::map<std::string, std::string> files() {
    std::map<std::string, std::string> found;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(directory_.file("data"))) {
      if (entry.path().extension() == ".db-shm" || entry.is_directory()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      found[entry.path().string()].assign(std::istreambuf_iterator<char>(in), {});
    }
    return found;
  }
  // Opening fails with these, and changes nothing.
  void expect_refused(StoreOptions options, Code code, const std::string& message) {
    const auto before = files();
    const Error error = refused(std::move(options));
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_THAT(error.message, HasSubstr(message));
    EXPECT_THAT(error.message, HasSubstr(directory_.path().string()));
    EXPECT_TRUE(files() == before) << "something was touched";
  }
  // The child's exit code.
  template <class Run> static int in_a_child(Run&& run) {
    const pid_t child = fork();
    if (child == 0) _exit(run());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

TEST_F(StoreOpen, DirectoryInUseByAnotherProcess) {
  open();
  ASSERT_TRUE(write(put("a", "1")));
  EXPECT_EQ(in_a_child([&] {
              auto second = SqliteStore::open(options());
              if (second) return 1;
              const std::string& said = second.error().message;
              return second.error().code == Code::conflict &&
                             said.find("in use by another process") != std::string::npos
                         ? 0
                         : 2;
            }),
            0);
  EXPECT_TRUE(write(put("b", "1")));
}

TEST_F(StoreOpen, DirectoryIsFreeAgainAfterTheStore) {
  make(false);
  open();
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreOpen, StoreOfAnotherNodeOrCluster) {
  for (const bool closed : {true, false}) {
    make(closed);
    StoreOptions other = options();
    other.node = "node2";
    expect_refused(other, Code::conflict,
                   "the store of node 'node1' of cluster 'skep'; this is node 'node2'");
    other = options();
    other.cluster = "other";
    expect_refused(other, Code::conflict, "cluster 'other'");
    open();
    EXPECT_EQ(get("a"), "1");
  }
}

TEST_F(StoreOpen, MissingFile) {
  for (const char* name : {"journal", "state.db"}) {
    make();
    std::filesystem::rename(path(name), directory_.file("aside"));
    expect_refused(options(), Code::not_found, std::string(name) + ": is missing");
    std::filesystem::rename(directory_.file("aside"), path(name));
    open();
    EXPECT_EQ(get("a"), "1");
  }
  make();
  std::filesystem::rename(path(kSegment), directory_.file("aside"));
  expect_refused(options(), Code::not_found, "journal: is missing");
}

TEST_F(StoreOpen, EmptyOrTruncatedFile) {
  for (const char* name : {kSegment, "state.db"}) {
    make();
    std::filesystem::copy_file(path(name), directory_.file("aside"));
    std::filesystem::resize_file(path(name), 0);
    expect_refused(options(), Code::not_found, std::string(name) + ": is empty");
    for (const std::uintmax_t size : {50U, 4096U, 9000U}) {
      std::filesystem::copy_file(directory_.file("aside"), path(name),
                                 std::filesystem::copy_options::overwrite_existing);
      std::filesystem::resize_file(path(name), size);
      expect_refused(options(), Code::corrupt, name);
    }
    std::filesystem::rename(directory_.file("aside"), path(name));
    open();
    EXPECT_EQ(get("a"), "1");
  }
}

TEST_F(StoreOpen, ForeignFile) {
  make();
  std::filesystem::rename(path("state.db"), directory_.file("aside"));
  std::ofstream(path("state.db")) << std::string(10'000, 'x');
  expect_refused(options(), Code::corrupt, "state.db");
  std::filesystem::remove(path("state.db"));
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path("state.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "CREATE TABLE bookmarks (url)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  expect_refused(options(), Code::conflict, "state.db: is another program's");
  std::filesystem::rename(directory_.file("aside"), path("state.db"));

  std::ofstream(path("journal/2.segment")) << std::string(10'000, 'x');
  expect_refused(options(), Code::conflict, "2.segment: is no segment of a journal");
  std::filesystem::remove(path("journal/2.segment"));
  std::ofstream(path("journal/notes")) << "of a person";
  open();
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreOpen, FilesOfTwoStores) {
  make();
  std::filesystem::rename(directory_.file("data"), directory_.file("first"));
  make();
  std::filesystem::copy_file(directory_.file("first/" + std::string(kSegment)),
                             path("journal/2.segment"));
  expect_refused(options(), Code::conflict, "is of another store");
  std::filesystem::remove(path("journal/2.segment"));
  std::filesystem::copy_file(directory_.file("first/state.db"), path("state.db"),
                             std::filesystem::copy_options::overwrite_existing);
  expect_refused(options(), Code::conflict, "of different stores");
}

TEST_F(StoreOpen, FilesOfTwoTimes) {
  StoreOptions small = options();
  small.segment_bytes = 4096;
  const auto round = [&] {
    open(small);
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(write(put("a", std::string(100, 'x'))));
    fold_all(small);
  };
  round();
  std::filesystem::copy(directory_.file("data"), directory_.file("old"),
                        std::filesystem::copy_options::recursive);
  for (int i = 0; i < 8; ++i) round();
  std::filesystem::copy(directory_.file("data"), directory_.file("new"),
                        std::filesystem::copy_options::recursive);
  const auto mix = [&](const char* journal, const char* state) {
    std::filesystem::remove_all(directory_.file("data"));
    std::filesystem::create_directory(directory_.file("data"));
    for (const auto& [from, name] : {std::pair(journal, "journal"), {state, "state.db"}})
      std::filesystem::copy(directory_.file(std::string(from) + "/" + name), path(name),
                            std::filesystem::copy_options::recursive);
  };
  mix("old", "new");
  EXPECT_THAT(refused(small).message, HasSubstr("the journal is older than the state"));
  mix("new", "old");
  EXPECT_THAT(refused(small).message, HasSubstr("the store's journal is damaged"));
  mix("new", "new");
  open(small);
}

TEST_F(StoreOpen, StoreOfAnEarlierVersion) {
  make();
  std::filesystem::remove_all(path("journal"));
  std::ofstream(path("journal.db")) << "SQLite format 3";
  expect_refused(options(), Code::unsupported, "journal.db: is of an earlier version");
}

// A journal looks like a shorter one where its end is damaged.
TEST_F(StoreOpen, JournalDamagedAfterAKill) {
  const auto flip = [&](std::streamoff offset) {
    std::fstream file(path(kSegment), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const int byte = file.get();
    file.seekp(offset);
    file.put(static_cast<char>(byte ^ 1));
  };
  const auto zeros = [&](std::streamoff offset, std::size_t size) {
    std::fstream file(path(kSegment), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file << std::string(size, '\0');
  };
  constexpr std::streamoff kRecord = 48;  // bytes of one of these
  constexpr std::streamoff kLast = 64 + 20 * kRecord;
  const std::pair<const char*, std::function<void()>> kinds[] = {
      {"the last record flipped", [&] { flip(kLast + 40); }},
      {"the first record flipped", [&] { flip(64 + 40); }},
      {"the last record gone", [&] { zeros(kLast, kRecord); }},
      {"half of it gone", [&] { zeros(kLast + 24, 24); }},
      {"all gone", [&] { zeros(64, 4096); }}};
  for (const auto& [name, damage] : kinds) {
    SCOPED_TRACE(name);
    std::filesystem::remove_all(directory_.file("data"));
    make();
    open();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(write(put("a", "2"), Durability::written));
    store_.reset();
    std::filesystem::copy(directory_.file("data"), directory_.file("kept"),
                          std::filesystem::copy_options::recursive);
    damage();
    expect_refused(options(), Code::corrupt, "journal");
    std::filesystem::remove_all(directory_.file("data"));
    std::filesystem::rename(directory_.file("kept"), directory_.file("data"));
    open();
    EXPECT_EQ(get("a"), "2");
    store_.reset();
  }
}

TEST_F(StoreOpen, JournalWithoutItsEnd) {
  make();
  std::fstream file(path(kSegment), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(64);
  file << std::string(100, '\0');
  file.close();
  expect_refused(options(), Code::corrupt,
                 "was closed with batch 1 at its end, but ends at batch 0");
}

TEST_F(StoreOpen, SyncedBatchesAreMissedAfterAPowerCutWrittenOnesAreNot) {
  StoreOptions before = options();
  before.boot_id = "before";
  before.flush_interval = std::chrono::hours(1);
  StoreOptions after = before;
  after.boot_id = "after";
  const auto lose_the_records = [&](Durability durability) {
    std::filesystem::remove_all(directory_.file("data"));
    open(before);
    ASSERT_TRUE(write(put("a", "1"), durability));
    store_.reset();
    std::fstream file(path(kSegment), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(64);
    file << std::string(4096, '\0');
  };
  lose_the_records(Durability::durable);
  EXPECT_THAT(refused(after).message, HasSubstr("all up to 1 had been synced"));
  lose_the_records(Durability::written);
  open(after);
  EXPECT_TRUE(store_->opening().may_have_lost);
  EXPECT_EQ(get("a"), std::nullopt);
}

TEST_F(StoreOpen, WithoutItsNoteOfTheEnd) {
  make();
  std::filesystem::remove(path("store.end"));
  open();
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreOpen, ReadOnlyDirectory) {
  make();
  std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(directory_.file("data"), std::filesystem::perms(0555));
  EXPECT_EQ(in_a_child([&] {
              // The superuser may write anywhere.
              constexpr uid_t kNobody = 65534;
              if (geteuid() == 0 && seteuid(kNobody) != 0) return 1;
              auto opened = SqliteStore::open(options());
              if (opened) return 2;
              return opened.error().code == Code::permission &&
                             opened.error().message.find("cannot be written") != std::string::npos
                         ? 0
                         : 3;
            }),
            0);
  std::filesystem::permissions(directory_.file("data"), std::filesystem::perms(0755));
  open();
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreOpen, PathThatIsNoDirectory) {
  std::ofstream(directory_.file("data")) << "a file";
  EXPECT_EQ(refused(options()).code, Code::permission);
}

TEST_F(StoreOpen, DirectoriesAreMade) {
  StoreOptions deep = options();
  deep.directory = directory_.file("one/two/three/");
  open(deep);
  EXPECT_TRUE(store_->opening().created);
  EXPECT_TRUE(std::filesystem::exists(directory_.file("one/two/three/journal/00000001.segment")));
}

TEST_F(StoreOpen, PathsWithSQLitesOwnCharacters) {
  StoreOptions odd = options();
  odd.directory = directory_.file("a?b#c%d e");
  open(odd);
  ASSERT_TRUE(write(put("a", "1")));
  open(odd);
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreOpen, StoreThatWasNeverFinishedIsMadeAgain) {
  make();
  std::ofstream(path("store.creating")) << "";
  open();
  EXPECT_TRUE(store_->opening().created);
  EXPECT_EQ(get("a"), std::nullopt);
}

TEST_F(StoreOpen, PowerCutIsNoticed) {
  StoreOptions before = options();
  before.boot_id = "before";
  StoreOptions after = options();
  after.boot_id = "after";
  open(before);
  EXPECT_FALSE(store_->opening().may_have_lost);
  open(before);
  EXPECT_FALSE(store_->opening().may_have_lost) << "killed, but the machine stayed up";
  open(after);
  EXPECT_TRUE(store_->opening().may_have_lost);
  open(after);
  EXPECT_TRUE(store_->opening().may_have_lost) << "nobody may have dealt with it";
  ASSERT_TRUE(store_->close());
  open(before);
  EXPECT_FALSE(store_->opening().may_have_lost) << "closed cleanly before the reboot";
}

TEST_F(StoreOpen, UnknownBootCountsAsAPowerCut) {
  StoreOptions unknown = options();
  unknown.boot_id = "";
  open(unknown);
  open(unknown);
  EXPECT_TRUE(store_->opening().may_have_lost);
}

}  // namespace
}  // namespace skep::store_test
