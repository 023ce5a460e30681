// The entries of a store that made room (store/aside.hpp), on their way into a hive that this node
// has joined: they are copied into the space of entries to be brought (bringing.hpp), piece by
// piece. With each piece goes, in one batch, how far it got: an entry that was brought, and deleted
// by somebody since, does not come again after a crash.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/base/log.hpp"
#include "roles/ring/bringing.hpp"
#include "roles/ring/effects.hpp"
#include "store/store.hpp"

namespace skep::ring {

class Importing {
 public:
  // All must outlive it. `done` is called once, from tick() or from a report of `to`, when
  // everything is durable in `to`; it may destroy this.
  Importing(Store& from, Store& to, Bringing& bringing, Log& log, std::function<void()> done)
      : from_(from), to_(to), bringing_(bringing), log_(log), done_(std::move(done)) {}
  ~Importing() { *alive_ = false; }
  Importing(const Importing&) = delete;
  Importing& operator=(const Importing&) = delete;

  // Reads where an earlier life was. Code::corrupt: that is damaged.
  Result<> start();
  // A few times a second. Tombstones and what has expired stay behind.
  void tick(Time now, WallMs wall);

 private:
  struct Progress {
    std::uint64_t store = 0;  // identity of the one that entries come from
    std::string next;         // the first row that has not come
    std::uint64_t entries = 0;
    std::uint64_t left_behind = 0;  // expired or damaged
    bool done = false;
    template <class M, class V> static void fields(M& m, V&& v) {
      v("store", m.store);
      v("next", m.next);
      v("entries", m.entries);
      v("left_behind", m.left_behind);
      v("done", m.done);
    }
  };

  void reported(Progress progress, std::size_t rows, const Result<>& ok);
  void put_off(const std::string& why);

  Store& from_;
  Store& to_;
  Bringing& bringing_;
  Log& log_;
  std::function<void()> done_;
  Progress progress_;
  bool open_ = false;  // a piece is on its way to the disk
  std::string problem_;
  Time not_before_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skep::ring
