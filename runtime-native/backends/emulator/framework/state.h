// What the emulator knows of the running process: its options, what was done, and what was done
// wrong.

#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace anec::emulator {

// Reads ANEC_EMULATOR and declares the classes, once.
void start();

const Options& options();
// Starts over with other options: counters at zero, nothing compiled. Objects that live stay.
void configure(const Options& options);

// A use of the framework that the real one forbids or punishes.
void violation(const std::string& what);
std::vector<std::string> violations();

enum class Fault {
  transient_compile,
  transient_load,
  unload,
  daemon_restart,
  timeout,
  inference,
  surface,
  lock,
  unlock,
  base,
  short_surface,
  nil_descriptor,
  nil_model,
  nil_request,
  nil_wrapper,
};
inline constexpr int fault_kinds = 15;
// Whether the fault happens this time. Each call counts as one occasion.
bool happens(Fault fault);

// By chance, from the setting `seed`: 0 … limit − 1.
int64_t random_below(int64_t limit);

struct Counters {
  std::atomic<int64_t> compiles{0}, loads{0}, unloads{0}, evaluations{0}, restarts{0}, faults{0};
  std::atomic<int64_t> loaded{0}, most_loaded{0};
  std::atomic<int64_t> surfaces{0}, surface_bytes{0};
  std::atomic<int64_t> predicted_ns{0}, wall_ns{0};
};
Counters& counters();

// Everything above as JSON.
std::string report();

}  // namespace anec::emulator
