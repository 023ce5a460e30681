#include "net/link.hpp"

#include "net/address.hpp"

namespace skep {

namespace {

constexpr std::size_t kKeptBuffer = 256 * 1024;

std::string seconds(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

Link::Link(Loop& loop, TcpHandle handle, std::unique_ptr<tls::Channel> tls,
           std::optional<Address> dialled, Hello self, std::string secret, const Limits& limits,
           Events events)
    : loop_(loop),
      limits_(limits),
      events_(std::move(events)),
      dialled_(std::move(dialled)),
      // Links refuse by themselves, so that a message is refused rather than the link lost.
      socket_(loop, std::move(handle), limits.max_queued + Handshake::kMaxFrame, std::move(tls)),
      handshake_(dialled_ ? Handshake::Side::dialler : Handshake::Side::acceptor, std::move(self),
                 std::move(secret), dialled_.value_or(host_of(socket_.peer()))),
      opened_(loop.now()),
      heard_(opened_) {
  socket_.drop_unacknowledged_after(limits_.stalled);
  socket_.start(*this, [this](const Ended& ended) { lost(ended); });
  socket_.write(handshake_.begin());
}

Address Link::other() const {
  if (dialled_) return *dialled_;
  if (handshake_.heard_hello()) return peer().address;
  return host_of(socket_.peer());
}

bool Link::send(const Message& message) {
  const std::size_t size = wire::kFrameHeader + message.payload.size();
  if (state_ != State::up || socket_.queued() + size > limits_.max_queued) return false;
  socket_.write_with([&](std::string& out) {
    wire::encode_frame(out, {version_, static_cast<std::uint8_t>(message.part), message.type,
                             message.request, message.payload});
  });
  return true;
}

void Link::refuse(Refusal refusal) {
  socket_.write_with([&](std::string& out) {
    encode_link_frame(out, LinkType::refuse, Refuse{std::move(refusal.there)});
  });
  fail({refusal.code, std::move(refusal.here)});
}

void Link::fail(Error error) {
  if (state_ == State::closing) return;
  state_ = State::closing;
  socket_.close();
  if (!std::exchange(failed_, true)) events_.failed(*this, error);
}

void Link::lost(const Ended& ended) {
  const bool early = state_ != State::closing;
  state_ = State::closing;
  if (early && !std::exchange(failed_, true)) {
    std::string text = was_up_ ? "lost node \"" + peer().node + "\" at " + peer().address
                               : other() + " closed the connection during the handshake";
    const bool tls = ended.how == Ended::How::tls;
    if (tls && !was_up_) text = "no TLS with " + other() + " (cluster.tls)";
    if (!ended.why.empty()) text += ": " + ended.why;
    events_.failed(*this, {tls ? Code::permission : Code::unavailable, std::move(text)});
  }
  const auto gone = events_.gone;  // outlives us
  gone(*this);
}

void Link::on_bytes(std::string_view bytes) {
  heard_ = loop_.now();
  if (in_.empty()) {
    const std::size_t used = consume(bytes);
    in_ = bytes.substr(used);
    return;
  }
  // Or a large one would be copied again and again as it comes, and once more with the beginning of
  // the next. One that is only announced gets no memory for that.
  if (in_.size() > wanted_ / 4) in_.reserve(std::max(wanted_, in_.size() + bytes.size()));
  in_.append(bytes);
  const std::size_t used = consume(in_);
  in_.erase(0, used);
  if (in_.empty() && in_.capacity() > kKeptBuffer) std::string().swap(in_);
}

// The number of bytes that are dealt with: whole frames.
std::size_t Link::consume(std::string_view in) {
  std::size_t used = state_ == State::handshake ? shake_hands(in) : 0;
  while (state_ == State::up) {
    const auto taken = wire::take_frame(in.substr(used), limits_.max_frame);
    if (!taken) {
      const std::string text = " sent " + taken.error().message;
      refuse({taken.error().code, other() + text, "you" + text});
      break;
    }
    wanted_ = taken->wanted;
    if (taken->size == 0) break;
    used += taken->size;
    if (taken->frame.version != version_) {
      const std::string text = " sent a message of protocol version " +
                               std::to_string(taken->frame.version) + " where " +
                               std::to_string(version_) + " is spoken";
      refuse({Code::unsupported, other() + text, "you" + text});
      break;
    }
    events_.frame(*this, taken->frame);
  }
  return used;
}

std::size_t Link::shake_hands(std::string_view in) {
  Handshake::Step step = handshake_.feed(in);
  socket_.write(step.send);
  if (step.failed) {
    fail(*std::move(step.failed));
  } else if (step.done) {
    state_ = State::up;
    was_up_ = true;
    version_ = std::min(kMaxVersion, peer().max_version);
    events_.up(*this);
  }
  return step.used;
}

void Link::check(Time now) {
  if (state_ == State::closing) return;
  if (state_ == State::handshake) {
    if (now - opened_ < limits_.handshake) return;
    return give_up(" did not finish the handshake within " + seconds(limits_.handshake) +
                   "; is that the cluster port of a node?");
  }
  if (!in_.empty() && now - heard_ >= limits_.stalled)
    return give_up(" stopped in the middle of a message for " + seconds(limits_.stalled));
  if (socket_.queued() == 0 || socket_.sent() != sent_) {
    sent_ = socket_.sent();
    stuck_.reset();
  } else if (!stuck_) {
    stuck_ = now;
  } else if (now - *stuck_ >= limits_.stalled) {
    give_up(" has not read for " + seconds(limits_.stalled) + "; " +
            std::to_string(socket_.queued()) + " bytes waited for it");
  }
}

void Link::give_up(std::string why) {
  fail({Code::unavailable, other() + why});
  socket_.abort({Ended::How::slow, {}});
}

}  // namespace skep
