// What the operating system knows of this process.
#pragma once

#include <cstdint>

#include "net/base/metrics.hpp"

namespace skep {

int process_id();

// Memory that is in RAM, in bytes; 0 if the system does not tell.
std::uint64_t resident_bytes();
std::uint64_t peak_resident_bytes();

// Processor time since the start, in seconds.
struct ProcessorTime {
  double user = 0;
  double system = 0;
};
ProcessorTime processor_time();

// Files and connections that are open, and the most there may be; 0 if the system does not tell.
struct OpenFiles {
  std::uint64_t open = 0;
  std::uint64_t most = 0;
};
OpenFiles open_files();

// All of that, under the names that Prometheus's own libraries use.
void report_process(Metrics& metrics);

// As many files and connections as the system lets this process have.
void raise_file_limit();

}  // namespace skep
