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
    for (const auto& entry : std::filesystem::directory_iterator(directory_.file("data"))) {
      if (entry.path().extension() == ".db-shm") continue;
      std::ifstream in(entry.path(), std::ios::binary);
      found[entry.path().filename().string()].assign(std::istreambuf_iterator<char>(in), {});
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
  for (const char* name : {"journal.db", "state.db"}) {
    make();
    std::filesystem::rename(path(name), directory_.file("aside"));
    expect_refused(options(), Code::not_found, std::string(name) + ": is missing");
    std::filesystem::rename(directory_.file("aside"), path(name));
    open();
    EXPECT_EQ(get("a"), "1");
  }
}

TEST_F(StoreOpen, EmptyOrTruncatedFile) {
  for (const char* name : {"journal.db", "state.db"}) {
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
  for (const char* name : {"journal.db", "state.db"}) {
    make();
    std::filesystem::rename(path(name), directory_.file("aside"));
    std::ofstream(path(name)) << std::string(10'000, 'x');
    expect_refused(options(), Code::corrupt, name);
    std::filesystem::remove(path(name));
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path(name).c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, "CREATE TABLE bookmarks (url)", nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(db);
    expect_refused(options(), Code::conflict, std::string(name) + ": is another program's");
    std::filesystem::rename(directory_.file("aside"), path(name));
  }
}

TEST_F(StoreOpen, FilesOfTwoStores) {
  make();
  std::filesystem::rename(directory_.file("data"), directory_.file("first"));
  make();
  std::filesystem::copy_file(directory_.file("first/state.db"), path("state.db"),
                             std::filesystem::copy_options::overwrite_existing);
  expect_refused(options(), Code::conflict, "of different stores");
}

TEST_F(StoreOpen, FilesOfTwoTimes) {
  const auto round = [&] {
    open();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(write(put("a", "1")));
    fold_all(options());
  };
  round();
  std::filesystem::copy(directory_.file("data"), directory_.file("old"));
  // A journal is trimmed some time after a fold, and not any more once the store is being closed.
  for (int i = 0; i < 8; ++i) round();
  std::filesystem::copy(directory_.file("data"), directory_.file("new"));
  const auto mix = [&](const char* journal, const char* state) {
    for (const auto& [from, name] : {std::pair(journal, "journal.db"), {state, "state.db"}})
      std::filesystem::copy_file(directory_.file(std::string(from) + "/" + name), path(name),
                                 std::filesystem::copy_options::overwrite_existing);
  };
  mix("old", "new");
  EXPECT_THAT(refused(options()).message, HasSubstr("the journal is older than the state"));
  mix("new", "old");
  EXPECT_THAT(refused(options()).message, HasSubstr("the store's journal is damaged"));
  mix("new", "new");
  open();
}

TEST_F(StoreOpen, DamagedJournal) {
  make();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path("journal.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(db, "UPDATE journal SET bytes = bytes || x'00'", nullptr, nullptr, nullptr),
      SQLITE_OK);
  ASSERT_EQ(sqlite3_changes(db), 1);
  sqlite3_close(db);
  const Error error = refused(options());
  EXPECT_EQ(error.code, Code::corrupt);
  EXPECT_THAT(error.message, HasSubstr("wrong checksum"));
}

TEST_F(StoreOpen, JournalWithoutItsEnd) {
  make();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path("journal.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "DELETE FROM journal", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  const Error error = refused(options());
  EXPECT_EQ(error.code, Code::corrupt);
  EXPECT_THAT(error.message, HasSubstr("was closed with batch 1 at its end, but ends at batch 0"));
}

// SQLite ends a log where it is damaged, silently.
TEST_F(StoreOpen, JournalsLogDamagedAfterAKill) {
  const auto cut_to = [&](std::uintmax_t size) {
    std::filesystem::resize_file(path("journal.db-wal"), size);
  };
  const std::pair<const char*, std::function<void()>> kinds[] = {
      {"deleted", [&] { std::filesystem::remove(path("journal.db-wal")); }},
      {"empty", [&] { cut_to(0); }},
      {"shorter", [&] { cut_to(std::filesystem::file_size(path("journal.db-wal")) - 4096); }},
      {"flipped", [&] {
         std::fstream log(path("journal.db-wal"), std::ios::in | std::ios::out | std::ios::binary);
         log.seekg(-100, std::ios::end);
         const int byte = log.get();
         log.seekp(-100, std::ios::end);
         log.put(static_cast<char>(byte ^ 1));
       }}};
  for (const auto& [name, damage] : kinds) {
    SCOPED_TRACE(name);
    std::filesystem::remove_all(directory_.file("data"));
    make();
    open();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(write(put("a", "2"), Durability::written));
    store_.reset();
    std::filesystem::copy(directory_.file("data"), directory_.file("kept"));
    damage();
    const Error error = refused(options());
    EXPECT_EQ(error.code, Code::corrupt);
    EXPECT_THAT(error.message, HasSubstr("all up to 21 had been written"));
    std::filesystem::remove_all(directory_.file("data"));
    std::filesystem::rename(directory_.file("kept"), directory_.file("data"));
    open();
    EXPECT_EQ(get("a"), "2");
    store_.reset();
  }
}

TEST_F(StoreOpen, SyncedBatchesAreMissedAfterAPowerCutWrittenOnesAreNot) {
  StoreOptions before = options();
  before.boot_id = "before";
  before.flush_interval = std::chrono::hours(1);
  StoreOptions after = before;
  after.boot_id = "after";
  const auto lose_the_log = [&](Durability durability) {
    std::filesystem::remove_all(directory_.file("data"));
    open(before);
    ASSERT_TRUE(write(put("a", "1"), durability));
    store_.reset();
    std::filesystem::remove(path("journal.db-wal"));
  };
  lose_the_log(Durability::durable);
  EXPECT_THAT(refused(after).message, HasSubstr("all up to 1 had been synced"));
  lose_the_log(Durability::written);
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
  EXPECT_TRUE(std::filesystem::exists(directory_.file("one/two/three/journal.db")));
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
