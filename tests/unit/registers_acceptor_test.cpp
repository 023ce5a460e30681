// The acceptor's core: what it promises, accepts and refuses.
#include <gtest/gtest.h>

#include "roles/acceptor/core.hpp"

namespace skep::acceptor {
namespace {

using namespace registers;

Ballot ballot(std::uint64_t counter, NodeId node = 1) { return {counter, node, 1}; }

struct AcceptorCore : testing::Test {
  Core core{Standing{}};
  Found found;

  Decision prepare(Ballot b) { return core.prepare({1, "k", b}, found); }
  Decision accept(Ballot b, Ballot next, std::uint64_t version = 1, bool present = true) {
    return core.accept({1, "k", b, next, {version, present, "v"}}, found);
  }
};

TEST_F(AcceptorCore, PromisesOnlyUpwards) {
  EXPECT_EQ(prepare(ballot(5)).type, Type::promised);
  const Decision again = prepare(ballot(5));
  EXPECT_EQ(again.type, Type::refused);
  EXPECT_FALSE(again.writes());
  EXPECT_EQ(wire::decode<Refused>(again.payload)->ballot, ballot(5));
  EXPECT_EQ(prepare(ballot(4)).type, Type::refused);
  EXPECT_EQ(prepare(ballot(5, 2)).type, Type::promised);
}

TEST_F(AcceptorCore, OneBallotIsAcceptedOnce) {
  prepare(ballot(5));
  EXPECT_EQ(accept(ballot(5), ballot(6)).type, Type::accepted);
  EXPECT_EQ(accept(ballot(5), ballot(6)).type, Type::refused);
  EXPECT_EQ(prepare(ballot(6)).type, Type::refused) << "promised for the next change";
  EXPECT_EQ(accept(ballot(6), ballot(7), 2).type, Type::accepted);
  // Even where the promise is the ballot itself.
  EXPECT_EQ(accept(ballot(8), ballot(8), 3).type, Type::accepted);
  EXPECT_EQ(accept(ballot(8), ballot(8), 4).type, Type::refused);
  EXPECT_EQ(found.row->version, 3u);
}

TEST_F(AcceptorCore, APromiseBarsLowerBallots) {
  prepare(ballot(9));
  EXPECT_EQ(accept(ballot(8), ballot(10)).type, Type::refused);
  EXPECT_EQ(accept(ballot(9), ballot(10)).type, Type::accepted);
}

TEST_F(AcceptorCore, AnErasedRegisterCountsAsPromisedTheFloor) {
  accept(ballot(5), ballot(6), 7, false);
  EXPECT_EQ(core.erase({1, "k", ballot(4), ballot(6)}, found).type, Type::refused);
  prepare(ballot(9));
  EXPECT_EQ(core.erase({1, "k", ballot(5), ballot(6)}, found).type, Type::refused)
      << "somebody is at it";
  accept(ballot(9), ballot(10), 8, false);
  const Decision erased = core.erase({1, "k", ballot(9), ballot(10)}, found);
  EXPECT_EQ(erased.row, Decision::Row::erased);
  EXPECT_TRUE(erased.standing);
  EXPECT_FALSE(found.row);
  EXPECT_EQ(core.standing().floor, ballot(10));
  EXPECT_EQ(core.standing().floor_version, 8u);
  EXPECT_EQ(prepare(ballot(10)).type, Type::refused);
  EXPECT_EQ(accept(ballot(9, 2), ballot(20)).type, Type::refused);
  const Decision promised = prepare(ballot(11));
  ASSERT_EQ(promised.type, Type::promised);
  const auto told = wire::decode<Promised>(promised.payload);
  EXPECT_EQ(told->accepted, Ballot{});
  EXPECT_EQ(told->value.version, 8u) << "below which no version returns";
}

TEST_F(AcceptorCore, WhatIsPresentIsNotErased) {
  accept(ballot(5), ballot(6));
  EXPECT_EQ(core.erase({1, "k", ballot(5), ballot(6)}, found).type, Type::refused);
}

TEST_F(AcceptorCore, ADamagedRegisterIsNotEmpty) {
  prepare(ballot(5));
  const std::uint64_t reach = core.standing().reach;
  EXPECT_GE(reach, 5u);
  found = {true, std::nullopt};
  EXPECT_EQ(prepare(ballot(reach)).type, Type::damaged);
  EXPECT_EQ(core.read({1, "k"}, found).type, Type::damaged);
  EXPECT_EQ(accept(ballot(reach), ballot(reach)).type, Type::damaged);
  // Nothing was ever promised up here.
  EXPECT_EQ(prepare(ballot(reach + 1)).type, Type::damaged);
  EXPECT_EQ(accept(ballot(reach + 1), ballot(reach + 2)).type, Type::accepted);
  EXPECT_FALSE(found.damaged);
  EXPECT_GE(core.standing().reach, reach + 2);
}

TEST_F(AcceptorCore, ServesNoOlderConfiguration) {
  const auto configure = [&](std::uint64_t version, std::string_view content, bool in_force) {
    return core.configure({version, in_force, content}).type;
  };
  EXPECT_EQ(configure(1, "one", false), Type::noted);
  EXPECT_EQ(configure(1, "other", false), Type::outdated) << "a version has one content";
  EXPECT_EQ(configure(1, "one", true), Type::noted);
  EXPECT_TRUE(core.standing().in_force);
  EXPECT_EQ(configure(3, "three", true), Type::noted);
  EXPECT_EQ(configure(2, "two", true), Type::outdated);
  EXPECT_TRUE(core.outdated(2));
  EXPECT_FALSE(core.outdated(3));
  EXPECT_FALSE(core.outdated(4));
  EXPECT_EQ(wire::decode<Outdated>(core.outdated().payload)->content, "three");
}

TEST(AcceptorRows, NoticeEveryFlippedBit) {
  const Register row{ballot(3), ballot(2), 9, true, "content"};
  const std::string good = encode_row(row);
  EXPECT_EQ(decode_register(good), row);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(decode_register(bad)) << bit;
  }
  EXPECT_FALSE(decode_register(""));
  EXPECT_FALSE(decode_register(std::string_view(good).substr(1)));
}

}  // namespace
}  // namespace skep::acceptor
