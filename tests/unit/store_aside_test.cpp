// A store that makes room for another one.
#include "store/aside.hpp"
#include "store/files.hpp"
#include "tests/unit/store_fixture.hpp"

namespace skep {
namespace {

using store_test::put;

class AsideTest : public store_test::StoreTest {
 protected:
  std::string path(const std::string& file = "") { return directory_.file("data/" + file); }
  std::string below() { return path("bring"); }
  std::optional<Aside> find() {
    auto found = Aside::find(path());
    EXPECT_TRUE(found) << found.error().message;
    return found ? std::move(*found) : std::nullopt;
  }
  // A store with one entry, ordered to make room.
  std::uint64_t order() {
    open();
    EXPECT_TRUE(write(put("key", "value")));
    const std::uint64_t identity = store_->identity();
    EXPECT_TRUE(store_->make_way({"there:5000", "too:5000"}));
    EXPECT_EQ(store_->get("ring", "key").value(), "value") << "it stays in use";
    store_.reset();
    return identity;
  }
  void open_moved(const Aside& aside) {
    StoreOptions moved = options();
    moved.directory = aside.directory();
    auto opened = SqliteStore::open(std::move(moved));
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
};

TEST_F(AsideTest, MovesAWholeStore) {
  EXPECT_FALSE(find()) << "nothing was ordered";
  const std::uint64_t identity = order();
  for (int start = 0; start < 3; ++start) {
    const auto aside = find();
    ASSERT_TRUE(aside);
    EXPECT_EQ(aside->note(),
              (Aside::Note{options().cluster, options().node, {"there:5000", "too:5000"}}));
    open();
    EXPECT_NE(store_->identity(), identity);
    EXPECT_TRUE(scan().empty());
    store_.reset();
    open_moved(*aside);
    EXPECT_EQ(store_->identity(), identity);
    EXPECT_EQ(scan(), (store_test::Contents{{"key", "value"}}));
    store_.reset();
  }
}

TEST_F(AsideTest, FinishesAMoveThatWasInterrupted) {
  const std::uint64_t identity = order();
  std::filesystem::create_directory(below());
  std::filesystem::rename(path(kJournalDirectory), below() + "/" + kJournalDirectory);
  directory_.write("data/bring/note", "skep\nnode1\nthere:5000\n");  // cut off
  const auto aside = find();
  ASSERT_TRUE(aside);
  open_moved(*aside);
  EXPECT_EQ(store_->identity(), identity);
  EXPECT_EQ(scan(), (store_test::Contents{{"key", "value"}}));
}

TEST_F(AsideTest, DoesNotMoveTheNextStoreWhenTheOrderOutlivedTheMove) {
  order();
  std::filesystem::copy_file(path("store.aside"), path("again"));
  ASSERT_TRUE(find());
  std::filesystem::rename(path("again"), path("store.aside"));
  ASSERT_TRUE(find());
  EXPECT_FALSE(std::filesystem::exists(path("store.aside")));
}

TEST_F(AsideTest, AnOrderThatIsCutOffWasNeverGiven) {
  order();
  directory_.write("data/store.aside", "skep\nnode1\nthere:5000\n");
  EXPECT_FALSE(find());
  open();
  EXPECT_EQ(store_->get("ring", "key").value(), "value");
}

TEST_F(AsideTest, IsRemovedWholeAndOnlyThenAnotherMayMove) {
  order();
  const auto aside = find();
  ASSERT_TRUE(aside);
  open();
  const Result<> refused = store_->make_way({"there:5000"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  store_.reset();
  EXPECT_TRUE(aside->remove());
  EXPECT_FALSE(std::filesystem::exists(below()));
  EXPECT_FALSE(find());
  open();
  EXPECT_TRUE(store_->make_way({"there:5000"}));
}

TEST_F(AsideTest, GoesOnRemovingWhatARemovalLeft) {
  order();
  ASSERT_TRUE(find());
  std::filesystem::remove(below() + "/note");
  EXPECT_FALSE(find());
  EXPECT_FALSE(std::filesystem::exists(below()));
}

}  // namespace
}  // namespace skep
