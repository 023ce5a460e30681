#include "net/links.hpp"

#include "net/accept.hpp"
#include "net/base/assert.hpp"
#include "net/dial.hpp"
#include "net/link.hpp"

namespace skep {

namespace {

constexpr std::string_view kPart = "links";
constexpr Duration kForgetPeer = std::chrono::minutes(1);
// The same line about the same address.
constexpr Duration kComplainAgain = std::chrono::minutes(10);

}  // namespace

// An address that somebody sends to.
struct Links::Peer {
  explicit Peer(Address to) : address(std::move(to)) {}
  const Address address;
  Link* link = nullptr;     // where messages go, while it is up
  Link* shaking = nullptr;  // dialled, not proven yet
  Address answers_as;       // what the node there advertises, when dialled by another name
  std::unique_ptr<Dial> dial;
  Time dial_started{};
  Timers::Id redial = 0;  // not dialled before it fires
  Duration delay{};       // what that waits for, without jitter
  std::string elsewhere;  // is_elsewhere()
  bool wanted = false;    // somebody has asked for it since it was last dialled
  Time used{};            // to the sweep's precision
  bool used_now = true;   // since the last sweep
};

Links::Links(Loop& loop, Log& log, LinkOptions options)
    : loop_(loop),
      log_(log),
      complaints_(log, loop, std::string(kPart), kComplainAgain),
      options_(std::move(options)) {
  options_.max_queued = std::max(options_.max_queued, options_.max_frame);
}

Result<std::unique_ptr<Links>> Links::open(Loop& loop, Log& log, LinkOptions options) {
  std::unique_ptr<Links> links(new Links(loop, log, std::move(options)));
  auto acceptor = Acceptor::open(
      loop, links->options_.listen,
      [to = links.get()](Result<TcpHandle> handle) { to->accepted(std::move(handle)); });
  if (!acceptor) return tl::unexpected(acceptor.error());
  links->acceptor_ = std::move(*acceptor);
  if (links->options_.advertise.empty()) links->options_.advertise = links->acceptor_->address();
  links->tell_expiry();
  links->sweep();
  return links;
}

Result<> Links::reload_tls() {
  if (options_.tls == nullptr) return {};
  if (Result<> loaded = options_.tls->reload(); !loaded)
    return fail(loaded.error().code, "cluster.tls: " + loaded.error().message);
  log_.write(Level::info, kPart, "has read its certificates again");
  tell_expiry();
  return {};
}

void Links::tell_expiry() {
  const std::string expiry = options_.tls == nullptr ? "" : options_.tls->expiry();
  if (!expiry.empty()) log_.write(Level::warn, kPart, expiry);
}

Links::~Links() {
  loop_.cancel(sweep_);
  for (auto& [address, peer] : peers_) loop_.cancel(peer->redial);
}

void Links::on_message(Part part, Receive receive) {
  receivers_.at(static_cast<std::size_t>(part)) = std::move(receive);
}

void Links::on_down(Down down) { downs_.push_back(std::move(down)); }

void Links::on_up(std::function<void(const Hello&)> up) { up_ = std::move(up); }

std::size_t Links::up() const {
  return static_cast<std::size_t>(
      std::count_if(links_.begin(), links_.end(), [](const auto& link) { return link->up(); }));
}

void Links::report(Metrics& metrics) const {
  metrics.gauge("skep_links", "Connections with other nodes that are up.", std::uint64_t{up()});
  for (const auto& [part, name] : {std::pair(Part::members, "members"),
                                   {Part::ring, "ring"},
                                   {Part::acceptor, "acceptor"},
                                   {Part::proposer, "proposer"}}) {
    for (const auto& [way, all] : {std::pair("sent", &sent_), {"received", &received_}}) {
      const Traffic& traffic = (*all)[static_cast<std::size_t>(part)];
      const Metrics::Labels labels{{"part", name}, {"way", way}};
      metrics.counter("skep_link_messages_total", "Messages between nodes.", traffic.messages,
                      labels);
      metrics.counter("skep_link_bytes_total", "Bytes of messages between nodes.", traffic.bytes,
                      labels);
    }
  }
}

Hello Links::hello() const {
  Hello hello;
  hello.cluster = options_.cluster;
  hello.node = options_.node;
  hello.identity = options_.identity;
  hello.incarnation = options_.incarnation;
  hello.address = options_.advertise;
  hello.cluster_id = options_.cluster_id;
  return hello;
}

void Links::set_cluster_id(std::uint64_t id) {
  options_.cluster_id = id;
  const Hello self = hello();
  const std::string payload = wire::encode(ClusterId{id});
  for (auto& link : links_) {
    if (!link->up()) continue;
    link->send({Part::link, static_cast<std::uint16_t>(LinkType::cluster), 0, payload});
    if (auto refusal = judge_cluster(self, link->peer())) link->refuse(*std::move(refusal));
  }
}

// Sending.

bool Links::send(const Address& to, NodeId expect, const Message& message) {
  if (message.payload.size() + wire::kFrameHeader > options_.max_frame) {
    complain(to, "a message of " + std::to_string(message.payload.size()) +
                     " bytes is above cluster.max_frame (" + std::to_string(options_.max_frame) +
                     " bytes) and was not sent");
    return false;
  }
  if (to == options_.advertise) return send_here(expect, message);
  Peer* peer = this->peer(to);
  if (peer == nullptr) return false;
  peer->used_now = true;
  Link* link = link_to(*peer);
  if (link == nullptr) {
    dial(*peer);
    return false;
  }
  if (expect != 0 && link->peer().identity != expect) {
    complain(to, "at " + to + " there is node \"" + link->peer().node +
                     "\" with another store than the one expected there; messages for that one "
                     "are not sent");
    return false;
  }
  const bool sent = link->send(message);
  if (sent) sent_[static_cast<std::size_t>(message.part)].add(message.payload.size());
  return sent;
}

std::size_t Links::queued(const Address& to) const {
  const auto found = peers_.find(to);
  const Link* link = found == peers_.end() ? nullptr : found->second->link;
  return link == nullptr ? 0 : link->queued();
}

bool Links::send_here(NodeId expect, const Message& message) {
  if (expect != options_.identity) return false;
  if (here_.empty())
    loop_.at_turn_end([this] {
      for (const Here& each : std::exchange(here_, {}))
        if (const Receive& receive = receivers_.at(static_cast<std::size_t>(each.part)))
          receive(options_.identity, options_.advertise,
                  {each.part, each.type, each.request, each.payload});
    });
  here_.push_back({message.part, message.type, message.request, std::string(message.payload)});
  return true;
}

// Null: too many addresses.
Links::Peer* Links::peer(const Address& address) {
  const auto found = peers_.find(address);
  if (found != peers_.end()) return found->second.get();
  if (peers_.size() >= options_.max_addresses) return nullptr;
  return peers_.emplace(address, std::make_unique<Peer>(address)).first->second.get();
}

// The one that was used before, as long as it is up; else the oldest that leads there.
Link* Links::link_to(Peer& peer) {
  if (peer.link != nullptr && peer.link->up()) return peer.link;
  peer.link = nullptr;
  for (auto& link : links_) {
    if (!link->up()) continue;
    const Address& there = link->peer().address;
    if (there != peer.address && there != peer.answers_as && link->dialled() != peer.address)
      continue;
    peer.link = link.get();
    return peer.link;
  }
  peer.answers_as.clear();
  return nullptr;
}

// Dialling.

void Links::dial(Peer& peer) {
  if (peer.dial != nullptr || peer.shaking != nullptr || peer.redial != 0) {
    peer.wanted = true;
    return;
  }
  peer.wanted = false;
  peer.dial_started = loop_.now();
  peer.dial = std::make_unique<Dial>(loop_, peer.address, [this, &peer](Result<TcpHandle> handle) {
    dialled(peer, std::move(handle));
  });
}

void Links::dialled(Peer& peer, Result<TcpHandle> handle) {
  peer.dial.reset();
  if (handle) {
    peer.shaking = &add_link(std::move(*handle), peer.address);
    return;
  }
  peer.elsewhere.clear();  // perhaps it is gone for good
  complain(peer.address, "cannot reach " + handle.error().message);
  back_off(peer);
}

void Links::back_off(Peer& peer) {
  if (peer.redial != 0) return;
  peer.delay = std::clamp(peer.delay * 2, options_.first_redial, options_.last_redial);
  const auto half = static_cast<std::uint64_t>(peer.delay.count() / 2);
  const Duration jitter(static_cast<Duration::rep>(loop_.next() % (half + 1)));
  peer.redial = loop_.after(peer.delay / 2 + jitter, [this, &peer] {
    peer.redial = 0;
    if (peer.wanted && link_to(peer) == nullptr) dial(peer);
  });
}

std::unique_ptr<Visit> Links::visit(const Address& to, Visit::Done done) {
  return std::make_unique<Visit>(loop_, to, hello(), options_.secret, options_.tls,
                                 options_.handshake, std::move(done));
}

// Connections.

void Links::accepted(Result<TcpHandle> handle) {
  if (!handle) return complain(options_.advertise, handle.error().message);
  const auto unproven = std::count_if(links_.begin(), links_.end(), [](const auto& link) {
    return link->proving() && !link->dialled();
  });
  if (links_.size() >= options_.max_connections ||
      static_cast<std::size_t>(unproven) >= options_.max_unproven)
    return complain(options_.advertise,
                    "too many connections to the cluster port; new ones are "
                    "refused");
  add_link(std::move(*handle), std::nullopt);
}

Link& Links::add_link(TcpHandle handle, std::optional<Address> dialled) {
  Hello self = hello();
  self.nonce.resize(Hello::kNonce);
  fill_random(self.nonce);
  const Link::Limits limits{options_.max_frame, options_.max_queued, options_.handshake,
                            options_.stalled};
  Link::Events events{
      [this](Link& link) { link_up(link); },
      [this](Link& link, const wire::Frame& frame) { link_frame(link, frame); },
      [this](Link& link, const Error& error) { link_failed(link, error); },
      [this](Link& link) { link_gone(link); },
  };
  std::unique_ptr<tls::Channel> channel;
  if (options_.tls) channel = dialled ? options_.tls->dial({}) : options_.tls->accept();
  links_.push_back(std::make_unique<Link>(loop_, std::move(handle), std::move(channel),
                                          std::move(dialled), std::move(self), options_.secret,
                                          limits, std::move(events)));
  return *links_.back();
}

void Links::link_up(Link& link) {
  const Hello& other = link.peer();
  for (auto& old : links_) {
    if (old.get() == &link || !old->up() || old->peer().address != other.address) continue;
    const bool restarted =
        old->peer().identity != other.identity || old->peer().incarnation != other.incarnation;
    // The other side dials again only if it has lost what it dialled before.
    const bool redialled = !old->dialled() && !link.dialled();
    if (restarted || redialled)
      old->fail({Code::unavailable, "node \"" + other.node + "\" at " + other.address +
                                        (restarted ? " has restarted" : " has connected anew")});
  }
  if (link.dialled()) {
    Peer* peer = this->peer(*link.dialled());
    SKEP_ASSERT(peer != nullptr);
    peer->shaking = nullptr;
    peer->answers_as = other.address;
    peer->delay = {};
    complaints_.forget(peer->address);
  }
  complaints_.forget(other.address);
  log_.write(Level::info, kPart, "connected to node \"" + other.node + "\" at " + other.address);
  // This node may have come into a cluster since it said Hello.
  if (link.said_cluster() != options_.cluster_id)
    link.send({Part::link, static_cast<std::uint16_t>(LinkType::cluster), 0,
               wire::encode(ClusterId{options_.cluster_id})});
  if (auto refusal = judge_cluster(hello(), other)) return link.refuse(*std::move(refusal));
  if (link.dialled()) peer(*link.dialled())->elsewhere.clear();
  if (up_) up_(other);
}

void Links::link_frame(Link& link, const wire::Frame& frame) {
  const bool control = frame.part == static_cast<std::uint8_t>(Part::link) &&
                       frame.type != static_cast<std::uint16_t>(LinkType::unsupported);
  if (control) return link_control(link, frame);
  if (frame.part < receivers_.size() && receivers_[frame.part]) {
    received_[frame.part].add(frame.payload.size());
    receivers_[frame.part](
        link.peer().identity, link.peer().address,
        {static_cast<Part>(frame.part), frame.type, frame.request, frame.payload});
    return;
  }
  if (frame.request == 0 || frame.part == static_cast<std::uint8_t>(Part::link)) return;
  const std::string payload = wire::encode(Unsupported{frame.part, frame.type});
  link.send(
      {Part::link, static_cast<std::uint16_t>(LinkType::unsupported), frame.request, payload});
}

void Links::link_control(Link& link, const wire::Frame& frame) {
  switch (static_cast<LinkType>(frame.type)) {
    case LinkType::refuse:
      return link.fail({Code::conflict, "node \"" + link.peer().node + "\" at " +
                                            link.peer().address +
                                            " refuses this node: " + reason(frame.payload)});
    case LinkType::cluster: {
      const auto cluster = wire::decode<ClusterId>(frame.payload);
      if (!cluster) break;
      link.set_peer_cluster(cluster->id);
      if (auto refusal = judge_cluster(hello(), link.peer())) link.refuse(*std::move(refusal));
      return;
    }
    case LinkType::hello:
    case LinkType::proof:
    case LinkType::unsupported: break;
  }
  const std::string text = " sent a message of an unknown kind";
  link.refuse({Code::invalid, link.other() + text, "you" + text});
}

void Links::link_failed(Link& link, const Error& error) {
  const std::string text = advise(error.message);
  if (Peer* known = link.dialled() ? peer(*link.dialled()) : nullptr) {
    if (text.find(kRunHere) != std::string::npos) known->elsewhere = text;
    // Who refuses now will hardly think otherwise in a moment.
    if (!link.was_up()) known->delay = options_.last_redial;
  }
  // Whoever only opens a connection and closes it, such as a health check, is not worth a line.
  const bool probe = !link.dialled() && !link.was_up() && error.code == Code::unavailable;
  if (probe)
    log_.write(Level::debug, kPart, text);
  else
    complain(link.other(), text);
}

// What is to be run here names this node's own listener.
std::string Links::advise(std::string text) const {
  const std::size_t at = text.find(kRunHere);
  if (at != std::string::npos && !options_.admin.empty())
    text.insert(at + kRunHere.size(), "--connect " + options_.admin + ' ');
  return text;
}

std::string Links::is_elsewhere(const Address& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? "" : found->second->elsewhere;
}

void Links::link_gone(Link& link) {
  for (auto& [address, peer] : peers_) {
    if (peer->link == &link) peer->link = nullptr;
    if (peer->shaking == &link) peer->shaking = nullptr;
    if (link.dialled() == address) back_off(*peer);
  }
  const bool was_up = link.was_up();
  const NodeId identity = link.peer().identity;
  std::erase_if(links_, [&](const auto& each) { return each.get() == &link; });
  if (was_up)
    for (const Down& down : downs_) down(identity);
}

// What takes too long, and who has been forgotten.

void Links::sweep() {
  const Time now = loop_.now();
  for (auto& link : links_) link->check(now);
  sweep_peers(now);
  const Duration period = std::min(options_.handshake, options_.stalled) / 8;
  sweep_ = loop_.after(period, [this] { sweep(); });
}

void Links::sweep_peers(Time now) {
  for (auto& [address, peer] : peers_) {
    if (std::exchange(peer->used_now, false)) peer->used = now;
    if (peer->dial != nullptr && now - peer->dial_started >= options_.handshake)
      dialled(*peer, fail(Code::unavailable, address + ": no answer to the attempt to connect"));
  }
  std::erase_if(peers_, [&](const auto& entry) {
    const Peer& peer = *entry.second;
    const bool busy =
        peer.link != nullptr || peer.shaking != nullptr || peer.dial != nullptr || peer.redial != 0;
    return !busy && now - peer.used >= kForgetPeer;
  });
}

void Links::complain(const Address& about, const std::string& text) {
  complaints_.say(Level::warn, about, text);
}

}  // namespace skep
