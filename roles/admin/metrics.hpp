// What a node tells of itself in numbers (net/base/metrics.hpp), in the text that Prometheus
// scrapes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/base/metrics.hpp"

namespace skep::admin {

class MetricsText final : public Metrics {
 public:
  MetricsText();
  ~MetricsText() override;

  using Metrics::counter;
  using Metrics::gauge;
  void counter(std::string_view name, std::string_view help, double value, Labels labels) override;
  void gauge(std::string_view name, std::string_view help, double value, Labels labels) override;
  void histogram(std::string_view name, std::string_view help, const Histogram& value,
                 Labels labels) override;

  // All that was reported so far, each name's metrics together.
  std::string text() const;
  static constexpr const char* kType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace skep::admin
