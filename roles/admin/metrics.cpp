#include "roles/admin/metrics.hpp"

#include <prometheus/text_serializer.h>

namespace skep::admin {

using prometheus::ClientMetric;
using prometheus::MetricType;

struct MetricsText::Families {
  // The metric of these labels, in its family.
  ClientMetric& add(std::string_view name, std::string_view help, MetricType type, Labels labels) {
    auto [at, added] = by_name.try_emplace(std::string(name), all.size());
    if (added) all.push_back({std::string(name), std::string(help), type, {}});
    ClientMetric& metric = all[at->second].metric.emplace_back();
    for (const auto& [label, value] : labels)
      metric.label.push_back({std::string(label), std::string(value)});
    return metric;
  }

  std::vector<prometheus::MetricFamily> all;
  std::map<std::string, std::size_t> by_name;
};

MetricsText::MetricsText() : families_(std::make_unique<Families>()) {}
MetricsText::~MetricsText() = default;

void MetricsText::counter(std::string_view name, std::string_view help, double value,
                          Labels labels) {
  families_->add(name, help, MetricType::Counter, labels).counter.value = value;
}

void MetricsText::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
  families_->add(name, help, MetricType::Gauge, labels).gauge.value = value;
}

void MetricsText::histogram(std::string_view name, std::string_view help, const Histogram& value,
                            Labels labels) {
  auto& histogram = families_->add(name, help, MetricType::Histogram, labels).histogram;
  histogram.sample_sum = in_seconds(value.sum());
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    histogram.sample_count += value.counts()[i];
    // The serializer adds the bucket without a bound.
    if (i + 1 < Histogram::kBuckets)
      histogram.bucket.push_back({histogram.sample_count, in_seconds(Histogram::bound(i))});
  }
}

std::string MetricsText::text() const {
  return prometheus::TextSerializer().Serialize(families_->all);
}

}  // namespace skep::admin
