// The codec: round trips, golden bytes, and every way in which bytes can lie.
#include "net/wire.hpp"

#include <gtest/gtest.h>

namespace skep {
namespace {

enum class Colour : std::uint8_t { red, green };
constexpr Colour wire_max(Colour) { return Colour::green; }

struct Inner {
  std::uint64_t epoch = 0;
  bool settled = false;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("epoch", m.epoch);
    v("settled", m.settled);
  }
  bool operator==(const Inner&) const = default;
};

struct Outer {
  std::uint16_t arc = 0;
  std::int32_t delta = 0;
  Colour colour = Colour::red;
  std::string name;
  std::vector<Inner> items;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("arc", m.arc);
    v("delta", m.delta);
    v("colour", m.colour);
    v("name", m.name);
    v("items", m.items);
  }
  bool operator==(const Outer&) const = default;
};

const Outer kOuter{258, -2, Colour::green, "ab", {{1, true}, {2, false}}};
const std::string kGolden = std::string("\x02\x01\xfe\xff\xff\xff\x01\x02") + "ab" +
                            std::string("\x02\x01\0\0\0\0\0\0\0\x01", 10) +
                            std::string("\x02\0\0\0\0\0\0\0\0", 9);

TEST(Wire, GoldenBytes) { EXPECT_EQ(wire::encode(kOuter), kGolden); }

TEST(Wire, RoundTrip) { EXPECT_EQ(wire::decode<Outer>(kGolden).value(), kOuter); }

TEST(Wire, Show) {
  EXPECT_EQ(wire::show(kOuter),
            "{arc=258 delta=-2 colour=1 name=\"ab\" items=[{epoch=1 settled=true} {epoch=2 "
            "settled=false}]}");
}

TEST(Wire, EveryTruncationIsRejected) {
  for (std::size_t size = 0; size < kGolden.size(); ++size)
    EXPECT_FALSE(wire::decode<Outer>(std::string_view(kGolden).substr(0, size))) << size;
}

TEST(Wire, TrailingBytesAreRejected) { EXPECT_FALSE(wire::decode<Outer>(kGolden + "x")); }

TEST(Wire, EnumAndBoolOutOfRangeAreRejected) {
  std::string bad = kGolden;
  bad[6] = 2;
  EXPECT_FALSE(wire::decode<Outer>(bad));
  bad = kGolden;
  bad[19] = 2;
  EXPECT_FALSE(wire::decode<Outer>(bad));
}

TEST(Wire, AHugeCountAllocatesNothing) {
  EXPECT_FALSE(wire::decode<std::vector<Inner>>("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
  EXPECT_FALSE(wire::decode<std::string>("\xff\xff\xff\xff\x0f"));
}

TEST(Wire, VarintsHaveOneForm) {
  EXPECT_TRUE(wire::decode<std::string>(std::string("\0", 1)));
  EXPECT_FALSE(wire::decode<std::string>(std::string("\x80\0", 2)));
  EXPECT_FALSE(wire::decode<std::string>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
}

TEST(Frame, GoldenBytesAndHalves) {
  std::string bytes;
  wire::encode_frame(bytes, {wire::kProtocolVersion, 2, 0x0103, 7, "hello"});
  EXPECT_EQ(bytes.substr(0, 4), std::string("\x15\0\0\0", 4));
  EXPECT_EQ(bytes.substr(8), std::string("\x01\x02\x03\x01\x07\0\0\0\0\0\0\0", 12) + "hello");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(wire::take_frame(std::string_view(bytes).substr(0, size), 1024).value().size, 0U);
  EXPECT_EQ(wire::take_frame(bytes.substr(0, bytes.size() - 1), 1024).value().wanted, bytes.size());
  const std::string more = bytes + "more";
  const auto taken = wire::take_frame(more, 1024).value();
  EXPECT_EQ(taken.size, bytes.size());
  EXPECT_EQ(taken.frame.payload, "hello");
  EXPECT_EQ(taken.frame.type, 0x0103);
  EXPECT_EQ(taken.frame.request, 7U);
}

TEST(Frame, EveryFlippedBitIsNoticed) {
  std::string bytes;
  wire::encode_frame(bytes, {wire::kProtocolVersion, 2, 3, 7, "hello"});
  for (std::size_t bit = 32; bit < bytes.size() * 8; ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    auto taken = wire::take_frame(bad, 1024);
    ASSERT_FALSE(taken) << bit;
    EXPECT_EQ(taken.error().code, Code::corrupt);
  }
}

TEST(Frame, LengthsThatCannotBeAreRefused) {
  EXPECT_EQ(wire::take_frame(std::string("\x0f\0\0\0....", 8), 1024).error().code, Code::invalid);
  EXPECT_EQ(wire::take_frame(std::string("\xff\xff\xff\xff....", 8), 1024).error().code,
            Code::full);
}

}  // namespace
}  // namespace skep
