#include "net/tcp.hpp"

#include <list>

#include "net/accept.hpp"
#include "net/address.hpp"
#include "net/complaints.hpp"

namespace skep {

namespace {

// The same line about the same host.
constexpr Duration kComplainAgain = std::chrono::minutes(1);
// How often connections are looked at; more often for limits that ask for it.
constexpr Duration kSweep = std::chrono::seconds(1);
constexpr Duration kQuiet = std::chrono::seconds(2);

std::string seconds(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

struct TcpListener::State {
  // Stands between the socket and the protocol, to see what happens, and when.
  struct Connection final : StreamHandler {
    Connection(State& owner, TcpHandle handle)
        : state(owner),
          socket(owner.loop, std::move(handle), owner.limits.max_queued,
                 owner.tls ? owner.tls->accept() : nullptr),
          accepted(owner.loop.now()),
          heard(accepted) {}
    void on_bytes(std::string_view bytes) override;
    Standing standing() const override { return handler->standing(); }
    void on_drained() override { handler->on_drained(); }
    void on_closed() override { handler->on_closed(); }
    void check(Time now);
    // The limit that it has reached; empty: none.
    std::string overdue(Time now);

    State& state;
    Socket socket;
    std::unique_ptr<StreamHandler> handler;  // dies before its stream
    const Time accepted;
    Time heard;                   // when bytes last came, to the sweep's precision
    bool heard_now = false;       // since the last sweep
    bool spoken = false;          // its first bytes were looked at
    bool quiet = false;           // on_quiet() was called, and nothing happened since
    bool ending = false;          // was closed by us
    std::uint64_t sent = 0;       // the socket's count when it last moved,
    std::optional<Time> stuck{};  // and since when it has not though bytes are queued
  };
  using Connections = std::list<Connection>;

  State(Loop& on, Log& to, std::string who, TcpLimits bounds, Factory make,
        std::shared_ptr<tls::Context> context)
      : loop(on),
        complaints(to, on, who, kComplainAgain),
        log(to),
        part(std::move(who)),
        limits(std::move(bounds)),
        factory(std::move(make)),
        tls(std::move(context)) {}
  ~State() { loop.cancel(sweeping); }

  void accept(Result<TcpHandle> client);
  void refuse(TcpHandle client);
  void gone(Connections::iterator connection, const Ended& ended);
  void sweep();
  void tell_expiry();

  Loop& loop;
  Complaints complaints;
  Log& log;
  const std::string part;
  const TcpLimits limits;
  const Factory factory;
  const std::shared_ptr<tls::Context> tls;
  Address address{};
  std::unique_ptr<Acceptor> acceptor{};
  Connections connections{};
  Timers::Id sweeping = 0;
  bool refusing = false;  // said so in the log; until well below the limit again
  bool failing = false;   // the same for accepting; until the next success
};

TcpListener::TcpListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<TcpListener>> TcpListener::open(Loop& loop, Log& log, std::string part,
                                                       std::string_view address, TcpLimits limits,
                                                       Factory factory,
                                                       std::shared_ptr<tls::Context> tls) {
  auto state = std::make_unique<State>(loop, log, std::move(part), std::move(limits),
                                       std::move(factory), std::move(tls));
  auto acceptor = Acceptor::open(loop, address, [to = state.get()](Result<TcpHandle> client) {
    to->accept(std::move(client));
  });
  if (!acceptor) return tl::unexpected(acceptor.error());
  state->acceptor = std::move(*acceptor);
  state->address = state->acceptor->address();
  state->tell_expiry();
  state->sweep();
  return std::unique_ptr<TcpListener>(new TcpListener(std::move(state)));
}

TcpListener::~TcpListener() {
  for (auto& connection : state_->connections) connection.on_closed();
}

const Address& TcpListener::address() const { return state_->address; }

std::size_t TcpListener::connections() const { return state_->connections.size(); }

Result<> TcpListener::reload_tls() {
  if (state_->tls == nullptr) return {};
  if (Result<> loaded = state_->tls->reload(); !loaded)
    return fail(loaded.error().code, state_->part + ".tls: " + loaded.error().message);
  state_->log.write(Level::info, state_->part, "has read its certificates again");
  state_->tell_expiry();
  return {};
}

void TcpListener::State::tell_expiry() {
  const std::string expiry = tls == nullptr ? "" : tls->expiry();
  if (!expiry.empty()) log.write(Level::warn, part, expiry);
}

void TcpListener::stop_accepting() { state_->acceptor.reset(); }

void TcpListener::close_connections() {
  for (auto& connection : state_->connections) connection.socket.close();
}

void TcpListener::State::accept(Result<TcpHandle> client) {
  if (!client) {
    if (!std::exchange(failing, true)) log.write(Level::error, part, client.error().message);
    return;
  }
  failing = false;
  if (connections.size() >= limits.max_connections) return refuse(std::move(*client));
  connections.emplace_back(*this, std::move(*client));
  const auto connection = std::prev(connections.end());
  connection->handler = factory(connection->socket);
  if (connection->handler == nullptr) {
    connections.erase(connection);
    return;
  }
  connection->socket.start(*connection,
                           [this, connection](const Ended& ended) { gone(connection, ended); });
}

void TcpListener::State::refuse(TcpHandle client) {
  if (!std::exchange(refusing, true))
    log.write(Level::warn, part,
              "refusing connections: the limit of " + std::to_string(limits.max_connections) +
                  " is reached");
  if (tls != nullptr) return;
  // No more is done for it than this; the kernel takes a line on a fresh connection.
  uv_buf_t text = uv_buf_init(const_cast<char*>(limits.refusal.data()),
                              static_cast<unsigned>(limits.refusal.size()));
  uv_try_write(reinterpret_cast<uv_stream_t*>(client.get()), &text, 1);
}

void TcpListener::State::gone(Connections::iterator connection, const Ended& ended) {
  using How = Ended::How;
  if (ended.how != How::ordinary) {
    const std::string host = host_of(connection->socket.peer());
    if (ended.how == How::lost)
      log.write(Level::debug, part, "connection from " + host + " lost: " + ended.why);
    else
      complaints.say(Level::warn, host, "connection from " + host + " closed: " + ended.why);
  }
  connection->on_closed();
  connections.erase(connection);
  refusing = refusing && connections.size() * 10 >= limits.max_connections * 9;
}

void TcpListener::State::sweep() {
  const Time now = loop.now();
  for (auto& connection : connections) connection.check(now);
  Duration period = kSweep;
  for (Duration each : {limits.handshake, limits.strange, limits.idle, limits.stalled})
    if (each > Duration::zero()) period = std::min(period, each / 4);
  sweeping = loop.after(period, [this] { sweep(); });
}

void TcpListener::State::Connection::on_bytes(std::string_view bytes) {
  heard_now = true;
  if (!std::exchange(spoken, true) && state.tls == nullptr && tls::is_tls(bytes.front()))
    return socket.abort({Ended::How::foreign, "it speaks TLS to a port without: " + state.part +
                                                  ".tls is not set here"});
  handler->on_bytes(bytes);
}

void TcpListener::State::Connection::check(Time now) {
  if (std::exchange(heard_now, false)) heard = now;
  const bool active = heard == now || socket.queued() > 0;
  if (active) quiet = false;
  if (!active && !quiet && now - heard >= kQuiet) {
    quiet = true;
    socket.shrink();
    handler->on_quiet();
  }
  if (ending) return;
  if (std::string why = overdue(now); !why.empty()) {
    ending = true;
    socket.abort({Ended::How::slow, std::move(why)});
  } else if (state.limits.idle > Duration::zero() && now - heard >= state.limits.idle &&
             socket.queued() == 0 && handler->standing() == Standing::idle) {
    ending = true;
    socket.close();
  }
}

std::string TcpListener::State::Connection::overdue(Time now) {
  const TcpLimits& limits = state.limits;
  if (socket.queued() == 0 || socket.sent() != sent) {
    sent = socket.sent();
    stuck.reset();
  } else if (!stuck) {
    stuck = now;
  } else if (now - *stuck >= limits.stalled) {
    return "it has not read for " + seconds(limits.stalled) + "; " +
           std::to_string(socket.queued()) + " bytes waited for it";
  }
  if (!socket.ready())
    return now - accepted < limits.handshake
               ? ""
               : "it did not finish the handshake of TLS within " + seconds(limits.handshake);
  const Standing standing = handler->standing();
  if (standing == Standing::stranger && now - accepted >= limits.strange)
    return "it did not authenticate within " + seconds(limits.strange);
  return {};
}

}  // namespace skep
