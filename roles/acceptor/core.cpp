#include "roles/acceptor/core.hpp"

#include <algorithm>
#include <limits>

#include "net/base/plant.hpp"
#include "net/checked_row.hpp"

namespace skep::acceptor {

using namespace registers;

namespace {

// How far the reach is moved at once, so that few promises need a write of the standing.
constexpr std::uint64_t kReachStep = 4096;

template <class M> Decision answer(const M& message) {
  Decision decision;
  decision.type = M::kType;
  decision.payload = wire::encode(message);
  return decision;
}

template <class M> Decision write_and(Decision::Row row, bool standing, const M& message) {
  Decision decision = answer(message);
  decision.row = row;
  decision.standing = standing;
  return decision;
}

// An absent register has the version below which nothing that was erased can be told from it.
Value value_of(const Found& found, std::uint64_t floor_version) {
  if (!found.row || found.row->accepted == Ballot{}) return {floor_version, false, {}};
  return {found.row->version, found.row->present, found.row->content};
}

Ballot accepted_of(const Found& found) { return found.row ? found.row->accepted : Ballot{}; }

}  // namespace

std::string encode_row(const Register& row) { return wire::encode_checked(row); }
std::string encode_row(const Standing& standing) { return wire::encode_checked(standing); }
Result<Register> decode_register(std::string_view row) {
  return wire::decode_checked<Register>(row);
}
Result<Standing> decode_standing(std::string_view row) {
  return wire::decode_checked<Standing>(row);
}

Decision Core::outdated() const {
  return answer(Outdated{standing_.configuration, standing_.in_force, standing_.content});
}

Decision Core::damaged() const {
  constexpr auto kLast = std::numeric_limits<std::uint64_t>::max();
  return answer(Damaged{{standing_.reach, kLast, kLast}});
}

// True: the standing has changed.
bool Core::reach_for(const Ballot& ballot) {
  if (ballot.counter <= standing_.reach) return false;
  standing_.reach = ballot.counter + kReachStep;
  return true;
}

Decision Core::prepare(const Prepare& request, Found& found) {
  if (found.damaged) return damaged();
  const Ballot bar = found.row ? found.row->bar() : standing_.floor;
  if (request.ballot <= bar) return answer(Refused{bar});
  if (!found.row) found.row.emplace();
  found.row->promise = request.ballot;
  const bool reached = reach_for(request.ballot);
  return write_and(Decision::Row::put, reached,
                   Promised{accepted_of(found), value_of(found, standing_.floor_version)});
}

Decision Core::accept(const Accept& request, Found& found) {
  // What it has forgotten was at its reach at most; above it this is news (see Damaged).
  if (found.damaged && request.ballot.counter <= standing_.reach) return damaged();
  if (!found.damaged) {
    const Ballot promise = found.row ? found.row->promise : standing_.floor;
    const Ballot accepted = accepted_of(found);
    if (request.ballot < promise || request.ballot <= accepted)
      return answer(Refused{std::max(promise, accepted)});
  }
  const Ballot next = std::max(request.next, request.ballot);
  found.damaged = false;
  found.row = Register{next, request.ballot, request.value.version, request.value.present,
                       std::string(request.value.content)};
  const bool reached = reach_for(next);
  return write_and(Decision::Row::put, reached, Accepted{});
}

Decision Core::read(const Read&, const Found& found) const {
  if (found.damaged) return damaged();
  return answer(State{accepted_of(found), value_of(found, standing_.floor_version)});
}

Decision Core::erase(const Erase& request, Found& found) {
  if (found.damaged) return damaged();
  if (!found.row) return answer(Noted{});
  const Register& row = *found.row;
  if (row.present || row.accepted != request.ballot || row.promise > request.next)
    return answer(Refused{row.bar()});
  bool raised = false;
  if (!SKEP_PLANT(floor_not_raised)) {
    raised = row.promise > standing_.floor || row.version > standing_.floor_version;
    standing_.floor = std::max(standing_.floor, row.promise);
    standing_.floor_version = std::max(standing_.floor_version, row.version);
  }
  found.row.reset();
  return write_and(Decision::Row::erased, raised, Noted{});
}

Decision Core::configure(const Configure& request) {
  if (outdated(request.configuration)) return outdated();
  const bool same = request.configuration == standing_.configuration;
  if (same && request.content != standing_.content) return outdated();
  if (same && (standing_.in_force || !request.in_force)) return answer(Noted{});
  standing_.configuration = request.configuration;
  standing_.in_force = request.in_force;
  standing_.content = request.content;
  return write_and(Decision::Row::as_it_was, true, Noted{});
}

Decision Core::raise_floor(const RaiseFloor& request) {
  if (request.ballot <= standing_.floor && request.version <= standing_.floor_version)
    return answer(Noted{});
  standing_.floor = std::max(standing_.floor, request.ballot);
  standing_.floor_version = std::max(standing_.floor_version, request.version);
  return write_and(Decision::Row::as_it_was, true, Noted{});
}

Listed Core::listed(std::string_view key, const Found& found) {
  if (!found.row) return {key, {}, 0, false};
  return {key, found.row->accepted, found.row->version, found.row->present};
}

}  // namespace skep::acceptor
