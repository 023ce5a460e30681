// The acceptor: what one answers to proposers, decided from what it has promised and accepted
// (CASPaxos, 2.1). Pure: a request and the register as it is come in; the answer and what to write
// before it is sent come out.
//
// Invariants, of what is durable:
//  - A register's promise and accepted ballot never go down; an absent one counts as promised
//    `floor`, and a register erased had promised no more than that.
//  - One ballot is accepted at most once a register, so it stands for one value.
//  - No promise was ever above `reach`.
//  - The configuration's version never goes down, and one version has one content.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/base/error.hpp"
#include "net/register_messages.hpp"

namespace skep::acceptor {

using registers::Ballot;

inline constexpr std::string_view kRegisterSpace = "acceptor.register";  // key -> Register
inline constexpr std::string_view kStandingSpace = "acceptor";           // "standing" -> Standing
inline constexpr std::string_view kStandingKey = "standing";

// A register's row. Encoded, it ends with a checksum: Code::corrupt.
struct Register {
  Ballot promise;
  Ballot accepted;  // nobody's: there is a promise, and no value yet
  std::uint64_t version = 0;
  bool present = false;
  std::string content;
  template <class M, class V> static void fields(M& m, V&& v) {
    v("promise", m.promise);
    v("accepted", m.accepted);
    v("version", m.version);
    v("present", m.present);
    v("content", m.content);
  }
  bool operator==(const Register&) const = default;

  // No ballot up to this one is accepted any more.
  const Ballot& bar() const { return promise > accepted ? promise : accepted; }
};
std::string encode_row(const Register& row);
Result<Register> decode_register(std::string_view row);

// What is the acceptor's as a whole, in a row of its own with a checksum.
struct Standing {
  std::uint64_t reach = 0;  // the counter of no ballot that was promised is above it
  Ballot floor;
  std::uint64_t floor_version = 0;  // no register that was erased was above it
  std::uint64_t configuration = 0;  // nothing below it is served
  bool in_force = false;            // and it was chosen, or told to all in it
  std::string content;              // of the configuration
  template <class M, class V> static void fields(M& m, V&& v) {
    v("reach", m.reach);
    v("floor", m.floor);
    v("floor_version", m.floor_version);
    v("configuration", m.configuration);
    v("in_force", m.in_force);
    v("content", m.content);
  }
  bool operator==(const Standing&) const = default;
};
std::string encode_row(const Standing& standing);
Result<Standing> decode_standing(std::string_view row);

// A register as it was found.
struct Found {
  bool damaged = false;
  std::optional<Register> row{};  // none: absent
};

// What is written before the answer is sent, and the answer.
struct Decision {
  enum class Row : std::uint8_t { as_it_was, put, erased };
  Row row = Row::as_it_was;  // put: what `found` has become
  bool standing = false;     // standing() has changed
  registers::Type type = registers::Type::noted;
  std::string payload{};

  bool writes() const { return row != Row::as_it_was || standing; }
};

class Core {
 public:
  explicit Core(Standing standing) : standing_(std::move(standing)) {}

  const Standing& standing() const { return standing_; }
  // A write was refused: what is on disk counts again.
  void reset(Standing standing) { standing_ = std::move(standing); }

  // `found` is the register of the request's key, and becomes what is to be written.
  Decision prepare(const registers::Prepare& request, Found& found);
  Decision accept(const registers::Accept& request, Found& found);
  Decision read(const registers::Read& request, const Found& found) const;
  Decision erase(const registers::Erase& request, Found& found);

  Decision configure(const registers::Configure& request);
  Decision raise_floor(const registers::RaiseFloor& request);

  // The version of a sender's configuration is one that is not served any more.
  bool outdated(std::uint64_t configuration) const {
    return configuration < standing_.configuration;
  }
  Decision outdated() const;
  // Of a list: one that is absent but for a promise has nobody's ballot.
  static registers::Listed listed(std::string_view key, const Found& found);

 private:
  Decision damaged() const;
  bool reach_for(const Ballot& ballot);

  Standing standing_;
};

}  // namespace skep::acceptor
