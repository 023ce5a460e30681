// What each change function makes of a value.
#include <gtest/gtest.h>

#include "roles/proposer/change.hpp"

namespace skep::proposer {
namespace {

using How = Applied::How;

Applied made(const Change& change, std::optional<std::string> there, std::uint64_t version = 7) {
  return apply(change, there.has_value(), there.value_or(""), version, 100);
}
Change of(Function function, std::string value = "", std::string expected = "",
          std::int64_t by = 0) {
  Change change;
  change.function = function;
  change.value = std::move(value);
  change.expected = std::move(expected);
  change.by = by;
  return change;
}

TEST(RegisterChange, EachFunctionByItsName) {
  for (const Function each : {Function::read, Function::set, Function::init, Function::cas_value,
                              Function::add, Function::append, Function::remove})
    EXPECT_EQ(function_of(name(each)), each) << name(each);
  EXPECT_FALSE(function_of("increment"));
  EXPECT_EQ(function_names(), "read, set, init, cas_value, add, append, delete");
}

TEST(RegisterChange, MakesTheValue) {
  EXPECT_EQ(made(of(Function::set, "x"), "old").value, "x");
  EXPECT_EQ(made(of(Function::init, "x"), "old").how, How::unchanged);
  EXPECT_EQ(made(of(Function::init, "x"), std::nullopt).value, "x");
  EXPECT_EQ(made(of(Function::append, "x"), "old").value, "oldx");
  EXPECT_EQ(made(of(Function::cas_value, "x", "old"), "old").value, "x");
  EXPECT_EQ(made(of(Function::cas_value, "x", "other"), "old").how, How::mismatch);
  EXPECT_EQ(made(of(Function::cas_value, "x", ""), std::nullopt).how, How::mismatch);
  EXPECT_EQ(made(of(Function::read), "old").how, How::unchanged);
  const Applied removed = made(of(Function::remove), "old");
  EXPECT_EQ(removed.how, How::changed);
  EXPECT_FALSE(removed.present);
  EXPECT_EQ(made(of(Function::remove), std::nullopt).how, How::unchanged);
}

TEST(RegisterChange, Adds) {
  EXPECT_EQ(made(of(Function::add, "", "", 5), std::nullopt).value, "5");
  EXPECT_EQ(made(of(Function::add, "", "", -7), "5").value, "-2");
  EXPECT_EQ(made(of(Function::add, "", "", 1), "9223372036854775806").value, "9223372036854775807");
  EXPECT_EQ(made(of(Function::add, "", "", 1), "9223372036854775807").how, How::invalid);
  EXPECT_EQ(made(of(Function::add, "", "", -1), "-9223372036854775808").how, How::invalid);
  for (const char* text : {"", "x", "5 ", " 5", "5.0", "99999999999999999999"})
    EXPECT_EQ(made(of(Function::add, "", "", 1), text).how, How::invalid) << '"' << text << '"';
}

TEST(RegisterChange, Conditions) {
  Change change = of(Function::set, "x");
  change.condition = Condition::version;
  change.version = 7;
  EXPECT_EQ(made(change, "old").how, How::changed);
  EXPECT_EQ(made(change, "old", 8).how, How::mismatch);
  EXPECT_EQ(made(change, std::nullopt).how, How::mismatch) << "it is deleted";
  change.condition = Condition::present;
  EXPECT_EQ(made(change, "old").how, How::changed);
  EXPECT_EQ(made(change, std::nullopt).how, How::mismatch);
  change.condition = Condition::absent;
  EXPECT_EQ(made(change, "old").how, How::mismatch);
  EXPECT_EQ(made(change, std::nullopt).how, How::changed);
}

TEST(RegisterChange, BoundsTheValue) {
  EXPECT_EQ(made(of(Function::set, std::string(100, 'x')), "old").how, How::changed);
  EXPECT_EQ(made(of(Function::set, std::string(101, 'x')), "old").how, How::invalid);
  EXPECT_EQ(made(of(Function::append, std::string(98, 'x')), "old").how, How::invalid);
}

}  // namespace
}  // namespace skep::proposer
