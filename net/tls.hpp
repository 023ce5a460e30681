// TLS 1.2 and 1.3 by OpenSSL, without a socket: bytes in, bytes out. A Context is what one listener
// or one client needs of certificates; a Channel is one connection's state. Who owns a connection
// (net/socket.hpp, net/blocking.hpp) puts a Channel between its bytes and the kernel's.
//
// No renegotiation, no compression, no sessions to resume. The other side's certificate is checked
// against `ca` wherever one is given; both sides of a Peer::node connection show one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "net/base/error.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace skep::tls {

// Files in PEM. `key` belongs to the first certificate of `cert`; others must not be able to read
// it, and it must not ask for a passphrase.
struct Files {
  std::filesystem::path cert{};
  std::filesystem::path key{};
  std::filesystem::path ca{};
};

// Who is at the other end, and so what it has to show.
enum class Peer : std::uint8_t {
  client,  // we listen: a certificate of `ca`, if one is given
  server,  // we dial: a certificate for the host that was dialled, of `ca` or of the system's CAs
  pinned,  // we dial: exactly the certificate in `ca`
  node,    // either way: a certificate of `ca`, whatever its host
};

// True if a stream that begins with this byte speaks TLS. None of the other protocols here does.
inline bool is_tls(char first) { return first == 0x16; }

class Channel;

class Context {
 public:
  // Reads the files. Code::invalid names the one that is wrong, and says how.
  static Result<std::shared_ptr<Context>> open(Peer peer, Files files);
  // The same for a listener whose configuration may name no certificate: null then. `section` is
  // where it stands ("ring"), for the messages.
  static Result<std::shared_ptr<Context>> open_if_any(const std::string& section, Peer peer,
                                                      Files files);
  // The same for a client: null when it is not to speak TLS.
  static Result<std::shared_ptr<Context>> open_for_client(bool speaks, bool pinned, Files files);
  ~Context();

  // Reads the files again, for connections from now on. On failure all stays as it is.
  Result<> reload();

  // What is wrong with our certificate's time, or will be within thirty days; empty: nothing.
  std::string expiry() const;

  std::unique_ptr<Channel> accept() const;
  // `host` is what was dialled, without the port.
  std::unique_ptr<Channel> dial(const std::string& host) const;

 private:
  Context(Peer peer, Files files) : peer_(peer), files_(std::move(files)) {}
  Result<std::shared_ptr<ssl_ctx_st>> load() const;

  const Peer peer_;
  const Files files_;
  std::shared_ptr<ssl_ctx_st> context_;
};

class Channel {
 public:
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // Appends a dialler's first bytes to `out`; an acceptor has none.
  void begin(std::string& out);
  // Takes bytes that came. Appends what they say to `clear`, and what is to be sent because of them
  // to `out`, on failure too: that tells the other side why. Code::permission when a certificate is
  // the reason, Code::invalid for what is not TLS. The messages speak of the other side as "it".
  Result<> feed(std::string_view bytes, std::string& clear, std::string& out);
  // The handshake is done: seal() may be called.
  bool ready() const { return ready_; }
  // Appends `clear`, as it is to be sent, to `out`.
  Result<> seal(std::string_view clear, std::string& out);
  // Appends the notice that nothing more will be sent.
  void end(std::string& out);
  // The other side has given such a notice.
  bool ended() const { return ended_; }

 private:
  friend class Context;
  // The two ends of the connection, while a call lasts.
  struct Wire {
    std::string_view in;
    std::string* out = nullptr;
  };
  struct Bio;
  Channel(ssl_ctx_st* context, Peer peer, bool dials);

  Result<> shake_hands();
  Result<> foreign(std::string_view bytes, std::string& out) const;
  Error failure() const;

  const Peer peer_;
  const bool dials_;
  std::string host_;  // what its certificate must be for; empty: any
  Wire wire_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  bool heard_ = false;
  bool ready_ = false;
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace skep::tls
