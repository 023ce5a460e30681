// What the operating system knows of this process.
#pragma once

#include <cstdint>

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

// As many files and connections as the system lets this process have.
void raise_file_limit();

}  // namespace skep
