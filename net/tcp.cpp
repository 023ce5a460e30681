#include "net/tcp.hpp"

#include <list>

#include "net/accept.hpp"

namespace skep {

struct TcpListener::State {
  struct Connection {
    Connection(Loop& loop, TcpHandle handle, std::size_t max_queued)
        : socket(loop, std::move(handle), max_queued) {}
    Socket socket;
    std::unique_ptr<StreamHandler> handler;  // dies before its stream
  };
  using Connections = std::list<Connection>;

  void accepted(Result<TcpHandle> client);
  void refuse(TcpHandle client);
  void gone(Connections::iterator connection, std::string_view why);

  Loop& loop;
  Log& log;
  const std::string part;
  const TcpLimits limits;
  const Factory factory;
  Address address;
  std::unique_ptr<Acceptor> acceptor;
  Connections connections;
  bool refusing = false;  // said so in the log; until well below the limit again
  bool failing = false;   // the same for accepting; until the next success
};

TcpListener::TcpListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<TcpListener>> TcpListener::open(Loop& loop, Log& log, std::string part,
                                                       std::string_view address, TcpLimits limits,
                                                       Factory factory) {
  std::unique_ptr<State> state(
      new State{loop, log, std::move(part), std::move(limits), std::move(factory), {}, {}, {}});
  auto acceptor = Acceptor::open(loop, address, [to = state.get()](Result<TcpHandle> client) {
    to->accepted(std::move(client));
  });
  if (!acceptor) return tl::unexpected(acceptor.error());
  state->acceptor = std::move(*acceptor);
  state->address = state->acceptor->address();
  return std::unique_ptr<TcpListener>(new TcpListener(std::move(state)));
}

TcpListener::~TcpListener() {
  for (auto& connection : state_->connections) connection.handler->on_closed();
}

const Address& TcpListener::address() const { return state_->address; }

std::size_t TcpListener::connections() const { return state_->connections.size(); }

void TcpListener::stop_accepting() { state_->acceptor.reset(); }

void TcpListener::close_connections() {
  for (auto& connection : state_->connections) connection.socket.close();
}

void TcpListener::State::accepted(Result<TcpHandle> client) {
  if (!client) {
    if (!std::exchange(failing, true)) log.write(Level::error, part, client.error().message);
    return;
  }
  failing = false;
  if (connections.size() >= limits.max_connections) return refuse(std::move(*client));
  connections.emplace_back(loop, std::move(*client), limits.max_queued);
  const auto connection = std::prev(connections.end());
  connection->handler = factory(connection->socket);
  if (connection->handler == nullptr) {
    connections.erase(connection);
    return;
  }
  connection->socket.start(*connection->handler,
                           [this, connection](std::string_view why) { gone(connection, why); });
}

void TcpListener::State::refuse(TcpHandle client) {
  if (!std::exchange(refusing, true))
    log.write(Level::warn, part,
              "refusing connections: the limit of " + std::to_string(limits.max_connections) +
                  " is reached");
  // No more is done for it than this; the kernel takes a line on a fresh connection.
  uv_buf_t text = uv_buf_init(const_cast<char*>(limits.refusal.data()),
                              static_cast<unsigned>(limits.refusal.size()));
  uv_try_write(reinterpret_cast<uv_stream_t*>(client.get()), &text, 1);
}

void TcpListener::State::gone(Connections::iterator connection, std::string_view why) {
  if (!why.empty())
    log.write(why.starts_with("it does not read") ? Level::warn : Level::debug, part,
              "connection from " + connection->socket.peer() + " lost: " + std::string(why));
  connection->handler->on_closed();
  connections.erase(connection);
  refusing = refusing && connections.size() * 10 >= limits.max_connections * 9;
}

}  // namespace skep
