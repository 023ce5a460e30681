#include "net/visit.hpp"

#include <utility>

#include "net/dial.hpp"
#include "net/link.hpp"
#include "net/members_messages.hpp"

namespace skep {

namespace {

constexpr std::size_t kMaxFrame = std::size_t{64} << 20;  // a list of all members there can be
constexpr std::uint64_t kTicket = 1;

}  // namespace

Visit::Visit(Loop& loop, const Address& to, Hello self, std::string secret,
             std::shared_ptr<tls::Context> tls, Duration timeout, Done done)
    : loop_(loop),
      to_(to),
      name_(self.node),
      own_cluster_(self.cluster_id),
      done_(std::move(done)) {
  self.cluster_id = 0;
  self.nonce.resize(Hello::kNonce);
  fill_random(self.nonce);
  timer_ = loop_.after(timeout, [this] {
    end(fail(Code::unavailable,
             "no answer from " + to_ + "; is that the cluster port of a node (cluster.listen)?"));
  });
  dial_ = std::make_unique<Dial>(
      loop_, to_,
      [this, timeout, self = std::move(self), secret = std::move(secret),
       tls = std::move(tls)](Result<TcpHandle> handle) {
        if (!handle) return end(tl::unexpected(handle.error()));
        Link::Events events{
            [this](Link& link) { ask(link); },
            [this](Link&, const wire::Frame& frame) { hear(frame); },
            [this](Link&, const Error& error) { end(tl::unexpected(error)); },
            [](Link&) {},
        };
        link_ = std::make_unique<Link>(
            loop_, std::move(*handle), tls == nullptr ? nullptr : tls->dial({}), to_, self, secret,
            Link::Limits{kMaxFrame, kMaxFrame, timeout, timeout}, std::move(events));
      });
}

Visit::~Visit() { loop_.cancel(timer_); }

// As who waits for a cluster does: the answer is the list of its members. A peer of this node would
// give it on another of their links.
void Visit::ask(Link& link) {
  const Hello& peer = link.peer();
  if (peer.cluster_id == 0 || peer.cluster_id == own_cluster_)
    return end(Visited{peer.node, peer.cluster_id, {}});
  const std::string payload = wire::encode(members::Join{kTicket, name_});
  link.send({Part::members, static_cast<std::uint16_t>(members::Type::join), 0, payload});
}

void Visit::hear(const wire::Frame& frame) {
  if (frame.part == static_cast<std::uint8_t>(Part::link) &&
      frame.type == static_cast<std::uint16_t>(LinkType::refuse))
    return end(fail(Code::conflict, to_ + " refuses this node: " + reason(frame.payload)));
  if (frame.part != static_cast<std::uint8_t>(Part::members)) return;
  if (frame.type == static_cast<std::uint16_t>(members::Type::waiting))
    return end(Visited{link_->peer().node, 0, {}});
  if (frame.type != static_cast<std::uint16_t>(members::Type::full)) return;
  auto full = wire::decode<members::Full>(frame.payload);
  if (!full || full->ticket != kTicket) return;
  Visited visited{link_->peer().node, full->cluster, {}};
  for (members::Claim& claim : full->news.claims)
    visited.members.push_back(std::move(claim.member));
  end(std::move(visited));
}

// The first outcome counts. It is told later: the link is not destroyed by its own callback.
void Visit::end(Result<Visited> outcome) {
  if (std::exchange(ended_, true)) return;
  loop_.cancel(timer_);
  timer_ = loop_.after(Duration(0), [this, outcome = std::move(outcome)]() mutable {
    timer_ = 0;
    const Done done = std::move(done_);
    done(std::move(outcome));  // may destroy this
  });
}

}  // namespace skep
