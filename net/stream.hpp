// A byte stream with a client, as a protocol sees it: what a listener accepts (net/tcp.hpp), or
// what a test feeds by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace skep {

class Stream {
 public:
  virtual ~Stream() = default;
  // Queues bytes; they leave at the end of this turn of the loop, in one piece with what else was
  // written. After close() it does nothing.
  virtual void write(std::string_view bytes) = 0;
  // Bytes queued and not yet taken by the kernel.
  virtual std::size_t queued() const = 0;
  // Stops and resumes reading, so that a client that floods us or does not read feels it.
  virtual void pause_reading(bool paused) = 0;
  // Sends what is queued, then closes; on_closed() follows, never from within this call.
  virtual void close() = 0;
  // Drops the connection with what is queued, at once; `why` is for the log. on_closed() follows,
  // never from within this call.
  virtual void drop(std::string_view why) = 0;
  // "127.0.0.1:50412", for logs and CLIENT LIST.
  virtual std::string peer() const = 0;
};

// One connection's protocol. Owned by the listener; destroyed after on_closed().
class StreamHandler {
 public:
  // What a connection on which nothing happens waits for: so the listener knows how long it may.
  enum class Standing : std::uint8_t {
    stranger,  // has not said who it is, though it has to
    idle,      // the client's next request
    busy,      // our answer
  };
  virtual ~StreamHandler() = default;
  // Bytes that came; the view lives during the call.
  virtual void on_bytes(std::string_view bytes) = 0;
  // Whoever has said its last word, but is owed answers (busy), still gets these.
  virtual Standing standing() const { return Standing::idle; }
  // Nothing has come or gone for a while: gives back what it keeps for speed.
  virtual void on_quiet() {}
  // queued() has fallen to zero after having been above it.
  virtual void on_drained() = 0;
  // The other side is gone, or close() has finished. The stream must not be used any more.
  virtual void on_closed() = 0;
};

}  // namespace skep
