// Figures: how durations are counted, and the text that Prometheus scrapes.
#include "roles/admin/metrics.hpp"

#include <gtest/gtest.h>

#include "net/process.hpp"

namespace skep {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, CountsByPowersOfTwo) {
  Histogram histogram;
  for (Duration took :
       {Duration(-5), Duration(0), Duration(1), Duration(2), Duration(3), Duration(4), Duration(5)})
    histogram.add(took);
  EXPECT_EQ(histogram.counts()[0], 3u);
  EXPECT_EQ(histogram.counts()[1], 1u);
  EXPECT_EQ(histogram.counts()[2], 2u);
  EXPECT_EQ(histogram.counts()[3], 1u);
  EXPECT_EQ(histogram.count(), 7u);
  EXPECT_EQ(histogram.sum(), Duration(15));
}

TEST(Histogram, NothingIsTooLong) {
  Histogram histogram;
  const Duration longest = Histogram::bound(Histogram::kBuckets - 2);
  histogram.add(longest);
  histogram.add(longest + Duration(1));
  histogram.add(Duration::max());
  EXPECT_EQ(histogram.counts()[Histogram::kBuckets - 2], 1u);
  EXPECT_EQ(histogram.counts()[Histogram::kBuckets - 1], 2u);
}

TEST(MetricsText, PutsEachNamesMetricsTogether) {
  admin::MetricsText text;
  Metrics& metrics = text;
  metrics.counter("skep_ops_total", "Operations.", std::uint64_t{3}, {{"command", "get"}});
  metrics.gauge("skep_arcs", "Arcs.", 2.5);
  metrics.counter("skep_ops_total", "Operations.", std::uint64_t{4}, {{"command", "set \"x\""}});
  EXPECT_EQ(text.text(),
            "# HELP skep_ops_total Operations.\n"
            "# TYPE skep_ops_total counter\n"
            "skep_ops_total{command=\"get\"} 3\n"
            "skep_ops_total{command=\"set \\\"x\\\"\"} 4\n"
            "# HELP skep_arcs Arcs.\n"
            "# TYPE skep_arcs gauge\n"
            "skep_arcs 2.5\n");
}

TEST(MetricsText, ShowsHistogramsInSeconds) {
  Histogram histogram;
  histogram.add(1us);
  histogram.add(1500us);
  histogram.add(1h);
  admin::MetricsText text;
  text.histogram("skep_took_seconds", "It took.", histogram, {});
  const std::string shown = text.text();
  for (const char* line : {"# TYPE skep_took_seconds histogram\n", "skep_took_seconds_count 3\n",
                           "skep_took_seconds_bucket{le=\"1e-06\"} 1\n",
                           "skep_took_seconds_bucket{le=\"0.001024\"} 1\n",
                           "skep_took_seconds_bucket{le=\"0.002048\"} 2\n",
                           "skep_took_seconds_bucket{le=\"+Inf\"} 3\n"})
    EXPECT_NE(shown.find(line), std::string::npos) << line << shown;
}

TEST(MetricsText, ShowsTheProcess) {
  admin::MetricsText text;
  report_process(text);
  const OpenFiles files = open_files();
  EXPECT_GE(files.open, 3u);
  EXPECT_GT(files.most, files.open);
  for (const char* name : {"process_cpu_seconds_total ", "process_resident_memory_bytes ",
                           "process_open_fds ", "process_max_fds "})
    EXPECT_NE(text.text().find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace skep
