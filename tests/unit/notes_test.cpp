// What a node keeps of itself, in a real store.
#include "store/notes.hpp"

#include <gtest/gtest.h>

#include "tests/unit/store_fixture.hpp"

namespace skep {
namespace {

struct NullLog final : Log {
  void write(Level, std::string_view, std::string_view) override {}
};

using NotesTest = store_test::StoreTest;

TEST_F(NotesTest, TheIncarnationGrowsWhateverTheClockDoes) {
  NullLog log;
  open();
  EXPECT_EQ(*Notes(*store_, log).next_incarnation(1000), 1000u);
  ASSERT_TRUE(store_->close());
  open();
  EXPECT_EQ(*Notes(*store_, log).next_incarnation(500), 1001u);
  ASSERT_TRUE(store_->close());
  open();
  EXPECT_EQ(*Notes(*store_, log).next_incarnation(2000), 2000u);
  ASSERT_TRUE(store_->close());
}

TEST_F(NotesTest, RefusesADamagedIncarnation) {
  NullLog log;
  open();
  ASSERT_TRUE(write(store_test::put("incarnation", "x", "node")));
  auto next = Notes(*store_, log).next_incarnation(1000);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, Code::corrupt);
}

TEST_F(NotesTest, RemembersTheMembers) {
  NullLog log;
  open();
  EXPECT_EQ(*Notes(*store_, log).members(), "");
  Notes(*store_, log).keep_members("whom it knew");
  ASSERT_TRUE(store_->close());
  open();
  EXPECT_EQ(*Notes(*store_, log).members(), "whom it knew");
}

}  // namespace
}  // namespace skep
