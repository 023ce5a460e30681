#include "net/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iterator>

namespace skep {
namespace {

rusage usage() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return used;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

int process_id() { return static_cast<int>(getpid()); }

std::uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long total = 0, resident = 0;
  int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

std::uint64_t peak_resident_bytes() { return static_cast<std::uint64_t>(usage().ru_maxrss) * 1024; }

ProcessorTime processor_time() {
  rusage used = usage();
  return {seconds(used.ru_utime), seconds(used.ru_stime)};
}

OpenFiles open_files() {
  OpenFiles files;
  std::error_code error;
  for (std::filesystem::directory_iterator each("/proc/self/fd", error), end; !error && each != end;
       each.increment(error))
    ++files.open;
  if (files.open > 0) --files.open;  // the directory itself, while it is read
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) files.most = limit.rlim_cur;
  return files;
}

void report_process(Metrics& metrics) {
  const ProcessorTime used = processor_time();
  const OpenFiles files = open_files();
  metrics.counter("process_cpu_seconds_total", "Processor time that the process has used.",
                  used.user + used.system);
  metrics.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.",
                resident_bytes());
  metrics.gauge("process_open_fds", "Files and connections that are open.", files.open);
  metrics.gauge("process_max_fds", "The most files and connections that may be open.", files.most);
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace skep
