// The core's list: what is believed, and what follows from it.
#include <algorithm>

#include "net/base/assert.hpp"
#include "net/members.hpp"

namespace skep::members {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxRoles = 16;

bool short_text(const std::string& text) { return !text.empty() && text.size() <= kMaxName; }

// What the member says of itself, beside its state.
bool same_description(const Member& a, const Member& b) {
  return a.name == b.name && a.address == b.address && a.roles == b.roles &&
         a.listeners == b.listeners && a.weight == b.weight;
}

MemberState without_doubt(MemberState state) {
  return state == MemberState::suspect ? MemberState::alive : state;
}

std::string title(const Member& member) { return member.name + "@" + member.address; }

}  // namespace

bool Core::acceptable(const Claim& claim) const {
  const Member& m = claim.member;
  return m.id != 0 && m.incarnation <= kMaxIncarnation && short_text(m.name) &&
         short_text(m.address) && m.roles.size() <= kMaxRoles && m.listeners.size() <= kMaxRoles &&
         wire::encode(claim).size() <= kMaxClaim;
}

void Core::hear(const News& news, bool whole) {
  for (const Claim& claim : news.claims) hear_claim(claim, whole);
  for (const Rumor& rumor : news.rumors) hear_rumor(rumor, false);
}

// `whole`: the claim is from a full exchange, not fresh gossip.
void Core::hear_claim(const Claim& claim, bool whole) {
  const Member* known = table_.find(claim.member.id);
  // Most of what one hears one has heard before; that is looked at first because it is cheap.
  const bool confirms = known != nullptr && known->state == MemberState::suspect &&
                        rank(claim.member.state) >= rank(MemberState::suspect) &&
                        claim.member.incarnation == known->incarnation;
  if (known != nullptr && known->id != self().id && !confirms && !newer(claim.member, *known))
    return;
  if (!acceptable(claim)) {
    ++counters_.refused;
    return;
  }
  if (claim.member.id == self().id) return hear_of_self(claim.member);
  Member member = claim.member;
  const Duration age = std::chrono::seconds(claim.age);
  Time since = living(member.state) ? now_ : now_ - age;
  if (known == nullptr) {
    if (!living(member.state) && age >= options_.keep_dead) return;
    if (table_.all().size() >= kMaxMembers) {
      ++counters_.refused;
      return;
    }
    return change(std::move(member), since, claim.by);
  }
  // An exchange after a cut brings deaths that were never more than the cut. The accused gets the
  // time to refute.
  if (whole && member.state == MemberState::dead && living(known->state)) {
    member.state = MemberState::suspect;
    since = now_;
  }
  if (newer(member, *known)) return change(std::move(member), since, claim.by);
  if (auto found = suspicions_.find(member.id);
      confirms && found != suspicions_.end() && found->second.confirm(claim.by))
    claims_told_.add(member.id);
}

// SWIM 4.2: only the member itself raises its incarnation, and by that refutes what is said of it.
void Core::hear_of_self(const Member& claimed) {
  Member self = this->self();
  if (self.state == MemberState::left) return;
  if (claimed.state == MemberState::left) {
    self.state = MemberState::left;
    self.incarnation = std::max(self.incarnation, claimed.incarnation);
    line(Level::error,
         "this node has left its cluster for good; empty its store to join again as a new node");
    return set_self(std::move(self));
  }
  if (claimed.incarnation < self.incarnation) {
    tell_self_ = true;
    return;
  }
  if (claimed.incarnation == self.incarnation && rank(claimed.state) <= rank(self.state) &&
      same_description(claimed, self))
    return;
  if (outranked()) return;  // defend() decides about that, and not as fast as gossip runs
  ++counters_.refutations;
  if (claimed.state == MemberState::suspect || claimed.state == MemberState::dead) {
    adjust_health(1);
    line(claimed.state == MemberState::dead ? Level::warn : Level::info,
         "refutes that it is " + std::string(name(claimed.state)));
  }
  self.incarnation = claimed.incarnation + 1;
  set_self(std::move(self));
}

void Core::hear_rumor(const Rumor& rumor, bool own) {
  const Rumors::Key key{rumor.topic, rumor.key};
  const Rumors::Shared before = rumors_.find(key);
  // Most of what one hears one has heard before.
  if (before && (before->version > rumor.version || *before == rumor)) return;
  switch (rumors_.put(rumor)) {
    case Rumors::Heard::known: return;
    case Rumors::Heard::refused:
      ++counters_.refused;
      if (own)
        line(Level::error,
             "cannot spread a rumor of " + rumor.topic + ": it is too long, or too many");
      return;
    case Rumors::Heard::news: break;
  }
  rumors_told_.remove(before);
  rumors_told_.add(rumors_.find(key));
  if (!own) out_.heard.push_back(rumor);
}

void Core::set_self(Member self) {
  const Time since = self.state == this->self().state ? table_.since(self.id) : now_;
  claims_told_.add(self.id);
  save_soon();
  self_ = table_.put(std::move(self), since);
  out_.changed.push_back(self_);
  settle_rivals(*self_);
}

// Believes something new of another member. `by`: who accuses it, if it is suspect.
void Core::change(Member member, Time since, NodeId by) {
  const NodeId id = member.id;
  SKEP_ASSERT(id != self().id);
  const auto known = table_.all().find(id);
  const MemberList::Shared before = known == table_.all().end() ? nullptr : known.shared();
  if (before && before->state == member.state && living(member.state)) since = known.since();
  suspicions_.erase(id);
  if (member.state == MemberState::suspect) {
    const std::size_t others = table_.living().size();
    suspicions_.emplace(id, Suspicion(member.incarnation, by, now_, part_of(0.2 * size_factor()),
                                      part_of(0.4 * size_factor()),
                                      others > 2 ? std::min<std::size_t>(3, others - 2) : 0));
  }
  if (living(member.state) && (!before || !living(before->state)))
    order_.insert(
        order_.begin() + static_cast<std::ptrdiff_t>(turn_ + random(order_.size() - turn_ + 1)),
        id);
  // Suspicions come and go; they are not worth a write.
  if (!before || without_doubt(before->state) != without_doubt(member.state) ||
      !same_description(*before, member))
    unsaved_ = true;
  claims_told_.add(id);
  log_change(member, before.get());
  const MemberList::Shared kept = table_.put(std::move(member), since);
  out_.changed.push_back(kept);
  settle_rivals(*kept);
}

// One name and one address, one identity: what has lost its name or address to another is dead.
void Core::settle_rivals(const Member& member) {
  for (NodeId id : table_.rivals(member)) {
    Member loser = *table_.find(id);
    if (outranks(loser, member)) loser = *table_.find(member.id);
    if (loser.id == self().id || !living(loser.state)) continue;
    loser.state = MemberState::dead;
    change(std::move(loser), now_, self().id);
  }
}

bool Core::outranked() const {
  const auto rivals = table_.rivals(self());
  return std::any_of(rivals.begin(), rivals.end(),
                     [&](NodeId id) { return outranks(*table_.find(id), self()); });
}

// Holds this node's name and address against identities that had them before, or still claim them.
// Only a living node elsewhere keeps the name: then it is this one that must be renamed.
void Core::defend() {
  std::uint64_t highest = 0;
  const Member* usurper = nullptr;
  for (NodeId id : table_.rivals(self())) {
    const Member* rival = table_.find(id);
    if (!outranks(*rival, self())) continue;
    highest = std::max(highest, rival->incarnation);
    if (living(rival->state) && rival->address != self().address) usurper = rival;
  }
  if (usurper != nullptr && !displaced_)
    line(Level::error,
         "another living node is called " + self().name + ", at " + usurper->address +
             ": the others take this one for dead until one of them has another name");
  displaced_ = usurper != nullptr;
  if (highest == 0 || displaced_) return;
  Member self = this->self();
  self.incarnation = highest + 1;
  set_self(std::move(self));
}

void Core::reap() {
  next_reap_ = now_ + std::chrono::minutes(1);
  std::vector<NodeId> old;
  const MemberList& all = table_.all();
  for (auto at = all.begin(); at != all.end(); ++at)
    if (!living(at->second.state) && now_ - at.since() >= options_.keep_dead)
      old.push_back(at->first);
  std::erase(old, self().id);
  for (NodeId id : old) {
    claims_told_.remove(id);
    table_.erase(id);
    unsaved_ = true;
  }
}

void Core::log_change(const Member& member, const Member* before) {
  if (before != nullptr && before->state == member.state) return;
  std::string text = title(member) + " is " + std::string(name(member.state));
  if (before == nullptr) text += ", and new here";
  if (member.state == MemberState::alive && before != nullptr) text += " again";
  line(member.state == MemberState::dead ? Level::warn : Level::info, std::move(text));
}

Claim Core::claim_of(const Member& member) const {
  Claim claim{member, 0, 0};
  if (auto found = suspicions_.find(member.id); found != suspicions_.end())
    claim.by = found->second.latest_accuser();
  if (!living(member.state)) {
    const Duration there = now_ - table_.since(member.id);
    const auto age = std::chrono::ceil<std::chrono::seconds>(there).count();
    claim.age = static_cast<std::uint32_t>(std::clamp<decltype(age)>(age, 0, UINT32_MAX));
  }
  return claim;
}

// As wire::encode(Saved) would, without a second copy of all members.
std::string Core::save() const {
  std::string saved;
  wire::encode(saved, Saved{1, cluster_, founded_, {}});
  saved.pop_back();  // the count of no claims
  wire::encode_count(saved, table_.all().size());
  Claim claim;
  for (const auto& [id, member] : table_.all()) {
    claim = claim_of(member);
    claim.by = 0;
    claim.member.state = without_doubt(member.state);
    wire::encode(saved, claim);
  }
  return saved;
}

Full Core::full(const Digest& theirs, std::uint64_t ticket, bool answer) const {
  Full message{cluster_, ticket, answer, digest(), {}};
  if (theirs.members != message.digest.members)
    for (const auto& [id, member] : table_.all()) message.news.claims.push_back(claim_of(member));
  message.news.rumors = rumors_.different(theirs.rumors);
  return message;
}

}  // namespace skep::members
