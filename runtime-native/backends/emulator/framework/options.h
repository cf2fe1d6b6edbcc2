// How the emulated engine behaves: its chip, its macOS, and what goes wrong.
//
//     ANEC_EMULATOR=chip=m1,os=15.5,compile-limit=119,daemon-restart=every:50
//
// Each fault has a schedule: `off`, `7` (the seventh time only), `first:2`, `every:50`, or
// `rate:0.1` (by chance, from `seed`). What is not named behaves as reported for the chip and
// macOS.

#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "../mil/mil.h"
#include "anec/result.h"

namespace anec::emulator {

// When a fault happens.
struct Schedule {
  enum class Kind { off, nth, first, every, rate };
  Kind kind = Kind::off;
  int64_t count = 0;
  double chance = 0;
};

struct Options {
  std::string chip = "m4";
  int family = 4;  // the 4 of m4
  std::string os = "15.5";
  int os_major = 15;
  uint64_t seed = 1;
  int threads = 1;
  Numerics numerics{Arithmetic::exact, false, false, true};
  bool narrow_slices = false;  // last-axis slices overflow: M1 and M2
  bool int8_ceiling = false;   // int8 constants overflow outside of products: M1, M2 and M5

  int64_t compile_limit = -1;   // compiles a process may do; −1: no end
  int64_t minimum_surface = 0;  // bytes every surface must have beside those its port needs
  int64_t row_alignment = 64;
  int64_t input_limit = 0;       // inputs beyond this many are bound in reverse; 0: no limit
  bool alphabetical = true;      // ports are bound by name, or in the order of the text
  bool attributes = true;        // programs describe their ports
  bool leaves_files = true;      // the compiler leaves its output beside the model: before macOS 26
  bool restart_forgets = false;  // a restarted service has lost what it compiled
  bool zero_padding = true;      // the engine clears what follows a row, or leaves it
  bool watch_memory = true;      // find writes to surfaces that are not locked
  bool counters = true;          // the engine's own time is given
  bool engine = true;            // this computer has one
  bool paced = false;            // a call takes its predicted time and computes nothing
  int64_t jitter_us = 0;         // calls take up to this much longer, by chance
  std::string lie;               // what is wrong in those descriptions
  std::string store;             // folder of compiled programs that outlives the process
  std::set<std::string> missing;  // classes and methods this macOS does not have
  std::set<std::string> refused;  // ops this macOS does not compile

  Schedule transient_compile, transient_load, unload_fault, daemon_restart, timeout,
      inference_fault, surface_fault, lock_fault, unlock_fault, base_fault, short_surface,
      nil_descriptor, nil_model, nil_request, nil_wrapper;
};

// `key=value` pairs with commas between them; an empty text gives the defaults.
Result<Options> parse_options(std::string_view text);

// The name of the engine's architecture, such as "h16g", and of the macOS build.
std::string architecture_of(const Options& options);
std::string build_of(const Options& options);

}  // namespace anec::emulator
