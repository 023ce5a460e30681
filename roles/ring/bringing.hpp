// Entries that this node held apart from its hive, on their way into it: what it had of an arc that
// was taken over without it, and what it held before it joined. They wait in a space of the store
// and are written like a client's put-if-absent, few at once; each leaves the space when the ring
// has answered for it. So a crash repeats at most what is put only where nothing is.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "net/base/log.hpp"
#include "roles/ring/effects.hpp"
#include "roles/ring/keyspace.hpp"
#include "store/store.hpp"

namespace skep::ring {

inline constexpr std::string_view kAsideSpace = "ring.aside";  // row_key(key) -> Entry

class Bringing {
 public:
  // All must outlive it.
  Bringing(Store& store, Keyspace& keyspace, Log& log)
      : store_(store), keyspace_(keyspace), log_(log) {}
  ~Bringing() { *alive_ = false; }
  Bringing(const Bringing&) = delete;
  Bringing& operator=(const Bringing&) = delete;

  // Since entries were set aside first; it survives restarts.
  struct Figures {
    std::uint64_t put = 0;
    std::uint64_t present = 0;  // the ring had the key already
    std::uint64_t expired = 0;  // or damaged on the disk
    bool operator==(const Figures&) const = default;
    template <class M, class V> static void fields(M& m, V&& v) {
      v("put", m.put);
      v("present", m.present);
      v("expired", m.expired);
    }
  };
  const Figures& figures() const { return figures_; }
  // Nothing waits.
  bool done() const { return !waiting_; }
  // Rows that wait, roughly.
  std::uint64_t left() const { return left_; }

  // Reads where an earlier life was. Code::corrupt: that is damaged.
  Result<> start();
  // Entries were set aside.
  void more(std::uint64_t rows) {
    waiting_ = true;
    left_ += rows;
  }
  // A few times a second, while the ring has owners.
  void tick(Time now, WallMs wall);

 private:
  using Rows = std::map<std::string, std::string>;
  Rows next_rows();
  void put(const std::string& row_key, const std::string& row, WallMs wall);
  void answered(const std::string& row_key, const Result<resp::Value>& result);
  void finish_round();
  void keep_rest(const std::string& why);

  Store& store_;
  Keyspace& keyspace_;
  Log& log_;
  Figures figures_;
  bool waiting_ = false;
  std::uint64_t left_ = 0;
  Rows round_;            // under way, as they were read
  Rows answered_;         // of these
  std::size_t open_ = 0;  // requests of the round; and one while it is being started
  std::string from_;      // where the next round begins
  std::string problem_;   // of the last round
  Time not_before_{};
  Time said_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skep::ring
