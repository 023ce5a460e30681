// What a node tells of itself in numbers. The numbers are kept, as plain members, by whoever counts
// them; when somebody asks, each part reports its own here. Names are Prometheus's: a unit at the
// end, `_total` on what only grows.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>

#include "net/base/histogram.hpp"

namespace skep {

class Metrics {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  virtual ~Metrics() = default;
  // What only grows; what goes up and down; how long something took, in seconds. A name always
  // comes with the same help, and once with the same labels.
  virtual void counter(std::string_view name, std::string_view help, double value,
                       Labels labels = {}) = 0;
  virtual void gauge(std::string_view name, std::string_view help, double value,
                     Labels labels = {}) = 0;
  virtual void histogram(std::string_view name, std::string_view help, const Histogram& value,
                         Labels labels = {}) = 0;

  void counter(std::string_view name, std::string_view help, std::uint64_t value,
               Labels labels = {}) {
    counter(name, help, static_cast<double>(value), labels);
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value,
             Labels labels = {}) {
    gauge(name, help, static_cast<double>(value), labels);
  }
};

inline double in_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace skep
